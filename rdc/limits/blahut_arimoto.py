"""Certified R(D, E) of any finite source, by Blahut's convex programme with two multipliers.

Both the distortion and the error of a predefined classifier are linear in the channel, so
R(D, E) (Zhang, eq. 7) is a rate-distortion problem with two linear distortions.  For multipliers
(s_D, s_E) >= 0 its Lagrangian is a minimum over output marginals q alone (Blahut 1972, Csiszar
1974):  L(s) = min_q -sum_i p_i log sum_j q_j exp(-s_D d_ij - s_E e_ij).  Every q certifies itself:

  lower bound  with c_j = sum_i p_i K_ij / (K q)_i,  L(s) >= value(q) - log max_j c_j, hence the
               supporting plane R(D, E) >= L(s) - s_D D - s_E E for every (D, E);
  upper bound  the channel q_j K_ij / (K q)_i is feasible at its own (D, E), with its own I.

Blahut and Arimoto's update q <- q c starts each solve, and Newton steps on the same programme,
with a log barrier for q >= 0, finish it: a dozen steps where q <- q c needs tens of thousands.
Whatever the steps do, the certificate, exact up to round-off, decides when to stop.  All rates
are in bits; multipliers are in nats per unit of distortion and of error.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

_LN2 = np.log(2)
_WARM_UP = 5  # Blahut-Arimoto updates before the Newton steps
_CENTRE = 10.0  # how far q_j z_j may stray from the barrier's target before it is lowered
_SHRINK = 0.1  # factor by which the barrier is lowered
_ROUND_OFF = 1e-12
_PIVOTS = 1000
_PIVOT = 1e-9  # least element of a column that a pivot may use
_REQUESTS = 4096  # requested points handled together


@dataclass(frozen=True)
class FiniteProblem:
    """A finite source, a distortion and a predefined classifier's error.

    probabilities: p(x), shape [n], >= 0, sum 1.
    distortion: d(x, xhat), shape [n, m], finite.
    error: Pr(w != c0(xhat) | x), shape [n, m], in [0, 1].

    Raises ValueError naming the array when a shape or value is not allowed.
    """

    probabilities: np.ndarray
    distortion: np.ndarray
    error: np.ndarray

    def __post_init__(self):
        for name in ("probabilities", "distortion", "error"):
            array = np.array(getattr(self, name), dtype=float)
            if not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite, found nan or inf")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        p, shape = self.probabilities, self.distortion.shape
        if p.ndim != 1 or (p < 0).any() or abs(p.sum() - 1) > 1e-9:
            raise ValueError(
                f"probabilities must be a vector >= 0 with sum 1, found shape {p.shape}, "
                f"sum {p.sum()}"
            )
        for name in ("distortion", "error"):
            found = getattr(self, name).shape
            if len(shape) != 2 or shape[0] != len(p) or shape[1] == 0 or found != shape:
                raise ValueError(f"{name} must have shape [{len(p)}, m >= 1], found {found}")
        if self.error.min() < 0 or self.error.max() > 1:
            raise ValueError(
                f"error must be in [0, 1], found [{self.error.min()}, {self.error.max()}]"
            )


@dataclass(frozen=True)
class Surface:
    """One certified point of R(D, E) per pair of multipliers, arrays of shape [g_D, g_E].

    problem: the problem solved.
    multiplier_d [g_D], multiplier_e [g_E]: nats per unit of distortion and of error.
    distortion, error, rate: (D, E) and I(X; Xhat) in bits of an explicit channel: an upper bound.
    lower: lower bound on R at that (D, E), bits.
    intercept: bits; R(D, E) >= intercept - (multiplier_d D + multiplier_e E) / ln 2 for all D, E.
    converged: whether rate - lower reached the tolerance asked for.
    """

    problem: FiniteProblem
    multiplier_d: np.ndarray
    multiplier_e: np.ndarray
    distortion: np.ndarray
    error: np.ndarray
    rate: np.ndarray
    lower: np.ndarray
    intercept: np.ndarray
    converged: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """rate - lower in bits: how far from R(D, E) each point can be."""
        return self.rate - self.lower


def error_matrix(posterior, decisions) -> np.ndarray:
    """e[i, j] = Pr(w != c0(xhat_j) | x_i), shape [n, m], for FiniteProblem.

    posterior: Pr(w = k | x_i), shape [n, classes].  decisions: c0(xhat_j), integers, shape [m].
    """
    return 1 - np.asarray(posterior, dtype=float)[:, np.asarray(decisions)]


def surface(
    problem: FiniteProblem,
    multiplier_d,
    multiplier_e,
    tolerance: float = 1e-4,
    max_iterations: int = 200,
    max_bytes: int = 2**28,
) -> Surface:
    """Certified points of R(D, E) on the grid multiplier_d x multiplier_e.

    multiplier_d [g_D], multiplier_e [g_E]: >= 0, nats per unit; 0 leaves a constraint out.
    tolerance: bits between the two bounds, > 0 (1e-9 costs about twice the steps of 1e-4).
    max_iterations: Newton steps; points that miss the tolerance keep honest, wider bounds and
    converged False.  max_bytes: memory for the kernels solved together.

    Raises ValueError for a negative, non-finite or empty multiplier or a tolerance <= 0.
    """
    multiplier_d = _multipliers("multiplier_d", multiplier_d)
    multiplier_e = _multipliers("multiplier_e", multiplier_e)
    if not tolerance > 0:
        raise ValueError(f"tolerance must be > 0 bits, found {tolerance}")
    n, m = problem.distortion.shape
    pairs = np.stack(np.meshgrid(multiplier_d, multiplier_e, indexing="ij"), -1).reshape(-1, 2)
    at_once = max(1, int(max_bytes // (8 * (3 * n * m + 2 * m * m))))
    parts = [
        _certified_points(problem, pairs[start : start + at_once], tolerance, max_iterations)
        for start in range(0, len(pairs), at_once)
    ]
    shape = (len(multiplier_d), len(multiplier_e))
    columns = [np.concatenate(column).reshape(shape) for column in zip(*parts, strict=True)]
    return Surface(problem, multiplier_d, multiplier_e, *columns)


def bounds(found: Surface, distortion, error):
    """(lower, upper) bounds in bits on R(D, E) at any D, E, which broadcast together.

    lower: the highest supporting plane of the surface, at least 0; inf where no channel meets the
    constraints.  upper: the cheapest mixture of the surface's channels and of the deterministic
    ones on the edge of feasibility that meets them (I is convex in the channel, so R lies below),
    by linear programming; finite wherever R is.  The two are as far apart as the multipliers are
    coarse: most where R is steep, next to the edge of feasibility and above all on it.
    Raises ValueError for a NaN distortion or error.
    """
    d, e = np.broadcast_arrays(np.asarray(distortion, float), np.asarray(error, float))
    if np.isnan(d).any() or np.isnan(e).any():
        raise ValueError("distortion and error must be numbers, found nan")
    reachable = feasible(found.problem, d, e)
    lower, upper = np.full(d.shape, np.inf), np.full(d.shape, np.inf)
    if not reachable.any():
        return lower[()], upper[()]
    vertices, points = _mixable_points(found)
    # Anything looser than every point of a mixture is the same; inf would not do in the simplex.
    d, e = (np.minimum(v[reachable], points[:, k].max() + 1) for k, v in enumerate((d, e)))
    slopes = np.stack(np.meshgrid(found.multiplier_d, found.multiplier_e, indexing="ij"), -1)
    slopes, intercepts = slopes.reshape(-1, 2) / _LN2, found.intercept.ravel()
    for start in range(0, len(d), _REQUESTS):
        part = slice(start, start + _REQUESTS)
        planes = intercepts - np.stack([d[part], e[part]], axis=1) @ slopes.T
        below = np.maximum(planes.max(axis=1), 0.0)
        above = _cheapest_mixtures(points, vertices, d[part], e[part])
        inside = np.flatnonzero(reachable)[part]
        lower.flat[inside], upper.flat[inside] = below, np.maximum(above, below)
    return lower[()], upper[()]


def least_error(problem: FiniteProblem):
    """The edge of feasibility: vertices (D, E) of the least error at each distortion.

    Returns (vertices [k, 2], choices [k, n]): D rises and E falls along the vertices, E is convex
    and piecewise linear in D between them, and vertex v is reached by the deterministic channel
    x_i -> choices[v, i].  Exact: a sum over x of lower-left hulls of the points (d_ij, e_ij).
    """
    steps, choice = [], np.zeros(len(problem.probabilities), dtype=int)
    for i, (d, e) in enumerate(zip(problem.distortion, problem.error, strict=True)):
        hull = _lower_left_hull(d, e)
        choice[i] = hull[0]
        for before, after in itertools.pairwise(hull):
            steps.append(((e[after] - e[before]) / (d[after] - d[before]), i, after))
    choices = [choice]
    for _, i, after in sorted(steps):  # the steepest fall in error first
        choice = choice.copy()
        choice[i] = after
        choices.append(choice)
    every = np.array(choices)
    rows = np.arange(len(problem.probabilities))
    p = problem.probabilities
    vertices = np.stack(
        [problem.distortion[rows, every] @ p, problem.error[rows, every] @ p], axis=1
    )
    return vertices, every


def feasible(problem: FiniteProblem, distortion, error):
    """Whether some channel has E[d] <= D and Pr(error) <= E (to 1e-12), as booleans."""
    vertices, _ = least_error(problem)
    needed = np.interp(distortion, vertices[:, 0], vertices[:, 1])
    slack = _ROUND_OFF * (1 + abs(vertices[0, 0]))
    met = np.asarray(distortion) >= vertices[0, 0] - slack
    return (met & (np.asarray(error) >= needed - _ROUND_OFF))[()]


def _certified_points(problem, pairs, tolerance, max_iterations):
    """Columns (D, E, rate, lower, intercept, converged) for multipliers pairs [b, 2]."""
    support = problem.probabilities > 0
    p, d, e = (
        array[support] for array in (problem.probabilities, problem.distortion, problem.error)
    )
    cost = pairs[:, :1, None] * d + pairs[:, 1:, None] * e
    least = cost.min(axis=2)  # taken out of each row, so that no kernel row underflows
    kernel = np.exp(least[:, :, None] - cost)
    del cost
    q = _best_marginal(p, kernel, tolerance * _LN2, max_iterations)
    g, c = _responses(p, kernel, q)
    value = least @ p - np.log(g) @ p
    intercept = value - np.log(c.max(axis=1))
    # The channel W_ij = q_j K_ij / g_i, its constraints, and its mutual information: the sum of
    # the divergences W(.|i) from q, less the divergence of its true marginal q c from q.
    kernel *= q[:, None, :] * (p / g)[:, :, None]
    mean_d, mean_e = np.einsum("bij,ij->b", kernel, d), np.einsum("bij,ij->b", kernel, e)
    spent = pairs[:, 0] * mean_d + pairs[:, 1] * mean_e
    nats = value - spent - rel_entr(q * c, q).sum(axis=1)
    rate, lower = np.maximum(nats, 0) / _LN2, np.maximum(intercept - spent, 0) / _LN2
    rate = np.maximum(rate, lower)  # they can cross by round-off alone
    return mean_d, mean_e, rate, lower, intercept / _LN2, rate - lower <= tolerance


def _responses(p, kernel, q):
    """g = K q, shape [b, n], and c_j = sum_i p_i K_ij / g_i, shape [b, m]."""
    g = np.matmul(kernel, q[:, :, None])[:, :, 0]
    return g, np.matmul((p / g)[:, None, :], kernel)[:, 0]


def _best_marginal(p, kernel, tolerance, max_iterations):
    """q [b, m] on the simplex with log max_j c_j <= tolerance nats wherever it can be had.

    Minimises -sum p log(K q) + sum q over q >= 0 (its solution has sum q = 1) along a log barrier,
    by primal-dual Newton steps with a line search on the barrier function.  z_j estimates
    1 - c_j.  Points are dropped as soon as they are certified.
    """
    b, _n, m = kernel.shape
    best, best_gap, active = np.full((b, m), 1 / m), np.full(b, np.inf), np.arange(b)
    q = best.copy()
    for _ in range(_WARM_UP):
        q = q * _responses(p, kernel, q)[1]
    q = 0.9 * q + 0.1 / m  # Newton steps need every q_j well inside
    barrier = np.full((b, 1), 0.5 / m)
    z = np.maximum(1 - _responses(p, kernel, q)[1], barrier / q)
    for _ in range(max_iterations):
        total = q.sum(axis=1, keepdims=True)
        g, c = _responses(p, kernel, q)
        gap = np.log(c.max(axis=1) * total[:, 0])  # the certificate of q / total
        better = gap < best_gap[active]
        best[active[better]] = (q / total)[better]
        best_gap[active[better]] = gap[better]
        open_ = gap > tolerance
        if not open_.any():
            break
        if not open_.all():
            kernel, active = kernel[open_], active[open_]
            q, g, c, z, barrier = q[open_], g[open_], c[open_], z[open_], barrier[open_]
        stray = np.abs(q * (1 - c) - barrier).max(axis=1, keepdims=True)
        barrier = np.where(stray < _CENTRE * barrier, _SHRINK * barrier, barrier)
        q, z = _newton_step(p, kernel, q, z, g, c, barrier)
    return best


def _newton_step(p, kernel, q, z, g, c, barrier):
    """One primal-dual step for the barrier problem, scaled by sqrt(q) to stay well conditioned."""
    root = np.sqrt(q)
    weighted = kernel * (np.sqrt(p) / g)[:, :, None] * root[:, None, :]
    hessian = np.matmul(weighted.transpose(0, 2, 1), weighted)
    diagonal = np.arange(q.shape[1])
    hessian[:, diagonal, diagonal] += z + 1e-15
    gradient = 1 - c - barrier / q
    dq = root * np.linalg.solve(hessian, -(root * gradient)[:, :, None])[:, :, 0]
    dz = barrier / q - z - z / q * dq
    step, step_z = _inside(q, dq), _inside(z, dz)

    def barrier_function(q, g):
        terms = q.sum(axis=1) - np.log(g) @ p - barrier[:, 0] * np.log(q).sum(axis=1)
        return terms[:, None]

    start, slope = barrier_function(q, g), (gradient * dq).sum(axis=1, keepdims=True)
    for _ in range(30):
        trial = q + step * dq
        value = barrier_function(trial, np.matmul(kernel, trial[:, :, None])[:, :, 0])
        short = value > start + 1e-4 * step * slope + 1e-13
        if not short.any():
            break
        step = np.where(short, step / 2, step)
    q = q + step * dq
    centre = barrier / q
    return q, np.clip(z + step_z * dz, 0.1 * centre, 10 * centre)


def _inside(value, change):
    """The step, at most 1, that keeps value + step * change positive with 5% to spare."""
    return 1 / np.maximum(1, np.maximum(-change / value, 0).max(axis=1, keepdims=True) / 0.95)


def _mixable_points(found):
    """The edge of feasibility, and rows (D, E, bits) of every channel known exactly, edge first."""
    problem = found.problem
    vertices, choices = least_error(problem)
    output = np.zeros((len(choices), problem.distortion.shape[1]))
    for x, weight in enumerate(problem.probabilities):
        output[np.arange(len(choices)), choices[:, x]] += weight
    bits = -np.where(output > 0, output * np.log2(np.where(output > 0, output, 1)), 0).sum(axis=1)
    constant = np.stack(
        [
            problem.probabilities @ problem.distortion,
            problem.probabilities @ problem.error,
            np.zeros(output.shape[1]),
        ],
        axis=1,
    )
    solved = np.stack([found.distortion.ravel(), found.error.ravel(), found.rate.ravel()], axis=1)
    return vertices, np.concatenate([np.column_stack([vertices, bits]), solved, constant])


def _cheapest_mixtures(points, vertices, d, e):
    """Least sum w_k rate_k with sum w_k (D_k, E_k) <= (d, e), for feasible requests d, e [r].

    A primal simplex with a 3 x 3 basis for each request, all requests together.  Every basis it
    visits is a mixture that meets its request to round-off, so even stopping early is honest; on
    the edge of feasibility, where R is steep, a solver with a tolerance of its own is not.
    points [k, 3]: rows (D, E, rate); the first ones are vertices, the edge of feasibility.
    """
    slacks = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    columns = np.concatenate([np.column_stack([points[:, :2], np.ones(len(points))]), slacks])
    cost = np.append(points[:, 2], [0.0, 0.0])
    limits = np.stack([d, e, np.ones_like(d)], axis=1)
    # Start on the edge of feasibility: one vertex where it suffices, else the two around d.
    last, rows = len(vertices) - 1, np.arange(len(d))
    left = np.clip(np.searchsorted(vertices[:, 0], d, side="right") - 1, 0, last)
    right = np.minimum(left + 1, last)
    alone = (vertices[left, 1] <= e) | (vertices[right, 0] - vertices[left, 0] < _ROUND_OFF)
    first = np.where(alone & (vertices[left, 1] > e), right, left)
    basis = np.stack([first, np.where(alone, len(points), right), 0 * left], axis=1)
    basis[:, 2] = len(points) + 1
    best, open_ = np.full(len(d), np.inf), np.ones(len(d), dtype=bool)
    for _ in range(_PIVOTS):
        matrix = columns[basis].transpose(0, 2, 1)
        singular = np.linalg.det(matrix) == 0
        open_ &= ~singular
        matrix[singular] = np.eye(3)
        weight = np.linalg.solve(matrix, limits[:, :, None])[:, :, 0]
        open_ &= (weight > -_ROUND_OFF).all(axis=1)
        value = (cost[basis] * np.maximum(weight, 0)).sum(axis=1)
        best = np.where(open_, np.minimum(best, value), best)
        price = np.linalg.solve(matrix.transpose(0, 2, 1), cost[basis][:, :, None])[:, :, 0]
        reduced = cost - price @ columns.T
        entering = reduced.argmin(axis=1)
        change = np.linalg.solve(matrix, columns[entering][:, :, None])[:, :, 0]
        usable = change > _PIVOT
        open_ &= (reduced[rows, entering] < -_ROUND_OFF) & usable.any(axis=1)
        open_ &= (basis != entering[:, None]).all(axis=1)  # round-off in a nearly singular basis
        if not open_.any():
            break
        ratio = np.where(usable, np.maximum(weight, 0) / np.where(usable, change, 1), np.inf)
        tied = ratio <= ratio.min(axis=1, keepdims=True) + _ROUND_OFF
        leaving = np.where(tied, change, -np.inf).argmax(axis=1)  # the best conditioned of them
        basis[rows[open_], leaving[open_]] = entering[open_]
    return best


def _lower_left_hull(d, e):
    """Indices of the lower-left convex hull of points (d_j, e_j), d rising and e falling."""
    hull: list[int] = []
    for j in np.lexsort((e, d)):
        if hull and e[j] >= e[hull[-1]]:
            continue
        while len(hull) > 1 and (e[hull[-1]] - e[hull[-2]]) * (d[j] - d[hull[-1]]) >= (
            e[j] - e[hull[-1]]
        ) * (d[hull[-1]] - d[hull[-2]]):
            hull.pop()
        hull.append(j)
    return hull


def _multipliers(name, value):
    value = np.atleast_1d(np.asarray(value, dtype=float))
    if value.ndim != 1 or value.size == 0 or not (np.isfinite(value) & (value >= 0)).all():
        raise ValueError(f"{name} must be a non-empty vector of finite values >= 0, found {value}")
    return value
