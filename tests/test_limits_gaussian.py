"""Gaussian R(D, C): covariances of explicit channels, and quantisers as a converse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from rdc.limits.gaussian import (
    GaussianSource,
    distortion,
    feasible,
    least_entropy_at_rate,
    published_middle_branch,
    rate,
)

SOURCES = st.builds(
    lambda var_x, var_s, rho: GaussianSource(var_x, var_s, rho * math.sqrt(var_x * var_s)),
    st.floats(0.1, 10),
    st.floats(0.1, 10),
    st.one_of(st.floats(0.05, 0.99), st.floats(-0.99, -0.05)),
)


def gaussian_channels(source, gains, noises):
    """(rate in bits, D, h(S|Xhat) in nats) of Xhat = g X + N, from 2x2 determinants."""
    gain, noise = np.meshgrid(gains, noises)
    var_hat = gain**2 * source.var_x + noise
    bits = 0.5 * np.log2(var_hat / noise)
    squared_error = (1 - gain) ** 2 * source.var_x + noise
    cross = gain * source.covariance
    determinant = source.var_s * var_hat - cross**2
    entropy = 0.5 * np.log(2 * np.pi * np.e * determinant / var_hat)
    return bits, squared_error, entropy


@settings(max_examples=60)
@given(SOURCES, st.floats(0.05, 1.5), st.floats(0.0, 0.95))
def test_best_gaussian_channel_on_a_grid(source, d_share, c_share):
    gains = np.linspace(0.005, 1, 400)
    noises = source.var_x * np.geomspace(1e-3, 10, 600)
    bits, squared_error, entropy = gaussian_channels(source, gains, noises)
    d = d_share * source.var_x
    c = source.label_entropy + c_share * (source.least_entropy - source.label_entropy)
    meets = (squared_error <= d) & (entropy <= c)
    closed = rate(source, d, c)
    assert not (bits[meets] < closed - 1e-9).any()
    if closed < 3.5:
        # Slack constraints by the grid's step, and the grid must reach the closed form.
        meets = (squared_error <= d * 1.02 + 2e-3 * source.var_x) & (entropy <= c + 2e-2)
        assert bits[meets].min() <= closed + 0.05


@settings(max_examples=40)
@given(SOURCES, st.floats(0.3, 4.0), st.floats(-0.5, 0.5))
def test_no_quantiser_beats_the_formula(source, step, offset):
    """A converse by a channel that is not Gaussian: a uniform scalar quantiser of X / sigma."""
    edges = np.concatenate([[-np.inf], (np.arange(-12, 13) + offset) * step, [np.inf]])
    weight = np.diff(norm.cdf(edges))
    kept = weight > 1e-12
    low, high, weight = edges[:-1][kept], edges[1:][kept], weight[kept]
    bits = -np.sum(weight * np.log2(weight))
    centre = (norm.pdf(low) - norm.pdf(high)) / weight
    squared_error = source.var_x * (1 - np.sum(weight * centre**2))
    rho = math.sqrt(source.squared_correlation)
    s = np.linspace(-9, 9, 4001)
    spread = math.sqrt(1 - rho**2)
    cell = norm.cdf((high[:, None] - rho * s) / spread)
    cell -= norm.cdf((low[:, None] - rho * s) / spread)
    density = norm.pdf(s) * np.maximum(cell, 0) / weight[:, None]
    integrand = np.where(density > 1e-300, density * np.log(np.maximum(density, 1e-300)), 0)
    conditional = -np.sum(weight * np.trapezoid(integrand, s)) + 0.5 * math.log(source.var_s)
    assert rate(source, squared_error, conditional) <= bits + 1e-6
    # Not vacuous: the quantiser's own numbers do need some rate.
    assert rate(source, squared_error, conditional) > 0 or bits < 1e-3


@settings(max_examples=100)
@given(SOURCES, st.floats(0.0, 4.0))
def test_distortion_inverts_rate(source, bits):
    tightest = least_entropy_at_rate(source, bits)
    best = distortion(source, tightest, bits)
    assert best == pytest.approx(source.var_x * 4.0**-bits)
    assert rate(source, best, tightest) == pytest.approx(bits, abs=1e-6)
    assert distortion(source, tightest - 1e-3, bits) == math.inf
    assert rate(source, best, tightest - 1e-3) > bits
    assert distortion(source, source.label_entropy, bits) == pytest.approx(best)


@settings(max_examples=60)
@given(SOURCES)
def test_monotone_and_convex_in_distortion_and_entropy(source):
    d = source.var_x * np.linspace(0.02, 1.2, 60)
    span = source.label_entropy - source.least_entropy
    c = source.least_entropy + span * np.linspace(0.02, 1.2, 60)
    value = rate(source, d[:, None], c)
    for axis in (0, 1):
        assert (np.diff(value, axis=axis) <= 1e-12).all()
        assert (np.diff(value, 2, axis=axis) >= -1e-9).all()


def test_published_branch_promises_too_much():
    source = GaussianSource(1.0, 1.0, 0.8)
    bits = 1.0
    threshold = least_entropy_at_rate(source, bits)
    c = np.linspace(source.least_entropy + 1e-3, threshold - 1e-3, 50)
    published = published_middle_branch(source, c)
    assert (published < distortion(source, source.label_entropy, bits)).all()  # below D(R)
    assert (np.diff(published) > 0).all()  # and falling as C tightens
    assert (rate(source, published, c) > bits).all()
    assert (distortion(source, c, bits) == math.inf).all()
    # It is the distortion of the one Gaussian channel for which both constraints are tight.
    np.testing.assert_allclose(least_entropy_at_rate(source, rate(source, published, 99.0)), c)
    assert published_middle_branch(source, threshold) == pytest.approx(
        distortion(source, threshold, bits)
    )
    assert published_middle_branch(source, source.least_entropy - 0.1) == math.inf


def test_units_against_numbers_worked_by_hand():
    source = GaussianSource(4.0, 1.0, 1.0)  # rho^2 = 1/4
    assert source.label_entropy == pytest.approx(1.4189385332)
    assert rate(source, 1.0, 99.0) == pytest.approx(1.0)  # 1/2 log2(4 / 1) bits
    # Explaining 1/8 of the label's variance is half of rho^2: 1/2 log2(2) bits.
    c = source.label_entropy + 0.5 * math.log(7 / 8)
    assert rate(source, math.inf, c) == pytest.approx(0.5)
    assert rate(source, 1.0, c) == pytest.approx(1.0)
    assert rate(source, 4.0, source.label_entropy) == 0.0


def test_feasibility_and_edges():
    source = GaussianSource(1.0, 1.0, 0.5)
    assert not feasible(source, 1.0, source.least_entropy)
    assert feasible(source, 1.0, source.least_entropy + 1e-6)
    assert not feasible(source, 0.0, 99.0)
    assert rate(source, 0.0, 99.0) == rate(source, 1.0, -50.0) == math.inf
    independent = GaussianSource(1.0, 1.0, 0.0)
    c = [independent.label_entropy - 0.1, independent.label_entropy, math.inf]
    np.testing.assert_array_equal(rate(independent, 2.0, c), [math.inf, 0.0, 0.0])
    assert published_middle_branch(independent, c[0]) == math.inf
    same = GaussianSource(1.0, 1.0, 1.0)  # S = X: i nats about S cost i nats
    assert rate(same, 2.0, same.label_entropy - math.log(2)) == pytest.approx(1.0)
    assert same.least_entropy == -math.inf
    assert rate(same, 2.0, -math.inf) == math.inf
    assert not np.isnan(rate(source, [[0.0], [np.inf]], [-np.inf, np.inf])).any()


@pytest.mark.parametrize(
    "fields, name",
    [
        ((0.0, 1.0, 0.0), "var_x"),
        ((1.0, -1.0, 0.0), "var_s"),
        ((1.0, 1.0, 1.1), "covariance"),
        ((1.0, math.nan, 0.0), "var_s"),
        ((1.0, 1.0, math.nan), "covariance"),
    ],
)
def test_bad_sources(fields, name):
    with pytest.raises(ValueError, match=name):
        GaussianSource(*fields)


def test_bad_arguments():
    source = GaussianSource(1.0, 1.0, 0.5)
    with pytest.raises(ValueError, match="distortion"):
        rate(source, -1.0, 0.0)
    with pytest.raises(ValueError, match="entropy"):
        rate(source, 1.0, math.nan)
    with pytest.raises(ValueError, match="rate_bits"):
        distortion(source, 0.0, [-1.0])
