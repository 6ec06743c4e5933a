"""Rate-distortion-classification of a two-class Bernoulli source, in closed form.

Zhang et al., section 3.2.  A class w in {1, 2} is drawn with priors (P1, P2), then X ~ Bern(a_w);
the reconstruction Xhat is binary, distortion is Hamming, and a classifier fixed beforehand says
w = 1 exactly when Xhat = 1.  R(D, E) is the least I(X; Xhat) with Pr(X != Xhat) <= D and
Pr(w != c0(Xhat)) <= E, all in bits.

Write A = Pr(X=0, Xhat=1) and B = Pr(X=1, Xhat=0).  Distortion is A + B and the error is
eps0 + r0 A + r1 B: both are linear in the channel while I is convex in it, so the optimum has
neither, one or both constraints active, and each case is solved below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import entr, rel_entr

REGIONS = ("distortion", "both", "error", "zero", "infeasible")

_ROUND_OFF = 1e-14  # slack on the constraints, so that E = eps0 typed in decimal is feasible
_PARALLEL = 1e-10  # |r1 - r0| below which the two constraints cannot both bind apart from round-off
_BISECTIONS = 60


@dataclass(frozen=True)
class BernoulliSource:
    """Two classes, each with its own Bernoulli source.

    priors: (P1, P2), probabilities in [0, 1] that sum to one.
    parameters: (a1, a2), with a_w = Pr(X = 1 | w) in [0, 1].

    Raises ValueError naming the field when a value is out of range or the priors do not sum to 1.
    For a classifier that says w = 1 when Xhat = 0, swap the two classes.
    """

    priors: tuple[float, float]
    parameters: tuple[float, float]

    def __post_init__(self):
        for name in ("priors", "parameters"):
            pair = tuple(float(value) for value in getattr(self, name))
            if len(pair) != 2 or not all(0 <= value <= 1 for value in pair):
                raise ValueError(f"{name} must be two probabilities in [0, 1], found {pair}")
            object.__setattr__(self, name, pair)
        if abs(sum(self.priors) - 1) > 1e-12:
            raise ValueError(
                f"priors must sum to 1, found {self.priors} with sum {sum(self.priors)}"
            )

    @property
    def p(self) -> float:
        """Pr(X = 1)."""
        return self.priors[0] * self.parameters[0] + self.priors[1] * self.parameters[1]

    @property
    def base_error(self) -> float:
        """eps0: probability of a wrong class when Xhat = X."""
        return self.priors[1] * self.parameters[1] + self.priors[0] * (1 - self.parameters[0])

    @property
    def error_slopes(self) -> tuple[float, float]:
        """(r0, r1): error added per unit of Pr(X=0, Xhat=1) and of Pr(X=1, Xhat=0), in [-1, 1].

        r0 = 1 - 2 Pr(w=1 | X=0), r1 = 2 Pr(w=1 | X=1) - 1; a symbol of probability zero gets 0.
        """
        (prior1, _), (a1, _) = self.priors, self.parameters
        q = self.priors[0] * (1 - a1) + self.priors[1] * (1 - self.parameters[1])
        r0 = 1 - 2 * prior1 * (1 - a1) / q if q > 0 else 0.0
        r1 = 2 * prior1 * a1 / self.p - 1 if self.p > 0 else 0.0
        return r0, r1

    def relabelled(self) -> BernoulliSource:
        """The same problem with 0 and 1, and classes 1 and 2, renamed: Pr(X=1) becomes 1 - p."""
        (prior1, prior2), (a1, a2) = self.priors, self.parameters
        return BernoulliSource((prior2, prior1), (1 - a2, 1 - a1))


class Thresholds(NamedTuple):
    """Distortions at which the active constraints change, one array each (shape of the error).

    minimum: least feasible D (inf when no D is feasible).
    d1: the classical formula holds for minimum <= D <= d1 (Zhang's D1; 0 when minimum > 0).
    again: the classical formula holds on [again, again_end] too (both inf when it never does).
    d2: the rate no longer depends on D for D >= d2 (Zhang's D2; inf when infeasible).
    """

    minimum: np.ndarray
    d1: np.ndarray
    again: np.ndarray
    again_end: np.ndarray
    d2: np.ndarray


def binary_entropy(probability):
    """H_b in bits, elementwise; values in [0, 1]."""
    probability = np.asarray(probability, dtype=float)
    return (entr(probability) + entr(1 - probability)) / np.log(2)


def mutual_information(p, a, b):
    """I(X; Xhat) in bits from p = Pr(X=1), a = Pr(X=0, Xhat=1) and b = Pr(X=1, Xhat=0).

    Broadcasts.  Written as a divergence, so that rates near zero keep their digits.
    """
    q, one, zero = 1 - p, p + a - b, 1 - p - a + b
    joint = rel_entr(q - a, q * zero) + rel_entr(a, q * one)
    return np.maximum(joint + rel_entr(b, p * zero) + rel_entr(p - b, p * one), 0) / np.log(2)


def rate_and_region(source: BernoulliSource, distortion, error):
    """R(D, E) in bits and the name of the region, for D and E >= 0 that broadcast together.

    Returns (rate, region) with the broadcast shape (scalars for scalars).  Regions: "distortion"
    (only D binds: the classical formula), "both", "error" (only E binds, rate > 0), "zero" (an
    Xhat independent of X meets both) and "infeasible" (rate is inf).  Zhang's third region,
    D > D2, is "error" or "zero".

    Raises ValueError for a negative or NaN distortion or error; inf leaves one unconstrained.
    Source: the problem is Zhang, eq. 7; the solution corrects Zhang, eq. 9.
    """
    distortion = _non_negative("distortion", distortion)
    error = _non_negative("error", error)
    p, r0, r1, allowance = _canonical(source, error)
    rate, region = _solve(p, r0, r1, np.minimum(distortion, 1.0), allowance)
    return rate[()], region[()]


def rate(source: BernoulliSource, distortion, error):
    """R(D, E) in bits; see rate_and_region."""
    return rate_and_region(source, distortion, error)[0]


def thresholds(source: BernoulliSource, error) -> Thresholds:
    """The distortions D1, D2 (and their companions) at a given error E >= 0, elementwise.

    Raises ValueError for a negative or NaN error.  D1 and D2 are those of Zhang, eq. 9; when
    r0 > r1 the classical formula can return beyond D1, which eq. 9 does not foresee.
    """
    p, r0, r1, e = _canonical(source, _non_negative("error", error))
    q = 1 - p
    minimum = _least_distortion(p, r0, r1, e)
    d1, again, again_end = _classical_intervals(p, r0, r1, e)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = p + (q - p) * (r1 * p - e) / (r1 * p - r0 * q)
    a, b = _error_only(p, r0, r1, e)
    d2 = np.where(r1 * p <= e + _ROUND_OFF, p, crossing)
    d2 = np.where(min(r1 * p, r0 * q) <= e + _ROUND_OFF, d2, a + b)
    infeasible = np.isinf(minimum)
    d2 = np.where(infeasible, np.inf, d2)
    again, again_end = (np.where(infeasible, np.inf, end) for end in (again, again_end))
    return Thresholds(*(value[()] for value in (minimum, d1, again, again_end, d2)))


def rate_as_printed(source: BernoulliSource, distortion, error):
    """Zhang, eq. 9, in bits, as printed: the rate drops to 0 for every D > D2.

    Same arguments and errors as rate.  Eq. 9 leaves I_1 as "the corresponding symbolic solution";
    it is read as the true rate for D1 < D <= D2, and the formula as silent (inf) on infeasible
    pairs.  It is wrong for E < min(P1, P2), where no constant reconstruction meets E.
    """
    true_rate, _ = rate_and_region(source, distortion, error)
    beyond = np.asarray(distortion, dtype=float) > thresholds(source, error).d2 + _ROUND_OFF
    return np.where(np.isfinite(true_rate) & beyond, 0.0, true_rate)[()]


def rate_label_noise(p: float, noise: float, distortion, error):
    """R(D, E) in bits when the class is X seen through a binary symmetric channel.

    p = Pr(X=1) in [0, 1], noise = Pr(w != X) in [0, 1/2].  Then r0 = r1, there is no region where
    both bind, and R(D, E) = R(min(D, (E - noise) / (1 - 2 noise))): inf for E < noise.
    Raises ValueError for arguments out of range.
    """
    p = _probability("p", p)
    noise = _probability("noise", noise, upper=0.5)
    distortion = _non_negative("distortion", distortion)
    error = _non_negative("error", error)
    slack = np.minimum(error, 1.0) - noise
    slack = np.where(np.abs(slack) <= _ROUND_OFF, 0.0, slack)
    limit = np.maximum(slack, 0) / (1 - 2 * noise) if noise < 0.5 else np.full_like(slack, np.inf)
    least = np.minimum(np.minimum(distortion, limit), min(p, 1 - p))
    value = np.maximum(binary_entropy(p) - binary_entropy(least), 0)
    return np.where(slack < 0, np.inf, value)[()]


def rate_perception(p: float, distortion, perception):
    """R(D, P) in bits of X ~ Bern(p), Hamming distortion, total-variation perception |p - p_hat|.

    p in [0, 1] (p > 1/2 is relabelled); distortion, perception >= 0, broadcasting.  Raises
    ValueError otherwise.  Blau & Michaeli 2019, the Bernoulli theorem: with q = 1 - p,
    D1 = P / (1 - 2(p - P)), D2 = 2pq - (q - p)P, classical for D <= D1 (and for every D when
    P >= p), 0 for D >= D2.
    """
    p = _probability("p", p)
    p = min(p, 1 - p)
    q = 1 - p
    d = np.minimum(_non_negative("distortion", distortion), 1.0)
    tv = np.minimum(_non_negative("perception", perception), p)
    classical = binary_entropy(p) - binary_entropy(np.minimum(d, p))
    d1 = tv / (1 - 2 * (p - tv)) if p < 0.5 else np.where(tv > 0, 0.5, 0.0)
    d2 = 2 * p * q - (q - p) * tv
    # I_1 has A = (D - P) / 2 and B = (D + P) / 2; clipped where another branch is chosen.
    both = mutual_information(p, np.clip((d - tv) / 2, 0, q), np.clip((d + tv) / 2, 0, p))
    value = np.where(d <= d1, classical, np.where(d < d2, both, 0.0))
    return np.where(tv >= p, classical, value)[()]


def _canonical(source, error):
    """p <= 1/2, r0, r1 and the allowance e = E - eps0, round-off around e = 0 removed."""
    source = source.relabelled() if source.p > 0.5 else source
    allowance = np.minimum(error, 1.0) - source.base_error
    allowance = np.where(np.abs(allowance) <= _ROUND_OFF, 0.0, allowance)
    return source.p, *source.error_slopes, allowance


def _solve(p, r0, r1, distortion, e):
    """Rate and region: each candidate optimum of a relaxed problem that is feasible is optimal."""
    q = 1 - p
    # A constant or independent Xhat has A = q t, B = p (1 - t): take the best t that D allows.
    t = np.clip((distortion - p) / (q - p), 0, 1) if q > p else np.ones_like(distortion)
    independent_error = r1 * p + np.minimum((r0 * q - r1 * p) * t, 0)
    zero = (distortion >= p - _ROUND_OFF) & (independent_error <= e + _ROUND_OFF)

    hamming = np.minimum(distortion, p)
    a, b = _classical_channel(p, hamming)
    distortion_only = (distortion < p) & (r0 * a + r1 * b <= e + _ROUND_OFF)
    classical = binary_entropy(p) - binary_entropy(hamming)

    a, b = _error_only(p, r0, r1, e)  # one solution for each E, whatever D
    error_only = (min(r1 * p, r0 * q) > e) & (a + b <= distortion + _ROUND_OFF)
    error_rate = mutual_information(p, a, b)

    if abs(r1 - r0) > _PARALLEL:
        a = np.clip((r1 * distortion - e) / (r1 - r0), 0, q)
        b = np.clip((e - r0 * distortion) / (r1 - r0), 0, p)
        both_rate = mutual_information(p, a, b)
    else:  # reached by round-off alone, on the line where the two one-constraint cases meet
        both_rate = np.maximum(classical, error_rate)

    infeasible = distortion < _least_distortion(p, r0, r1, e + _ROUND_OFF) - _ROUND_OFF
    cases = [infeasible, zero, distortion_only, error_only]
    names = ["infeasible", "zero", "distortion", "error"]
    region = np.select(cases, names, default="both")
    value = np.select(cases, [np.inf, 0.0, classical, error_rate], default=both_rate)
    return value, region


def _classical_channel(p, distortion):
    """(A, B) of the classical optimum (backward channel BSC(D)), for D <= p <= 1/2."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one = (p - distortion) / (1 - 2 * distortion)  # Pr(Xhat = 1)
    one = np.where(distortion < p, one, 0.0)
    return one * distortion, (1 - one) * distortion


def _least_distortion(p, r0, r1, e):
    """Least A + B with r0 A + r1 B <= e: a fractional knapsack, most useful flip first."""
    slope, room = min((r0, 1 - p), (r1, p))
    other_slope, other_room = max((r0, 1 - p), (r1, p))
    least = np.full_like(e, np.inf)
    if other_slope < 0:
        left = (e - slope * room) / other_slope
        least = np.where(left <= other_room + _ROUND_OFF, room + left, np.inf)
    if slope < 0:
        least = np.where(e >= slope * room - _ROUND_OFF, e / slope, least)
    return np.where(e >= 0, 0.0, least)


def _classical_intervals(p, r0, r1, e):
    """Where r0 A + r1 B <= e on the classical optimum: [0, d1] and [again, again_end], in [0, p].

    With A and B of _classical_channel this reads g(D) = (r0 + r1) D^2 - S D + e >= 0.
    """
    a, s = r0 + r1, p * r0 + (1 - p) * r1 + 2 * e
    root = np.sqrt(np.maximum(s * s - 4 * a * e, 0))
    real = s * s - 4 * a * e >= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        # The two roots, each in the form that does not cancel.
        small = np.where(s > 0, 2 * e / (s + root), (s - root) / (2 * a))
        large = np.where(s > 0, (s + root) / (2 * a), 2 * e / (s - root))
    small, large = (np.where(np.isfinite(r), r, -1.0) for r in (small, large))
    small, large = np.minimum(small, large), np.maximum(small, large)
    real &= large >= 0
    # e >= 0, so g(0) >= 0: it holds up to the first root that is not negative ...
    first = np.where(small >= 0, small, large)
    d1 = np.where(e < 0, 0.0, np.where(real, np.minimum(first, p), p))
    # ... and again beyond the second root of an upward parabola.  e < 0: it holds beyond the
    # first root and, for a downward parabola, up to the second.
    entry = np.where(e < 0, first, large)
    returns = real & (entry < p) & np.where(e < 0, True, (small >= 0) & (a > 0) & (large > small))
    again = np.where(returns, entry, np.inf)
    leaves = (e < 0) & (a < 0) & (large < p)
    return d1, again, np.where(returns, np.where(leaves, large, p), np.inf)


def _error_only(p, r0, r1, e):
    """(A, B) of least I on the line r0 A + r1 B = e, when no constant Xhat meets the error.

    That happens only when r0 and r1 have one strict sign.  Along the line I is convex, so its
    derivative is bisected; (0, 0) is returned where the case does not apply.
    """
    q = 1 - p
    applies = (e < min(r1 * p, r0 * q)) & (r0 * r1 > 0)
    if not applies.any():
        return np.zeros_like(e), np.zeros_like(e)
    if r0 < 0:  # an inverted classifier: solve for the complement of Xhat, then flip back
        a, b = _error_only(p, -r0, -r1, np.where(applies, np.maximum(e - r0 * q - r1 * p, 0), 0))
        return np.where(applies, q - a, 0.0), np.where(applies, p - b, 0.0)
    e = np.where(applies, np.maximum(e, 0), 0.0)
    low, high = np.zeros_like(e), np.ones_like(e)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(_BISECTIONS):
            share = (low + high) / 2  # of the allowance, spent on B
            a, b = (1 - share) * e / r0, share * e / r1
            odds = np.log(p + a - b) - np.log(q - a + b)
            slope_a = np.log(a) - np.log(q - a) - odds
            slope_b = np.log(b) - np.log(p - b) + odds
            rising = slope_b / r1 > slope_a / r0
            low, high = np.where(rising, low, share), np.where(rising, share, high)
    share = (low + high) / 2
    return (1 - share) * e / r0, share * e / r1


def _non_negative(name, value):
    value = np.asarray(value, dtype=float)
    if not (value >= 0).all():
        raise ValueError(f"{name} must be >= 0, found {value[~(value >= 0)].ravel()[0]}")
    return value


def _probability(name, value, upper=1.0):
    if not 0 <= value <= upper:
        raise ValueError(f"{name} must be in [0, {upper:g}], found {value}")
    return float(value)
