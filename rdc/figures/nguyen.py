"""Nguyen's figures: classification and perception against distortion, end to end and universal."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rdc.figures import pictures, style
from rdc.figures.pictures import Row
from rdc.intervals import summary

NAMES = ("classification", "universal", "perception", "reconstructions", "critics")
RATE = 4.755  # of all but Fig 4b: 3 x 3
PAIRS = {"classification": ("rdc", "universal_rdc"), "perception": ("rdp", "universal_rdp")}
END_TO_END, UNIVERSAL, PUBLISHED = style.COLOURS[0], style.COLOURS[1], style.REFERENCE


def draw(
    name: str, cells: pd.DataFrame, published: pd.DataFrame, images: dict[str, Path]
) -> Figure:
    """One of ``NAMES``.

    Args:
        cells: rows of this study alone.
        published: the papers' points, columns figure, rate_bits, model, mse_per_pixel, metric,
            value; empty where this run's data is not theirs.
        images: each cell's file of saved reconstructions.
    """
    test = cells[cells.split == "test"]
    test = test.assign(rate=test.rate_bits.round(3))
    if name == "classification":
        return classification(test, published)
    at_rate = test[test.rate == RATE]
    if at_rate.empty:
        return style.empty(f"No cell at {RATE} bits in this run")
    if name == "reconstructions":
        return reconstructions(at_rate, images)
    return {"universal": universal, "perception": perception, "critics": critics}[name](
        at_rate, published
    )


def classification(test: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Figs 4a and 4b: MSE against NLL of codecs trained end to end, by rate."""
    points = _points(test[test.method == "rdc"])
    if points.empty:
        return style.empty("No cell of method rdc in this study")
    rates = sorted(points.rate.unique())
    figure, axes = plt.subplots(
        1, len(rates), figsize=(max(3.3 * len(rates), 6) + 1, 4), squeeze=False
    )
    for ax, rate in zip(axes[0], rates, strict=True):
        own = points[points.rate == rate].sort_values("lam")
        _series(ax, own, "nll_nats", END_TO_END, "o", "ours, end to end")
        for figure_name, marker, words in (
            ("fig4b", "D", "Fig 4"),
            ("poster_b", "v", "poster, with a W1 term"),
        ):
            theirs = published[(published.figure == figure_name) & _near(published, rate)]
            _published(ax, theirs, PUBLISHED, marker, words)
        ax.set(title=style.rate_label(rate), xlabel="distortion: MSE per pixel")
        style.scale_for(ax, "y", np.concatenate([line.get_ydata() for line in ax.lines]))
        style.scale_for(ax, "x", [])
    axes[0, 0].set_ylabel("classification: NLL of the true label (nats)")
    figure.legend(*_once(axes[0]), loc="outside lower center", ncols=3)
    figure.suptitle("Less distortion or fewer mistakes: MSE + λ·NLL; numbers are λ", fontsize=11)
    for ax, rate in zip(axes[0], rates, strict=True):
        _name_lambdas(ax, points[points.rate == rate], "nll_nats")
    return figure


def universal(test: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Fig 6: new decoders on one frozen encoder against codecs trained end to end."""
    figure, ax = plt.subplots(figsize=(7, 4.8))
    points = _points(test)
    for model, colour, marker in (("e2e", END_TO_END, "o"), ("universal", UNIVERSAL, "s")):
        own = points[points.method == PAIRS["classification"][model == "universal"]]
        own = own.sort_values("lam")
        _series(ax, own, "nll_nats", colour, marker, f"ours, {_words(model)}", model == "e2e")
        theirs = published[(published.figure == "fig6") & (published.model == model)]
        _published(ax, theirs, colour, marker, _words(model))
    trained = points[points.method == "universal_rdc_train"].sort_values("lam")
    _series(ax, trained, "nll_nats", style.COLOURS[2], "^",
            "ours, frozen encoder with batch norm\nleft in train mode, as in public code")  # fmt: skip
    ax.set(
        xlabel="distortion: MSE per pixel", ylabel="classification: NLL of the true label (nats)"
    )
    style.scale_for(ax, "y", np.concatenate([line.get_ydata() for line in ax.lines]))
    figure.legend(*_once([ax]), loc="outside lower center", ncols=2)
    figure.suptitle(f"One encoder for many decoders, {style.rate_label(RATE)}; numbers are λ")
    methods = [*PAIRS["classification"], "universal_rdc_train"]
    _name_lambdas(ax, points[points.method.isin(methods)], "nll_nats")
    return figure


def perception(test: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """Fig 5: MSE against Wasserstein-1 by the training critic, a fresh critic, and sliced."""
    points = _points(test)
    panels = {
        "w1_critic": "by the critic it trained with\n(what the papers report)",
        "w1_fresh": "by a fresh critic\non images it was not trained on",
        "sliced_w1": "sliced, no critic",
    }
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 4.3))
    for ax, (column, words) in zip(axes, panels.items(), strict=True):
        for model, colour, marker in (("e2e", END_TO_END, "o"), ("universal", UNIVERSAL, "s")):
            own = points[points.method == PAIRS["perception"][model == "universal"]]
            own = own[own[column].notna()].sort_values("lam")
            _series(ax, own, column, colour, marker, f"ours, {_words(model)}", model == "e2e")
            theirs = published[(published.figure == "fig5") & (published.model == model)]
            if column == "w1_critic":
                _published(ax, theirs, colour, marker, _words(model))
        ax.set(xlabel="distortion: MSE per pixel", title=words)
        style.scale_for(ax, "x", [])
    axes[0].set_ylabel("perception: Wasserstein-1 to the images")
    figure.legend(*_once(axes), loc="outside lower center", ncols=4)
    figure.suptitle(
        f"Distortion against perception: MSE + λ·W1, {style.rate_label(RATE)}; numbers are λ",
        fontsize=11,
    )
    for ax, column in zip(axes, panels, strict=True):
        _name_lambdas(ax, points[points.method.isin(PAIRS["perception"])], column)
    return figure


def critics(test: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """How biased the training critic's estimate is: beside a fresh critic's, codec by codec."""
    rows = test[test.w1_critic.notna() & test.w1_fresh.notna()].sort_values(["method", "lam"])
    if rows.empty:
        return style.empty("No codec with a critic in this run")
    figure, ax = plt.subplots(figsize=(7, 1.5 + 0.42 * len(rows)))
    for place, row in enumerate(rows.itertuples()):
        ax.plot([row.w1_critic, row.w1_fresh], [place, place], color="#bbbbbb", zorder=1)
        ax.plot(row.w1_critic, place, "o", color=END_TO_END)
        ax.plot(row.w1_fresh, place, "s", color=UNIVERSAL)
    labels = [f"{style.method_name(r.method)}, λ = {r.lam:g}" for r in rows.itertuples()]
    ax.set_yticks(range(len(rows)), labels)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set(xlabel="Wasserstein-1 to the images, as a critic estimates it")
    handles = [
        Line2D([], [], color=END_TO_END, marker="o", ls=""),
        Line2D([], [], color=UNIVERSAL, marker="s", ls=""),
    ]
    words = ["the critic it trained with", "a fresh critic, on held-out images"]
    figure.legend(handles, words, loc="outside lower center", ncols=2)
    figure.suptitle("The same reconstructions, two critics", fontsize=11)
    return figure


def reconstructions(test: pd.DataFrame, images: dict[str, Path]) -> Figure:
    """Fig 7: inputs, and what end-to-end and universal codecs of each lambda make of them."""
    chosen = test[test.seed == test.seed.min()].sort_values(["lam", "steps"])
    rows = [
        Row(
            f"{style.method_name(method)}\nλ = {row.lam:g}   MSE {row.mse:.4f}   "
            f"right: {100 * row.accuracy:.1f} %",
            images[row.cell],
        )
        for methods in PAIRS.values()
        for method in methods
        for row in chosen[chosen.method == method].groupby("lam").tail(1).itertuples()
    ]
    if not rows:
        return style.empty("No end-to-end or universal codec in this run")
    return pictures.grid(rows, f"Reconstructions at {style.rate_label(RATE)}")


def _series(ax, own, column, colour, marker, label, outlined: bool = False) -> None:
    """Codecs of growing lambda, with intervals over seeds; outlined in black.

    Two of them have no line between them: it would be far above the curve, and read as one. Nothing
    where there are none.
    """
    if own.empty:
        return
    edge = "black" if outlined else colour
    ax.plot(own.mse, own[column], color=colour, marker=marker, mec=edge, ms=6, linewidth=1,
            ls="-" if len(own) > 2 else "", label=label)  # fmt: skip
    bars = style.intervals(own, "mse", column)
    ax.errorbar(own.mse, own[column], **bars, color=colour, ls="", linewidth=1, capsize=2)


def _published(ax, theirs: pd.DataFrame, colour, marker, words: str) -> None:
    """Published points, pale and dotted; nothing where there are none."""
    if len(theirs):
        ax.plot(theirs.mse_per_pixel, theirs.value, color=colour, marker=marker, ms=5,
                mfc=style.pale(colour), ls=":", linewidth=0.8, label=f"published, {words}")  # fmt: skip


def _name_lambdas(ax, points: pd.DataFrame, column: str) -> None:
    known = points[points[column].notna()]
    style.name_points(ax, zip(known.mse, known[column], known.lam.map("{:g}".format), strict=True))


def _near(published: pd.DataFrame, rate: float) -> pd.Series:
    return (published.rate_bits - rate).abs() < 0.01


def _words(model: str) -> str:
    return "end to end" if model == "e2e" else "universal"


def _once(axes) -> tuple[list, list]:
    """Handles and labels of several axes, each label once."""
    found = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def _points(test: pd.DataFrame) -> pd.DataFrame:
    return summary(
        test,
        ["method", "recipe", "rate", "lam", "dither"],
        ["mse", "nll_nats", "w1_critic", "w1_fresh", "sliced_w1"],
    )
