"""Luo et al.: JPEG tables against bytes, pixels and a classifier. Reads tables, measures nothing."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from rdc.figures import style
from rdc.figures.jpeg_sets import looks, title
from rdc.jpeg import curves
from rdc.jpeg.standard import TableSet

NAMES = ("rate", "distortion", "accuracy", "tables", "savings", "ablation")
# What everything else is counted from in one figure; all pairs are in the table ``jpeg_savings``.
BASELINES = ("annex_k", "flat", "luo", "sorted_random", "coordinate_descent", "robidoux")
LOWEST_SAVING = -60  # percent, of variations that lose without end

# (study, tables, sampling) to what they are.
Sets = dict[tuple[str, str, str], TableSet]


def draw(name: str, frames: dict[str, pd.DataFrame], sets: Sets, studies: dict) -> Figure:
    """One of ``NAMES``.

    Args:
        frames: the tables ``jpeg``, ``jpeg_images``, ``jpeg_rate`` and ``jpeg_savings``, without that
            prefix.
        sets: every table set of the run.
        studies: of each study its ``reference``, the tables that savings are counted from, and its
            ``ablation``, the tables that are variations on others.
    """
    figures = {
        "rate": _rate,
        "distortion": _distortion,
        "accuracy": _accuracy,
        "tables": _tables,
        "savings": _savings,
        "ablation": _ablation,
    }
    return figures[name](frames, sets, studies)


def _rate(frames, sets, studies) -> Figure:
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


def _distortion(frames, sets, studies) -> Figure:
    arms = _arms(frames, with_classes=False)
    if not arms:
        return style.empty("No study of photographs in this run.")
    figure, rows = plt.subplots(
        len(arms), 2, figsize=(13.5, 4.2 * len(arms)), squeeze=False, width_ratios=[1, 1.15]
    )
    for (left, right), (study, subsampling, part) in zip(rows, arms, strict=True):
        images = _images_of(frames, study, subsampling, studies[study]["ablation"])
        base = studies[study]["reference"]
        reference = curves.curve(images[base], "psnr", "file")
        for tables, (colour, line) in looks(images).items():
            means = part[part.tables == tables].sort_values("bpp_file")
            left.plot(means.bpp_file, means.psnr, line, color=colour, label=title(tables), lw=1.3)
            if tables == base:
                continue
            saved = curves.bytes_saved(curves.curve(images[tables], "psnr", "file"), reference)
            _band(right, saved.score, saved, colour, line, title(tables))
        left.set(xlabel="bits per pixel, whole file", ylabel="PSNR, dB (mean over pictures)")
        count = len(reference.bits)
        left.set_title(f"{study}, {count} pictures, {subsampling}")
        right.axhline(0, color=style.REFERENCE, lw=1)
        right.set(xlabel="PSNR, dB", ylabel=f"bytes saved against {title(base)}, %")
        right.legend(
            *left.get_legend_handles_labels(), fontsize=8, loc="center left",
            bbox_to_anchor=(1.01, 0.5),
        )  # fmt: skip
    return figure


def _accuracy(frames, sets, studies) -> Figure:
    arms = _arms(frames, with_classes=True)
    if not arms:
        return style.empty("No study of pictures with classes in this run.")
    figure, rows = plt.subplots(len(arms), 3, figsize=(14, 4.2 * len(arms)), squeeze=False)
    for axes, (study, subsampling, part) in zip(rows, arms, strict=True):
        images = _images_of(frames, study, subsampling, studies[study]["ablation"])
        base = studies[study]["reference"]
        plain = curves.curve(images[base], "correct", "scan_dht")
        shared = {
            name for own, name, at in sets if (own, at) == (study, subsampling.replace(":", ""))
        }
        for tables, (colour, line) in looks(images).items():
            means = part[part.tables == tables].sort_values("bpp_scan_dht")
            axes[0].plot(
                means.bpp_scan_dht, 100 * means.accuracy, line, color=colour, lw=1.3,
                label=title(tables),
            )  # fmt: skip
            if tables == base or tables not in shared:  # an oracle or WebP would set the scale
                continue
            for panel, score in ((axes[1], "correct"), (axes[2], "correct_judge")):
                ours, theirs = (
                    curves.curve(images[name], score, "scan_dht") for name in (tables, base)
                )
                gained = curves.points_gained(ours, theirs)
                _band(panel, gained.bits, gained, colour, line, title(tables))
        axes[0].set(ylabel="read right, %")
        axes[0].set_title(f"{study}, {len(plain.bits)} pictures, {subsampling}")
        axes[0].legend(fontsize=8)
        for panel, who in ((axes[1], "the classifier tuned on"), (axes[2], "the judge")):
            panel.axhline(0, color=style.REFERENCE, lw=1)
            panel.set(ylabel=f"points over {title(base)}, {who}")
        for panel in axes:
            panel.set(xlabel="bits per pixel, scan and Huffman tables")
    return figure


def _tables(frames, sets, studies) -> Figure:
    shown = [key for key in sets if key[2] == "420" and key[1] not in studies[key[0]]["ablation"]]
    pairs = {}
    for study, name, sampling in shown:  # published pairs once, tuned ones of each study
        base = sets[study, name, sampling].base(50)
        if not any(
            known == name and np.array_equal(base, pair) for (_, known), pair in pairs.items()
        ):
            pairs[study, name] = base
    if not pairs:
        return style.empty("No 4:2:0 tables in this run.")
    columns = min(len(pairs), 8)
    lines = -(-len(pairs) // columns)
    figure, rows = plt.subplots(
        2 * lines, columns, figsize=(1.75 * columns + 1, 4.2 * lines), squeeze=False
    )
    norm = LogNorm(2, 120)
    for axes in rows.ravel():
        axes.axis("off")
    for number, ((study, name), pair) in enumerate(pairs.items()):
        line, column = divmod(number, columns)
        for row in (0, 1):
            axes = rows[2 * line + row, column]
            axes.axis("on")
            picture = axes.imshow(pair[row], cmap="viridis", norm=norm)
            axes.set(xticks=[], yticks=[])
            axes.grid(False)
        tuned = name not in ("annex_k", "flat", "ramp", "luo", "robidoux")
        heading = title(name).replace(": ", ":\n").replace(" (", "\n(").replace(", ", ",\n")
        rows[2 * line, column].set_title(f"{heading}\n{study}" if tuned else heading, fontsize=8)
    for axes, component in zip(rows[:, 0], ("luma", "chroma") * lines, strict=True):
        axes.set_ylabel(component)
    bar = figure.colorbar(picture, ax=rows, shrink=0.8, label="step at quality 50", extend="both")
    bar.set_ticks([8, 16, 32, 64, 120], labels=["8", "16", "32", "64", "120"])
    return figure


def _savings(frames, sets, studies) -> Figure:
    """BD-rates, and BD-accuracies where there are classes, against each of ``BASELINES``."""
    rows = frames["savings"]
    # Curves that share no range have no average.
    rows = rows[rows.measure.isin(("bd_rate", "bd_accuracy")) & rows.value.notna()].copy()
    # A BD-rate below 0 is bytes saved; to the right is better in every panel.
    rate = rows.measure == "bd_rate"
    rows.loc[rate, ["value", "low", "high"]] = -rows.loc[rate, ["value", "high", "low"]].to_numpy()
    groups = [
        (key, part, [b for b in BASELINES if b in set(part.over)])
        for key, part in rows.groupby(["study", "subsampling", "measure"], sort=False)
    ]
    groups = [group for group in groups if group[2]]
    if not groups:
        return style.empty("No set of tables beside a baseline in this run.")
    heights = [0.21 * part.tables.nunique() + 1.0 for _, part, _ in groups]
    columns = max(len(baselines) for *_, baselines in groups)
    figure, panels = plt.subplots(
        len(groups), columns, figsize=(3.6 + 2.5 * columns, sum(heights)), height_ratios=heights,
        sharey="row", squeeze=False,
    )  # fmt: skip
    for line, ((study, subsampling, measure), part, baselines) in zip(panels, groups, strict=True):
        first = part[part.over == baselines[0]].set_index("tables").value
        names = pd.concat([first, pd.Series({baselines[0]: 0.0})]).sort_values().index
        for ax, baseline in zip(line, baselines, strict=False):
            own = part[part.over == baseline].set_index("tables").reindex(names)
            _intervals(ax, own, "{:+.1f}" if measure == "bd_rate" else "{:+.2f}")
            ax.set_title(f"against {title(baseline).split(' (')[0]}", fontsize=9)
            ax.set_xlabel(
                "% of bytes saved (BD-rate)" if measure == "bd_rate" else "points (BD-accuracy)"
            )
        line[0].set_ylim(-0.7, len(names) - 0.3)
        line[0].set_yticks(range(len(names)), [title(n) for n in names], fontsize=7.5)
        line[0].set_ylabel(f"{study}, {subsampling}", fontsize=8)
        for ax in line[len(baselines) :]:
            ax.axis("off")
    return figure


def _intervals(axes: Axes, rows: pd.DataFrame, form: str) -> None:
    """A dot with its interval on each row, an arrow where it lies beyond, and its number at the right."""
    ends = rows[["value", "low", "high"]].abs().max(axis=1)
    reach = 2 * ends.median() or 1.0  # no gain at all
    for at, row in enumerate(rows.itertuples()):
        if np.isnan(row.value):
            continue
        colour = style.COLOURS[0] if row.value > 0 else style.COLOURS[1]
        if abs(row.value) > reach:
            axes.plot(
                np.sign(row.value) * reach, at, ">" if row.value > 0 else "<", color=colour, ms=4
            )
        else:
            axes.plot(np.clip([row.low, row.high], -reach, reach), [at, at], color=colour, lw=1.5)
            axes.plot(row.value, at, "o", color=colour, ms=3.5)
        axes.text(
            0.99, at, form.format(row.value), transform=axes.get_yaxis_transform(), fontsize=6.5,
            ha="right", va="center",
        )  # fmt: skip
    axes.axvline(0, color=style.REFERENCE, lw=1)
    axes.set_xlim(-1.1 * reach, 1.7 * reach)  # room for the numbers


def _ablation(frames, sets, studies) -> Figure:
    """Luo, Fig 11: variations of how tables are tuned, against the tables that savings are counted from."""
    arms = [
        (study, subsampling, _images_of(frames, study, subsampling))
        for study, subsampling, _ in [*_arms(frames, False), *_arms(frames, True)]
        if studies[study]["ablation"]
    ]
    if not arms:
        return style.empty("No study of this run has an 'ablation'.")
    figure, panels = plt.subplots(1, len(arms), figsize=(5.6 * len(arms), 4.2), squeeze=False)
    for axes, (study, subsampling, images) in zip(panels[0], arms, strict=True):
        base = studies[study]["reference"]
        varied = studies[study]["ablation"]
        kept = {n: rows for n, rows in images.items() if n in varied or n.startswith("tuned")}
        kept = {n: rows for n, rows in kept.items() if not n.endswith("_own")}
        with_classes = images[base].correct.notna().any()
        score, bits = ("correct", "scan_dht") if with_classes else ("psnr", "file")
        reference = curves.curve(images[base], score, bits)
        for tables, (colour, line) in looks(kept).items():
            ours = curves.curve(kept[tables], score, bits)
            if with_classes:
                found = curves.points_gained(ours, reference)
                x = found.bits
            else:
                found = curves.bytes_saved(ours, reference)
                x = found.score
            _band(axes, x, found, colour, line, title(tables))
        axes.axhline(0, color=style.REFERENCE, lw=1)
        axes.set_ylim(bottom=max(axes.get_ylim()[0], LOWEST_SAVING))
        what = "points read right more than" if with_classes else "% of bytes saved against"
        axes.set(
            xlabel="bits per pixel, scan and Huffman tables" if with_classes else "PSNR, dB",
            ylabel=f"{what} {title(base)}",
        )
        axes.set_title(f"{study}, {subsampling}")
        axes.legend(fontsize=7)
    return figure


def _arms(frames, with_classes: bool):
    """(study, subsampling, rows) of the studies with, or without, classes."""
    found = []
    for (study, subsampling), part in frames["jpeg"].groupby(["study", "subsampling"], sort=False):
        if part.accuracy.notna().any() == with_classes:
            found.append((study, subsampling, part))
    return found


def _images_of(
    frames, study: str, subsampling: str, without: Sequence[str] = ()
) -> dict[str, pd.DataFrame]:
    rows = frames["images"]
    rows = rows[(rows.study == study) & (rows.subsampling == subsampling)]
    return dict(iter(rows[~rows.tables.isin(without)].groupby("tables", sort=False)))


def _band(axes: Axes, x, values: pd.DataFrame, colour, line: str, label: str) -> None:
    axes.plot(x, values.value, line, color=colour, label=label, lw=1.3)
    axes.fill_between(x, values.low, values.high, color=colour, alpha=0.12, lw=0)
