"""Savings at equal loss and gains at equal bits, against curves whose answers are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdc.jpeg import curves, savings
from rdc.jpeg.curves import Curve
from rdc.queries import luo
from rdc.queries.common import Run, Untestable


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


def test_a_bent_curve_loses_nothing_for_having_fewer_points():
    """Between the points of half as many qualities, straight lines would lie up to .3 dB too low."""

    def bent(qualities: int) -> Curve:
        bits = np.geomspace(0.5, 8, qualities)[None] * np.ones((4, 1))
        return Curve(bits, 40 - 12 / bits)

    gained = curves.gain(bent(9), bent(33), np.geomspace(0.6, 7, 20))
    assert gained.value.abs().max() < 0.1
    saved = curves.saving(bent(9), bent(33), np.linspace(20, 38, 20))
    assert saved.value.abs().max() < 1


def test_outside_both_curves_there_is_no_answer():
    saved = curves.saving(logarithmic(0.8), logarithmic(1.0), np.array([5.0, 60.0]))
    assert saved.value.isna().all()


def test_without_scores_there_is_no_answer_and_an_infinite_one_is_left_out():
    ours, theirs = logarithmic(0.8), logarithmic(1.0)
    unread = Curve(ours.bits, np.full_like(ours.score, np.nan))
    at = np.array([0.5, 1.0])
    assert curves.gain(unread, theirs, at).value.isna().all()
    assert curves.saving(unread, theirs, np.array([30.0])).value.isna().all()
    faultless = Curve(ours.bits, ours.score.copy())
    faultless.score[:, -1] = np.inf
    gained = curves.gain(faultless, theirs, at)
    np.testing.assert_allclose(gained.value, 10 * np.log10(1 / 0.8), atol=0.01)


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
    assert curve.means[0].bits.tolist() == pytest.approx([2.5, 4.5])


def test_bjontegaards_numbers_are_the_same_shift_seen_as_rate_and_as_score():
    ours, theirs = logarithmic(0.8), logarithmic(1.0)
    rate = curves.bjontegaard_rate(ours, theirs)
    assert rate.value == pytest.approx(-20, abs=1e-6) and rate.low <= -20 + 1e-6 <= rate.high + 2e-6
    assert curves.bjontegaard_score(ours, theirs).value == pytest.approx(
        10 * np.log10(1.25), abs=1e-6
    )
    apart = Curve(theirs.bits, theirs.score + 100)
    assert np.isnan(curves.bjontegaard_rate(apart, theirs).value)


def test_points_that_are_no_better_for_more_bits_do_not_stop_bjontegaard():
    ours, theirs = logarithmic(0.8), logarithmic(1.0)
    dented = Curve(ours.bits, ours.score.copy())
    dented.score[:, 7] = dented.score[:, 5]
    assert curves.bjontegaard_rate(dented, theirs).value == pytest.approx(-20, abs=3)


def rows_of(curve: Curve, tables: str, study: str = "kodak") -> pd.DataFrame:
    """Rows of ``jpeg_images``, one pixel a picture in a file of so many bits."""
    pictures, qualities = curve.bits.shape
    image, quality = np.mgrid[:pictures, :qualities]
    return pd.DataFrame(
        {
            "run": "x", "study": study, "tables": tables, "subsampling": "4:2:0",
            "image": [f"{number:03d}" for number in image.ravel()], "quality": quality.ravel() + 1,
            "pixels": 10000, "bytes_file": (curve.bits * 1250).ravel(), "bytes_scan": 1,
            "bytes_huffman_tables": 1, "psnr": curve.score.ravel(), "mse": 0.1, "nll_nats": np.nan,
            "correct": np.nan, "correct_judge": np.nan,
        }
    )  # fmt: skip


def run_of(*frames) -> Run:
    nothing = pd.DataFrame()
    images = pd.concat(frames)
    return Run(nothing, nothing, nothing, {}, {}, {}, {"jpeg_images": images})


def test_queries_measure_gains_changes_of_rate_and_their_tilt():
    run = run_of(rows_of(logarithmic(0.8), "ours"), rows_of(logarithmic(1.0), "theirs"))
    gained = luo.psnr_gained(run, "kodak", "ours", 1.0, "4:2:0", over="theirs")
    assert gained.value == pytest.approx(10 * np.log10(1.25), abs=1e-3)
    changed = luo.rate_changed(run, "kodak", "ours", "theirs", "4:2:0")
    assert changed.value == pytest.approx(20, abs=0.1) and changed.low <= changed.value
    assert luo.saving_tilt(
        run, "kodak", "ours", "theirs", [30, 34], "4:2:0"
    ).value == pytest.approx(0, abs=0.1)
    with pytest.raises(Untestable, match="does not reach"):
        luo.saving_tilt(run, "kodak", "ours", "theirs", [30, 99], "4:2:0")


@pytest.mark.parametrize("level, expected", [(0, 2), (-0.04, -1)])
def test_the_tilt_of_a_gain_is_less_than_none_where_there_is_no_gain(level, expected):
    """Gains of 3 points at the first rate and 1 at the second; or losses of 1 and of 3."""
    ours, theirs = rows_of(logarithmic(1.0), "ours"), rows_of(logarithmic(1.0), "theirs")
    bits = ours.bytes_file * 8 / ours.pixels
    for frame, gains in ((ours, 0.02 * (2 - bits) + level), (theirs, 0)):
        frame["correct"] = 0.5 + gains
        frame["bytes_scan"] = frame.bytes_file - 1  # bits are counted of scan and Huffman tables
    tilt = luo.gain_tilt(run_of(ours, theirs), "kodak", "ours", "theirs", [0.5, 1.5])
    assert tilt.value == pytest.approx(expected, abs=0.1)
    assert tilt.low - 1e-9 <= tilt.value <= tilt.high + 1e-9


def test_rates_won_are_those_with_a_gain():
    ours, theirs = rows_of(logarithmic(1.0), "ours"), rows_of(logarithmic(1.0), "theirs")
    bits = ours.bytes_file * 8 / ours.pixels
    for frame, gains in ((ours, 0.02 * (1 - bits)), (theirs, 0)):  # up to one bit
        frame["correct"] = 0.5 + gains
        frame["bytes_scan"] = frame.bytes_file - 1
    rates = [0.5, 0.75, 1.25, 1.5, 1.75]
    won = luo.rates_won(run_of(ours, theirs), "kodak", "ours", "theirs", rates)
    assert won.value == won.low == pytest.approx(0.4) and "0.5: +1.0" in won.note


def test_a_quality_of_each_pictures_own_gains_where_pictures_differ_in_what_bits_buy():
    """Steep and shallow pictures: bits belong with the steep ones; among equal ones none are moved."""
    bits = np.geomspace(0.2, 4, 40)[None] * np.ones((20, 1))
    slopes = np.repeat([[4.0], [14.0]], 10, axis=0)
    mixed = Curve(bits, slopes * np.log10(bits) + 30)
    alike = Curve(bits, 9 * np.log10(bits) + 30)
    gains = [
        luo.allocation_gained(run_of(rows_of(c, "t")), "kodak", "t", 1.0, "4:2:0").value
        for c in (mixed, alike)
    ]
    # 4 log10(b) + 14 log10(2 - b) is largest at b = 4/9 of a bit.
    best = (4 * np.log10(4 / 9) + 14 * np.log10(14 / 9)) / 2
    assert gains[0] == pytest.approx(best, abs=0.02) and gains[1] == pytest.approx(0, abs=0.01)


def test_savings_hold_every_ordered_pair_and_no_accuracy_without_classes():
    frame = pd.concat([rows_of(logarithmic(s), str(s)) for s in (0.8, 1.0, 1.2)])
    found = pd.DataFrame(savings.records(frame))
    assert set(found.measure) == {"bytes_saved", "bd_rate", "bd_psnr"}
    assert len(found[found.measure == "bd_rate"]) == 6
    one = found[(found.measure == "bytes_saved") & (found.tables == "0.8") & (found.over == "1.0")]
    assert list(one["at"]) == [25, 30, 35]  # of 23.8 to 36.0 dB, which all three reach
    np.testing.assert_allclose(one.value, 20, atol=0.1)


def test_a_value_and_its_interval_are_both_there_or_both_missing():
    """Beyond the mean curve's end some resamples still reach; short of it not all do."""
    ours, theirs = logarithmic(0.8), logarithmic(1.0)
    end = theirs.means[0].score.max()
    found = curves.saving(ours, theirs, np.linspace(end - 0.5, end + 0.5, 41))
    there = found[["value", "low", "high"]].notna()
    assert there.nunique(axis=1).eq(1).all() and 0 < there.value.sum() < 41
    beyond = curves.savings(ours, theirs, np.array([end + 0.05]))
    assert np.isnan(beyond[0]).all() and not np.isnan(beyond[1:]).all()


def test_savings_over_the_references_own_range_need_no_numbers_of_ours():
    low = Curve(logarithmic(0.8).bits, logarithmic(0.8).score - 20)  # 3 to 16 dB
    theirs = Curve(low.bits, logarithmic(1.0).score - 20)
    found = curves.bytes_saved(low, theirs)
    assert len(found) == curves.SAVING_STEPS and found.value.notna().mean() > 0.8
    np.testing.assert_allclose(found.value.dropna(), 20, atol=1e-6)


RANGE = st.tuples(st.floats(0.01, 60), st.floats(1e-4, 300))


@given(RANGE)
def test_points_of_comparison_are_round_within_the_range_and_few(ends):
    low, high = ends[0], ends[0] + ends[1]
    for found, most in ((savings.even(low, high, 5), 5), (savings.rates(low, high, 4), 4)):
        assert 2 <= len(found) <= most and (np.diff(found) > 0).all()
        assert low - 1e-9 <= found[0] and found[-1] <= high + 1e-9
        assert all(len(f"{x:g}") <= 8 for x in found)
    apart = np.diff(savings.even(low, high, 5))
    np.testing.assert_allclose(apart, apart[0], rtol=1e-4)
    assert f"{apart[0]:.3e}"[0] in "125"


def test_no_points_where_there_is_no_range():
    for low, high in ((2.0, 1.0), (1.0, 1.0), (np.nan, np.nan), (1.0, np.inf)):
        assert not savings.even(low, high, 5).size and not savings.rates(low, high, 4).size


def test_eight_curves_share_what_all_but_one_of_them_reach():
    curves_of = [np.array([1.0, 9.0])] * 7 + [np.array([4.0, 5.0])]
    assert savings.shared(curves_of) == (1, 9)
    assert savings.shared(curves_of[1:]) == (4, 5)
