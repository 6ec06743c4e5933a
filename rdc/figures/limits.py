"""The theoretical limits, drawn from the table ``limits``."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rdc.figures import style

NAMES = ("bernoulli", "binary", "gaussian")
REGIONS = {  # region of the solution: how it is named, its tint
    "infeasible": ("no codec reaches this", "#e8e8e8"),
    "distortion": ("only D binds: H(p) − H(D)", "#cfe3f2"),
    "both": ("both bind: I₁", "#fbe3c4"),
    "error": ("only E binds, rate > 0", "#f4cfe0"),
    "zero": ("no bits needed", "#d5efe3"),
}


def draw(name: str, limits: pd.DataFrame) -> Figure:
    """One of ``NAMES``, from the rows of the table ``limits``."""
    return {"bernoulli": bernoulli, "binary": binary, "gaussian": gaussian}[name](limits)


def bernoulli(limits: pd.DataFrame) -> Figure:
    """R(D, E) of a two-class Bernoulli source: its regions, and slices beside eq. 9 as printed."""
    own = limits[limits.source == "bernoulli"]
    if own.empty:
        return style.empty("No Bernoulli source in this run")
    sources = list(own.parameters.unique())[:2]
    figure, rows = plt.subplots(len(sources), 2, figsize=(10.4, 4.6 * len(sources)), squeeze=False)
    for axes, parameters in zip(rows, sources, strict=True):
        _bernoulli_row(axes, own[own.parameters == parameters], json.loads(parameters))
    figure.suptitle("Two-class Bernoulli sources: the least rate at which D and E can be had")
    return figure


def _bernoulli_row(axes, own: pd.DataFrame, given: dict) -> None:
    true, printed = (_grid(own[own.method == m]) for m in ("closed form", "eq. 9 as printed"))
    _regions(axes[0], own[own.method == "closed form"], true)
    errors = true.columns.to_numpy()
    feasible = np.isfinite(true.to_numpy()).any(axis=0)
    chosen = errors[feasible][np.linspace(0, feasible.sum() - 1, 5).astype(int)]
    for index, error in enumerate(chosen):
        colour = style.COLOURS[index]
        axes[1].plot(true.index, true[error].replace(np.inf, np.nan), color=colour,
                     label=f"E = {error:.3f}")  # fmt: skip
        axes[1].plot(printed.index, printed[error].replace(np.inf, np.nan), color=colour, ls=":")
        axes[0].axhline(error, color=colour, linewidth=0.8, ls="-")
    handles, labels = axes[1].get_legend_handles_labels()
    handles.append(Line2D([], [], color=style.REFERENCE, ls=":"))
    labels.append("eq. 9 as printed")
    axes[1].legend(handles, labels, loc="center right", bbox_to_anchor=(1, 0.72))
    axes[1].set(xlabel="distortion D (share of wrong symbols)", ylabel="rate R(D, E) (bits)",
                title="Slices: solid is true, dotted as printed", ylim=(-0.02, None))  # fmt: skip
    p1, a1, a2 = given["priors"][0], *given["parameters"]
    axes[0].set_title(f"P₁ = {p1:g}, a₁ = {a1:g}, a₂ = {a2:g}: rate in bits, and what binds")


def binary(limits: pd.DataFrame) -> Figure:
    """One bit: R(D, P) of Blau and Michaeli, and R(D, E) where the bit is a noisy label's."""
    kinds = ("binary, perception", "binary, noisy label")
    own = limits[limits.source.isin(kinds)]
    if own.empty:
        return style.empty("No binary source in this run")
    own = own[own.parameters == own.parameters.iloc[0]]
    given = json.loads(own.parameters.iloc[0])
    figure, axes = plt.subplots(1, 2, figsize=(10.4, 4.2), sharey=True)
    for ax, kind, letter in zip(axes, kinds, "PE", strict=True):
        grid = _grid(own[own.source == kind])
        feasible = grid.columns[np.isfinite(grid.to_numpy()).any(axis=0)]
        for index, place in enumerate(np.linspace(0, len(feasible) - 1, 5).astype(int)):
            level = feasible[place]
            ax.plot(grid.index, grid[level], color=style.COLOURS[index],
                    label=f"{letter} ≤ {level:.3f}")  # fmt: skip
        ax.set(xlabel="distortion D (share of wrong bits)")
        ax.legend(loc="center right", bbox_to_anchor=(1, 0.75))
    axes[0].set(ylabel="rate (bits)", title="R(D, P): perception costs rate, up to D₂")
    axes[1].set(title=f"R(D, E): label wrong with probability {given['noise']:g}; the\n"
                      "classifier adds a floor, and no region where both bind")  # fmt: skip
    figure.suptitle(f"One bit, Pr(X = 1) = {given['p']:g}", fontsize=11)
    return figure


def gaussian(limits: pd.DataFrame) -> Figure:
    """R(D, C) of a jointly Gaussian source and label, and the published branch beside the truth."""
    own = limits[limits.source == "gaussian"]
    if own.empty:
        return style.empty("No Gaussian source in this run")
    own = own[own.parameters == own.parameters.iloc[0]]
    grid = _grid(own[own.method == "closed form"])
    figure, axes = plt.subplots(1, 2, figsize=(10.4, 4.2))
    drawn = axes[0].contourf(grid.index, grid.columns, grid.to_numpy().T,
                             levels=np.arange(0, 2.3, 0.25), cmap="cividis_r", extend="max")  # fmt: skip
    figure.colorbar(drawn, ax=axes[0], label="rate R(D, C) (bits)")
    axes[0].set(xlabel="distortion D", ylabel="label's remaining entropy C (nats)",
                title="Contours have corners: the costlier constraint decides")  # fmt: skip
    published = own[own.method == "published middle branch"].sort_values("classification")
    axes[1].plot(published.classification, published.distortion, color=style.COLOURS[1],
                 label="D(C, R) as published, middle branch, for any R")  # fmt: skip
    for index, rate in enumerate((0.25, 0.5, 1.0)):
        least = 2 ** (-2 * rate)
        met = published[published.rate_bits <= rate + 1e-9].classification
        start = met.min() if len(met) else published.classification.max()
        colour = style.COLOURS[(0, 2, 3)[index]]
        axes[1].plot([start, published.classification.max()], [least, least], color=colour,
                     label=f"true D(C, R) at {rate:g} bits; none to the left")  # fmt: skip
        axes[1].plot([start], [least], color=colour, marker="o", ms=4)
    axes[1].set(xlabel="label's remaining entropy C (nats)", ylabel="distortion D",
                title="The published branch falls as C tightens; no codec follows", ylim=(0, 1.05))  # fmt: skip
    axes[1].legend(loc="upper left", fontsize=8)
    given = json.loads(own.parameters.iloc[0])
    correlation = given["covariance"] / np.sqrt(given["var_x"] * given["var_s"])
    figure.suptitle(f"Jointly Gaussian source and label, correlation {correlation:g}", fontsize=11)
    return figure


def _grid(rows: pd.DataFrame) -> pd.DataFrame:
    """Rates with D down and the classification constraint across."""
    return rows.pivot(index="distortion", columns="classification", values="rate_bits")


def _regions(ax, rows: pd.DataFrame, rates: pd.DataFrame) -> None:
    """Which constraints bind where, under contours of the rate."""
    names = list(REGIONS)
    codes = rows.assign(code=rows.region.map(names.index)).pivot(
        index="distortion", columns="classification", values="code"
    )
    tints = ListedColormap([tint for _, tint in REGIONS.values()])
    ax.pcolormesh(codes.index, codes.columns, codes.to_numpy().T, cmap=tints, vmin=-0.5,
                  vmax=len(names) - 0.5, shading="nearest", rasterized=True)  # fmt: skip
    finite = np.ma.masked_invalid(rates.replace(np.inf, np.nan).to_numpy().T)
    lines = ax.contour(rates.index, rates.columns, finite, levels=np.arange(0.1, 1, 0.1),
                       colors=style.REFERENCE, linewidths=0.7)  # fmt: skip
    ax.clabel(lines, fontsize=7, fmt="%.1f")
    shown = [name for name in names if (rows.region == name).any()]
    ax.legend([Patch(color=REGIONS[n][1]) for n in shown], [REGIONS[n][0] for n in shown],
              loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, fontsize=8)  # fmt: skip
    ax.set(xlabel="distortion D (share of wrong symbols)",
           ylabel="error E of the predefined classifier")  # fmt: skip
    ax.grid(False)
