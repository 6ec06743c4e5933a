"""Every set of tables against every other: bytes at equal PSNR, accuracy at equal bits, BD numbers."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from rdc.jpeg import curves
from rdc.jpeg.curves import Curve

PSNRS = np.array([30.0, 32.0, 34.0, 36.0, 38.0])  # dB
BITS = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0])  # per pixel, of scan and Huffman tables
READERS = {"correct": "accuracy", "correct_judge": "accuracy_judge"}
# Of images of tens of pixels a side most of a file is header: there scan and Huffman tables count.
SMALL = 64 * 64


def records(images: pd.DataFrame, report: Callable[[str], None] = lambda line: None) -> list[dict]:
    """Rows of the table ``jpeg_savings`` from those of ``jpeg_images``.

    ``measure`` is ``bytes_saved`` (percent, at a PSNR), ``bd_rate`` (percent more bytes, so negative
    is better), ``bd_psnr`` (dB), and of a study with classes ``accuracy``, ``bd_accuracy`` and the
    same of the judge (points).
    """
    rows = []
    for names, part in images.groupby(["run", "study", "subsampling"], sort=False):
        named = dict(zip(("run", "study", "subsampling"), names, strict=True))
        arms = dict(iter(part.groupby("tables", sort=False)))
        for tables, over, measure, found in _pairs(arms):
            rows += [
                {**named, "tables": tables, "over": over, "measure": measure, **row}
                for row in found.to_dict("records")
            ]
        report(f"{named['study']}, {named['subsampling']}: {len(arms)} sets of tables")
    return rows


def _pairs(arms: dict[str, pd.DataFrame]) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    first = next(iter(arms.values()))
    bits = "scan_dht" if first.pixels.max() <= SMALL else "file"
    levels = {name: curves.curve(part, "psnr", bits) for name, part in arms.items()}
    yield from _compared(levels, "bytes_saved", _saved)
    yield from _compared(levels, "bd_rate", _single(curves.bjontegaard_rate))
    yield from _compared(levels, "bd_psnr", _single(curves.bjontegaard_score))
    for score, name in READERS.items():
        if first[score].isna().any():
            continue
        read = {arm: curves.curve(part, score, "scan_dht") for arm, part in arms.items()}
        yield from _compared(read, name, _points(_gained))
        yield from _compared(read, f"bd_{name}", _points(_single(curves.bjontegaard_score)))


def _compared(found: dict[str, Curve], measure: str, compare) -> Iterator[tuple]:
    for tables, ours in found.items():
        for over, theirs in found.items():
            if tables != over and ours.bits.shape[0] == theirs.bits.shape[0]:
                yield tables, over, measure, compare(ours, theirs)


def _saved(ours: Curve, theirs: Curve) -> pd.DataFrame:
    return curves.saving(ours, theirs, PSNRS).rename(columns={"score": "at"})


def _gained(ours: Curve, theirs: Curve) -> pd.DataFrame:
    return curves.gain(ours, theirs, BITS).rename(columns={"bits": "at"})


def _single(measure):
    return lambda ours, theirs: measure(ours, theirs).to_frame().T.assign(at=np.nan)


def _points(measure):
    """Shares as percentage points."""

    def in_points(ours: Curve, theirs: Curve) -> pd.DataFrame:
        found = measure(ours, theirs)
        found[["value", "low", "high"]] *= 100
        return found

    return in_points
