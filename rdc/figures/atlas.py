"""Every codec of every paper on one plane at each rate, with the codebooks as the reference."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rdc.figures import style
from rdc.figures.jpeg_sets import looks as lines_of
from rdc.figures.jpeg_sets import title
from rdc.intervals import summary
from rdc.readings import read_right

NAMES = ("planes", "rates", "jpeg")
JUDGE = "accuracy_judge"
# How the papers' own points are drawn, as on the page.
PAPERS = {
    "le": ({"marker": "s", "ms": 6}, "as Le published, its own classifier"),
    "nguyen": ({"marker": "|", "ms": 9}, "MSE that Nguyen published, without accuracy"),
}
BEYOND = 1.6  # times the MSE of any codebook of its rate: a codec so far off would hide all others
IN_A_LINE = 3  # rates beside each other: more would be too small to read on a page
PIXELS = 28 * 28  # of the images that codecs are trained on


def draw(
    name: str,
    cells: pd.DataFrame,
    confusion: pd.DataFrame,
    jpeg: pd.DataFrame | None = None,
    published: pd.DataFrame | None = None,
) -> Figure:
    """One of ``NAMES``, of the dataset with most cells.

    Args:
        cells, confusion, jpeg: the tables of these names; a run may have no ``jpeg``.
        published: the papers' points (``published.points``); None where the data is not theirs.
    """
    test = cells[cells.split == "test"]
    if test.empty:
        return style.empty("No cell in this run")
    test = test[test.dataset == test.dataset.value_counts().idxmax()]
    reader = test.classifier.value_counts().idxmax()
    test = test.assign(accuracy=_accuracy(test, confusion, reader), rate=test.rate_bits.round(3))
    if name == "jpeg":
        own = None if jpeg is None else jpeg[jpeg.dataset == test.dataset.iloc[0]]
        return beside_jpeg(test, own, reader)
    return planes(test, reader, published) if name == "planes" else rates(test, reader)


def planes(test: pd.DataFrame, reader: str, published: pd.DataFrame | None = None) -> Figure:
    """Accuracy against distortion: two panels for each rate that has more than codebooks; above the
    classifier, below the judge.

    Shaded is where a codec would be ahead of every codebook of its rate.

    Args:
        reader: the classifier that ``accuracy`` comes from, the same for all.
        published: the papers' points, drawn above beside ours of the same rate.
    """
    points = _points(test)
    worst = points[points.method.isin(style.CODEBOOKS)].groupby("rate").mse.max()
    far = points.mse > BEYOND * points.rate.map(worst)
    points, beyond = points[~far], points[far]
    readers = {
        "accuracy": f"by classifier {reader},\nwhich some codecs trained with",
        JUDGE: "by the judge,\nwhich none trained with",
    }
    looks = _looks(test)
    trained = points[points.method.isin(looks)]
    rates = sorted((points if trained.empty else trained).rate.unique())
    theirs = pd.DataFrame(columns=["paper", "rate", "mse", "accuracy"])
    if published is not None:
        theirs = published.dropna(subset=["accuracy", "nll"], how="all")  # not for perception alone
        theirs = theirs.assign(rate=theirs.rate.round(1))
        rates = sorted({*rates, *points[points.rate.round(1).isin(theirs.rate)].rate})
        theirs = theirs[theirs.rate.isin(np.round(rates, 1))]
    columns = min(len(rates), IN_A_LINE)
    lines = -(-len(rates) // IN_A_LINE)
    figure, axes = plt.subplots(
        2 * lines, columns, figsize=(3.1 * columns + 0.8, 5.2 * lines + 1.4), squeeze=False
    )
    clean = test[test.classifier == reader].accuracy_clean.max()
    frontiers: list[Line2D | None] = []
    for number, rate in enumerate(rates):
        line, column = divmod(number, IN_A_LINE)
        own = points[points.rate == rate]
        for row, (measure, words) in enumerate(readers.items()):
            ax = axes[2 * line + row, column]
            for method, look in looks.items():
                _codecs(ax, own[own.method == method].sort_values("lam"), measure, look)
            said = theirs[theirs.rate == round(rate, 1)]
            if row == 0:
                ax.axhline(clean, color=style.REFERENCE, linewidth=0.8)
                _as_published(ax, said)
            frontiers.append(_codebooks(ax, own, measure))
            style.scale_for(ax, "x", pd.concat([own.mse, said.mse.astype(float)]))
            if ax.get_xscale() == "linear":
                ax.xaxis.set_major_locator(MaxNLocator(4))
            ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            if row == 0:
                ax.set_title(style.rate_label(rate))
            else:
                ax.sharex(axes[2 * line, column])
                ax.set_xlabel("MSE per pixel")
            if column == 0:
                ax.set_ylabel(f"images read right\n{words}")
    for row in range(2):
        _same_scale(axes[row::2].ravel()[: len(rates)])
    for ax in axes[-2:].T[len(rates) - columns * (lines - 1) :].ravel():
        ax.axis("off")
    for frontier in filter(None, frontiers):  # now that all scales are set
        _shade(frontier)
    handles, labels = _legend(
        {m: look for m, look in looks.items() if m in set(trained.method)}, points
    )
    for method, own in beyond.groupby("method", sort=False):
        told = [
            f"{style.rate_label(rate)}: {_range(there.mse, '{:.3f}')}, {_range(there.accuracy, '{:.0%}')}"
            for rate, there in own.groupby("rate")
        ]
        handles.append(Line2D([], [], ls="", **looks[method]))
        labels.append("\n".join([f"{style.method_name(method)}, off the scale:", *told]))
    for paper in PAPERS:
        if (theirs.paper == paper).any():
            mark, words = PAPERS[paper]
            face = style.pale(style.REFERENCE)
            handles.append(Line2D([], [], ls="", color=style.REFERENCE, mfc=face, **mark))
            labels.append(words)
    # What the lines of those off the scale need, which would be taken from the panels.
    figure.set_figheight(figure.get_figheight() + 0.17 * "".join(labels).count("\n"))
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle(
        "How far from the codebooks of the same rate? Up and left is better", fontsize=11
    )
    return figure


def rates(test: pd.DataFrame, reader: str) -> Figure:
    """Distortion and accuracy of every codec against the bits it really needs.

    Args:
        reader: the classifier that ``accuracy`` comes from, the same for all.
    """
    points, looks = _points(test), _looks(test)
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.6))
    for ax, measure in zip(axes, ("mse", "accuracy"), strict=True):
        for method, look in looks.items():
            _codecs(ax, points[points.method == method], measure, look, across="entropy_bits")
        for method, marker in style.CODEBOOKS.items():
            own = points[points.method == method]
            best = own.groupby("rate")[measure].agg("min" if measure == "mse" else "max")
            bits = own.groupby("rate").entropy_bits.mean()
            ax.plot(
                own.entropy_bits, own[measure], color=style.REFERENCE, marker=marker, ls="", ms=7
            )
            line = {"vq": "--", "class_vq": "-"}.get(method, "")
            ax.plot(bits, best, color=style.REFERENCE, linewidth=1, ls=line)
        ax.set(xlabel="entropy of the code (bits an image)")
    style.scale_for(axes[0], "y", points.mse)
    axes[0].set(ylabel="distortion: MSE per pixel", title="lower is better")
    axes[1].axhline(
        test[test.classifier == reader].accuracy_clean.max(), color=style.REFERENCE, linewidth=0.8
    )
    axes[1].yaxis.set_major_formatter(PercentFormatter(1))
    axes[1].set(ylabel=f"images read right by classifier {reader}", title="higher is better")
    figure.legend(*_legend(looks, points), loc="outside lower center", ncols=3)
    figure.suptitle(
        "What each codec makes of its bits, and what codebooks make of them", fontsize=11
    )
    return figure


def beside_jpeg(test: pd.DataFrame, rows: pd.DataFrame | None, reader: str) -> Figure:
    """The same codecs and real JPEG files of the same images, each at its own rates.

    Args:
        rows: of the table ``jpeg``, those of this dataset.
        reader: the classifier of ``accuracy``; JPEG's is the one that its study names.
    """
    if rows is None or rows.empty:
        return style.empty("No JPEG study of this run's own images")
    points = _points(test)
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.6))
    lines = lines_of(rows.tables.unique())
    for ax, measure in zip(axes, ("mse", "accuracy"), strict=True):
        own = points[points.method.isin(_looks(test))]
        ax.plot(own.entropy_bits, own[measure], "o", color="#9a9a9a", ms=4)
        books = points[points.method.isin(style.CODEBOOKS)]
        ax.plot(books.entropy_bits, books[measure], "*", color=style.REFERENCE, ms=7)
        for name, part in rows.groupby("tables", sort=False):
            part = part.sort_values("quality")
            for bits, line in (("bpp_scan_dht", "-"), ("bpp_scan", ":")):
                ax.plot(part[bits] * PIXELS, part[measure], line, color=lines[name][0], marker=".")
        ax.set_xscale("log")
        ax.set(xlabel="bits an image (logarithmic)")
    axes[0].set_yscale("log")
    axes[0].set(ylabel="distortion: MSE per pixel", title="lower is better")
    axes[1].yaxis.set_major_formatter(PercentFormatter(1))
    axes[1].set(ylabel=f"images read right by classifier {reader}", title="higher is better")
    handles = [
        Line2D([], [], color="#9a9a9a", marker="o", ls="", ms=4),
        Line2D([], [], color=style.REFERENCE, marker="*", ls="", ms=7),
        *(Line2D([], [], color=colour, marker=".") for colour, _ in lines.values()),
        Line2D([], [], color=style.REFERENCE, ls=":"),
    ]
    labels = [
        "codecs with networks", "codebooks", *(f"JPEG, {title(name)}" for name in lines),
        "JPEG, Huffman tables not counted",
    ]  # fmt: skip
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle("JPEG as one more codec: how many bits before it shows anything", fontsize=11)
    return figure


def _points(test: pd.DataFrame) -> pd.DataFrame:
    points = summary(
        test,
        ["study", "method", "recipe", "rate", "lam", "dither"],
        ["mse", "accuracy", JUDGE, "entropy_bits"],
    )
    # With lambda 0 two methods may be one codec (MSE alone): drawn under the name that comes first.
    known = {name: place for place, name in enumerate(style.METHOD_NAMES)}
    points = points.iloc[
        points.method.map(lambda name: known.get(name, len(known))).argsort(kind="stable")
    ]
    return points.drop_duplicates(["rate", "mse", "accuracy", "entropy_bits"])


def _looks(test: pd.DataFrame) -> dict[str, dict]:
    """A colour and a marker for each method with networks."""
    return style.looks(set(test.method) - set(style.CODEBOOKS))


def _accuracy(test: pd.DataFrame, confusion: pd.DataFrame, reader: str) -> np.ndarray:
    """Share of test images that one classifier reads right, for each row of ``test``."""
    keys = pd.MultiIndex.from_frame(test[["study", "cell"]].assign(classifier=reader))
    return read_right(confusion).reindex(keys).to_numpy()


def _codecs(ax, group: pd.DataFrame, measure: str, look: dict, across: str = "mse") -> None:
    """A method's codecs with their intervals over seeds; hollow where there is no dither."""
    for dither, own in group.groupby("dither"):
        bars = style.intervals(own, across, measure)
        ax.errorbar(own[across], own[measure], **bars, **look, ls="", capsize=2, ms=5,
                    mfc=look["color"] if dither else "white")  # fmt: skip


def _as_published(ax, points: pd.DataFrame) -> None:
    """The papers' points: Le's pale, Nguyen's as ticks on the axis, since it gives no accuracy."""
    for paper, part in points.groupby("paper"):
        mark, _ = PAPERS[paper]
        on_axis = part.accuracy.isna().all()
        ax.plot(part.mse, np.zeros(len(part)) if on_axis else part.accuracy, ls="", **mark,
                color=style.REFERENCE, mfc=style.pale(style.REFERENCE), clip_on=not on_axis,
                transform=ax.get_xaxis_transform() if on_axis else ax.transData)  # fmt: skip


def _codebooks(ax, own: pd.DataFrame, measure: str) -> Line2D | None:
    """The k-means point and the class-aware ones; returns their frontier, None without codebooks."""
    books = own[own.method.isin(style.CODEBOOKS)].sort_values("mse")
    if books.empty:
        return None
    for method, marker in style.CODEBOOKS.items():
        group = books[books.method == method]
        ax.plot(group.mse, group[measure], color=style.REFERENCE, marker=marker, ls="", ms=7)
    best = np.maximum.accumulate(books[measure])
    (frontier,) = ax.plot(
        books.mse, best, color=style.REFERENCE, linewidth=1, drawstyle="steps-post"
    )
    return frontier


def _range(values: pd.Series, form: str) -> str:
    ends = dict.fromkeys(form.format(value) for value in (values.min(), values.max()))
    return " to ".join(ends)


def _same_scale(panels: np.ndarray) -> None:
    """One vertical scale for all, so that rates can be compared."""
    limits = np.array([ax.get_ylim() for ax in panels])
    for ax in panels:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


def _shade(frontier: Line2D) -> None:
    """What no codebook reaches: less MSE than any, or more accuracy than all of no more MSE."""
    ax = frontier.axes
    (left, right), low = ax.get_xlim(), ax.get_ylim()[0]
    mse, best = frontier.get_data()
    x, y = [left, *mse, max(right, mse[-1])], [low, *best, best[-1]]
    ax.fill_between(x, y, 1.0, color="#e9f2e4", step="post", linewidth=0, zorder=0)
    ax.set_xlim(left, right)


def _legend(looks: dict[str, dict], points: pd.DataFrame) -> tuple[list, list]:
    handles = [Line2D([], [], ls="", **look) for look in looks.values()]
    labels = [style.method_name(method) for method in looks]
    for method, marker in style.CODEBOOKS.items():
        if method in set(points.method):
            line = "-" if method == "class_vq" else ""
            handles.append(Line2D([], [], color=style.REFERENCE, marker=marker, ls=line))
            labels.append(style.method_name(method))
    handles.append(Line2D([], [], color=style.REFERENCE, linewidth=0.8))
    labels.append("clean images")
    if not points[points.method.isin(looks)].dither.all():
        handles.append(Line2D([], [], color=style.REFERENCE, marker="o", mfc="white", ls=""))
        labels.append("hollow: no dither")
    return handles, labels
