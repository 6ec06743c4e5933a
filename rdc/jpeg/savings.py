"""Every set of tables against every other: bytes at equal PSNR, accuracy at equal bits, BD numbers."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from rdc.jpeg import curves
from rdc.jpeg.curves import Curve, Mean

POINTS = {"psnr": 5, "bits": 4}  # of comparison, at most: a terminal's width of them
SPARED = 8  # one set of so many may end before a point of comparison
STEPS = (1, 2, 5)  # of round numbers, times a power of ten
RATES = (1, 1.5, 2, 3, 4, 5, 6, 8)
READERS = {"correct": "accuracy", "correct_judge": "accuracy_judge"}
# Of images of tens of pixels a side most of a file is header: there scan and Huffman tables count.
SMALL = 64 * 64


def records(images: pd.DataFrame, report: Callable[[str], None] = lambda line: None) -> list[dict]:
    """Rows of the table ``jpeg_savings`` from those of ``jpeg_images``.

    ``measure`` is ``bytes_saved`` (percent, at a PSNR; round ones that the study's sets share), ``bd_rate`` (percent more bytes, so negative
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
    psnrs = even(*shared([mean.score for mean in _means(levels)]), POINTS["psnr"])
    yield from _compared(levels, "bytes_saved", lambda *pair: _saved(*pair, psnrs))
    yield from _compared(levels, "bd_rate", _single(curves.bjontegaard_rate))
    yield from _compared(levels, "bd_psnr", _single(curves.bjontegaard_score))
    for score, name in READERS.items():
        if first[score].isna().any():
            continue
        read = {arm: curves.curve(part, score, "scan_dht") for arm, part in arms.items()}
        bits = rates(*shared([mean.bits for mean in _means(read)]), POINTS["bits"])
        yield from _compared(read, name, _points(lambda *pair, at=bits: _gained(*pair, at)))
        yield from _compared(read, f"bd_{name}", _points(_single(curves.bjontegaard_score)))


def _compared(found: dict[str, Curve], measure: str, compare) -> Iterator[tuple]:
    for tables, ours in found.items():
        for over, theirs in found.items():
            if tables != over and ours.bits.shape[0] == theirs.bits.shape[0]:
                yield tables, over, measure, compare(ours, theirs)


def shared(measured: list[np.ndarray]) -> tuple[float, float]:
    """The range that all curves reach, or of ``SPARED`` and more all but one of so many.

    The lower end is above the higher where there is none.
    """
    spared = len(measured) // SPARED
    lowest = sorted((np.nanmin(values) for values in measured), reverse=True)
    highest = sorted(np.nanmax(values) for values in measured)
    return float(lowest[spared]), float(highest[spared])


def even(low: float, high: float, most: int) -> np.ndarray:
    """Round numbers within a range, evenly apart, as close as ``most`` of them allow; or none."""
    if not 0 < high - low < np.inf:
        return np.array([])
    start = math.floor(math.log10((high - low) / most))
    for step in (times * 10.0**power for power in (start, start + 1) for times in STEPS):
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < most:
            return np.round(step * np.arange(first, last + 1), 10)
    raise AssertionError("ten steps are longer than the range")


def rates(low: float, high: float, most: int) -> np.ndarray:
    """Round bits per pixel within a range, closer where they are few; ``even`` where it is narrow."""
    if not 0 < low < high < np.inf:
        return np.array([])
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    round_ones = np.round([times * 10.0**power for power in powers for times in RATES], 10)
    within = round_ones[(round_ones >= low) & (round_ones <= high)]
    if len(within) < min(most, 3):
        return even(low, high, most)
    return within[np.round(np.linspace(0, len(within) - 1, min(most, len(within)))).astype(int)]


def _means(found: dict[str, Curve]) -> list[Mean]:
    return [curve.means[0] for curve in found.values()]


def _saved(ours: Curve, theirs: Curve, psnrs: np.ndarray) -> pd.DataFrame:
    return curves.saving(ours, theirs, psnrs).rename(columns={"score": "at"})


def _gained(ours: Curve, theirs: Curve, bits: np.ndarray) -> pd.DataFrame:
    return curves.gain(ours, theirs, bits).rename(columns={"bits": "at"})


def _single(measure):
    return lambda ours, theirs: measure(ours, theirs).to_frame().T.assign(at=np.nan)


def _points(measure):
    """Shares as percentage points."""

    def in_points(ours: Curve, theirs: Curve) -> pd.DataFrame:
        found = measure(ours, theirs)
        found[["value", "low", "high"]] *= 100
        return found

    return in_points
