"""Numbers that Luo's claims are held against, from real JPEG files per picture."""

import numpy as np
import pandas as pd

from rdc.intervals import CONFIDENCE
from rdc.jpeg import curves
from rdc.queries.common import Measured, Run, Untestable


def bytes_saved(run: Run, study: str, tables: str, psnr: float, subsampling: str) -> Measured:
    """Percent of Annex K's whole files saved at equal mean PSNR."""
    ours, reference = _pair(run, study, tables, "annex_k", "psnr", "file", subsampling)
    saved = curves.saving(ours, reference, np.array([psnr])).iloc[0]
    return _answer(saved, ours, tables, study, f"at {psnr:g} dB")


def psnr_gained(
    run: Run, study: str, tables: str, bpp: float, subsampling: str, over: str = "annex_k"
) -> Measured:
    """dB over other tables at equal mean bits per pixel of whole files."""
    ours, reference = _pair(run, study, tables, over, "psnr", "file", subsampling)
    gained = curves.gain(ours, reference, np.array([bpp])).iloc[0]
    return _answer(gained, ours, tables, study, f"over {over} at {bpp:g} bits per pixel")


def allocation_gained(run: Run, study: str, tables: str, bpp: float, subsampling: str) -> Measured:
    """dB of mean PSNR won at equal mean bits by a quality of each picture's own, tables unchanged.

    Every picture takes the quality where a bit per pixel buys the same PSNR; qualities between those
    measured are interpolated.
    """
    found = curves.curve(_rows(run, study, tables, "psnr", subsampling), "psnr", "file")
    grid = np.linspace(0, found.bits.shape[1] - 1, 400)
    bits, score = (
        np.stack([np.interp(grid, np.arange(len(row)), row) for row in part])
        for part in (found.bits, found.score)
    )
    pictures = np.arange(len(bits))
    points = []
    for slope in np.geomspace(0.1, 200, 200):
        best = (score - slope * bits).argmax(axis=1)
        points.append((bits[pictures, best].mean(), score[pictures, best].mean()))
    points = np.array(sorted(set(points)))
    together = found.means[0].score_at(np.array([bpp]))[0]
    value = np.interp(bpp, points[:, 0], points[:, 1], np.nan, np.nan) - together
    if np.isnan(value):
        raise Untestable(f"the curves of {tables} on {study} do not reach {bpp:g} bits per pixel")
    return Measured(float(value), f"{tables} on {len(bits)} pictures of {study}")


def rate_changed(run: Run, study: str, tables: str, over: str, subsampling: str) -> Measured:
    """The size of Bjontegaard's change of rate between two sets of tables, percent of whole files."""
    ours, theirs = _pair(run, study, tables, over, "psnr", "file", subsampling)
    found = curves.bjontegaard_rate(ours, theirs)
    sign = 1 if found.value >= 0 else -1
    low, high = sorted((sign * found.low, sign * found.high))
    note = f"{tables} over {over} on {len(ours.bits)} pictures of {study}: {found.value:+.2f} %"
    return Measured(sign * found.value, note, low, high)


def saving_tilt(
    run: Run, study: str, tables: str, over: str, psnrs: list[float], subsampling: str
) -> Measured:
    """Percent of the bytes saved at the first PSNR, or by how much that exceeds what is saved at the
    second, whichever is less: above 0 it is a gain there, and a larger one."""
    ours, theirs = _pair(run, study, tables, over, "psnr", "file", subsampling)
    at = np.array(psnrs, dtype=float)
    saved = curves.savings(ours, theirs, at)
    return _tilt(saved, at, ("%", "dB"), f"{tables} over {over} on {study}")


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


def rates_won(
    run: Run, study: str, tables: str, over: str, bpp: list[float], reader: str = "correct"
) -> Measured:
    """The share of rates at which accuracy is higher than by other tables, with equal bits of scan and
    Huffman tables; ``low`` counts those alone whose interval lies above 0."""
    ours, theirs = _pair(run, study, tables, over, reader, "scan_dht", "4:2:0")
    gained = curves.gain(ours, theirs, np.array(bpp, dtype=float)).dropna()
    if gained.empty:
        raise Untestable(f"{tables} and {over} share no rate of {bpp} bits per pixel in {study}")
    listed = ", ".join(f"{row.bits:g}: {100 * row.value:+.1f}" for row in gained.itertuples())
    return Measured(
        float((gained.value > 0).mean()),
        f"{tables} over {over} on {len(ours.bits)} pictures of {study}, points by bits per pixel {listed}",
        float((gained.low > 0).mean()), float((gained.high > 0).mean()),
    )  # fmt: skip


def gain_tilt(run: Run, study: str, tables: str, over: str, bpp: list[float]) -> Measured:
    """Points of accuracy gained over other tables at the first rate, bits of scan and Huffman tables, or
    by how much that exceeds the gain at the second, whichever is less."""
    ours, theirs = _pair(run, study, tables, over, "correct", "scan_dht", "4:2:0")
    at = np.array(bpp, dtype=float)
    gained = 100 * curves.gains(ours, theirs, at)
    return _tilt(gained, at, ("points", "bits"), f"{tables} over {over} on {study}")


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
    return [
        curves.curve(_rows(run, study, name, score, subsampling), score, bits)
        for name in (tables, other)
    ]


def _rows(run, study, tables, score, subsampling) -> pd.DataFrame:
    rows = _table(run, "jpeg_images")
    rows = rows[(rows.study == study) & (rows.tables == tables) & (rows.subsampling == subsampling)]
    if rows.empty or rows[score].isna().all():
        raise Untestable(f"no tables {tables} measured on {study} ({subsampling}) in this run")
    return rows


def _answer(row: pd.Series, ours: curves.Curve, tables: str, study: str, where: str) -> Measured:
    if np.isnan(row.value):
        raise Untestable(f"the curves of {tables} on {study} do not reach so far ({where})")
    note = f"{tables} on {len(ours.bits)} pictures of {study}, {where}"
    return Measured(row.value, note, row.low, row.high)


def _tilt(gains: np.ndarray, at: np.ndarray, units: tuple[str, str], what: str) -> Measured:
    """From gains at two points, (1 + resamples, 2): of all pictures first, then of each resample."""
    gained, where = units
    listed = (
        f"{value:+.2f} {gained} at {x:g} {where}" for value, x in zip(gains[0], at, strict=True)
    )
    note = f"{what}: {', '.join(listed)}"
    if np.isnan(gains[0]).any():
        raise Untestable(f"one of the two curves does not reach so far ({note})")
    tilts = np.minimum(gains[:, 0], gains[:, 0] - gains[:, 1])
    low, high = np.nanquantile(tilts[1:], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Measured(float(tilts[0]), note, float(low), float(high))


QUERIES = {
    "bytes_saved": bytes_saved,
    "psnr_gained": psnr_gained,
    "accuracy_gained": accuracy_gained,
    "rates_won": rates_won,
    "allocation_gained": allocation_gained,
    "rate_changed": rate_changed,
    "saving_tilt": saving_tilt,
    "gain_tilt": gain_tilt,
    "rate_correlation": rate_correlation,
    "rate_bias": rate_bias,
}
