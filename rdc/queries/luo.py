"""Numbers that Luo's claims are held against, from real JPEG files per picture."""

import numpy as np
import pandas as pd

from rdc.jpeg import curves
from rdc.queries.common import Measured, Run, Untestable


def bytes_saved(run: Run, study: str, tables: str, psnr: float, subsampling: str) -> Measured:
    """Percent of Annex K's whole files saved at equal mean PSNR."""
    ours, reference = _pair(run, study, tables, "annex_k", "psnr", "file", subsampling)
    saved = curves.saving(ours, reference, np.array([psnr])).iloc[0]
    return _answer(saved, ours, tables, study, f"at {psnr:g} dB")


def psnr_gained(run: Run, study: str, tables: str, bpp: float, subsampling: str) -> Measured:
    """dB over Annex K at equal mean bits per pixel of whole files."""
    ours, reference = _pair(run, study, tables, "annex_k", "psnr", "file", subsampling)
    gained = curves.gain(ours, reference, np.array([bpp])).iloc[0]
    return _answer(gained, ours, tables, study, f"at {bpp:g} bits per pixel")


def accuracy_gained(
    run: Run, study: str, tables: str, over: str, bpp: list[float], reader: str = "correct"
) -> Measured:
    """The largest gain of accuracy over other tables at equal bits of scan and Huffman tables."""
    ours, theirs = _pair(run, study, tables, over, reader, "scan_dht", "4:2:0")
    gained = curves.gain(ours, theirs, np.array(bpp, dtype=float)).dropna()
    if gained.empty:
        raise Untestable(f"{tables} and {over} share no rate of {bpp} bits per pixel in {study}")
    best = gained.loc[gained.value.idxmax()]
    return _answer(
        best, ours, tables, study, f"over {over}, largest at {best.bits:g} bits per pixel"
    )


def rate_correlation(run: Run, study: str, model: str, subsampling: str) -> Measured:
    """Pearson's correlation of estimated and real bits per pixel, all pictures and qualities."""
    estimated, real = _rates(run, study, model, subsampling)
    error = float(np.mean(np.abs(estimated / real - 1)))
    return Measured(
        float(np.corrcoef(estimated, real)[0, 1]),
        f"{len(real)} files of {study}; mean relative error {error:.1%}",
    )


def rate_bias(run: Run, study: str, model: str, subsampling: str, above: float) -> Measured:
    """Mean relative error of estimated bits per pixel where the real ones exceed ``above``."""
    estimated, real = _rates(run, study, model, subsampling)
    errors = (estimated / real - 1)[real >= above]
    if errors.size == 0:
        raise Untestable(f"no file of {study} has {above:g} bits per pixel")
    return Measured(float(errors.mean()), f"{errors.size} files of {study}")


def _rates(run, study, model, subsampling) -> tuple[np.ndarray, np.ndarray]:
    rows = _table(run, "jpeg_rate")
    rows = rows[(rows.study == study) & (rows.subsampling == subsampling)]
    if rows.empty:
        raise Untestable(f"no rates were estimated on {study} ({subsampling}) in this run")
    bits = 8 / rows.pixels.to_numpy()
    return bits * rows[f"bytes_{model}"].to_numpy(), bits * rows.bytes_file.to_numpy()


def _table(run: Run, name: str) -> pd.DataFrame:
    if name not in run.jpeg:
        raise Untestable("no JPEG study in this run")
    return run.jpeg[name]


def _pair(run, study, tables, other, score, bits, subsampling) -> list[curves.Curve]:
    found = []
    for name in (tables, other):
        rows = _table(run, "jpeg_images")
        rows = rows[
            (rows.study == study) & (rows.tables == name) & (rows.subsampling == subsampling)
        ]
        if rows.empty or rows[score].isna().all():
            raise Untestable(f"no tables {name} measured on {study} ({subsampling}) in this run")
        found.append(curves.curve(rows, score, bits))
    return found


def _answer(row: pd.Series, ours: curves.Curve, tables: str, study: str, where: str) -> Measured:
    if np.isnan(row.value):
        raise Untestable(f"the curves of {tables} on {study} do not reach so far ({where})")
    note = f"{tables} on {len(ours.bits)} pictures of {study}, {where}"
    return Measured(row.value, note, row.low, row.high)


QUERIES = {
    "bytes_saved": bytes_saved,
    "psnr_gained": psnr_gained,
    "accuracy_gained": accuracy_gained,
    "rate_correlation": rate_correlation,
    "rate_bias": rate_bias,
}
