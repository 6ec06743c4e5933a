"""Zhang's Theorem 1, checked; and what is left of it when classification is H(S|Xhat).

Theorem 1 says that R(D, E) falls in D and E and is convex if the error is convex in the channel.
The error of a predefined classifier is linear in the channel, so the theorem holds for every
source; monotonicity_violation and convexity_violation measure a computed surface against it.

With C = H(S|Xhat) (Wang, Nguyen et al.) the constraint is *concave* in the channel, the set of
channels with H(S|Xhat) <= C is not convex (mixing_counterexample), and the proof fails.  Whether
R(D, C) itself is then convex is searched for by brute force, with bounds that make a violation a
proof: a violation counts by what it exceeds the grid's own error.  Time sharing with a tag that
the classifier also sees (time_shared) restores convexity, at the price of more symbols.

All rates and entropies are in bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr, xlogy

_LN2 = np.log(2)
_ROUND_OFF = 1e-12


class Violation(NamedTuple):
    """The worst violation of a surface, in bits, and the indices of the points that show it.

    amount: certified when positive; otherwise the least margin left (-inf: nothing to compare).
    points: for monotonicity (smaller, larger); for convexity (end, middle, end).
    """

    amount: float
    points: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class MixingExample:
    """Two channels that meet H(S|Xhat) <= limit, and their even mixture, which does not."""

    first: np.ndarray
    second: np.ndarray
    mixture: np.ndarray
    limit: float
    mixture_entropy: float


@dataclass(frozen=True)
class SearchResult:
    """What a brute-force search for non-convexity of R(D, C) found.

    sources: how many random sources were tried.
    violating: how many show a certified violation between finite rates; broken: how many have an
    infeasible middle between two feasible ends (certified too).
    finest_cell: width of the smallest cells of the channel grid; thresholds: values of D and of C.
    certified: worst finite violation in bits, the grid's error taken off (positive: a proof).
    apparent, allowance: at that same triple, the violation of the grid's minima and the width of
    the bounds at its middle; certified = apparent - allowance.
    joint [2, n], distortion [n, 2]: the source that shows it.
    ends, middle: its (D, C) pairs.
    """

    sources: int
    violating: int
    broken: int
    finest_cell: float
    thresholds: int
    certified: float
    apparent: float
    allowance: float
    joint: np.ndarray
    distortion: np.ndarray
    ends: tuple[tuple[float, float], tuple[float, float]]
    middle: tuple[float, float]


def monotonicity_violation(lower, upper=None) -> Violation:
    """Worst rise of a surface that should fall along every axis.

    lower, upper: bounds on R in bits, same shape, every axis in rising order of its constraint
    (inf: infeasible); upper defaults to lower, for an exact surface.  The amount is the largest
    lower[j] - upper[i] over i <= j in every index.  Raises ValueError on NaN or unequal shapes.
    Zhang, Theorem 1.1.
    """
    lower, upper = _surfaces(lower, upper)
    so_far = reduce(lambda a, axis: np.minimum.accumulate(a, axis), range(upper.ndim), upper)
    # Infeasible at a point and at every tighter one: no comparison.
    excess = np.where(np.isinf(so_far), -np.inf, lower - np.where(np.isinf(so_far), 0, so_far))
    worst = np.unravel_index(excess.argmax(), excess.shape)
    corner = tuple(slice(0, k + 1) for k in worst)
    source = np.unravel_index(upper[corner].argmin(), upper[corner].shape)
    return Violation(float(excess[worst]), (_index(source), _index(worst)))


def convexity_violation(lower, upper=None) -> Violation:
    """Worst lower[middle] - (upper[end] + upper[end']) / 2 over all triples of the grid.

    lower, upper: bounds on R in bits, shape [a, b], on evenly spaced values of each constraint
    (inf: infeasible, so no end); upper defaults to lower.  An infeasible middle between feasible
    ends is an infinite violation.  Raises ValueError on NaN, unequal shapes or not two axes.
    Zhang, Theorem 1.2 (eq. 11) at lambda = 1/2.
    """
    lower, upper = _surfaces(lower, upper)
    if lower.ndim != 2:
        raise ValueError(f"lower must have two axes, found shape {lower.shape}")
    rows, columns = lower.shape
    worst = Violation(-np.inf, ())
    for i in range((rows + 1) // 2):
        for j in range(-((columns - 1) // 2), (columns + 1) // 2):
            if (i, j) <= (0, 0):
                continue  # the same triples as (-i, -j)
            k = abs(j)
            middle = lower[i : rows - i, k : columns - k]
            before = upper[: rows - 2 * i, k - j : columns - k - j]
            after = upper[2 * i :, k + j : columns - k + j]
            ends = (before + after) / 2
            finite = np.isfinite(ends)
            excess = np.where(finite, middle - np.where(finite, ends, 0), -np.inf)
            if excess.size and excess.max() > worst.amount:
                at = np.unravel_index(excess.argmax(), excess.shape)
                centre = np.add(at, (i, k))
                points = tuple(_index(centre + sign * np.array((i, j))) for sign in (-1, 0, 1))
                worst = Violation(float(excess[at]), points)
    return worst


def conditional_entropy(joint, channel) -> float:
    """H(S|Xhat) in bits; joint Pr(S=s, X=x) [k, n] and channel Pr(xhat|x) [n, m]."""
    table = np.asarray(joint, dtype=float) @ np.asarray(channel, dtype=float)
    total = table.sum(axis=0)
    return float(xlogy(total, total).sum() - xlogy(table, table).sum()) / _LN2


def mutual_information(probabilities, channel) -> float:
    """I(X; Xhat) in bits; probabilities [n], channel Pr(xhat|x) [n, m]."""
    p, channel = np.asarray(probabilities, dtype=float), np.asarray(channel, dtype=float)
    marginal = p @ channel
    marginal = np.where(marginal > 0, marginal, channel)  # it can underflow before its symbols do
    return float(p @ rel_entr(channel, marginal).sum(axis=1)) / _LN2


def mixing_counterexample(joint) -> MixingExample:
    """Channels that show {channel: H(S|Xhat) <= C} not convex, for any X that tells about S.

    joint: Pr(S=s, X=x), shape [k, n], n >= 2.  The first channel is Xhat = X and the second
    permutes the symbols cyclically: H(S|Xhat) = H(S|X) for both, since conditional entropy does
    not see the names of symbols.  Their mixture confuses neighbouring symbols and exceeds it.
    Raises ValueError when joint is not a distribution or the mixture loses nothing (X tells
    nothing about S).
    """
    joint = np.asarray(joint, dtype=float)
    if joint.ndim != 2 or joint.min() < 0 or abs(joint.sum() - 1) > 1e-9:
        raise ValueError(f"joint must be a distribution [k, n], found shape {joint.shape}")
    first = np.eye(joint.shape[1])
    second = np.roll(first, 1, axis=1)
    mixture = (first + second) / 2
    limit = max(conditional_entropy(joint, channel) for channel in (first, second))
    entropy = conditional_entropy(joint, mixture)
    if entropy <= limit + _ROUND_OFF:
        raise ValueError("joint must make S depend on X, found H(S|Xhat) unchanged by mixing")
    return MixingExample(first, second, mixture, limit, entropy)


def time_shared(first, second, weight: float = 0.5) -> np.ndarray:
    """The channel [n, 2m] that uses first with probability weight and says so in Xhat.

    Its I, E[d] and H(S|Xhat) are the averages of the two channels': with a reconstruction alphabet
    twice as large, of symbols with equal distortions, R(D, C) is convex.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be in [0, 1], found {weight}")
    return np.concatenate([weight * np.asarray(first), (1 - weight) * np.asarray(second)], axis=1)


def bounds_for_entropy(joint, distortion, d, c, tolerance=1e-4, rounds=24, max_cells=2**20):
    """(lower, upper, finest) bounds in bits on R(D, C), C = H(S|Xhat), for binary reconstruction.

    joint: Pr(S=s, X=x), shape [k, n], every Pr(X=x) > 0; distortion: d(x, xhat), shape [n, 2];
    d, c: thresholds of D and of C in bits, broadcasting; inf where no channel is allowed.

    A grid of channels, cells of Pr(Xhat=1|x), halved only where the least rate may still hide.
    upper: the best corner of a cell that is itself allowed (to 1e-12).  lower: over a cell, I is
    above its tangent at the centre because it is convex, and H(S|Xhat) above its least corner
    because it is concave, so no channel is missed.  Refinement stops when the two are tolerance
    apart, after that many rounds, or at max_cells cells, with whatever bounds hold then.
    finest: width of the smallest cells.  Raises ValueError for shapes or values that do not fit.
    """
    joint, distortion = np.asarray(joint, dtype=float), np.asarray(distortion, dtype=float)
    p = joint.sum(axis=0)
    if joint.ndim != 2 or (joint < 0).any() or abs(p.sum() - 1) > 1e-9 or (p <= 0).any():
        raise ValueError("joint must be a distribution [k, n] with every Pr(X=x) > 0")
    if distortion.shape != (len(p), 2):
        raise ValueError(f"distortion must have shape [{len(p)}, 2], found {distortion.shape}")
    if not tolerance > 0:
        raise ValueError(f"tolerance must be > 0 bits, found {tolerance}")
    d, c = np.broadcast_arrays(np.asarray(d, dtype=float), np.asarray(c, dtype=float))
    shape, d, c = d.shape, d.ravel() + _ROUND_OFF, c.ravel() + _ROUND_OFF
    upper, owner, width = np.full(d.size, np.inf), np.arange(d.size), 1.0
    # Cells are cubes [low, low + width], which the pairs of thresholds share: owner[i] still asks
    # for low[cell[i]].
    low, cell = np.zeros((1, len(p))), np.zeros(d.size, dtype=int)
    least = np.zeros(d.size)
    halves = np.array(list(product((0.0, 1.0), repeat=len(p))))
    for _ in range(rounds):
        if len(cell) * len(halves) > max_cells:
            break
        width /= 2
        asked, cell = np.unique(cell, return_inverse=True)
        low = (low[asked, None, :] + width * halves).reshape(-1, len(p))
        cell = (cell[:, None] * len(halves) + np.arange(len(halves))).ravel()
        owner = np.repeat(owner, len(halves))
        bounds = _cell_bounds(joint, distortion, low, width, halves)
        least, allowed = _allowed(bounds, cell, d[owner], c[owner])
        np.minimum.at(upper, owner, allowed)
        kept = (least < upper[owner] - tolerance) & np.isfinite(least)
        cell, owner, least = cell[kept], owner[kept], least[kept]
        if not len(cell):
            break
    # Cells were dropped for exceeding upper - tolerance; what is left has its own bounds.
    lower = np.where(np.isfinite(upper), np.maximum(upper - tolerance, 0), np.inf)
    np.minimum.at(lower, owner, least)
    return lower.reshape(shape)[()], upper.reshape(shape)[()], width


def search_non_convexity(
    sources: int, symbols: int = 2, thresholds: int = 17, tolerance: float = 1e-4, seed: int = 0
) -> SearchResult:
    """Look for a source whose R(D, C), with C = H(S|Xhat), is not convex.

    sources: number of random sources, >= 1.  symbols: |X|, 2 (Hamming distortion) or 3 (values 0,
    1/2 and 1, squared error).  S and Xhat are binary.  Pr(X) is uniform on the simplex and
    Pr(S=1|x) uniform on [0, 1].  D runs from its least value to its greatest and C from H(S|X) to
    H(S), thresholds values each; bounds as in bounds_for_entropy, tolerance bits apart.
    Raises ValueError for sources < 1 or symbols other than 2 and 3.
    """
    if sources < 1 or symbols not in (2, 3):
        raise ValueError(f"need sources >= 1 and symbols 2 or 3, found {sources} and {symbols}")
    rng = np.random.default_rng(seed)
    distortion = (np.linspace(0, 1, symbols)[:, None] - np.array([0.0, 1.0])) ** 2
    result = None
    violating, broken, finest = 0, 0, 1.0
    for _ in range(sources):
        p, one = rng.dirichlet(np.ones(symbols)), rng.uniform(size=symbols)
        joint = np.stack([p * (1 - one), p * one])
        d_axis = np.linspace(p @ distortion.min(axis=1), p @ distortion.max(axis=1), thresholds)
        known = conditional_entropy(joint, np.eye(symbols))
        unknown = conditional_entropy(joint, np.ones((symbols, 1)))
        c_axis = np.linspace(known, unknown, thresholds)
        lower, upper, width = bounds_for_entropy(
            joint, distortion, d_axis[:, None], c_axis, tolerance
        )
        finest = min(finest, width)
        broken += convexity_violation(lower, upper).amount == np.inf
        found = convexity_violation(np.where(np.isinf(lower), -np.inf, lower), upper)
        violating += found.amount > _ROUND_OFF
        if found.points and (result is None or found.amount > result["certified"]):
            pairs = [(float(d_axis[i]), float(c_axis[j])) for i, j in found.points]
            allowance = float(upper[found.points[1]] - lower[found.points[1]])
            result = {
                "certified": found.amount,
                "apparent": found.amount + allowance,
                "allowance": allowance,
                "joint": joint,
                "distortion": distortion,
                "ends": (pairs[0], pairs[2]),
                "middle": pairs[1],
            }
    if result is None:
        raise ValueError("thresholds too few: no source has three feasible points in line")
    return SearchResult(sources, violating, broken, finest, thresholds, **result)


def _cell_bounds(joint, distortion, low, width, halves):
    """For cubes low [r, n]: rate, H(S|Xhat) and E[d] at their corners [r, 2^n], and the least rate
    [r] that their tangents allow."""
    p = joint.sum(axis=0)
    corners = low[:, None, :] + width * halves  # [r, 2^n, n]
    information, _ = _information_and_slopes(p, np.moveaxis(corners, -1, 0))
    entropy = _entropy_of_label(joint, np.moveaxis(corners, -1, 0))
    mean_d = p @ distortion[:, 0] + corners @ (p * (distortion[:, 1] - distortion[:, 0]))
    tangent, slopes = _information_and_slopes(p, (low + width / 2).T)
    least = np.maximum(tangent - width / 2 * sum(abs(slope) for slope in slopes), 0)
    return information, entropy, mean_d, least


def _allowed(bounds, cell, d, c):
    """For thresholds d, c [q], each of a cube cell [q]: least rate in it (inf: nothing allowed in
    it), and the rate of its best allowed corner (inf: none)."""
    information, entropy, mean_d, least = (of_cubes[cell] for of_cubes in bounds)
    meets = (mean_d <= d[:, None]) & (entropy <= c[:, None])
    best = np.where(meets, information, np.inf).min(axis=1)
    possible = (mean_d.min(axis=1) <= d) & (entropy.min(axis=1) <= c)
    return np.where(possible, least, np.inf), best


def _information_and_slopes(p, one):
    """I(X; Xhat) in bits for Pr(Xhat=1|x) = one[x] (arrays), and its derivatives in each one[x]."""
    marginal = sum(weight * t for weight, t in zip(p, one, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = [
            weight * (np.log2(t / marginal) - np.log2((1 - t) / (1 - marginal)))
            for weight, t in zip(p, one, strict=True)
        ]
    terms = (
        weight * (rel_entr(t, marginal) + rel_entr(1 - t, np.maximum(1 - marginal, 0)))
        for weight, t in zip(p, one, strict=True)
    )
    return sum(terms) / _LN2, slopes


def _entropy_of_label(joint, one):
    """H(S|Xhat) in bits for Pr(Xhat=1|x) = one[x] (arrays of one shape)."""
    nats = 0.0
    for value in (one, [1 - t for t in one]):
        row = [sum(weight * t for weight, t in zip(s, value, strict=True)) for s in joint]
        total = sum(row)
        nats = nats + xlogy(total, total) - sum(xlogy(part, part) for part in row)
    return nats / _LN2


def _surfaces(lower, upper):
    lower = np.asarray(lower, dtype=float)
    upper = lower if upper is None else np.asarray(upper, dtype=float)
    if lower.shape != upper.shape:
        raise ValueError(f"lower and upper must agree, found shapes {lower.shape}, {upper.shape}")
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ValueError("lower and upper must be numbers, found nan")
    return lower, upper


def _index(values):
    return tuple(int(k) for k in values)
