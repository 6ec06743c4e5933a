"""Seconds against the number of cells, with a line for time in proportion to it."""

from pathlib import Path

from matplotlib import pyplot as plt

from bench.plot import BLUE, GREY, ORANGE
from bench.rows import OURS, Row
from bench.scale import EACH, JOB, MOST_SECONDS, PLAN, RERUN, SIZES, name

CURVES = {
    EACH: (ORANGE, "o"),
    PLAN: (BLUE, "o"),
    RERUN: ("#009E73", "s"),
    JOB: ("#CC79A7", "^"),
}


def draw(table: list[Row], path: Path) -> None:
    """Writes ``path`` as .png and .svg, if the table has these rows."""
    seconds = {r.benchmark: r.median for r in table if r.side == OURS}
    if name(PLAN, SIZES[0]) not in seconds:
        return
    figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
    for what, (colour, marker) in CURVES.items():
        values = [seconds[name(what, cells)] for cells in SIZES]
        axes.plot(SIZES, values, marker=marker, color=colour, linewidth=2, label=what)
        place = (0, 7) if what in (EACH, PLAN) else (0, -16)
        for cells, value in zip(SIZES, values, strict=True):
            axes.annotate(
                f"{value:.3g}", (cells, value), place, textcoords="offset points", ha="center"
            )
    middle = seconds[name(PLAN, SIZES[1])]
    line = [middle * cells / SIZES[1] for cells in SIZES]
    axes.plot(SIZES, line, "--", color=GREY, linewidth=1.2, label="in proportion to the cells")
    axes.plot(SIZES[1], MOST_SECONDS, "_", color="black", markersize=18, label="allowed")
    axes.set(xscale="log", yscale="log", xlabel="cells", ylabel="processor seconds")
    axes.set_xticks(SIZES, [f"{cells:,}" for cells in SIZES])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_ylim(bottom=0.3 * seconds[name(JOB, SIZES[0])])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path.with_suffix(".png"), dpi=150)
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    plt.close(figure)
