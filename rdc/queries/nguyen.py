"""Numbers that Nguyen's claims are held against: points of the figures, and universal penalties."""

import numpy as np
import pandas as pd
from scipy import stats

from rdc.intervals import over_seeds
from rdc.queries.common import Measured, Run, Untestable, one_recipe

ROUNDED = 3  # decimals to which rates count as equal
LINE = 4  # lambdas end to end that a line between them takes: of fewer it is far above the curve


def point(
    run: Run, method: str, rate_bits: float, lam: float, column: str, dither: bool = True
) -> Measured:
    """A column of one codec of a figure, mean over seeds."""
    rows = _rows(run, method, rate_bits, dither)
    rows = rows[np.isclose(rows.lam, lam)]
    if rows.empty:
        raise Untestable(f"no cell of {method} at {rate_bits:g} bits with lambda {lam:g}")
    mean, low, high = over_seeds(rows[column].tolist())
    note = (
        f"{len(rows)} seed(s), {int(rows.steps.min()):,} steps; MSE {rows.mse.mean():.4f}, "
        f"NLL {rows.nll_nats.mean():.3f}"
    )
    return Measured(mean, note, low, high, int(rows.epochs.min()))


def universal_gap(run: Run, universal: str, end_to_end: str, rate_bits: float) -> Measured:
    """Largest MSE of a universal codec above the end-to-end one of the same lambda."""
    pairs = _pairs(run, universal, end_to_end, rate_bits)
    if not (pairs.lam > 0).any():  # without weight no critic is at work
        raise Untestable(f"no lambda above 0 has both {universal} and {end_to_end}")
    gaps = pairs.mse - pairs.mse_base
    listed = ", ".join(f"{lam:g}: {gap:+.4f}" for lam, gap in zip(pairs.lam, gaps, strict=True))
    seen = "".join(
        f"; Wasserstein-1 by the training critic with {row.lam:g} {row.w1_critic:.2f}, "
        f"end to end {row.w1_critic_base:.2f}"
        for row in pairs[pairs.lam > 0].itertuples()
    )
    return Measured(
        float(gaps.max()), f"universal less end to end, by lambda {listed}{seen}",
        epochs=int(min(pairs.epochs.min(), pairs.epochs_base.min())),
    )  # fmt: skip


def universal_penalty(run: Run, universal: str, end_to_end: str, rate_bits: float) -> Measured:
    """Least MSE of any universal codec above the least of any end-to-end one."""
    found, base = (_rows(run, method, rate_bits) for method in (universal, end_to_end))
    for method, rows in ((universal, found), (end_to_end, base)):
        if not (rows.lam == 0).any():  # the one of least MSE
            raise Untestable(f"no cell of {method} at {rate_bits:g} bits with lambda 0")
    return Measured(
        float(found.mse.min() - base.mse.min()),
        f"universal {found.mse.min():.4f} to {found.mse.max():.4f}, end to end from "
        f"{base.mse.min():.4f}; {_at_equal_nll(found, base)}",
        epochs=int(min(found.epochs.min(), base.epochs.min())),
    )


def penalty_at_equal_nll(run: Run, universal: str, end_to_end: str, rate_bits: float) -> Measured:
    """Largest MSE of a universal codec above the line of end-to-end codecs at its own NLL.

    The line is straight in the logarithm of the NLL, as Fig 6 shows it: NLLs differ tenfold. The
    curve bends below it, so that the penalty is rather larger than what is found.
    """
    found, base = (_rows(run, method, rate_bits) for method in (universal, end_to_end))
    if base.lam.nunique() < LINE:
        raise Untestable(f"{base.lam.nunique()} lambdas of {end_to_end}, needs {LINE}")
    gaps = _gaps_at_equal_nll(found, base)
    if gaps.empty:
        raise Untestable(f"no {universal} has an NLL between those of {end_to_end}")
    return Measured(
        float(gaps.max()), _at_equal_nll(found, base),
        epochs=int(min(found.epochs.min(), base.epochs.min())),
    )  # fmt: skip


def penalty_against_lambda(run: Run, universal: str, end_to_end: str, rate_bits: float) -> Measured:
    """Spearman correlation of lambda with the MSE gap to the end-to-end codec of that lambda."""
    pairs = _pairs(run, universal, end_to_end, rate_bits)
    if len(pairs) < 3:
        raise Untestable(f"{len(pairs)} lambdas have both {universal} and {end_to_end}, needs 3")
    gaps = pairs.mse - pairs.mse_base
    listed = ", ".join(f"{lam:g}: {gap:+.4f}" for lam, gap in zip(pairs.lam, gaps, strict=True))
    return Measured(
        float(stats.spearmanr(pairs.lam, gaps).statistic),
        f"gap by lambda {listed}; {_at_equal_nll(*(_rows(run, m, rate_bits) for m in (universal, end_to_end)))}",
        epochs=int(min(pairs.epochs.min(), pairs.epochs_base.min())),
    )  # fmt: skip


def _at_equal_nll(found: pd.DataFrame, base: pd.DataFrame) -> str:
    """What ``penalty_at_equal_nll`` finds, in words.

    At equal lambda a gap must close towards the lambda that the frozen encoder was trained with.
    """
    if base.lam.nunique() < LINE:
        return "too few lambdas end to end for a penalty at equal NLL"
    gaps = _gaps_at_equal_nll(found, base)
    listed = ", ".join(f"{lam:g}: {gap:+.4f}" for lam, gap in gaps.items())
    return f"at equal NLL, by lambda {listed}" if listed else "no end-to-end codec has such an NLL"


def _gaps_at_equal_nll(found: pd.DataFrame, base: pd.DataFrame) -> pd.Series:
    """By lambda, of the universal codecs whose NLL lies between those of codecs end to end."""
    line = base.groupby("lam")[["nll_nats", "mse"]].mean().sort_values("nll_nats")
    means = found.groupby("lam")[["nll_nats", "mse"]].mean()
    inside = means[means.nll_nats.between(line.nll_nats.min(), line.nll_nats.max())]
    return inside.mse - np.interp(np.log(inside.nll_nats), np.log(line.nll_nats), line.mse)


def _pairs(run: Run, universal: str, end_to_end: str, rate_bits: float) -> pd.DataFrame:
    """Means over seeds by lambda, where both have it."""
    frames = [
        _rows(run, method, rate_bits)
        .groupby("lam", as_index=False)[["mse", "w1_critic", "epochs"]]
        .mean()
        for method in (universal, end_to_end)
    ]
    pairs = frames[0].merge(frames[1], on="lam", suffixes=("", "_base"))
    if pairs.empty:
        raise Untestable(f"no lambda has both {universal} and {end_to_end} at {rate_bits:g} bits")
    return pairs.sort_values("lam")


def _rows(run: Run, method: str, rate_bits: float, dither: bool = True) -> pd.DataFrame:
    rows = run.cells
    rows = rows[(rows.method == method) & (rows.dither == dither)]
    rows = rows[rows.rate_bits.round(ROUNDED) == round(rate_bits, ROUNDED)]
    if rows.empty:
        raise Untestable(f"no cell of {method} at {rate_bits:g} bits")
    return one_recipe(rows)


QUERIES = {
    function.__name__: function
    for function in (
        point,
        universal_gap,
        universal_penalty,
        penalty_at_equal_nll,
        penalty_against_lambda,
    )
}
