"""Luo et al.: JPEG tables against bytes, pixels and a classifier. Reads tables, measures nothing."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from rdc.figures import style
from rdc.jpeg import curves
from rdc.jpeg.standard import TableSet

NAMES = ("rate", "distortion", "accuracy", "tables")
TITLES = {
    "annex_k": "Annex K",
    "flat": "flat 16",
    "ramp": "two-parameter ramp",
    "luo": "Luo's Table 1",
    "robidoux": "Robidoux (ImageMagick, mozjpeg)",
    "tuned": "tuned: one pair, scaled",
    "tuned_varying": "tuned: shape changes with quality",
    "tuned_accuracy": "tuned for the classifier",
    "tuned_accuracy_varying": "... shape changes with quality",
    "sorted_random": "sorted random search",
}
SAVINGS_AT = np.array([30.0, 32.0, 34.0, 36.0, 38.0])
PSNRS = np.arange(28.0, 40.01, 0.5)
BITS_STEPS = 12

# (study, tables, sampling) to what they are.
Sets = dict[tuple[str, str, str], TableSet]


def draw(name: str, frames: dict[str, pd.DataFrame], sets: Sets, references: dict) -> Figure:
    """One of ``NAMES``.

    Args:
        frames: the tables ``jpeg``, ``jpeg_images`` and ``jpeg_rate`` as ``jpeg``, ``images``, ``rate``.
        sets: every table set of the run.
        references: study to the tables that savings are counted from.
    """
    figures = {
        "rate": _rate,
        "distortion": _distortion,
        "accuracy": _accuracy,
        "tables": _tables,
    }
    return figures[name](frames, sets, references)


def title(tables: str) -> str:
    return TITLES.get(tables, tables)


def savings(images: pd.DataFrame, references: dict[str, str]) -> str:
    """Lines for the terminal: percent of the reference's bytes saved at equal PSNR."""
    lines = []
    for (study, subsampling), rows in images.groupby(["study", "subsampling"], sort=False):
        parts = dict(iter(rows.groupby("tables", sort=False)))
        if references[study] not in parts:
            continue
        reference = curves.curve(parts[references[study]], "psnr", "file")
        lines.append(
            f"{study}, {len(reference.bits)} pictures, {subsampling}: % of bytes saved against "
            f"{title(references[study])}"
        )
        lines.append(" " * 34 + "".join(f"{f'{at:g} dB':>9}" for at in SAVINGS_AT))
        for tables, part in parts.items():
            if tables != references[study]:
                saved = curves.saving(curves.curve(part, "psnr", "file"), reference, SAVINGS_AT)
                numbers = "".join(f"{v:9.1f}" if v == v else f"{'-':>9}" for v in saved.value)
                lines.append(f"  {title(tables):<32}{numbers}")
    return "\n".join(lines)


def _rate(frames, sets, references) -> Figure:
    studies = list(frames["rate"].groupby(["study", "subsampling"], sort=False))
    figure, panels = plt.subplots(1, len(studies), figsize=(4.6 * len(studies), 4.4), squeeze=False)
    models = {
        "factorized": ("Luo's four entropy models", style.COLOURS[1], "o"),
        "run_length": ("runs and Huffman tables counted", style.COLOURS[0], "s"),
    }
    for axes, ((study, subsampling), rows) in zip(panels[0], studies, strict=True):
        real = 8 * rows.bytes_file / rows.pixels
        for model, (name, colour, marker) in models.items():
            estimated = 8 * rows[f"bytes_{model}"] / rows.pixels
            correlation = np.corrcoef(estimated, real)[0, 1]
            error = np.abs(estimated / real - 1).mean()
            axes.plot(
                real, estimated, marker, color=colour, ms=3, alpha=0.5, mew=0,
                label=f"{name}\nr = {correlation:.4f}, mean relative error {error:.1%}",
            )  # fmt: skip
        ends = [0, real.max()]
        axes.plot(ends, ends, color=style.REFERENCE, lw=1)
        axes.set(xlabel="bits per pixel of the real file", ylabel="estimated bits per pixel")
        axes.set_title(f"{study}, {rows.image.nunique()} pictures, {subsampling}")
        axes.legend(fontsize=8, markerscale=2)
    return figure


def _distortion(frames, sets, references) -> Figure:
    arms = _arms(frames, with_classes=False)
    if not arms:
        return style.empty("No study of photographs in this run.")
    figure, rows = plt.subplots(
        len(arms), 2, figsize=(11, 4.2 * len(arms)), squeeze=False, width_ratios=[1, 1.15]
    )
    for (left, right), (study, subsampling, part) in zip(rows, arms, strict=True):
        images = _images_of(frames, study, subsampling)
        reference = curves.curve(images[references[study]], "psnr", "file")
        for tables, colour, line in _styles(images):
            means = part[part.tables == tables].sort_values("bpp_file")
            left.plot(means.bpp_file, means.psnr, line, color=colour, label=title(tables), lw=1.3)
            if tables == references[study]:
                continue
            saved = curves.saving(curves.curve(images[tables], "psnr", "file"), reference, PSNRS)
            _band(right, saved.score, saved, colour, line, title(tables))
        left.set(xlabel="bits per pixel, whole file", ylabel="PSNR, dB (mean over pictures)")
        count = len(reference.bits)
        left.set_title(f"{study}, {count} pictures, {subsampling}")
        right.axhline(0, color=style.REFERENCE, lw=1)
        right.set(xlabel="PSNR, dB", ylabel=f"bytes saved against {title(references[study])}, %")
        right.legend(fontsize=8)
    return figure


def _accuracy(frames, sets, references) -> Figure:
    arms = _arms(frames, with_classes=True)
    if not arms:
        return style.empty("No study of pictures with classes in this run.")
    figure, rows = plt.subplots(len(arms), 3, figsize=(14, 4.2 * len(arms)), squeeze=False)
    for axes, (study, subsampling, part) in zip(rows, arms, strict=True):
        images = _images_of(frames, study, subsampling)
        plain = curves.curve(images[references[study]], "correct", "scan_dht")
        bits = np.geomspace(plain.bits.mean(0).min(), plain.bits.mean(0).max(), BITS_STEPS)
        for tables, colour, line in _styles(images):
            means = part[part.tables == tables].sort_values("bpp_scan_dht")
            axes[0].plot(
                means.bpp_scan_dht, 100 * means.accuracy, line, color=colour, lw=1.3,
                label=title(tables),
            )  # fmt: skip
            if tables == references[study]:
                continue
            for panel, score in ((axes[1], "correct"), (axes[2], "correct_judge")):
                ours, theirs = (
                    curves.curve(images[name], score, "scan_dht")
                    for name in (tables, references[study])
                )
                gained = curves.gain(ours, theirs, bits)
                gained[["value", "low", "high"]] *= 100
                _band(panel, gained.bits, gained, colour, line, title(tables))
        axes[0].set(ylabel="read right, %")
        axes[0].set_title(f"{study}, {len(plain.bits)} pictures, {subsampling}")
        axes[0].legend(fontsize=8)
        for panel, who in ((axes[1], "the classifier tuned on"), (axes[2], "the judge")):
            panel.axhline(0, color=style.REFERENCE, lw=1)
            panel.set(ylabel=f"points over {title(references[study])}, {who}")
        for panel in axes:
            panel.set(xlabel="bits per pixel, scan and Huffman tables")
    return figure


def _tables(frames, sets, references) -> Figure:
    shown = [key for key in sets if key[2] == "420"]
    pairs = {}
    for study, name, sampling in shown:  # published pairs once, tuned ones of each study
        base = sets[study, name, sampling].base(50)
        if not any(
            known == name and np.array_equal(base, pair) for (_, known), pair in pairs.items()
        ):
            pairs[study, name] = base
    if not pairs:
        return style.empty("No 4:2:0 tables in this run.")
    figure, rows = plt.subplots(2, len(pairs), figsize=(1.75 * len(pairs) + 1, 4.2), squeeze=False)
    norm = LogNorm(8, 120)
    for column, ((study, name), pair) in enumerate(pairs.items()):
        for row in (0, 1):
            axes = rows[row, column]
            picture = axes.imshow(pair[row], cmap="viridis", norm=norm)
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
        tuned = name not in ("annex_k", "flat", "ramp", "luo", "robidoux")
        heading = title(name).replace(": ", ":\n").replace(" (", "\n(")
        rows[0, column].set_title(f"{heading}\n{study}" if tuned else heading, fontsize=8)
    rows[0, 0].set_ylabel("luma")
    rows[1, 0].set_ylabel("chroma")
    bar = figure.colorbar(picture, ax=rows, shrink=0.8, label="step at quality 50", extend="both")
    bar.set_ticks([8, 16, 32, 64, 120], labels=["8", "16", "32", "64", "120"])
    return figure


def _arms(frames, with_classes: bool):
    """(study, subsampling, rows) of the studies with, or without, classes."""
    found = []
    for (study, subsampling), part in frames["jpeg"].groupby(["study", "subsampling"], sort=False):
        if part.accuracy.notna().any() == with_classes:
            found.append((study, subsampling, part))
    return found


def _images_of(frames, study: str, subsampling: str) -> dict[str, pd.DataFrame]:
    rows = frames["images"]
    rows = rows[(rows.study == study) & (rows.subsampling == subsampling)]
    return dict(iter(rows.groupby("tables", sort=False)))


def _styles(images: dict[str, pd.DataFrame]):
    """A colour and a line for each set of tables: black for Annex K, solid for tuned ones."""
    colours = iter(style.COLOURS * 3)
    for name in images:
        if name == "annex_k":
            yield name, "black", "-"
        else:
            yield name, next(colours), "-" if name.startswith("tuned") else "--"


def _band(axes: Axes, x, values: pd.DataFrame, colour, line: str, label: str) -> None:
    axes.plot(x, values.value, line, color=colour, label=label, lw=1.3)
    axes.fill_between(x, values.low, values.high, color=colour, alpha=0.12, lw=0)
