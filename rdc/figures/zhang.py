"""Zhang's figures, drawn from our own cells: losses, reconstructions, the plane and the space."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rdc.figures import pictures, style
from rdc.figures.pictures import Row
from rdc.intervals import summary
from rdc.queries.common import one_recipe

READINGS = ("rdc_printed", "rdc_summed", "rdc")
LEVELS, LAM = 3, 0.015  # the cell of Zhang's Fig 1
PIXELS = 784
NAMES = ("losses", "reconstructions", "plane", "space", "rates")


def draw(name: str, tables: dict[str, pd.DataFrame], images: dict[str, Path]) -> Figure:
    """One of ``NAMES``.

    Args:
        tables: ``cells`` and ``curves``, rows of this study alone.
        images: each cell's file of saved reconstructions.
    """
    cells = tables["cells"]
    if name == "losses":
        return losses(cells, tables["curves"])
    if name == "reconstructions":
        return reconstructions(cells[cells.split == "test"], images)
    return {"plane": plane, "space": space, "rates": rates}[name](cells[cells.split == "test"])


def losses(cells: pd.DataFrame, curves: pd.DataFrame) -> Figure:
    """Fig 1: distortion and classification loss over training, three levels, lambda .015."""
    chosen = cells[(cells.split == "test") & (cells.levels == LEVELS) & cells.method.isin(READINGS)]
    chosen = chosen[np.isclose(chosen.lam, LAM) & (chosen.seed == chosen.seed.min())]
    chosen = chosen.sort_values("steps").groupby("method").tail(1)  # the longest run of each
    if chosen.empty:
        return style.empty(f"No cell with {LEVELS} levels and λ = {LAM} in this run")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    for row in chosen.itertuples():
        colour = style.COLOURS[READINGS.index(row.method)]
        own = curves[curves.cell == row.cell]
        for ax, term in zip(axes, ("mse", "nll"), strict=True):
            seen = own[(own.split == "validation") & (own.term == term)]
            ax.plot(seen.epoch, seen.value, color=colour, label=style.method_name(row.method))
            trained = own[(own.split == "train") & (own.term == term)]
            ax.plot(trained.epoch, trained.value, color=colour, linewidth=0.9, linestyle=":")
            if term == "mse":
                summed = own[(own.split == "train") & (own.term == "sse")]
                ax.plot(summed.epoch, summed.value / PIXELS, color=colour, linewidth=0.9, ls=":")
    axes[0].set(xlabel="epoch", ylabel="distortion: MSE per pixel")
    axes[1].set(xlabel="epoch", ylabel="classification: NLL (nats)")
    for ax in axes:
        style.scale_for(ax, "y", np.concatenate([line.get_ydata() for line in ax.lines]))
    handles, labels = axes[0].get_legend_handles_labels()
    handles += [Line2D([], [], color=style.REFERENCE, ls=s) for s in ("-", ":")]
    labels += ["validation images, after the epoch", "training images, mean over the epoch"]
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.suptitle(
        f"Losses over training: {LEVELS} levels in 3 dimensions, λ = {LAM}", fontsize=11
    )
    return figure


def reconstructions(test: pd.DataFrame, images: dict[str, Path]) -> Figure:
    """Fig 2: one digit of each class, decoded by codecs of growing lambda; 4.75 bits.

    Of each reading the cells of one recipe, with dither where there are any, as the paper's.
    """
    chosen = test[(test.levels == LEVELS) & test.method.isin(READINGS)]
    if chosen.empty:
        return style.empty(f"No cell with {LEVELS} levels in this run")
    chosen = chosen[chosen.seed == chosen.seed.min()]
    rows = []
    for method in READINGS:
        own = chosen[chosen.method == method]
        if own.empty:
            continue
        own = one_recipe(own[own.dither] if own.dither.any() else own)
        rows += [
            Row(
                f"{style.method_name(method)}{'' if row.dither else ', no dither'}\n"
                f"λ = {row.lam:g}   MSE {row.mse:.4f}   right: {100 * row.accuracy:.1f} %",
                images[row.cell],
            )
            for row in own.sort_values("lam").itertuples()
        ]
    rate = style.rate_label(chosen.rate_bits.iloc[0])
    return pictures.grid(rows, f"Reconstructions at {rate} an image")


def plane(test: pd.DataFrame) -> Figure:
    """Fig 3a: distortion against classification loss, one panel for each reading of lambda."""
    methods = [m for m in READINGS if m in set(test.method)]
    if not methods:
        return style.empty("No cell of Zhang's objective in this run")
    points = _points(test)
    colours = style.rate_colours(points[points.method.isin(methods)].rate_bits)
    width = max(4.1 * len(methods), 6.4)  # of the legend
    figure, axes = plt.subplots(1, len(methods), figsize=(width, 4), squeeze=False)
    for ax, method in zip(axes[0], methods, strict=True):
        own = points[points.method == method]
        for (rate, _), group in own.groupby(["rate_bits", "recipe"]):
            group = group.sort_values("lam")
            ax.plot(group.mse, group.nll_nats, color=colours[rate], linewidth=0.8, alpha=0.6)
            _dots(ax, group, "mse", "nll_nats", colours[rate])
        for row in points[points.method == "vq"].itertuples():
            if row.rate_bits in set(own.rate_bits):
                ax.axvline(row.mse, color=colours[row.rate_bits], linestyle="--", linewidth=1)
        ax.set(title=style.method_name(method), xlabel="distortion: MSE per pixel")
        style.scale_for(ax, "y", own.nll_nats)
        ax.xaxis.set_major_locator(MaxNLocator(5))
    axes[0, 0].set_ylabel("classification: NLL of the true label (nats)")
    handles = [Line2D([], [], color=c, marker="o", ls="") for c in colours.values()]
    labels = [style.rate_label(rate) for rate in colours]
    if (points.method == "vq").any():
        handles.append(Line2D([], [], color=style.REFERENCE, ls="--"))
        labels.append("MSE of k-means at that rate")
    if not points[points.method.isin(methods)].dither.all():
        handles.append(Line2D([], [], color=style.REFERENCE, marker="o", mfc="white", ls=""))
        labels.append("hollow: no dither")
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.suptitle("Distortion against classification on test images; numbers are λ", fontsize=11)
    for ax, method in zip(axes[0], methods, strict=True):
        own = points[points.method == method]
        style.name_points(ax, zip(own.mse, own.nll_nats, own.lam.map("{:g}".format), strict=True))
    return figure


def space(test: pd.DataFrame) -> Figure:
    """Fig 3b: rate, distortion and classification loss in three dimensions."""
    method = "rdc" if "rdc" in set(test.method) else next(iter(test.method), None)
    rows = test[test.method == method]
    dithered = rows[rows.dither]  # as the paper's
    rows = dithered if dithered.rate_bits.nunique() > 1 else rows[~rows.dither]
    if rows.empty:
        return style.empty("No cell of Zhang's objective at two rates in this run")
    points = _points(one_recipe(rows))
    figure, ax = plt.subplots(figsize=(6.4, 5.2), subplot_kw={"projection": "3d"})
    floor = 0.0
    colours = style.rate_colours(points.rate_bits)
    for rate, group in points.groupby("rate_bits"):
        group = group.sort_values("mse")
        ax.plot(group.rate_bits, group.mse, group.nll_nats, color=colours[rate], marker="o", ms=4,
                mfc=None if group.dither.all() else "white",
                label=style.rate_label(rate))  # fmt: skip
        for row in group.itertuples():
            ax.plot([row.rate_bits] * 2, [row.mse] * 2, [floor, row.nll_nats],
                    color=colours[rate], linewidth=0.5, alpha=0.6)  # fmt: skip
    ax.set_xlabel("rate (bits an image)", labelpad=6)
    ax.set_ylabel("distortion (MSE per pixel)", labelpad=10)
    ax.set_zlabel("classification (NLL, nats)", labelpad=6)
    ax.set_zlim(floor, None)
    ax.tick_params(labelsize=8)
    ax.view_init(elev=22, azim=-128)
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, 0.95))
    figure.suptitle(
        f"Rate, distortion and classification: {style.method_name(method)}"
        + ("" if points.dither.all() else ", no dither"),
        fontsize=11,
    )
    return figure


def rates(test: pd.DataFrame) -> Figure:
    """What each rate buys: distortion beside the k-means reference, accuracy beside the judge's."""
    points = _points(test[test.method.isin(["rdc", "vq", "class_vq"])])
    learned = points[points.method == "rdc"]
    if learned.empty:
        return style.empty("No cell of method rdc in this run")
    figure, axes = plt.subplots(1, 2, figsize=(9.4, 4))
    lams = sorted(learned.lam.unique())
    for index, lam in enumerate(lams):
        colour, marker = style.COLOURS[index % 6], style.MARKERS[index % 6]
        for (_, dither), group in learned[learned.lam == lam].groupby(["recipe", "dither"]):
            group = group.sort_values("rate_bits")
            for ax, column in zip(axes, ("mse", "accuracy"), strict=True):
                _dots(ax, group, "entropy_bits", column, colour, marker)
                ax.plot(group.entropy_bits, group[column], color=colour, linewidth=1,
                        ls="-" if dither else "-.")  # fmt: skip
            axes[1].plot(group.entropy_bits, group.accuracy_judge, color=colour, ls=":",
                         linewidth=1.5)  # fmt: skip
    reference = points[points.method == "vq"].sort_values("entropy_bits")
    axes[0].plot(reference.entropy_bits, reference.mse, color=style.REFERENCE, ls="--", marker="x")
    for column, line in (("accuracy", "--"), ("accuracy_judge", ":")):
        axes[1].plot(
            reference.entropy_bits, reference[column], color=style.REFERENCE, ls=line, marker="x"
        )
    clean = test.accuracy_clean.max()
    axes[1].axhline(clean, color=style.REFERENCE, linewidth=0.8)
    axes[1].annotate("clean images", (axes[1].get_xlim()[0], clean), xytext=(2, 2),
                     textcoords="offset points", fontsize=8, color=style.REFERENCE)  # fmt: skip
    axes[0].set(xlabel="entropy of the code (bits an image)", ylabel="distortion: MSE per pixel")
    axes[1].set(xlabel="entropy of the code (bits an image)", ylabel="images read right (share)")
    handles = [
        Line2D([], [], color=style.COLOURS[i % 6], marker=style.MARKERS[i % 6],
               mfc=None if learned.dither.any() else "white", ls="-" if learned.dither.any() else "-.")
        for i in range(len(lams))
    ]  # fmt: skip
    labels = [f"λ = {lam:g}" for lam in lams]
    handles += [Line2D([], [], color=style.REFERENCE, ls=":")]
    labels += ["dotted: read by the judge"]
    if not learned.dither.all():
        handles.append(Line2D([], [], color=style.REFERENCE, ls="-.", marker="o", mfc="white"))
        labels.append("hollow: no dither")
    if not reference.empty:
        handles.append(Line2D([], [], color=style.REFERENCE, ls="--", marker="x"))
        labels.append("k-means codebook")
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.suptitle("What each rate buys: MSE + λ·NLL", fontsize=11)
    return figure


def _points(test: pd.DataFrame) -> pd.DataFrame:
    """Cells that differ in seed only, as means with intervals."""
    return summary(
        test,
        ["method", "recipe", "rate_bits", "levels", "lam", "dither"],
        ["mse", "nll_nats", "accuracy", "accuracy_judge", "entropy_bits"],
    )


def _dots(ax, group: pd.DataFrame, x: str, y: str, colour, marker: str = "o") -> None:
    """Points with their 95 % intervals over seeds, where there are seeds; hollow without dither."""
    for dither, own in group.groupby("dither"):
        ax.plot(own[x], own[y], color=colour, marker=marker, linestyle="", markersize=5,
                mfc=colour if dither else "white")  # fmt: skip
    bars = style.intervals(group, x, y)
    ax.errorbar(group[x], group[y], **bars, color=colour, linestyle="", linewidth=1, capsize=2)
