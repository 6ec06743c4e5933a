"""Closed forms of the Bernoulli R(D, E) against brute-force convex minimisation."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog

from rdc.limits.bernoulli import (
    REGIONS,
    BernoulliSource,
    binary_entropy,
    mutual_information,
    rate,
    rate_and_region,
    rate_as_printed,
    rate_label_noise,
    rate_perception,
    thresholds,
)

PINNED = BernoulliSource((0.4, 0.6), (0.9, 0.1))
UNIT = st.floats(0.0, 1.0)
INSIDE = st.floats(0.02, 0.98)
SOURCES = st.builds(
    lambda prior, a1, a2: BernoulliSource((prior, 1 - prior), (a1, a2)), INSIDE, INSIDE, INSIDE
)


def channel_information(p, a, b):
    """I from the joint table, in bits, by entropies (the library uses a divergence)."""
    table = np.array([1 - p - a, a, b, p - b])
    entropy = -np.sum(table * np.log2(np.maximum(table, 1e-300)), axis=0)
    return binary_entropy(p) + binary_entropy(np.clip(p + a - b, 0, 1)) - entropy


def brute_force(source, d, e):
    """min I(A, B) over the polygon: LP for the range of A, then nested interval searches."""
    p, q = source.p, 1 - source.p
    prior1, prior2 = source.priors
    a1, a2 = source.parameters
    joint = np.array([[prior1 * (1 - a1), prior1 * a1], [prior2 * (1 - a2), prior2 * a2]])
    r0, r1 = (joint[1, 0] - joint[0, 0]) / q, (joint[0, 1] - joint[1, 1]) / p
    slack = e - (joint[1, 1] + joint[0, 0])
    box = [(0, q), (0, p)]
    rows, limits = [[1, 1], [r0, r1]], [d, slack]
    ends = [linprog([sign, 0], A_ub=rows, b_ub=limits, bounds=box) for sign in (1, -1)]
    if any(end.status == 2 for end in ends):
        return math.inf
    low, high = ends[0].x[0], ends[1].x[0]
    best = math.inf
    for _ in range(8):
        a = np.linspace(low, high, 41)
        floor, ceiling = np.zeros_like(a), np.minimum(p, d - a)
        bound = (slack - r0 * a) / r1 if r1 != 0 else None
        if r1 > 0:
            ceiling = np.minimum(ceiling, bound)
        elif r1 < 0:
            floor = np.maximum(floor, bound)
        empty = ceiling < floor - 1e-12  # the LP's range is good to 1e-7 only
        ceiling = np.maximum(ceiling, floor)
        for _ in range(70):
            left, right = floor + (ceiling - floor) / 3, ceiling - (ceiling - floor) / 3
            worse = channel_information(p, a, left) > channel_information(p, a, right)
            floor, ceiling = np.where(worse, left, floor), np.where(worse, ceiling, right)
        values = channel_information(p, a, (floor + ceiling) / 2)
        values = np.where(empty, math.inf, values)
        k = int(values.argmin())
        best = min(best, values[k])
        low, high = a[max(k - 1, 0)], a[min(k + 1, 40)]
    return best


def test_pinned_fact_of_equation_9():
    assert PINNED.p == pytest.approx(0.42)
    assert PINNED.base_error == pytest.approx(0.1)
    found = thresholds(PINNED, 0.2)
    assert found.d1 == pytest.approx(0.1295, abs=5e-5)
    assert found.d2 == pytest.approx(0.1327, abs=5e-5)
    beyond = np.array([0.1327, 0.2, 0.42, 1.0, math.inf])
    value, region = rate_and_region(PINNED, beyond, 0.2)
    np.testing.assert_allclose(value, 0.42088, atol=5e-6)
    assert set(region) == {"error"}
    np.testing.assert_array_equal(rate_as_printed(PINNED, beyond, 0.2), 0.0)
    below = np.linspace(0, 0.1326, 50)
    np.testing.assert_array_equal(rate_as_printed(PINNED, below, 0.2), rate(PINNED, below, 0.2))
    assert brute_force(PINNED, 0.42, 0.2) == pytest.approx(value[2], abs=1e-9)


@settings(max_examples=50)
@given(SOURCES, UNIT, UNIT)
@example(PINNED, 0.131, 0.2)
@example(BernoulliSource((0.4, 0.6), (0.1, 0.9)), 0.9, 0.2)  # an inverted classifier
@example(BernoulliSource((0.5, 0.5), (0.2, 0.2)), 0.1, 0.4)
def test_matches_brute_force(source, d, e):
    ends = thresholds(source, e)
    assume(abs(d - ends.minimum) > 1e-7)  # where the LP and the closed form may round apart
    assert rate(source, d, e) == pytest.approx(brute_force(source, d, e), abs=1e-8)


@settings(max_examples=50)
@given(SOURCES, st.floats(0, 1), st.sampled_from(["d1", "d2"]), st.floats(-0.02, 0.02))
def test_matches_brute_force_near_the_thresholds(source, where, name, offset):
    low, high = source.base_error, min(source.priors)
    e = low + where * (high - low)
    end = getattr(thresholds(source, e), name)
    assume(np.isfinite(end))
    d = end + offset
    assume(d >= 0 and abs(d - thresholds(source, e).minimum) > 1e-7)
    assert rate(source, d, e) == pytest.approx(brute_force(source, d, e), abs=1e-8)


def test_every_region_is_reached_and_thresholds_separate_them():
    rng = np.random.default_rng(1)
    seen = set()
    distortion = np.linspace(0, 1, 401)
    for _ in range(300):
        prior = rng.uniform(0.05, 0.95)
        source = BernoulliSource((prior, 1 - prior), tuple(rng.uniform(0, 1, 2)))
        e = rng.uniform(0, 0.7)
        value, region = rate_and_region(source, distortion, e)
        ends = thresholds(source, e)
        seen |= set(region)
        smaller_p = min(source.p, 1 - source.p)
        away = np.ones_like(distortion, dtype=bool)
        for end in (*ends, smaller_p):
            away &= np.abs(distortion - end) > 1e-9
        classical = (distortion < ends.d1) & (ends.minimum == 0)
        classical |= (distortion > ends.again) & (distortion < ends.again_end)
        classical &= distortion < smaller_p
        late = distortion > ends.d2
        np.testing.assert_array_equal((region == "distortion")[away], classical[away])
        np.testing.assert_array_equal(np.isin(region, ["error", "zero"])[away], late[away])
        np.testing.assert_array_equal((value == math.inf), region == "infeasible")
        np.testing.assert_array_equal(
            (region == "infeasible")[away], (distortion < ends.minimum)[away]
        )
        assert not np.isnan(value).any()
        assert np.ptp(value[late]) < 1e-12 if late.any() else True
    assert seen == set(REGIONS)


def test_classical_formula_returns_beyond_the_larger_root():
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(1500):
        prior = rng.uniform(0.05, 0.95)
        source = BernoulliSource((prior, 1 - prior), tuple(rng.uniform(0, 1, 2)))
        if source.p > 0.5:
            continue
        e = source.base_error + rng.uniform(-0.02, 0.05)
        if e < 0:
            continue
        ends = thresholds(source, e)
        if not (np.isfinite(ends.again) and ends.again + 1e-3 < ends.again_end):
            continue
        middle = (ends.again + ends.again_end) / 2
        value, region = rate_and_region(source, middle, e)
        assert region == "distortion"
        assert value == pytest.approx(binary_entropy(source.p) - binary_entropy(middle), abs=1e-12)
        if ends.minimum == 0 and ends.again > ends.d1 + 1e-3:
            r0, r1 = source.error_slopes
            assert r0 > r1
            between = (ends.again + ends.d1) / 2
            assert rate_and_region(source, between, e)[1] == "both"
            assert rate(source, between, e) == pytest.approx(
                brute_force(source, between, e), abs=1e-8
            )
            found += 1
    assert found > 3


@settings(max_examples=60)
@given(st.floats(0.1, 0.45), st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_error_only_rate_satisfies_its_parametric_form(p, share0, share1):
    """The stationarity conditions in the multiplier s, solved apart from the line search."""
    # Pr(w=1 | X=0) < 1/2 < Pr(w=1 | X=1), so that r0, r1 > 0.
    g0, g1 = 0.45 * share0, 0.55 + 0.45 * share1
    q = 1 - p
    prior = q * g0 + p * g1
    source = BernoulliSource((prior, 1 - prior), (p * g1 / prior, p * (1 - g1) / (1 - prior)))
    r0, r1 = source.error_slopes
    allowance = 0.5 * min(r1 * p, r0 * q)

    def channel(s):
        x, y = math.exp(-s * r0), math.exp(-s * r1)
        z1 = p * (1 - x * y) / (1 - x)
        z0 = q * (1 - x * y) / (1 - y)
        one = (1 - z0) / (1 - x)
        assert z1 > 0
        return one * x * (1 - y) / (1 - x * y), (1 - one) * y * (1 - x) / (1 - x * y)

    def excess(s):
        a, b = channel(s)
        return r0 * a + r1 * b - allowance

    low = 1e-3
    while not (min(channel(low)) > 0 and channel(low)[0] < q and channel(low)[1] < p):
        low *= 1.05
        assume(low < 1e3)
    assume(excess(low) > 0)
    s = brentq(excess, low, 1e4 if excess(1e4) < 0 else 1e5, xtol=1e-14)
    a, b = channel(s)
    e = source.base_error + allowance
    value, region = rate_and_region(source, 1.0, e)
    assert region == "error"
    assert value == pytest.approx(channel_information(p, a, b), abs=1e-10)
    assert thresholds(source, e).d2 == pytest.approx(a + b, abs=1e-7)


@settings(max_examples=100)
@given(SOURCES, UNIT, UNIT)
def test_relabelling_changes_nothing(source, d, e):
    twin = source.relabelled()
    assert twin.p == pytest.approx(1 - source.p, abs=1e-12)
    assert twin.base_error == pytest.approx(source.base_error, abs=1e-12)
    ours, theirs = rate(source, d, e), rate(twin, d, e)
    assert ours == theirs or ours == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=60)
@given(SOURCES)
def test_non_increasing_and_convex(source):
    grid = np.linspace(0, 1, 41)
    value = rate(source, grid[:, None], grid[None, :])
    assert not np.isnan(value).any()
    with np.errstate(invalid="ignore"):
        assert not (np.diff(value, axis=0) > 1e-9).any()
        assert not (np.diff(value, axis=1) > 1e-9).any()
        for step in ((1, 0), (0, 1), (1, 1), (1, -1)):
            before, after = (
                np.roll(value, step, (0, 1)),
                np.roll(value, (-step[0], -step[1]), (0, 1)),
            )
            middle = (before + after) / 2 - value
            assert not (middle[1:-1, 1:-1] < -1e-9).any()


@settings(max_examples=100)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_label_noise_is_a_special_case(p, d, e, noise):
    # With w = X xor Bern(noise), Pr(X=1 | w) follows from Bayes.
    prior = p * (1 - noise) + (1 - p) * noise
    assume(1e-6 < prior < 1 - 1e-6 and 1e-6 < p < 1 - 1e-6)
    assume(abs(e - noise) > 1e-9 and abs(noise - 0.5) > 1e-6 and noise != 0.5)
    source = BernoulliSource((prior, 1 - prior), (p * (1 - noise) / prior, p * noise / (1 - prior)))
    assert rate_label_noise(p, noise, d, e) == pytest.approx(rate(source, d, e), abs=1e-6)


def test_class_equal_to_the_source():
    source = BernoulliSource((0.3, 0.7), (1.0, 0.0))
    d, e = np.meshgrid(np.linspace(0, 0.5, 11), np.linspace(0, 0.5, 11))
    least = np.minimum(np.minimum(d, e), 0.3)
    np.testing.assert_allclose(
        rate(source, d, e), binary_entropy(0.3) - binary_entropy(least), atol=1e-12
    )


def perception_brute_force(p, d, tv):
    """Best (A, B) on a fine grid of the polygon A + B <= D, |A - B| <= P: an upper bound."""
    tv = min(tv, d)
    total, gap = np.meshgrid(np.linspace(0, min(d, 1), 801), np.linspace(-tv, tv, 401))
    a, b = (total + gap) / 2, (total - gap) / 2
    inside = (a >= 0) & (b >= 0) & (a <= 1 - p) & (b <= p)
    return channel_information(p, a[inside], b[inside]).min()


@settings(max_examples=40)
@given(st.floats(0.05, 0.95), st.floats(0.01, 0.6), st.floats(0.001, 0.6))
def test_perception_matches_a_fine_grid(p, d, tv):
    best, closed = perception_brute_force(p, d, tv), rate_perception(p, d, tv)
    assert closed <= best + 1e-12
    assert best - closed < 2e-3


def test_perception_pieces_meet_and_vanish():
    p, tv = 0.3, 0.1
    d1, d2 = tv / (1 - 2 * (p - tv)), 2 * p * (1 - p) - (1 - 2 * p) * tv
    for end in (d1, d2):
        below, above = rate_perception(p, [end - 1e-12, end + 1e-12], tv)
        assert below == pytest.approx(above, abs=1e-9)
    assert rate_perception(p, d2, tv) == 0
    assert rate_perception(p, 0.1, 0.0) > rate_perception(p, 0.1, 0.1)
    assert rate_perception(p, 0.1, 0.3) == pytest.approx(
        binary_entropy(0.3) - binary_entropy(0.1), abs=1e-12
    )
    # Blau & Michaeli's printed I_1, in entropies of three outcomes.
    d, q = (d1 + d2) / 2, 1 - p
    three = [(d - tv) / 2, p, 1 - p - (d - tv) / 2, (d + tv) / 2, q, 1 - q - (d + tv) / 2]
    ternary = -np.sum(np.array(three) * np.log2(three))
    printed = 2 * binary_entropy(p) + binary_entropy(p - tv) - ternary
    assert rate_perception(p, d, tv) == pytest.approx(printed, abs=1e-12)


def test_broadcasting_and_scalars():
    value, region = rate_and_region(PINNED, np.ones((3, 1)), np.full(4, 0.3))
    assert value.shape == region.shape == (3, 4)
    assert np.ndim(rate(PINNED, 0.1, 0.2)) == 0
    assert thresholds(PINNED, np.zeros((2, 5))).d1.shape == (2, 5)
    assert mutual_information(0.4, np.zeros(3), 0.0) == pytest.approx(binary_entropy(0.4))


def test_degenerate_priors_and_constant_sources():
    for source in (
        BernoulliSource((1.0, 0.0), (0.3, 0.8)),
        BernoulliSource((0.0, 1.0), (0.3, 0.8)),
        BernoulliSource((0.5, 0.5), (0.0, 0.0)),
        BernoulliSource((0.5, 0.5), (1.0, 1.0)),
    ):
        grid = np.linspace(0, 1, 21)
        value, region = rate_and_region(source, grid[:, None], grid)
        assert not np.isnan(value).any()
        assert (value[-1] == 0).any()
        assert (value[region == "zero"] == 0).all()
    one_class = BernoulliSource((1.0, 0.0), (0.3, 0.8))  # always w = 1: Xhat = 1 is right
    assert rate(one_class, 0.7, 0.0) == 0
    assert rate(one_class, 0.69, 0.0) == math.inf
    constant = BernoulliSource((0.5, 0.5), (0.0, 0.0))
    assert rate(constant, 0.0, 0.5) == 0
    assert rate(constant, 0.0, 0.4) == math.inf


def test_infeasible_is_infinite_and_named():
    value, region = rate_and_region(PINNED, [0.0, 0.5, 1.0], [0.1, 0.05, 0.0])
    assert list(region) == ["distortion", "infeasible", "infeasible"]
    assert value[0] == pytest.approx(binary_entropy(0.42))
    assert value[1] == value[2] == math.inf
    assert rate_label_noise(0.3, 0.1, 0.2, 0.05) == math.inf
    assert np.isinf(thresholds(PINNED, 0.05).d2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: rate(PINNED, -0.1, 0.2),
        lambda: rate(PINNED, 0.1, [0.2, -0.2]),
        lambda: rate(PINNED, math.nan, 0.2),
        lambda: thresholds(PINNED, -1),
        lambda: rate_perception(1.2, 0.1, 0.1),
        lambda: rate_perception(0.2, 0.1, -0.1),
        lambda: rate_label_noise(0.3, 0.6, 0.1, 0.1),
    ],
)
def test_bad_arguments(call):
    with pytest.raises(ValueError, match="found"):
        call()


@pytest.mark.parametrize(
    "priors, parameters, name",
    [
        ((0.4, 0.5), (0.1, 0.2), "priors must sum to 1"),
        ((-0.1, 1.1), (0.1, 0.2), "priors"),
        ((0.4, 0.6), (0.1, 1.2), "parameters"),
        ((0.4, 0.6), (math.nan, 0.2), "parameters"),
        ((0.4, 0.3, 0.3), (0.1, 0.2), "priors"),
    ],
)
def test_bad_sources(priors, parameters, name):
    with pytest.raises(ValueError, match=name):
        BernoulliSource(priors, parameters)
