"""The main results at the end of a run, as lines of at most 80 columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rdc import claims
from rdc.figures.jpeg_sets import title
from rdc.jpeg import savings
from rdc.jpeg.curves import Mean

if TYPE_CHECKING:
    from rdc.report.page import Run

WIDTH = 80
COMMON_QUALITIES = (25, 50, 75, 90)  # of the reference, where the other sets reach their PSNR
READERS = {"accuracy": "classifier", "accuracy_judge": "judge"}
ALIKE = "  0.0 to 0.0: no picture is read differently there, and more pictures may tell"
ABSENT = "  - : one of the two was measured at no quality that reaches so far"


def summary(run: Run, path: str) -> str:
    """Each rate's best codecs, what tables gain, verdicts, and where to look."""
    lines = []
    if run.has_codecs:
        lines += _codecs(run)
    if run.has_jpeg and "jpeg_savings" in run.frames:
        lines += tables(run.frames["jpeg_savings"], run.frames["jpeg"], run.studies)
    if "claims" in run.frames:
        counted = claims.counts(run.frames["claims"])
        lines.append("Claims: " + ", ".join(f"{n} {verdict}" for verdict, n in counted.items()))
    return "\n".join([*lines, f"Open {path}"])


def _codecs(run: Run) -> list[str]:
    """Of each method and rate the cell of lowest validation MSE, on test images."""
    cells = run.frames["cells"]
    chosen = cells[cells.split == "validation"].sort_values("mse")
    names = chosen.groupby(["study", "method", "rate_bits"], sort=True).head(1)
    best = cells[cells.split == "test"].merge(names[["study", "cell"]], on=["study", "cell"])
    study, method = (max([8, *best[name].str.len()]) for name in ("study", "method"))
    lines = [
        f"Run {run.name}: {len(run.frames['costs'])} cells. Of each method and rate the one of lowest",
        "validation MSE, on test images (judge: a classifier that trained no codec):",
        f"  {'study':{study}} {'method':{method}} {'bits':>6} {'λ':>7} {'MSE':>8} {'accuracy':>9} "
        f"{'judge':>8}",
    ]
    for row in best.sort_values(["study", "rate_bits", "method"]).itertuples():
        lam = "" if math.isnan(row.lam) else f"{row.lam:g}"
        lines.append(
            f"  {row.study:{study}} {row.method:{method}} {row.rate_bits:6.2f} {lam:>7} {row.mse:8.4f} "
            f"{row.accuracy:9.2%} {row.accuracy_judge:8.2%}"
        )
    return lines


def tables(compared: pd.DataFrame, jpeg: pd.DataFrame, studies: dict[str, dict]) -> list[str]:
    """What each study's sets of tables gain over its reference: accuracy where it is read, and bytes.

    Args:
        compared, jpeg: the tables ``jpeg_savings`` and ``jpeg``.
        studies: of each study its ``reference``.
    """
    lines = []
    for (study, subsampling), means in jpeg.groupby(["study", "subsampling"], sort=False):
        if study not in studies:  # rows of a config before this one
            continue
        reference = studies[study]["reference"]
        own = (compared.study == study) & (compared.subsampling == subsampling)
        rows = compared[own & (compared.over == reference)]
        count = means.n_images.max()
        where = f"{study}, {subsampling}, {count} picture{'s' if count > 1 else ''}"
        if means.tables.nunique() == 1:
            lines += [f"{where}: {title(reference)} alone, nothing to compare", ""]
            continue
        if means.accuracy.notna().any():
            lines += [*_accuracy(where, rows, means, reference), ""]
        lines += [*_bytes(where, rows, reference), *_as_good(means, reference), ""]
    return lines


def _accuracy(where: str, rows: pd.DataFrame, means: pd.DataFrame, reference: str) -> list[str]:
    """The reference's share read right at a few rates, and what others have more or less there."""
    measured = [name for name in READERS if means[name].notna().any()]
    rows = rows[rows.measure.isin(measured)]
    if rows.empty:
        return [f"{where}: the sets share no rate at which to compare accuracy"]
    at = _points(rows, savings.POINTS["bits"])
    base = means[means.tables == reference].sort_values("bpp_scan_dht")
    row = _row(16, 16)
    lines = [
        f"{where}: accuracy at equal bits against {title(reference)}",
        f"(of {title(reference)} the share read right; of the others percentage points more or fewer,",
        "with the 95 % interval over pictures below)",
        *row("bits per pixel *", [f"{bits:g}" for bits in at]),
        f"  {title(reference)}",
    ]
    for name in measured:
        shares = Mean(base.bpp_scan_dht.to_numpy(), base[name].to_numpy()).score_at(at)
        lines += row(f"    {READERS[name]}", _cells(100 * shares, "{:.1f} %"))
    for tables, part in rows.groupby("tables", sort=False):
        lines += _cut(f"  {title(tables)}")
        for name in measured:
            found = part[part.measure == name].set_index("at").reindex(at)
            ends = (_cells(found[end], "{:.1f}") for end in ("low", "high"))
            lines += row(f"    {READERS[name]}", _cells(found.value, "{:+.1f}"))
            lines += row(
                "",
                [f"{low} to {high}" if low != "-" else "" for low, high in zip(*ends, strict=True)],
            )
    lines.append("  * of scan and Huffman tables, without the file's other headers")
    if "accuracy_judge" in measured:
        lines.append("  judge: a classifier that no tables were tuned for")
    rows = rows[rows["at"].isin(at)]
    lines += [ALIKE] if ((rows.low == 0) & (rows.high == 0)).any() else []
    return lines + ([ABSENT] if rows.value.isna().any() else [])


def _bytes(where: str, rows: pd.DataFrame, reference: str) -> list[str]:
    """Percent of the reference's bytes saved at a few PSNRs."""
    rows = rows[rows.measure == "bytes_saved"]
    if rows.empty:
        return [f"{where}: the sets share no PSNR at which to compare bytes"]
    at = _points(rows, savings.POINTS["psnr"])
    wide = rows.pivot(index="tables", columns="at", values="value")[at]
    row = _row(34, 9)
    lines = [
        f"{where}:",
        f"% of bytes saved at equal PSNR against {title(reference)} (below 0: larger)",
        *row("", [f"{psnr:g} dB" for psnr in at]),
    ]
    for tables in rows.tables.unique():
        lines += row(f"  {title(tables)}", _cells(wide.loc[tables], "{:.1f}"))
    return lines + ([ABSENT] if wide.isna().any(axis=None) else [])


def _as_good(jpeg: pd.DataFrame, reference: str) -> list[str]:
    """The quality of each set, on its own scale, that has the mean PSNR of one of the reference's."""
    base = jpeg[jpeg.tables == reference].sort_values("quality")
    low, high = savings.shared([own.psnr.to_numpy() for _, own in jpeg.groupby("tables")])
    within = np.interp([low, high], base.psnr, base.quality)
    qualities = [q for q in COMMON_QUALITIES if within[0] <= q <= within[1]]
    if len(qualities) < 3:
        qualities = list(savings.even(*within, len(COMMON_QUALITIES)))
    aims = np.interp(qualities, base.quality, base.psnr)
    row = _row(34, 9)
    found = {}
    for tables, own in jpeg[jpeg.tables != reference].groupby("tables", sort=False):
        own = own.sort_values("psnr")
        found[tables] = np.interp(aims, own.psnr, own.quality, left=np.nan, right=np.nan)
    if not qualities:
        return []
    lines = [
        f"quality with the PSNR of {title(reference)} at",
        *row("", [f"{quality:g}" for quality in qualities]),
    ]
    for tables, own in found.items():
        lines += row(f"  {title(tables)}", _cells(own, "{:.0f}"))
    return lines + ([ABSENT] if np.isnan(list(found.values())).any() else [])


def _points(rows: pd.DataFrame, most: int) -> np.ndarray:
    """Points of comparison, of many those that most sets reach, evenly over their order."""
    known = rows[rows.value.notna()].groupby("at").size()
    at = np.sort(rows["at"].unique())
    if len(at) > most:
        at = known.index[known >= known.max() * (1 - 1 / savings.SPARED)].to_numpy()
    return at[np.round(np.linspace(0, len(at) - 1, min(most, len(at)))).astype(int)]


def _row(label: int, column: int) -> Callable[[str, Iterable[str]], list[str]]:
    """Sets a label and cells; a label that is too long has a line of its own."""

    def lines(text: str, cells: Iterable[str]) -> list[str]:
        numbers = "".join(f"{cell:>{column}}" for cell in cells)
        if len(text) <= label:
            return [f"{text:<{label}}{numbers}".rstrip()]
        return [*_cut(text), " " * label + numbers]

    return lines


def _cells(values: Iterable[float], form: str) -> list[str]:
    """Numbers of one digit after the point at most; no minus before a 0."""
    rounded = (abs(value) if abs(value) < 0.05 else value for value in values)
    return ["-" if np.isnan(value) else form.format(value) for value in rounded]


def _cut(text: str) -> list[str]:
    return [text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"]
