"""The table as a picture: how many times better than the reference, and what is required."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from bench.rows import BOUND, OURS, PUBLIC, SINGLE, Row

# Okabe and Ito's colours, told apart by all readers.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
plt.rcParams["svg.hashsalt"] = "rdc"


def draw(table: list[Row], required: dict[str, float], path: Path) -> None:
    """Writes ``path`` as .png and .svg."""
    ours = [r for r in table if r.side == OURS]
    others = {(r.benchmark, r.side): r for r in table if r.side != OURS}
    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.75 * len(ours)), layout="constrained")
    for place, r in enumerate(ours):
        axes.barh(place, r.ratio - 1, left=1, height=0.55, color=BLUE)
        if r.benchmark in required:
            mark = required[r.benchmark]
            axes.plot([mark, mark], [place - 0.42, place + 0.42], color=ORANGE, linewidth=3.5)
        bound = others.get((r.benchmark, BOUND))
        if bound and (r.benchmark, PUBLIC) in others:
            axes.plot(bound.ratio, place, "D", color="black", markerfacecolor="white", markersize=9)
        end = max(r.ratio, required.get(r.benchmark, 0), 1.0)
        if bound and bound.ratio < 2.5 * end:
            end = max(end, bound.ratio)
        axes.annotate(
            f"{r.ratio:.2f} ×",
            (end, place),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=12,
            fontweight="bold",
        )
    axes.axvline(1, color=GREY, linewidth=1.2, linestyle="--", zorder=0)
    axes.set_yticks(range(len(ours)), [_label(r, others) for r in ours], fontsize=11)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(0.8, 2.4 * max(r.ratio for r in table))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if value in (2, 3, 5, 20) else "")
    axes.set_xlabel(
        "times faster than the public code (or than the limit), logarithmic", fontsize=11
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _legend(figure, axes)
    figure.savefig(path.with_suffix(".png"), dpi=150)
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})  # same table, same bytes
    plt.close(figure)


def _label(r: Row, others: dict) -> str:
    """The benchmark with what was measured on both sides."""
    reference = next(
        o for side in (PUBLIC, BOUND, SINGLE) if (o := others.get((r.benchmark, side)))
    )
    what = "limit" if reference.side == BOUND else reference.side
    return f"{r.benchmark}\n{_number(r.median)} {r.unit}, {what} {_number(reference.median)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _legend(figure, axes) -> None:
    handles = [
        plt.Rectangle((0, 0), 1, 1, color=BLUE),
        plt.Line2D([], [], color=ORANGE, linewidth=3.5),
        plt.Line2D([], [], color="black", marker="D", markerfacecolor="white", linestyle="none"),
        plt.Line2D([], [], color=GREY, linestyle="--"),
    ]
    names = ["ours", "required", "one matrix product", "public code (or limit)"]
    figure.legend(handles, names, loc="outside upper center", ncols=4, frameon=False, fontsize=11)
