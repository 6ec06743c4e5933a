"""Distances between sets of images, on sets whose distance can be worked out."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from rdc.networks.critics import Critic
from rdc.perception import critic_gap, fresh_critic_gap, sliced_wasserstein

CPU = torch.device("cpu")


def test_sliced_wasserstein_of_a_set_with_itself_is_zero():
    images = np.random.default_rng(0).random((20, 28, 28))
    assert sliced_wasserstein(images, images[::-1], 50) == pytest.approx(0, abs=1e-12)


def test_sliced_wasserstein_of_single_pixels_is_wasserstein():
    real, fake = np.random.default_rng(0).random((2, 30, 1, 1))
    expected = wasserstein_distance(real.ravel(), fake.ravel())
    assert sliced_wasserstein(real, fake, 5) == pytest.approx(expected)


def test_sliced_wasserstein_of_a_shift_is_the_mean_length_of_its_shadow():
    """E |theta . v| = |v| Gamma(d / 2) / (sqrt(pi) Gamma((d + 1) / 2)) on the sphere."""
    rng = np.random.default_rng(0)
    images, shift = rng.random((10, 28, 28)), rng.random((28, 28))
    log_ratio = math.lgamma(784 / 2) - math.lgamma(785 / 2)
    expected = np.linalg.norm(shift) * math.exp(log_ratio) / math.sqrt(math.pi)
    found = sliced_wasserstein(images, images + shift, 4000)
    assert found == pytest.approx(expected, rel=0.06)


def blobs(count, seed, shift=0.0):
    """Images of one bright square somewhere, all a little brighter by ``shift``."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, 28, 28), np.float32)
    for image, (row, column) in zip(images, rng.integers(0, 20, (count, 2)), strict=True):
        image[row : row + 8, column : column + 8] = 0.7
    return images + np.float32(shift)


def test_a_critics_gap_is_the_difference_of_its_means():
    critic = Critic(width=0.1)
    real, fake = blobs(30, 0), blobs(50, 1, shift=0.1)
    with torch.no_grad():
        scores = [critic(torch.from_numpy(x).unsqueeze(1)).mean().item() for x in (real, fake)]
    assert critic_gap(critic, real, fake, CPU) == pytest.approx(scores[0] - scores[1], abs=1e-6)


def test_a_fresh_critic_tells_shifted_images_from_others_of_the_same_kind():
    """A shift by .1 of 784 pixels moves every image by 2.8; the critic finds part of it."""
    same = fresh_critic_gap(blobs(600, 0), blobs(600, 1), 150, 0.25, CPU)
    moved = fresh_critic_gap(blobs(600, 0), blobs(600, 1, shift=0.1), 150, 0.25, CPU)
    assert abs(same) < 0.3
    assert 0.8 < moved < 2.8 * 1.3


def test_a_fresh_critic_is_measured_on_images_it_was_not_trained_on():
    """Pure noise: what it learns of the first half by heart says nothing of the second."""
    noise = np.random.default_rng(0).random((2, 128, 28, 28), dtype=np.float32)
    twice = np.concatenate([noise[:, :64], noise[:, :64]], axis=1)
    by_heart = fresh_critic_gap(*twice, 80, 0.25, CPU)
    assert by_heart > 0.2 and abs(fresh_critic_gap(*noise, 80, 0.25, CPU)) < by_heart / 5


def test_a_fresh_critic_is_the_same_each_time_and_leaves_the_random_numbers_alone():
    arguments = (blobs(200, 0), blobs(200, 1, 0.05), 5, 0.1, CPU)
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    assert fresh_critic_gap(*arguments) == fresh_critic_gap(*arguments)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_too_few_images_for_a_fresh_critic_are_refused():
    with pytest.raises(ValueError, match="found 100 images, a fresh critic needs at least 128"):
        fresh_critic_gap(blobs(100, 0), blobs(100, 1), 5, 0.1, CPU)
