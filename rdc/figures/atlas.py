"""Every codec of every paper on one plane at each rate, with the codebooks as the reference."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rdc.figures import style
from rdc.intervals import summary

NAMES = ("planes",)
CODEBOOKS = ("vq", "class_vq")
READERS = {
    "accuracy": "read by the classifier\nit was trained against",
    "accuracy_judge": "read by the judge,\nwhich no codec ever met",
}


def draw(name: str, cells: pd.DataFrame) -> Figure:
    """``planes``, from all rows of the table ``cells``; one dataset, the one with most cells."""
    test = cells[cells.split == "test"]
    if test.empty:
        return style.empty("No cell in this run")
    return planes(test[test.dataset == test.dataset.value_counts().idxmax()])


def planes(test: pd.DataFrame) -> Figure:
    """Accuracy against distortion, a column for each rate, a row for each reader.

    The shaded corner is where a codec would beat every codebook of its rate.
    """
    points = summary(
        test.assign(rate=test.rate_bits.round(3)),
        ["method", "recipe", "rate", "lam", "dither"],
        ["mse", "accuracy", "accuracy_judge"],
    )
    rates = sorted(points.rate.unique())
    methods = [m for m in dict.fromkeys(test.method) if m not in CODEBOOKS]
    figure, axes = plt.subplots(
        len(READERS), len(rates), figsize=(2.9 * len(rates) + 0.8, 6.4), squeeze=False, sharey="row"
    )
    for column, rate in enumerate(rates):
        own = points[points.rate == rate]
        for row, (reader, words) in enumerate(READERS.items()):
            ax = axes[row, column]
            _codebooks(ax, own, reader)
            for index, method in enumerate(methods):
                group = own[own.method == method].sort_values("lam")
                ax.errorbar(group.mse, group[reader], **_bars(group, reader), ls="", capsize=2,
                            color=style.COLOURS[index % 6], marker=style.MARKERS[index % 6], ms=5)  # fmt: skip
            clean = test.accuracy_clean.max()
            ax.axhline(clean, color=style.REFERENCE, linewidth=0.8)
            style.scale_for(ax, "x", own.mse)
            if ax.get_xscale() == "linear":
                ax.xaxis.set_major_locator(MaxNLocator(4))
            ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            if row == 0:
                ax.set_title(style.rate_label(rate))
            if row == len(READERS) - 1:
                ax.set_xlabel("MSE per pixel")
            if column == 0:
                ax.set_ylabel(f"images read right,\n{words}")
    handles = [
        Line2D([], [], color=style.COLOURS[i % 6], marker=style.MARKERS[i % 6], ls="")
        for i in range(len(methods))
    ]
    labels = [style.method_name(method) for method in methods]
    for method, marker, line in (("vq", "x", ""), ("class_vq", "*", "-")):
        if method in set(points.method):
            handles.append(Line2D([], [], color=style.REFERENCE, marker=marker, ls=line))
            labels.append(style.method_name(method))
    handles.append(Line2D([], [], color=style.REFERENCE, linewidth=0.8))
    labels.append("clean images")
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle(
        "How far from the codebooks of the same rate? Up and left is better", fontsize=11
    )
    return figure


def _codebooks(ax, own: pd.DataFrame, reader: str) -> None:
    """The k-means point, the class-aware frontier, and the corner that both leave open."""
    books = own[own.method.isin(CODEBOOKS)].sort_values("mse")
    if books.empty:
        return
    ax.plot(books.mse, books[reader], color=style.REFERENCE, linewidth=1)
    for method, marker in (("vq", "x"), ("class_vq", "*")):
        group = books[books.method == method]
        ax.plot(group.mse, group[reader], color=style.REFERENCE, marker=marker, ls="", ms=7)
    best = np.maximum.accumulate(books[reader])
    ax.fill_between(books.mse, best, 1.0, color="#e9f2e4", step="post", linewidth=0)


def _bars(group: pd.DataFrame, reader: str) -> dict:
    """95 % intervals over seeds; none where there is a single seed."""
    known = group[["mse_low", f"{reader}_low"]].notna().all(axis=1)
    return {
        f"{axis}err": [
            (group[name] - group[f"{name}_low"]).where(known, 0.0),
            (group[f"{name}_high"] - group[name]).where(known, 0.0),
        ]
        for axis, name in (("x", "mse"), ("y", reader))
    }
