"""The quantizer: centres, the dither's error, and the two gradients."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import kstest

from rdc.networks.quantizer import (
    centres,
    dither_from_uniform,
    nearest,
    quantize,
    soft_assignment,
    spacing,
)

LEVELS = (2, 3, 4, 5, 8, 9)


def random_numbers(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_centres_are_evenly_spaced_from_minus_one_to_one():
    for levels in range(2, 257):
        found = centres(levels).numpy()
        assert found.shape == (levels,)
        assert found.min() >= -1 and found.max() <= 1, levels
        np.testing.assert_allclose(found, np.linspace(-1, 1, levels), atol=3e-7)


@pytest.mark.parametrize("levels", LEVELS)
def test_nearest_is_the_closest_centre(levels):
    values = 2.4 * random_numbers(2000) - 1.2
    distances = np.abs(values.numpy()[:, None] - np.linspace(-1, 1, levels))
    np.testing.assert_array_equal(nearest(values, levels).numpy(), distances.argmin(axis=1))


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("gradient", ["soft", "identity"])
def test_without_dither_the_value_is_a_centre_bit_for_bit(levels, gradient):
    features = (2 * random_numbers(5000) - 1).requires_grad_()
    latent = quantize(features, levels, gradient=gradient)
    assert torch.equal(latent.detach(), centres(levels)[nearest(features, levels)])


@given(feature=st.floats(-1, 1, width=32), levels=st.integers(2, 9))
@example(feature=-1.0, levels=2)
@example(feature=1.0, levels=2)
@example(feature=1.0, levels=3)
@example(feature=-1.0, levels=4)
def test_error_is_uniform_whatever_the_feature(feature, levels):
    """Evenly spread dithers give evenly spread errors z - u - f, at the ends, for even levels."""
    n, delta = 2048, 2 / (levels - 1)
    uniform = (torch.arange(n) + 0.5) / n
    features = torch.full((n,), feature)
    latent = quantize(features, levels, dither_from_uniform(uniform, levels))
    errors = np.sort((latent - features).numpy())
    spread = ((np.arange(n) + 0.5) / n - 0.5) * delta
    np.testing.assert_allclose(errors, spread, atol=1.01 * delta / n)


@pytest.mark.parametrize("levels", LEVELS)
def test_error_under_random_dither_is_uniform_and_uncorrelated_with_the_feature(levels):
    n, delta = 50_000, 2 / (levels - 1)
    features = 2 * random_numbers(n, seed=1) - 1
    features[:1000], features[1000:2000] = -1, 1
    dither = dither_from_uniform(random_numbers(n, seed=2), levels)
    errors = (quantize(features, levels, dither) - features).numpy()
    assert kstest(errors, "uniform", (-delta / 2, delta)).pvalue > 1e-3
    assert abs(np.corrcoef(errors, features.numpy())[0, 1]) < 4 / np.sqrt(n)


def test_dither_stays_within_half_a_step():
    for levels in LEVELS:
        dither = dither_from_uniform(torch.tensor([0.0, 0.25, 1 - 2**-24]), levels)
        expected = np.array([-0.5, -0.25, 0.5 - 2**-24]) * 2 / (levels - 1)
        np.testing.assert_allclose(dither.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("sigma", [0.4, 1.0, 5.0])
@pytest.mark.parametrize("dithered", [False, True])
def test_soft_gradient_is_that_of_the_soft_assignment(levels, sigma, dithered):
    features = (2 * random_numbers(40, 3) - 1).requires_grad_()
    dither = dither_from_uniform(random_numbers(40, 3, seed=1), levels) if dithered else None
    direction = random_numbers(40, 3, seed=2) - 0.5
    shifted = features if dither is None else features + dither
    (wanted,) = torch.autograd.grad(soft_assignment(shifted, levels, sigma), features, direction)
    latent = quantize(features, levels, dither, "soft", sigma)
    (found,) = torch.autograd.grad(latent, features, direction)
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_soft_assignment_against_numpy(levels):
    values, sigma = np.linspace(-1.5, 1.5, 31), 2.0
    points = np.linspace(-1, 1, levels)
    weights = np.exp(-sigma * np.abs(values[:, None] - points))
    expected = (weights * points).sum(axis=1) / weights.sum(axis=1)
    found = soft_assignment(torch.tensor(values, dtype=torch.float32), levels, sigma)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("levels, factor", [(2, 0.76), (3, 0.58), (4, 0.50), (5, 0.45)])
def test_mean_soft_gradient_over_the_features_range(levels, factor):
    features = torch.linspace(-1, 1, 20_001).requires_grad_()
    quantize(features, levels).sum().backward()
    assert features.grad.mean().item() == pytest.approx(factor, abs=0.006)


@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("dithered", [False, True])
def test_identity_gradient_is_one(levels, dithered):
    features = (2 * random_numbers(500) - 1).requires_grad_()
    dither = dither_from_uniform(random_numbers(500, seed=1), levels) if dithered else None
    quantize(features, levels, dither, "identity").sum().backward()
    assert torch.equal(features.grad, torch.ones(500))


@pytest.mark.parametrize("levels", [1, 0, -3])
def test_fewer_than_two_levels_are_refused(levels):
    with pytest.raises(ValueError, match=f"levels: found {levels}, needs at least 2"):
        spacing(levels)
    with pytest.raises(ValueError, match="levels"):
        quantize(torch.zeros(3), levels)


def test_an_unknown_gradient_is_refused():
    with pytest.raises(ValueError, match="found 'hard', allowed are soft, identity"):
        quantize(torch.zeros(3), 3, gradient="hard")
