"""How every figure looks, and how it is written."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from matplotlib.transforms import Affine2D, Bbox

from rdc.atomic import replacing

# Okabe and Ito's colours, told apart without colour vision; black and grey are for references.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
REFERENCE = "#444444"
CODEBOOKS = {"vq": "x", "class_vq": "*", "class_vq_soft": "d"}  # each one's marker
MARKERS = ["o", "s", "^", "D", "v", "P"]
# Where a name may stand beside its point, in points: right above first, further off last.
CORNERS = [(4, 3), (-4, 3), (4, -3), (-4, -3), (4, 12), (-4, 12), (4, -12), (-4, -12)]

METHOD_NAMES = {
    "rdc": "MSE + λ·NLL (Nguyen's form)",
    "rdc_printed": "λ·mean MSE + NLL (eq. 23 as printed)",
    "rdc_summed": "λ·summed MSE + NLL",
    "vq": "k-means codebook",
    "class_vq": "class-aware codebook",
    "class_vq_soft": "class-aware codebook, soft posterior",
    "only_comp": "compression only",
    "only_comp_critic": "compression and pixel critic",
    "deep_feature": "deep features",
    "na1": "NA1: faint Haar critics",
    "na2": "NA2: Haar critics",
    "na1_mean": "NA1, MSE a mean over pixels",
    "na2_mean": "NA2, MSE a mean over pixels",
    "na3": "NA3: stronger details (.005)",
    "na3_mean": "NA3 (.005), MSE a mean over pixels",
    "na3_printed": "NA3 as printed (.05)",
    "rdp": "MSE + λ·W1",
    "rdpc": "MSE + .005·NLL + λ·W1",
    "universal_rdc": "universal, MSE + λ·NLL",
    "universal_rdc_train": "universal, batch norm in train mode",
    "universal_rdp": "universal, MSE + λ·W1",
}

# Methods in the order of their looks, six colours a line: those that share a panel differ in colour, and
# readings of one method share its colour.
LOOKS = (
    *("rdc", "na3", "na2", "only_comp", "deep_feature", "na1"),
    *("universal_rdc", "rdc_printed", "rdp", "only_comp_critic", "universal_rdp", "universal_rdc_train"),
    *("rdc_summed", "na3_printed", "na2_mean", "rdpc", "na3_mean", "na1_mean"),
)  # fmt: skip

plt.rcParams.update(
    {
        "figure.constrained_layout.use": True,
        "figure.dpi": 100,
        "savefig.dpi": 150,
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "svg.hashsalt": "rdc",  # the same bytes for the same figure
    }
)


def rate_label(bits: float) -> str:
    """``4.75 bits``, ``6 bits``."""
    return f"{bits:.2f}".rstrip("0").rstrip(".") + " bits"


def rate_colours(rates: Iterable[float]) -> dict[float, tuple]:
    """A colour for each rate: dark is few bits, bright is many, whatever other figures show."""
    ordered = sorted(set(rates))
    colours = plt.get_cmap("viridis")
    positions = [0.05 + 0.8 * i / max(len(ordered) - 1, 1) for i in range(len(ordered))]
    return {rate: colours(p) for rate, p in zip(ordered, positions, strict=True)}


def method_name(method: str) -> str:
    return METHOD_NAMES.get(method, method)


def looks(methods: Iterable[str]) -> dict[str, dict]:
    """A colour and a marker for each method, no pair twice; the same in every figure and run."""
    own = sorted(set(methods) - set(LOOKS))  # a user's
    known = [method for method in METHOD_NAMES if method in set(methods) & set(LOOKS)]
    order = [*LOOKS, *own]
    return {
        method: {"color": COLOURS[i % 6], "marker": MARKERS[(i + i // 6) % 6]}
        for method, i in ((method, order.index(method)) for method in [*known, *own])
    }


def pale(colour: str) -> tuple[float, float, float]:
    """What points of the papers are filled with; ours are solid, and hollow without dither."""
    return tuple(0.3 * channel + 0.7 for channel in to_rgb(colour))


def intervals(points: pd.DataFrame, x: str, y: str) -> dict[str, list[pd.Series]]:
    """``errorbar``'s xerr and yerr of what ``summary`` gives: 95 % over seeds, none of a single one."""
    return {
        f"{axis}err": [
            points[column] - points[f"{column}_low"],
            points[f"{column}_high"] - points[column],
        ]
        for axis, column in (("x", x), ("y", y))
    }


def scale_for(axes: Axes, which: str, values: Iterable[float]) -> None:
    """Logarithmic with plain numbers (0.5, not 5 x 10^-1) where values span more than a factor 3."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    known = [value for value in values if value > 0]
    if not known or max(known) < 3 * min(known):
        axis.set_major_locator(MaxNLocator(5))
        return
    axes.set(**{f"{which}scale": "log"})
    decades = max(known) > 30 * min(known)
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def name_points(axes: Axes, points: Iterable[tuple[float, float, str]]) -> None:
    """Writes a small name beside each (x, y), clear of all marks and of other names if it can.

    The last thing to be drawn: places depend on the axes' limits, and on the room that legends leave.
    """
    points, size = sorted(set(points)), 7
    if not points:
        return
    axes.figure.draw_without_rendering()
    place_of = (axes.transData + Affine2D().scale(72 / axes.figure.dpi)).transform
    marks = [line.get_xydata() for line in axes.lines if line.get_marker() not in ("None", "")]
    taken = [Bbox.from_bounds(x - 3, y - 3, 6, 6) for x, y in place_of(np.concatenate(marks))]
    for x, y, name in points:
        (left, low), width = place_of((x, y)), 0.62 * size * len(name)
        boxes = [
            Bbox.from_bounds(left + dx - width * (dx < 0), low + dy - size * (dy < 0), width, size)
            for dx, dy in CORNERS
        ]
        hits = [box.count_overlaps(taken) for box in boxes]
        best = hits.index(min(hits))
        dx, dy = CORNERS[best]
        taken.append(boxes[best])
        axes.annotate(name, (x, y), xytext=(dx, dy), textcoords="offset points", fontsize=size,
                      ha="left" if dx > 0 else "right", va="bottom" if dy > 0 else "top",
                      color=REFERENCE)  # fmt: skip


def empty(message: str) -> Figure:
    """A figure that says why there is nothing to see."""
    figure, axes = plt.subplots(figsize=(6, 1.2))
    axes.axis("off")
    axes.text(0.5, 0.5, message, ha="center", va="center", color=REFERENCE)
    return figure


def write(figure: Figure, svg: str | Path, png: str | Path) -> None:
    """Writes both files, whole or not at all, and closes the figure."""
    for path, extra in ((svg, {"metadata": {"Date": None}}), (png, {})):
        with replacing(path) as scratch:
            figure.savefig(scratch, **extra)
    plt.close(figure)
