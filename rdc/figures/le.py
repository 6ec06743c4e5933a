"""Le's figures: a digit in Haar subbands, Table 3 ours beside theirs, and what is read as what."""

import itertools
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pywt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from rdc.figures import style
from rdc.intervals import summary

NAMES = ("haar", "table3", "plane", "classes")
BANDS = (
    "LL: a coarser image",
    "LH: horizontal edges",
    "HL: vertical edges",
    "HH: corners, diagonals",
)
MAIN = ("only_comp", "deep_feature", "na1", "na2", "na3")  # the rows of Table 3
IN_PLANE = (
    *MAIN,
    "only_comp_critic",
)  # ... of which the paper does not say if its first is this one


def draw(
    name: str,
    tables: dict[str, pd.DataFrame],
    published: pd.DataFrame,
    images: dict[str, Path],
) -> Figure:
    """One of ``NAMES``.

    Args:
        tables: ``cells`` and ``confusion``, rows of this study alone.
        published: Table 3, columns method, rate_bits, accuracy, mse; empty where this run's data is
            not theirs.
        images: each cell's file of saved reconstructions.
    """
    test = tables["cells"][tables["cells"].split == "test"]
    if test.empty:
        return style.empty("No cell of Le's study in this run")
    if name == "haar":
        return haar(next(iter(images.values())))
    if name == "classes":
        return classes(test, tables["confusion"])
    return {"table3": table3, "plane": plane}[name](_points(test), published, test)


def haar(path: Path) -> Figure:
    """Fig 3: one digit, its four subbands, and what their inverse gives back."""
    with np.load(path) as saved:
        digit = saved["images"][3] / 255
    approximation, details = pywt.dwt2(digit, "haar")
    pictures = [approximation / 2, *details]
    back = pywt.idwt2((approximation, details), "haar")
    figure, axes = plt.subplots(1, 6, figsize=(11, 2.5), width_ratios=[2, 1.4, 1.4, 1.4, 1.4, 2])
    for ax, band, name in zip(axes[1:5], pictures, BANDS, strict=True):
        reach = np.abs(details).max()
        if band is pictures[0]:
            ax.imshow(band, cmap="gray", vmin=0, vmax=1)
        else:
            drawn = ax.imshow(band, cmap="PuOr", vmin=-reach, vmax=reach)
        ax.set_title(name.replace(": ", ":\n"), fontsize=9)
    for ax, picture, name in ((axes[0], digit, "28 x 28 image"), (axes[5], back, "inverse")):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
        ax.set_title(f"{name}\n", fontsize=9)
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    figure.colorbar(drawn, ax=axes[5], label="coefficient of a detail band", fraction=0.06)
    figure.suptitle(
        "Haar transform: each 2 x 2 block becomes one mean and three differences; largest error of "
        f"the inverse {np.abs(back - digit).max():.0e}",
        fontsize=10,
    )
    return figure


def table3(points: pd.DataFrame, published: pd.DataFrame, test: pd.DataFrame) -> Figure:
    """Table 3 with a row for each method, dithered as theirs or not, and ours beside theirs."""
    rates = sorted(points.rate.unique())
    methods = [m for m in style.METHOD_NAMES if m in set(points.method)]
    columns = ["accuracy", *(["theirs"] if len(published) else []), "by the judge", "MSE",
               *(["theirs"] if len(published) else [])]  # fmt: skip
    clean = [f"{test.accuracy_clean.max():.1%}", *(["99.1%"] if len(published) else [])]
    body = [["original images", *[*clean, *[""] * (len(columns) - len(clean))] * len(rates)]]
    for method, dither in itertools.product(methods, (True, False)):
        codecs = points[(points.method == method) & (points.dither == dither)]
        if codecs.empty:
            continue
        line = [style.method_name(method) + ("" if dither else ", no dither")]
        for rate in rates:
            # Of several recipes that with most seeds, as in the ledger.
            own = codecs[codecs.rate == rate].sort_values("seeds", ascending=False, kind="stable")
            named = (published.method == method) & (published.rate_bits == rate)
            theirs = published[named & dither]  # all of theirs are
            line += _entries(own, theirs, bool(len(published)))
        body.append(line)
    header = ["", *(f"{style.rate_label(rate)}\n{c}" for rate in rates for c in columns)]
    heights = [2.0, *(1.7 if any("\n" in entry for entry in line) else 1.0 for line in body)]
    figure, ax = plt.subplots(figsize=(3 + 0.95 * (len(header) - 1), 0.3 + 0.3 * sum(heights)))
    ax.axis("off")
    name = 3 / (3 + 0.95 * (len(header) - 1))
    widths = [name, *[(1 - name) / (len(header) - 1)] * (len(header) - 1)]
    drawn = ax.table(body, colLabels=header, colWidths=widths, bbox=[0, 0, 1, 1], cellLoc="center")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    for (row, column), box in drawn.get_celld().items():
        box.set(edgecolor="#cccccc", linewidth=0.5, height=heights[row])
        box.set_text_props(fontweight="bold" if row == 0 else "normal",
                           ha="left" if column == 0 else "center")  # fmt: skip
    epochs = ", ".join(str(e) for e in sorted(test.epochs.unique()))
    beside = " beside theirs (25 epochs)" if len(published) else "; theirs is of MNIST"
    figure.suptitle(f"Le, Table 3: ours ({epochs} epochs){beside}", fontsize=11)
    return figure


def _entries(own: pd.DataFrame, theirs: pd.DataFrame, compared: bool) -> list[str]:
    """One method's columns at one rate; a dash for what there is not."""

    def shown(frame: pd.DataFrame, column: str, form: str) -> str:
        if frame.empty:
            return "–"
        row = frame.iloc[0]
        spread = row.get(f"{column}_high", np.nan) - row[column]
        return form.format(row[column]) + ("" if np.isnan(spread) else f"\n± {form.format(spread)}")

    return [
        shown(own, "accuracy", "{:.1%}"),
        *([shown(theirs, "accuracy", "{:.1%}")] if compared else []),
        shown(own, "accuracy_judge", "{:.1%}"),
        shown(own, "mse", "{:.4f}"),
        *([shown(theirs, "mse", "{:.3f}")] if compared else []),
    ]


def plane(points: pd.DataFrame, published: pd.DataFrame, test: pd.DataFrame) -> Figure:
    """Table 3 as a picture: accuracy against MSE, a line from each published point to ours."""
    rates = sorted(points.rate.unique())
    figure, axes = plt.subplots(
        1, len(rates), figsize=(max(4.5 * len(rates), 6.5) + 0.4, 4.6), squeeze=False
    )
    looks = style.looks(set(points.method) & set(IN_PLANE))
    for ax, rate in zip(axes[0], rates, strict=True):
        for method, look in looks.items():
            own = points[(points.rate == rate) & (points.method == method)]
            theirs = published[(published.rate_bits == rate) & (published.method == method)]
            for codecs, face in ((own[own.dither], look["color"]), (own[~own.dither], "white")):
                bars = style.intervals(codecs, "mse", "accuracy")
                ax.errorbar(codecs.mse, codecs.accuracy, **bars, ls="", capsize=2, **look, mfc=face)
            ax.plot(theirs.mse, theirs.accuracy, ls="", mfc=style.pale(look["color"]), **look)
            for ours in own.itertuples() if len(theirs) else ():
                ax.plot([theirs.mse.iloc[0], ours.mse],
                        [theirs.accuracy.iloc[0], ours.accuracy],
                        color=look["color"], linewidth=0.7, ls=":", zorder=1)  # fmt: skip
        ax.axhline(test.accuracy_clean.max(), color=style.REFERENCE, linewidth=0.8)
        ax.yaxis.set_major_formatter(PercentFormatter(1))
        ax.set(title=style.rate_label(rate), xlabel="distortion: MSE per pixel")
    axes[0, 0].set_ylabel("images read right by Le's classifier")
    handles = [Line2D([], [], ls="", **look) for look in looks.values()]
    handles.append(Line2D([], [], color=style.REFERENCE, linewidth=0.8))
    labels = [*map(style.method_name, looks), "clean images"]
    if not points[points.method.isin(looks)].dither.all():
        handles.append(Line2D([], [], color=style.REFERENCE, marker="o", mfc="white", ls=""))
        labels.append("hollow: no dither")
    if len(published):
        face = style.pale(style.REFERENCE)
        handles.append(Line2D([], [], color=style.REFERENCE, marker="o", mfc=face, ls=""))
        labels.append("pale: as published")
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle("Le, Table 3, as a picture", fontsize=11)
    return figure


def classes(test: pd.DataFrame, confusion: pd.DataFrame) -> Figure:
    """Recall and precision of each class, and the confusion of the first method; one rate."""
    rate = 8.0 if (test.rate_bits == 8).any() else test.rate_bits.iloc[0]
    chosen = test[(test.rate_bits == rate) & (test.seed == test.seed.min())]
    chosen = chosen[chosen.method.isin(MAIN) & chosen.dither]
    if chosen.empty:
        return style.empty("No cell of Table 3 in this run")
    recalls, precisions, names, matrices = [], [], [], {}
    for method in (m for m in MAIN if m in set(chosen.method)):
        row = chosen[chosen.method == method].iloc[0]
        own = confusion[(confusion.cell == row.cell) & (confusion.classifier == row.classifier)]
        counts = own.assign(count=own.share * own.n_images).pivot(
            index="label", columns="predicted", values="count"
        )
        matrices[method] = counts.to_numpy()
        recalls.append(np.diag(counts) / np.maximum(counts.sum(axis=1), 1))
        precisions.append(np.diag(counts) / np.maximum(counts.sum(axis=0), 1e-9))
        names.append(style.method_name(method))
    figure, axes = plt.subplots(
        1, 3, figsize=(14, 0.5 * len(names) + 2.6), width_ratios=[1, 1, 0.75]
    )
    low = min(np.min(recalls), np.min(precisions))
    for ax, values, title in (
        (axes[0], recalls, "recall: share of the digit's images read as it"),
        (axes[1], precisions, "precision: share of what is read as the digit"),
    ):
        ax.imshow(values, cmap="cividis", vmin=low, vmax=1, aspect="auto")
        for (i, j), value in np.ndenumerate(np.array(values)):
            ax.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=8,
                    color="white" if value < (low + 1) / 2 else "black")  # fmt: skip
        ax.set_yticks(range(len(names)), names if ax is axes[0] else [""] * len(names))
        ax.set(title=f"{title} (%)", xlabel="digit", xticks=range(len(values[0])))
        ax.grid(False)
    worst = min(matrices, key=lambda m: np.trace(matrices[m]))
    shares = matrices[worst] / np.maximum(matrices[worst].sum(axis=1, keepdims=True), 1)
    off = np.where(np.eye(len(shares), dtype=bool), np.nan, 100 * shares)
    drawn = axes[2].imshow(off, cmap="cividis")
    figure.colorbar(drawn, ax=axes[2], label="% of the digit's images")
    axes[2].set(title=f"mistakes of\n{style.method_name(worst)}", xlabel="read as", ylabel="digit",
                xticks=range(len(off)), yticks=range(len(off)))  # fmt: skip
    axes[2].grid(False)
    figure.suptitle(f"What is read as what, at {style.rate_label(rate)}", fontsize=11)
    return figure


def _points(test: pd.DataFrame) -> pd.DataFrame:
    return summary(
        test.assign(rate=test.rate_bits.round(3)),
        ["method", "recipe", "rate", "dither"],
        ["mse", "accuracy", "accuracy_judge"],
    )
