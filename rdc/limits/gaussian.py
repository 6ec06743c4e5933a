"""Rate-distortion-classification of a scalar Gaussian source with a jointly Gaussian label.

X ~ N(0, var_x) is coded under squared error, and classification is measured by the conditional
differential entropy C = h(S|Xhat) of a label S ~ N(0, var_s) with Cov(X, S) = covariance.
R(D, C) is the least I(X; Xhat) with E[(X - Xhat)^2] <= D and h(S|Xhat) <= C.

Units: rates are in bits.  Entropies h and C are in nats, as the literature writes them, and may
be negative.  Distortions and variances share the squared unit of X.

The published statement (the authors' poster on RDP and RDC for Gaussian sources, Theorem 1) lets
D(C, R) *fall* as C tightens; the corrected form is here, and the published branch is kept as
published_middle_branch so that the difference can be shown.  The corrected form: I(S; Xhat) >= i
costs I(X; Xhat) >= -1/2 log(1 - (1 - e^{-2i}) / rho^2), by the entropy-power inequality, and one
Gaussian test channel meets both constraints at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LOG_2PI_E = np.log(2 * np.pi) + 1
# Entropies a few units of round-off below the least one reachable at a rate still count as met.
_ROUND_OFF = 1e-13


@dataclass(frozen=True)
class GaussianSource:
    """Jointly Gaussian source X and label S.

    var_x, var_s: variances, positive and finite.
    covariance: Cov(X, S), with |covariance| <= sqrt(var_x var_s).

    Raises ValueError naming the field when a value is out of range.
    """

    var_x: float
    var_s: float
    covariance: float

    def __post_init__(self):
        for name in ("var_x", "var_s"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise ValueError(f"{name} must be positive and finite, found {value}")
        limit = np.sqrt(self.var_x * self.var_s)
        if not abs(self.covariance) <= limit * (1 + 1e-12):
            raise ValueError(
                f"covariance must be within sqrt(var_x var_s) = {limit} of 0, "
                f"found {self.covariance}"
            )

    @property
    def squared_correlation(self) -> float:
        """rho^2 in [0, 1]."""
        return min(self.covariance**2 / (self.var_x * self.var_s), 1.0)

    @property
    def label_entropy(self) -> float:
        """h(S) in nats: the C above which classification constrains nothing."""
        return 0.5 * (_LOG_2PI_E + np.log(self.var_s))

    @property
    def least_entropy(self) -> float:
        """h(S|X) in nats (-inf when S is a function of X): no rate brings h(S|Xhat) below it."""
        with np.errstate(divide="ignore"):
            return self.label_entropy + 0.5 * float(np.log1p(-self.squared_correlation))


def feasible(source: GaussianSource, distortion, entropy):
    """Whether some finite rate meets D and C, elementwise, as booleans.

    distortion >= 0; entropy in nats, any real number or +-inf.  D > 0 is needed, and C >= h(S) or
    C > h(S|X), both strict because they are approached only as the rate grows without bound.
    Raises ValueError for a negative or NaN distortion or a NaN entropy.
    """
    distortion, entropy = _arguments(distortion, entropy)
    reachable = (entropy >= source.label_entropy) | (entropy > source.least_entropy)
    return ((distortion > 0) & reachable)[()]


def rate(source: GaussianSource, distortion, entropy):
    """R(D, C) in bits, >= 0; inf where infeasible (see feasible).  Broadcasts.

    distortion >= 0 (inf allowed); entropy C = h(S|Xhat) in nats.  Raises ValueError for a negative
    or NaN distortion or a NaN entropy.

    The corrected Theorem 1: R = max{0, 1/2 log(var_x / D), -1/2 log(1 - (1 - e^{-2(h(S)-C)}) /
    rho^2)}.
    """
    distortion, entropy = _arguments(distortion, entropy)
    with np.errstate(divide="ignore", invalid="ignore"):
        for_distortion = -0.5 * np.log2(distortion / source.var_x)
        explained = -np.expm1(-2 * np.maximum(source.label_entropy - entropy, 0))
        share = explained / source.squared_correlation  # of the variance of X to be resolved
        for_label = -0.5 * np.log1p(-np.minimum(share, 1)) / np.log(2)
    for_label = np.where(entropy >= source.label_entropy, 0.0, for_label)
    value = np.maximum(np.maximum(for_distortion, for_label), 0.0)
    return np.where(feasible(source, distortion, entropy), value, np.inf)[()]


def least_entropy_at_rate(source: GaussianSource, rate_bits):
    """T(R): the least h(S|Xhat) in nats that a rate R >= 0 in bits can reach.

    T(R) = h(S) + 1/2 log(1 - rho^2 (1 - 2^{-2R})).  Raises ValueError for a negative rate.
    """
    rate_bits = _non_negative("rate_bits", rate_bits)
    resolved = -np.expm1(-2 * np.log(2) * rate_bits)
    with np.errstate(divide="ignore"):
        reduction = 0.5 * np.log1p(-source.squared_correlation * resolved)
    return (source.label_entropy + reduction)[()]


def distortion(source: GaussianSource, entropy, rate_bits):
    """D(C, R), the least distortion at rate R under h(S|Xhat) <= C; inf when C < T(R).

    entropy in nats, rate_bits >= 0 in bits, broadcasting; the result has the unit of var_x.
    The corrected Theorem 1: var_x 2^{-2R} wherever it is feasible, whatever C - the channel that
    is best for distortion is also best for the label.  Raises ValueError for a negative or NaN
    rate or a NaN entropy.
    """
    rate_bits = _non_negative("rate_bits", rate_bits)
    _, entropy = _arguments(0.0, entropy)
    met = entropy >= least_entropy_at_rate(source, rate_bits) - _ROUND_OFF
    return np.where(met, source.var_x * np.exp2(-2 * rate_bits), np.inf)[()]


def published_middle_branch(source: GaussianSource, entropy):
    """The middle branch of the published D(C, R), uncorrected: it does not depend on R.

    D = var_x - (var_s var_x^2 / covariance^2)(1 - e^{-2 h(S) + 2C}) for C in [h(S|X), T(R)],
    entropy in nats; inf below h(S|X), var_x at and above h(S), and inf for rho = 0 < h(S) - C.

    It is the distortion of the Gaussian channel with h(S|Xhat) = C, whose rate exceeds the R of
    the branch for every C < T(R): the pairs it promises are infeasible.  Raises ValueError for a
    NaN entropy.
    """
    _, entropy = _arguments(0.0, entropy)
    explained = -np.expm1(-2 * np.maximum(source.label_entropy - entropy, 0))
    inside = (entropy >= source.least_entropy) | (entropy >= source.label_entropy)
    scale = source.squared_correlation or 1.0
    value = np.maximum(source.var_x * (1 - explained / scale), 0.0)
    return np.where(inside, value, np.inf)[()]


def _arguments(distortion, entropy):
    entropy = np.asarray(entropy, dtype=float)
    if np.isnan(entropy).any():
        raise ValueError("entropy must be a number of nats, found nan")
    return _non_negative("distortion", distortion), entropy


def _non_negative(name, value):
    value = np.asarray(value, dtype=float)
    if not (value >= 0).all():
        raise ValueError(f"{name} must be >= 0, found {value[~(value >= 0)].ravel()[0]}")
    return value
