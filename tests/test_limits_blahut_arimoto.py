"""Certified R(D, E) against closed forms, scipy's minimisers and linear programmes."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from rdc.limits import bernoulli
from rdc.limits.blahut_arimoto import (
    FiniteProblem,
    bounds,
    error_matrix,
    feasible,
    least_error,
    surface,
)

MULTIPLIERS = np.concatenate([[0.0], np.geomspace(0.1, 30, 12)])


def bernoulli_problem(source):
    (prior1, prior2), (a1, a2) = source.priors, source.parameters
    joint = np.array([[prior1 * (1 - a1), prior2 * (1 - a2)], [prior1 * a1, prior2 * a2]])
    p = joint.sum(axis=1)
    error = error_matrix(joint / p[:, None], [1, 0])  # Xhat = 1 means the first class
    return FiniteProblem(p, 1 - np.eye(2), error)


def random_problem(seed, n=None, m=None):
    rng = np.random.default_rng(seed)
    n, m = n or rng.integers(2, 4), m or rng.integers(2, 4)
    posterior = rng.dirichlet(np.ones(3), size=n)
    error = error_matrix(posterior, rng.integers(0, 3, size=m))
    return FiniteProblem(rng.dirichlet(np.full(n, 2.0)), rng.uniform(0, 1, (n, m)), error)


def slsqp(problem, d, e):
    """min I(X; Xhat) in bits over channels with E[d] <= D, Pr(error) <= E, by scipy.

    Starts from the mean of channels that minimise random linear costs under the constraints: a
    point in the relative interior of what is allowed.  SLSQP can stop early, so four starts.
    """
    p, shape = problem.probabilities, problem.distortion.shape
    n, m = shape
    rows = np.kron(np.eye(n), np.ones(m))
    pair = (problem.distortion, problem.error)
    weights = np.stack([(p[:, None] * array).ravel() for array in pair])
    limits = np.array([d, e])
    rng = np.random.default_rng(0)

    def corner():
        cost = rng.normal(size=n * m)
        return linprog(cost, A_ub=weights, b_ub=limits, A_eq=rows, b_eq=np.ones(n)).x

    def information(flat):
        w = np.maximum(flat.reshape(shape), 1e-13)
        log = np.log2(w / (p @ w))
        return np.sum(p[:, None] * w * log), (p[:, None] * log).ravel()

    def solve(start):
        return minimize(
            information,
            start,
            jac=True,
            method="SLSQP",
            bounds=[(0, 1)] * (n * m),
            constraints=[
                {"type": "eq", "fun": lambda x: rows @ x - 1, "jac": lambda x: rows},
                {"type": "ineq", "fun": lambda x: limits - weights @ x, "jac": lambda x: -weights},
            ],
            options={"ftol": 1e-13, "maxiter": 1000},
        )

    runs = [solve(np.mean([corner() for _ in range(8)], axis=0)) for _ in range(4)]
    kept = [run.fun for run in runs if (limits - weights @ run.x > -1e-9).all()]
    return min(kept)


@settings(max_examples=30)
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_agrees_with_the_bernoulli_closed_form(prior, a1, a2):
    source = bernoulli.BernoulliSource((prior, 1 - prior), (a1, a2))
    found = surface(bernoulli_problem(source), MULTIPLIERS, MULTIPLIERS, tolerance=1e-9)
    assert found.converged.all()
    # 1e-13 of slack: a point at the very edge of feasibility may round to the other side of it.
    closed = bernoulli.rate(source, found.distortion + 1e-13, found.error + 1e-13)
    assert np.abs(closed - found.rate).max() < 1e-6
    # The planes hold everywhere, not only at their own points.
    d, e = np.meshgrid(np.linspace(0, 1, 15), np.linspace(0, 1, 15))
    lower, _ = bounds(surface(found.problem, [1.0], [2.0], 1e-9), d, e)
    assert (lower <= bernoulli.rate(source, d, e) + 1e-9).all()


def test_multipliers_reach_every_region_of_the_closed_form():
    source = bernoulli.BernoulliSource((0.4, 0.6), (0.9, 0.1))
    found = surface(bernoulli_problem(source), MULTIPLIERS, MULTIPLIERS, tolerance=1e-9)
    value, region = bernoulli.rate_and_region(source, found.distortion, found.error + 1e-13)
    positive = value > 1e-6
    assert (region[1:, 0][positive[1:, 0]] == "distortion").all()
    assert (region[1:, 1:][positive[1:, 1:]] == "both").any()
    at_d2 = bernoulli.thresholds(source, found.error[0]).d2
    only_error = positive[0]
    assert only_error.sum() > 3
    np.testing.assert_allclose(found.distortion[0][only_error], at_d2[only_error], atol=1e-5)


@pytest.mark.parametrize("iterations", [0, 1, 3, 200])
def test_bounds_stay_honest_however_early_it_stops(iterations):
    source = bernoulli.BernoulliSource((0.3, 0.7), (0.8, 0.2))
    found = surface(bernoulli_problem(source), MULTIPLIERS, MULTIPLIERS, 1e-9, iterations)
    closed = bernoulli.rate(source, found.distortion, found.error)
    assert (found.lower <= closed + 1e-11).all()
    assert (closed <= found.rate + 1e-11).all()
    assert (found.gap >= 0).all()
    np.testing.assert_array_equal(found.converged, found.gap <= 1e-9)
    assert found.converged.all() == (iterations == 200)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.floats(0.5, 20), st.floats(0.5, 20))
def test_matches_slsqp_at_the_computed_points(seed, slope_d, slope_e):
    problem = random_problem(seed)
    found = surface(problem, [slope_d], [slope_e], tolerance=1e-9)
    d, e = found.distortion[0, 0], found.error[0, 0]
    reference = slsqp(problem, d + 1e-9, e + 1e-9)
    # 1e-9 more distortion and error is worth at most (slopes) x 1e-9 nats.
    assert found.lower[0, 0] - 1e-7 <= reference <= found.rate[0, 0] + 2e-6


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_requested_points_are_bracketed_tightly(seed, share_d, share_e):
    problem = random_problem(seed)
    coarse, fine = (
        surface(problem, grid, grid, tolerance=1e-8)
        for grid in (np.append(0, np.geomspace(0.05, 100, count)) for count in (21, 81))
    )
    vertices, _ = least_error(problem)
    d = vertices[0, 0] + share_d * (problem.probabilities @ problem.distortion).min() + 1e-3
    e = np.interp(d, vertices[:, 0], vertices[:, 1])
    e = e + 1e-3 + share_e * (1 - e)
    reference = slsqp(problem, d, e)
    for found in (coarse, fine):
        lower, upper = bounds(found, d, e)
        assert lower - 1e-7 <= reference <= upper + 2e-6
    assert upper - lower < 0.08  # worst near the edge of feasibility, where R is steep


def test_upper_bound_is_the_cheapest_mixture():
    rng = np.random.default_rng(11)
    for seed in range(4):
        problem = random_problem(seed, 6, 6)
        found = surface(problem, MULTIPLIERS, MULTIPLIERS, tolerance=1e-6)
        vertices, _ = least_error(problem)
        d = vertices[0, 0] + rng.uniform(0.01, 0.3, 25)
        e = np.interp(d, vertices[:, 0], vertices[:, 1]) + rng.uniform(0.01, 0.3, 25)
        lower, upper = bounds(found, d, e)
        constants = np.stack(
            [problem.probabilities @ a for a in (problem.distortion, problem.error)]
        )
        points = np.stack([found.distortion.ravel(), found.error.ravel()])
        points = np.concatenate([points, constants, vertices.T], axis=1)

        def mixture(vertex_rate, request, found=found, points=points, vertices=vertices):
            vertex_rates = np.full(len(vertices), vertex_rate)
            cost = np.concatenate([found.rate.ravel(), np.zeros(6), vertex_rates])
            return linprog(cost, points, request, np.ones((1, len(cost))), [1.0]).fun

        for k, request in enumerate(zip(d, e, strict=True)):
            # scipy's programme, with the deterministic channels priced too low and too high
            assert mixture(0.0, request) - 1e-6 <= upper[k] <= mixture(9.0, request) + 1e-6
            assert lower[k] <= upper[k]


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_edge_of_feasibility_matches_a_linear_programme(seed, share):
    problem = random_problem(seed, 5, 4)
    p = problem.probabilities
    vertices, choices = least_error(problem)
    d = vertices[0, 0] + share * (vertices[-1, 0] - vertices[0, 0])
    least = linprog(
        (p[:, None] * problem.error).ravel(),
        A_ub=[(p[:, None] * problem.distortion).ravel()],
        b_ub=[d + 1e-12],
        A_eq=np.kron(np.eye(5), np.ones(4)),
        b_eq=np.ones(5),
    ).fun
    assert np.interp(d, vertices[:, 0], vertices[:, 1]) == pytest.approx(least, abs=1e-7)
    assert feasible(problem, d, least + 1e-6)
    assert not feasible(problem, d, least - 1e-6)
    assert not feasible(problem, vertices[0, 0] - 1e-6, 1.0)
    coarse = surface(problem, [1.0], [1.0])
    lower, upper = bounds(coarse, d, np.interp(d, vertices[:, 0], vertices[:, 1]))
    assert lower <= upper < np.inf  # an upper bound exists wherever R is finite
    rows = np.arange(5)
    for vertex, choice in zip(vertices, choices, strict=True):
        assert vertex[0] == pytest.approx(p @ problem.distortion[rows, choice])


def test_infeasible_and_free_requests():
    source = bernoulli.BernoulliSource((0.4, 0.6), (0.9, 0.1))
    found = surface(bernoulli_problem(source), MULTIPLIERS, MULTIPLIERS)
    lower, upper = bounds(found, [0.1, -1.0, np.inf, 0.5], [0.05, 1.0, np.inf, 0.1])
    np.testing.assert_array_equal(np.isinf(lower), [True, True, False, False])
    np.testing.assert_array_equal(np.isinf(upper), [True, True, False, False])
    assert lower[2] == upper[2] == 0
    # On the edge of feasibility the rate is Hb(p); only multipliers -> inf would be tight there.
    assert lower[3] <= bernoulli.rate(source, 0.5, 0.1) <= upper[3] + 1e-9
    assert bounds(found, 0.2, 0.2)[0] > 0.4  # the region the printed eq. 9 calls zero


def test_symbols_without_probability_and_duplicate_reconstructions():
    plain = random_problem(3, 3, 3)
    p = np.append(plain.probabilities, 0.0)
    repeated = [
        np.vstack([a, a[:1] + 0.3])[:, [0, 1, 2, 2]] for a in (plain.distortion, plain.error * 0.7)
    ]
    padded = FiniteProblem(p, *repeated)
    same = FiniteProblem(plain.probabilities, plain.distortion, plain.error * 0.7)
    ours, theirs = (surface(x, MULTIPLIERS, MULTIPLIERS, 1e-9) for x in (padded, same))
    np.testing.assert_allclose(ours.intercept, theirs.intercept, atol=3e-9)
    assert ours.converged.all() and theirs.converged.all()


def test_memory_chunks_change_nothing():
    problem = random_problem(5, 6, 6)
    whole = surface(problem, MULTIPLIERS, MULTIPLIERS, 1e-9)
    pieces = surface(problem, MULTIPLIERS, MULTIPLIERS, 1e-9, max_bytes=10_000)
    np.testing.assert_allclose(pieces.rate, whole.rate, atol=1e-8)
    np.testing.assert_allclose(pieces.intercept, whole.intercept, atol=2e-9)


@pytest.mark.parametrize("structured", [True, False])
def test_64_symbols_on_a_32_by_32_grid(structured):
    rng = np.random.default_rng(7)
    grid = np.concatenate([[0.0], np.geomspace(0.1, 200, 31)])
    if structured:  # a quantised Gaussian, squared error, and a threshold on a logistic posterior
        x = np.linspace(-3, 3, 64)
        p = np.exp(-x * x / 2)
        one = 1 / (1 + np.exp(-2 * x))
        posterior, decisions = np.stack([1 - one, one], axis=1), (x > 0).astype(int)
        distortion = (x[:, None] - x) ** 2
    else:
        p, distortion = rng.exponential(size=64), rng.uniform(size=(64, 64))
        posterior, decisions = rng.dirichlet(np.ones(10), size=64), rng.integers(0, 10, 64)
    problem = FiniteProblem(p / p.sum(), distortion, error_matrix(posterior, decisions))
    start = time.perf_counter()
    found = surface(problem, grid, grid, tolerance=1e-4)
    assert time.perf_counter() - start < 60
    assert found.converged.all() and found.gap.max() <= 1e-4
    assert found.rate.max() > 3


@pytest.mark.parametrize(
    "change, name",
    [
        ({"probabilities": [0.5, 0.4]}, "probabilities"),
        ({"probabilities": [1.5, -0.5]}, "probabilities"),
        ({"distortion": [[0, np.inf], [1, 0]]}, "distortion"),
        ({"distortion": [[0, 1, 2]]}, "distortion"),
        ({"error": [[0, 1]]}, "error"),
        ({"error": [[0, 1.2], [1, 0]]}, "error"),
    ],
)
def test_bad_problems(change, name):
    arrays = {"probabilities": [0.5, 0.5], "distortion": 1 - np.eye(2), "error": 1 - np.eye(2)}
    with pytest.raises(ValueError, match=name):
        FiniteProblem(**(arrays | change))


def test_bad_arguments():
    problem = random_problem(0)
    for arguments, name in (
        (([-1.0], [1.0]), "multiplier_d"),
        (([1.0], []), "multiplier_e"),
        (([1.0], [np.inf]), "multiplier_e"),
        (([1.0], [1.0], 0.0), "tolerance"),
    ):
        with pytest.raises(ValueError, match=name):
            surface(problem, *arguments)
    with pytest.raises(ValueError, match="nan"):
        bounds(surface(problem, [1.0], [1.0]), np.nan, 0.5)
