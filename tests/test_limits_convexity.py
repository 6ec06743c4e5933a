"""Theorem 1 on surfaces, and the search for what H(S|Xhat) breaks."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq

from rdc.limits import bernoulli
from rdc.limits.blahut_arimoto import FiniteProblem, bounds, error_matrix, surface
from rdc.limits.convexity import (
    bounds_for_entropy,
    conditional_entropy,
    convexity_violation,
    mixing_counterexample,
    monotonicity_violation,
    mutual_information,
    search_non_convexity,
    time_shared,
)

PINNED = bernoulli.BernoulliSource((0.4, 0.6), (0.9, 0.1))
AXIS = np.linspace(0, 0.6, 41)
RATES = st.one_of(st.floats(0, 2), st.just(np.inf))
HAMMING = 1 - np.eye(2)
# A source found by a random search: X ~ Bern(0.36), and S = 1 only if X = 1, then 46% of the time.
Z_LABEL = np.array([[0.64, 0.36 * 0.54], [0.0, 0.36 * 0.46]])


def shannon(table):
    table = np.asarray(table)
    return -np.sum(table * np.log2(np.maximum(table, 1e-300)))


@settings(max_examples=60)
@given(arrays(float, (4, 5), elements=RATES), arrays(float, (4, 5), elements=st.floats(0, 1)))
def test_violations_match_loops_over_every_pair_and_triple(upper, width):
    lower = upper - width
    cells = list(itertools.product(range(4), range(5)))
    rises, bumps = [-np.inf], [-np.inf]
    for a, b in itertools.product(cells, cells):
        if a <= b and a[0] <= b[0] and a[1] <= b[1] and np.isfinite(upper[a]):
            rises.append(lower[b] - upper[a])
        middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        if a != b and all(m == int(m) for m in middle) and np.isfinite(upper[a] + upper[b]):
            bumps.append(lower[int(middle[0]), int(middle[1])] - (upper[a] + upper[b]) / 2)
    assert monotonicity_violation(lower, upper).amount == pytest.approx(max(rises))
    found = convexity_violation(lower, upper)
    assert found.amount == pytest.approx(max(bumps))
    if np.isfinite(found.amount):
        first, middle, last = found.points
        assert tuple(np.add(first, last)) == tuple(2 * np.array(middle))
        assert lower[middle] - (upper[first] + upper[last]) / 2 == pytest.approx(found.amount)


def test_points_of_a_monotonicity_violation():
    values = np.array([[1.0, 0.4], [0.9, 0.7]])
    found = monotonicity_violation(values)
    assert found.amount == pytest.approx(0.3)
    assert found.points == ((0, 1), (1, 1))


def test_theorem_1_on_the_closed_form_and_not_on_the_printed_one():
    exact = bernoulli.rate(PINNED, AXIS[:, None], AXIS)
    assert monotonicity_violation(exact).amount <= 1e-12
    assert convexity_violation(exact).amount <= 1e-12
    printed = bernoulli.rate_as_printed(PINNED, AXIS[:, None], AXIS)
    assert monotonicity_violation(printed).amount > 0.1  # eq. 9 breaks its own Theorem 1 twice
    assert convexity_violation(printed).amount > 0.1


def test_theorem_1_on_certified_bounds_that_share_no_plane():
    """Each row of the surface has its own multipliers, so the bounds could disagree."""
    rng = np.random.default_rng(4)
    posterior = rng.dirichlet(np.ones(3), size=5)
    problem = FiniteProblem(
        rng.dirichlet(np.ones(5)),
        rng.uniform(size=(5, 5)),
        error_matrix(posterior, [0, 1, 2, 0, 1]),
    )
    d, e = np.linspace(0.05, 0.6, 13), np.linspace(0.2, 0.9, 13)
    lower, upper = np.empty((13, 13)), np.empty((13, 13))
    for k in range(13):
        grid = np.concatenate([[0.0], np.geomspace(0.1, 60, 20 + k)])
        lower[k], upper[k] = bounds(surface(problem, grid, grid, 1e-6), d[k], e)
    finite = np.isfinite(upper)
    assert finite.sum() > 50 and (upper[finite] - lower[finite]).max() < 0.1
    assert monotonicity_violation(lower, upper).amount <= 1e-9
    assert convexity_violation(lower, upper).amount <= 1e-9


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(2, 5))
def test_mixing_two_good_channels_makes_a_bad_one(seed, labels, symbols):
    joint = np.random.default_rng(seed).dirichlet(np.ones(labels * symbols)).reshape(labels, -1)
    example = mixing_counterexample(joint)
    for channel in (example.first, example.second, example.mixture):
        np.testing.assert_allclose(channel.sum(axis=1), 1)
        table = joint @ channel
        entropy = shannon(table) - shannon(table.sum(axis=0))
        assert conditional_entropy(joint, channel) == pytest.approx(entropy, abs=1e-9)
        if channel is example.mixture:
            assert entropy > example.limit
            assert entropy == pytest.approx(example.mixture_entropy, abs=1e-9)
        else:
            assert entropy <= example.limit + 1e-9
    np.testing.assert_allclose(example.mixture, (example.first + example.second) / 2)


def test_mixing_needs_dependence():
    with pytest.raises(ValueError, match="depend"):
        mixing_counterexample(np.outer([0.3, 0.7], [0.2, 0.8]))
    with pytest.raises(ValueError, match="distribution"):
        mixing_counterexample([[0.5, 0.6]])
    clear = mixing_counterexample(np.eye(2) / 2)  # S = X: from 0 bits to a whole one
    assert (clear.limit, clear.mixture_entropy) == (0.0, 1.0)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(0, 1))
def test_time_sharing_averages_everything(seed, weight):
    rng = np.random.default_rng(seed)
    joint = rng.dirichlet(np.ones(6)).reshape(2, 3)
    first, second = rng.dirichlet(np.ones(2), size=3), rng.dirichlet(np.ones(2), size=3)
    both = time_shared(first, second, weight)
    p = joint.sum(axis=0)
    for measure in (lambda c: mutual_information(p, c), lambda c: conditional_entropy(joint, c)):
        average = weight * measure(first) + (1 - weight) * measure(second)
        assert measure(both) == pytest.approx(average, abs=1e-9)
    with pytest.raises(ValueError, match="weight"):
        time_shared(first, second, 1.5)


def symmetric_label_rate(p, noise, d, c):
    """Hb(p) - Hb(min(D, C1)), C1 the crossover that leaves H(S|Xhat) = c (Mrs Gerber's lemma)."""
    flip = brentq(lambda t: bernoulli.binary_entropy(t) - c, 0, 0.5, xtol=1e-15)
    least = min(d, (flip - noise) / (1 - 2 * noise), p)
    return bernoulli.binary_entropy(p) - bernoulli.binary_entropy(least)


@settings(max_examples=12)
@given(st.floats(0.1, 0.5), st.floats(0.02, 0.3), st.floats(0.01, 0.6), st.floats(0.05, 0.95))
def test_bounds_hold_the_symmetric_closed_form(p, noise, d, share):
    joint = np.array([[(1 - p) * (1 - noise), p * noise], [(1 - p) * noise, p * (1 - noise)]])
    known = bernoulli.binary_entropy(noise)
    c = known + share * (shannon(joint.sum(axis=1)) - known)
    lower, upper, finest = bounds_for_entropy(joint, HAMMING, d, c, tolerance=1e-4)
    closed = symmetric_label_rate(p, noise, d, c)
    assert lower - 1e-9 <= closed <= upper + 1e-9
    assert upper - lower <= 1e-4 + 1e-12
    assert finest < 0.1


def test_bounds_at_the_edges():
    known = conditional_entropy(Z_LABEL, np.eye(2))
    unknown = shannon(Z_LABEL.sum(axis=1))
    lower, upper, _ = bounds_for_entropy(
        Z_LABEL, HAMMING, [0.0, 1.0, 0.36, -0.1, 1.0], [9.0, known, unknown, 9.0, known - 0.01]
    )
    whole = shannon(Z_LABEL.sum(axis=0))
    np.testing.assert_allclose(upper[:3], [whole, whole, 0], atol=1e-4)
    np.testing.assert_allclose(lower[:3], upper[:3], atol=2e-4)
    assert np.isinf(lower[3:]).all() and np.isinf(upper[3:]).all()


def test_stopping_early_widens_the_bounds_but_keeps_them():
    arguments = Z_LABEL, HAMMING, 0.36, 0.6
    lower, upper, _ = bounds_for_entropy(*arguments, tolerance=1e-4)
    for limits in ({"rounds": 4}, {"rounds": 6}, {"max_cells": 100}):
        wide_lower, wide_upper, _ = bounds_for_entropy(*arguments, tolerance=1e-4, **limits)
        assert wide_lower <= lower + 1e-4 and upper <= wide_upper + 1e-4
        assert wide_lower <= upper and lower <= wide_upper


def test_rate_under_conditional_entropy_is_not_convex():
    """The witness, with the middle checked again on a plain grid of half a million channels."""
    unknown = shannon(Z_LABEL.sum(axis=1))
    known = conditional_entropy(Z_LABEL, np.eye(2))
    c = known + (unknown - known) * np.array([0.695, 0.8475, 1.0])
    lower, upper, _ = bounds_for_entropy(Z_LABEL, HAMMING, 0.36, c, tolerance=2e-5)
    certified = lower[1] - (upper[0] + upper[2]) / 2
    assert 0.006 < certified < 0.009

    one = np.linspace(0, 1, 1001)
    t0, t1 = np.meshgrid(one, one, indexing="ij")
    p0, p1 = Z_LABEL.sum(axis=0)

    def plogp(x):
        return x * np.log2(np.maximum(x, 1e-300))

    marginal = p0 * t0 + p1 * t1
    information = p0 * (plogp(t0) + plogp(1 - t0)) + p1 * (plogp(t1) + plogp(1 - t1))
    information -= plogp(marginal) + plogp(1 - marginal)
    entropy = plogp(marginal) + plogp(1 - marginal)
    for s0, s1 in Z_LABEL:
        yes = s0 * t0 + s1 * t1
        entropy -= plogp(yes) + plogp(s0 + s1 - yes)
    allowed = (p0 * t0 + p1 * (1 - t1) <= 0.36 + 1e-9) & (entropy <= c[1])
    assert lower[1] - 1e-9 <= information[allowed].min() <= upper[1] + 2e-3
    # Loosened by more than a cell's worth of D and C, the grid still cannot reach the chord.
    loose = (p0 * t0 + p1 * (1 - t1) <= 0.361) & (entropy <= c[1] + 1e-3)
    assert information[loose].min() > (upper[0] + upper[2]) / 2


def test_search_reports_what_it_did():
    found = search_non_convexity(sources=2, thresholds=9, tolerance=1e-3, seed=0)
    again = search_non_convexity(sources=2, thresholds=9, tolerance=1e-3, seed=0)
    assert found.certified == again.certified and found.ends == again.ends
    assert (found.sources, found.thresholds) == (2, 9)
    assert 0 < found.finest_cell < 1 / 64
    assert found.apparent == pytest.approx(found.certified + found.allowance)
    assert 0 <= found.allowance <= 1e-3 + 1e-9
    # The reported triple, computed again on its own.
    d, c = zip(found.ends[0], found.middle, found.ends[1], strict=True)
    lower, upper, _ = bounds_for_entropy(found.joint, found.distortion, d, c, 1e-4)
    assert lower[1] - (upper[0] + upper[2]) / 2 == pytest.approx(found.certified, abs=3e-3)
    np.testing.assert_allclose(np.add(*found.ends) / 2, found.middle)


@pytest.mark.slow
def test_search_finds_violations_in_binary_and_ternary_sources():
    binary = search_non_convexity(sources=30, thresholds=9, tolerance=1e-4, seed=0)
    assert binary.violating >= 1 and binary.certified > 5e-4 and binary.broken == 0
    ternary = search_non_convexity(sources=10, symbols=3, thresholds=9, tolerance=1e-2, seed=0)
    assert ternary.violating >= 1 and ternary.certified > 0.01


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda: monotonicity_violation(np.zeros((2, 2)), np.zeros((2, 3))), "shapes"),
        (lambda: convexity_violation([[0.0, np.nan]]), "nan"),
        (lambda: convexity_violation(np.zeros(3)), "two axes"),
        (lambda: bounds_for_entropy([[0.5, 0.0], [0.5, 0.0]], HAMMING, 0, 0), "joint"),
        (lambda: bounds_for_entropy(Z_LABEL, np.zeros((3, 2)), 0, 0), "distortion"),
        (lambda: bounds_for_entropy(Z_LABEL, HAMMING, 0, 0, tolerance=0), "tolerance"),
        (lambda: search_non_convexity(0), "sources"),
        (lambda: search_non_convexity(1, symbols=4), "symbols"),
        (lambda: search_non_convexity(1, thresholds=2), "thresholds"),
    ],
)
def test_bad_arguments(call, name):
    with pytest.raises(ValueError, match=name):
        call()
