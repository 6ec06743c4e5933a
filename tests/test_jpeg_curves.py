"""Savings at equal loss and gains at equal bits, against curves whose answers are known."""

import numpy as np
import pandas as pd
import pytest

from rdc.jpeg import curves
from rdc.jpeg.curves import Curve


def logarithmic(scale: float, pictures: int = 30, seed: int = 0) -> Curve:
    """psnr = 10 log10(bits / scale) + a picture's own offset."""
    bits = np.geomspace(0.2, 4, 15)[None] * np.ones((pictures, 1))
    offsets = np.random.default_rng(seed).normal(30, 1, (pictures, 1))
    return Curve(bits, 10 * np.log10(bits / scale) + offsets)


def test_a_curve_of_fewer_bits_saves_that_share_everywhere():
    saved = curves.saving(logarithmic(0.8), logarithmic(1.0), np.array([28.0, 30.0, 32.0]))
    np.testing.assert_allclose(saved.value, 20, atol=1e-6)
    np.testing.assert_allclose(saved[["low", "high"]], 20, atol=1e-6)  # the same pictures: paired


def test_the_same_curves_gain_decibels_at_equal_bits():
    gained = curves.gain(logarithmic(0.8), logarithmic(1.0), np.array([0.5, 1.0, 2.0]))
    np.testing.assert_allclose(gained.value, 10 * np.log10(1 / 0.8), atol=1e-6)


def test_outside_both_curves_there_is_no_answer():
    saved = curves.saving(logarithmic(0.8), logarithmic(1.0), np.array([5.0, 60.0]))
    assert saved.value.isna().all()


def test_intervals_cover_what_differs_between_pictures():
    ours, theirs = logarithmic(0.8), logarithmic(1.0)
    noisy = Curve(ours.bits, ours.score + np.random.default_rng(1).normal(0, 1, (30, 1)))
    gained = curves.gain(noisy, theirs, np.array([1.0])).iloc[0]
    assert gained.low < 10 * np.log10(1 / 0.8) < gained.high
    assert 0.2 < gained.high - gained.low < 1.5


def test_rows_become_a_curve_whatever_their_order():
    rows = pd.DataFrame(
        {
            "image": ["b", "a", "b", "a"],
            "quality": [90, 50, 50, 90],
            "pixels": 64,
            "bytes_file": [40, 16, 24, 32],
            "bytes_scan": [20, 6, 10, 18],
            "bytes_huffman_tables": [4, 2, 2, 2],
            "psnr": [41.0, 30.0, 31.0, 40.0],
        }
    )
    curve = curves.curve(rows, "psnr", "file")
    np.testing.assert_allclose(curve.bits, [[2, 4], [3, 5]])
    np.testing.assert_allclose(curve.score, [[30, 40], [31, 41]])
    np.testing.assert_allclose(curves.curve(rows, "psnr", "scan_dht").bits, [[1, 2.5], [1.5, 3]])
    assert curve.mean()[0].tolist() == pytest.approx([2.5, 4.5])
