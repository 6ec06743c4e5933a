"""Shifted copies: where they come from, that nothing is lost but the border, and what keys make of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdc import config
from rdc.datasets.images import Labelled
from rdc.datasets.shifted import with_shifts


@given(pixels=st.integers(0, 3), count=st.integers(1, 4), seed=st.integers(0, 99))
def test_each_image_is_followed_by_its_copies(pixels, count, seed):
    generator = np.random.default_rng(seed)
    levels = generator.integers(1, 256, (count, 28, 28)).astype(np.uint8)
    images = Labelled(levels, np.arange(count))
    found = with_shifts(images, pixels)
    kinds = 1 + 4 * pixels
    assert len(found) == kinds * count
    np.testing.assert_array_equal(found.images[::kinds], images.images)
    np.testing.assert_array_equal(found.labels, np.repeat(images.labels, kinds))
    for far in range(1, pixels + 1):  # numpy.roll, its wrapped border set to black
        right = np.roll(images.images, far, axis=2)
        right[:, :, :far] = 0
        np.testing.assert_array_equal(found.images[4 * far - 3 :: kinds], right)


def test_a_recipe_without_shifts_is_written_as_before_there_were_any():
    plain, moved = config.Recipe(epochs=3), config.Recipe(epochs=3, shifts=2)
    assert "shifts" not in plain.model_dump(mode="json")
    assert moved.model_dump(mode="json")["shifts"] == 2
    assert config.Recipe.model_validate(moved.model_dump(mode="json")) == moved


@pytest.mark.parametrize("shifts", [-1, 5, 1.5, True])
def test_other_shifts_are_refused(shifts):
    with pytest.raises(ValueError, match="shifts"):
        config.Recipe(epochs=3, shifts=shifts)
