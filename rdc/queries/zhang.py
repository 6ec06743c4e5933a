"""Numbers that Zhang's claims are held against, measured in a run's tables."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from rdc.queries.common import Measured, Run, Untestable, curve, longest, one_recipe

# Half a 95 % interval of a median, in standard errors of a mean.
MEDIANS = 1.96 * np.sqrt(np.pi / 2)


def losses_fall_together(run: Run, method: str, levels: int, lam: float) -> Measured:
    """Spearman correlation over epochs of validation MSE and NLL; -1 if either ends higher."""
    cell = longest(run, method, levels, lam)
    mse, nll = curve(run, cell, "mse"), curve(run, cell, "nll")
    if len(mse) < 3:
        raise Untestable(f"{cell.cell} has {len(mse)} epochs")
    together = float(stats.spearmanr(mse, nll).statistic)
    fell = mse[-1] < mse[0] and nll[-1] < nll[0]
    return Measured(
        together if fell else -1.0,
        f"rank correlation over {len(mse)} epochs; MSE {mse[0]:.4f} to {mse[-1]:.4f}, "
        f"NLL {nll[0]:.3f} to {nll[-1]:.3f}",
        epochs=int(cell.epochs),
    )


def late_change(run: Run, method: str, levels: int, lam: float) -> Measured:
    """Change between the fifth before last and the last fifth of training, relative to the level.

    The larger of MSE's and NLL's; medians over the epochs of each fifth, with the interval that the
    scatter of single epochs leaves them.
    """
    cell = longest(run, method, levels, lam)
    if cell.epochs < 5:
        raise Untestable(f"{cell.cell} has {cell.epochs} epochs")
    mse, nll = (_late_change(curve(run, cell, term)) for term in ("mse", "nll"))
    larger = max(mse, nll)
    return Measured(
        larger.share,
        f"relative change over the last fifth: MSE {mse.share:.3f}, NLL {nll.share:.3f}; single "
        f"epochs scatter by {mse.scatter:.3f} and {nll.scatter:.3f}",
        max(0.0, larger.share - larger.half_interval),
        larger.share + larger.half_interval,
        int(cell.epochs),
    )


class _Change(NamedTuple):
    share: float
    scatter: float  # of single epochs
    half_interval: float  # at 95 %


def _late_change(losses: np.ndarray) -> _Change:
    fifth = len(losses) // 5
    before, last = losses[-2 * fifth : -fifth], losses[-fifth:]
    level = np.median(before)
    share = abs(np.median(last) - level) / level
    scatter = np.sqrt((before.var() + last.var()) / 2) / level
    return _Change(float(share), float(scatter), float(MEDIANS * scatter * np.sqrt(2 / fifth)))


def sharpness_rises(run: Run, method: str, levels: int) -> Measured:
    """Spearman correlation of lambda with the sharpness of saved reconstructions.

    Sharpness is the mean absolute difference between neighbouring pixels.
    """
    rows = _cells(run, method)
    rows = rows[rows.levels == levels]
    rows = rows[rows.seed == rows.seed.min()].sort_values("lam")
    if rows.lam.nunique() < 3:
        raise Untestable(f"{rows.lam.nunique()} lambdas of {method}, needs 3")
    decoded = []
    for row in rows.itertuples():
        if (row.study, row.cell) not in run.images:
            raise Untestable(f"no pictures of {row.cell} in this run")
        with np.load(run.images[row.study, row.cell]) as saved:
            decoded.append(saved["reconstructions"].astype(float) / 255)
    shown = min(map(len, decoded))  # the same pictures of every cell
    values = [
        (np.abs(np.diff(own[:shown], axis=1)).mean() + np.abs(np.diff(own[:shown], axis=2)).mean())
        / 2
        for own in decoded
    ]
    correlation = float(stats.spearmanr(rows.lam, values).statistic)
    listed = ", ".join(f"{lam:g}: {v:.4f}" for lam, v in zip(rows.lam, values, strict=True))
    return Measured(correlation, f"sharpness by lambda {listed}", epochs=int(rows.epochs.min()))


def correlation_at_fixed_rate(run: Run, method: str) -> Measured:
    """Pearson correlation of MSE and NLL over the cells of one rate, mean over rates."""
    rows = _cells(run, method)
    groups = [g for _, g in rows.groupby("rate_bits") if len(g) >= 3]
    if not groups:
        raise Untestable(f"fewer than 3 cells of {method} at every rate")
    values = [float(np.corrcoef(g.mse, g.nll_nats)[0, 1]) for g in groups]
    listed = ", ".join(
        f"{g.rate_bits.iloc[0]:.2f} bits: {v:.2f}" for g, v in zip(groups, values, strict=True)
    )
    return Measured(float(np.mean(values)), listed, epochs=int(rows.epochs.min()))


def spread_over_seeds(run: Run, method: str, levels: int, lam: float) -> Measured:
    """(max - min) / mean of MSE over runs of one cell with other seeds, so other jitter."""
    rows = _cells(run, method)
    rows = rows[(rows.levels == levels) & np.isclose(rows.lam, lam)]
    if rows.seed.nunique() < 3:
        raise Untestable(f"{rows.seed.nunique()} seeds of {method}, needs 3")
    listed = ", ".join(
        f"{row.mse:.4f} and {row.nll_nats:.3f}" for row in rows.sort_values("seed").itertuples()
    )
    return Measured(
        float((rows.mse.max() - rows.mse.min()) / rows.mse.mean()),
        f"{len(rows)} seeds, lambda {lam:g}: MSE and NLL {listed}",
        epochs=int(rows.epochs.min()),
    )


def falls_with_rate(run: Run, method: str) -> Measured:
    """Share of steps to the next rate, at one lambda, at which both MSE and NLL fall."""
    rows = _cells(run, method)
    falls = []
    for _, group in rows.groupby("lam"):
        means = group.groupby("rate_bits")[["mse", "nll_nats"]].mean().sort_index()
        falls += list((np.diff(means, axis=0) < 0).all(axis=1))
    if not falls:
        raise Untestable(f"fewer than 2 rates of {method}")
    return Measured(
        float(np.mean(falls)), f"{sum(falls)} of {len(falls)} steps", epochs=int(rows.epochs.min())
    )


def convexity_in_rate(run: Run, method: str) -> Measured:
    """Smallest change of the slope of MSE over rate, relative to the steepest slope.

    0 or more is convex; means over seeds, every lambda. The note says how far the worst rate lies
    above the line between its neighbours.
    """
    rows = _cells(run, method)
    bends = []
    for lam, group in rows.groupby("lam"):
        means = group.groupby("rate_bits").mse.mean().sort_index()
        rates, errors = means.index.to_numpy(), means.to_numpy()
        slopes = np.diff(errors) / np.diff(rates)
        for i in range(1, len(slopes)):
            bend = (slopes[i] - slopes[i - 1]) / np.abs(slopes).max()
            line = np.interp(rates[i], rates[[i - 1, i + 1]], errors[[i - 1, i + 1]])
            bends.append((float(bend), lam, rates[i], errors[i], errors[i] / line - 1))
    if not bends:
        raise Untestable(f"fewer than 3 rates of {method}")
    bend, lam, rate, error, above = min(bends)
    return Measured(
        bend,
        f"{len(bends)} bends; the smallest with lambda {lam:g} at {rate:.2f} bits: MSE {error:.4f} "
        f"is {above:+.1%} from the line between its neighbours",
        epochs=int(rows.epochs.min()),
    )


def _cells(run: Run, method: str) -> pd.DataFrame:
    """Dithered cells of one recipe: the paper adds the jitter to every latent (Section 4.1.2)."""
    return one_recipe(run.cells[(run.cells.method == method) & run.cells.dither])


QUERIES = {
    function.__name__: function
    for function in (
        losses_fall_together,
        late_change,
        sharpness_rises,
        correlation_at_fixed_rate,
        spread_over_seeds,
        falls_with_rate,
        convexity_in_rate,
    )
}
