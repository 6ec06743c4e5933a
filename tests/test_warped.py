"""Warped copies: whose they are, that they are small changes about the centre, and their keys."""

import numpy as np
import pytest
import torch

from rdc import cells, config, provenance
from rdc.datasets import warped
from rdc.datasets.warped import with_warps


@pytest.fixture(scope="module")
def originals(digits):
    return digits.train[:60]


def test_each_image_is_followed_by_its_copies(originals):
    found = with_warps(originals, 3)
    assert len(found) == 4 * len(originals)
    np.testing.assert_array_equal(found.images[::4], originals.images)
    np.testing.assert_array_equal(found.labels, np.repeat(originals.labels, 4))
    copies = found.images.reshape(-1, 4, 28, 28)
    assert all((copies[:, i] != copies[:, j]).any() for i in range(4) for j in range(i))


def test_a_copy_is_nearer_to_its_image_than_any_other_image_is(originals):
    levels = originals.images.astype(float).reshape(len(originals), -1)
    copies = with_warps(originals, 1).images[1::2].astype(float).reshape(len(originals), -1)
    nearest = ((copies[:, None] - levels[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == np.arange(len(originals))).mean() > 0.95


def test_maps_turn_slant_and_stretch_no_more_than_they_say():
    maps = warped._maps(2000, torch.Generator().manual_seed(0))
    assert (maps[:, :, 2] == 0).all()
    areas = torch.linalg.det(maps[:, :, :2])
    assert (areas >= (1 - warped.STRETCH) ** 2).all() and (areas <= (1 + warped.STRETCH) ** 2).all()
    angles = torch.atan2(maps[:, 1, 0], maps[:, 0, 0])  # of what was the horizontal
    assert angles.abs().max() <= warped.TURN + 1e-6 and angles.abs().max() > 0.95 * warped.TURN


def test_the_seed_says_which_copies(originals):
    first, again, other = (with_warps(originals, 1, seed).images for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_copies_are_the_images_themselves(originals):
    np.testing.assert_array_equal(with_warps(originals, 0).images, originals.images)


def test_the_number_of_copies_and_the_code_that_makes_them_are_in_the_key(raw):
    plain = cells.expand(config.parse(raw))[0]
    raw["recipes"]["short"]["warps"] = 2
    copied = cells.expand(config.parse(raw))[0]
    assert "warps" not in plain.settings()["training"]
    assert copied.settings()["training"]["warps"] == 2
    assert "rdc/datasets/warped.py" in provenance.closure("rdc/fitting/networks.py")


@pytest.mark.parametrize("warps", [-1, 9, 1.5, True])
def test_other_numbers_of_copies_are_refused(warps):
    with pytest.raises(ValueError, match="warps"):
        config.Recipe(epochs=3, warps=warps)
