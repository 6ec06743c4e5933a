"""Rate-loss curves of JPEG tables compared: savings at equal loss, gains at equal bits, intervals.

Curves are means over pictures at each quality (Luo, Section 4.1), joined by monotone cubics over the
logarithm of the bits: straight lines would lie below a bent curve, the more so the fewer its points.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property

import bjontegaard
import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from rdc.intervals import CONFIDENCE

RESAMPLES = 400
GAIN_STEPS, SAVING_STEPS = 12, 25
FITTED_RESAMPLES = 60  # where each one means a fit of both curves


@dataclass(frozen=True)
class Mean:
    """A mean curve: bits per pixel in rising order, and the score at each."""

    bits: np.ndarray
    score: np.ndarray

    def score_at(self, bits: np.ndarray) -> np.ndarray:
        """The score at each number of bits; NaN outside its range."""
        return self._score_over_bits(np.log(bits))

    def bits_at(self, score: np.ndarray) -> np.ndarray:
        """ln of the bits at which each score is reached; NaN outside its range."""
        return self._bits_over_score(score)

    @property
    def rising(self) -> tuple[np.ndarray, np.ndarray]:
        """Bits and scores without the points that are no better than one of fewer bits."""
        before = np.maximum.accumulate(np.concatenate([[-np.inf], self.score[:-1]]))
        return self.bits[self.score > before], self.score[self.score > before]

    @cached_property
    def _score_over_bits(self):
        bits, first = np.unique(self.bits, return_index=True)
        return _monotone(np.log(bits), self.score[first])

    @cached_property
    def _bits_over_score(self):
        bits, score = self.rising
        return _monotone(score, np.log(bits))


def _monotone(x: np.ndarray, y: np.ndarray):
    known = np.isfinite(x) & np.isfinite(y)  # no judge; a picture without error
    if known.sum() < 2:
        return lambda wanted: np.full(np.shape(wanted), np.nan)
    return PchipInterpolator(x[known], y[known], extrapolate=False)


@dataclass(frozen=True)
class Curve:
    """Per picture and quality: bits per pixel and a score (higher is better), (pictures, qualities)."""

    bits: np.ndarray
    score: np.ndarray

    @cached_property
    def means(self) -> list[Mean]:
        """The mean over all pictures, then over every resample of them.

        Curves over the same pictures draw the same resamples, so that differences are paired.
        """
        count = len(self.bits)
        generator = np.random.default_rng(0)
        drawn = [generator.multinomial(count, [1 / count] * count) for _ in range(RESAMPLES)]
        weights = np.stack([np.ones(count), *drawn]) / count
        with np.errstate(invalid="ignore"):  # no share of an infinite score
            pairs = zip(weights @ self.bits, weights @ self.score, strict=True)
        return [Mean(bits[order := np.argsort(bits)], score[order]) for bits, score in pairs]


def curve(images: pd.DataFrame, score: str, bits: str) -> Curve:
    """A curve of one set of tables from rows of ``jpeg_images``.

    Args:
        score: ``psnr``, ``correct`` or ``correct_judge``.
        bits: ``file``, or ``scan_dht`` for scan and Huffman tables.
    """
    size = images.bytes_file
    if bits == "scan_dht":
        size = images.bytes_scan + images.bytes_huffman_tables
    rows = images.assign(bits=8 * size / images.pixels)
    wide = rows.pivot(index="image", columns="quality", values=["bits", score]).sort_index()
    return Curve(wide["bits"].to_numpy(), wide[score].to_numpy())


def savings(ours: Curve, reference: Curve, scores: np.ndarray) -> np.ndarray:
    """Percent of the reference's bits saved at equal score, (1 + resamples, scores).

    First over all pictures, then over every resample of them, the same ones for both.
    """

    def percent(own: Mean, other: Mean) -> np.ndarray:
        return 100 * (1 - np.exp(own.bits_at(scores) - other.bits_at(scores)))

    return _of_each(percent, ours, reference)


def gains(ours: Curve, reference: Curve, bits: np.ndarray) -> np.ndarray:
    """Score gained over the reference at equal bits, (1 + resamples, bits), as ``savings``."""

    def difference(own: Mean, other: Mean) -> np.ndarray:
        return own.score_at(bits) - other.score_at(bits)

    return _of_each(difference, ours, reference)


def saving(ours: Curve, reference: Curve, scores: np.ndarray) -> pd.DataFrame:
    """Percent of the reference's bits saved at equal score, with intervals over pictures."""
    return _with_interval(savings(ours, reference, scores), "score", scores)


def gain(ours: Curve, reference: Curve, bits: np.ndarray) -> pd.DataFrame:
    """Score gained over the reference at equal bits, with intervals over pictures (paired)."""
    return _with_interval(gains(ours, reference, bits), "bits", bits)


def points_gained(ours: Curve, reference: Curve) -> pd.DataFrame:
    """``gain`` in percentage points, at rates spread evenly over the reference's own."""
    bits = reference.bits.mean(axis=0)
    found = gain(ours, reference, np.geomspace(bits.min(), bits.max(), GAIN_STEPS))
    found[["value", "low", "high"]] *= 100
    return found


def bytes_saved(ours: Curve, reference: Curve) -> pd.DataFrame:
    """``saving`` at scores spread evenly over the reference's own."""
    scores = reference.means[0].score
    scores = scores[np.isfinite(scores)]
    if not scores.size:
        return saving(ours, reference, scores)
    # Not at the very ends, which half of the resamples do not reach.
    inside = np.linspace(scores.min(), scores.max(), SAVING_STEPS + 2)[1:-1]
    return saving(ours, reference, inside)


def bjontegaard_rate(ours: Curve, reference: Curve) -> pd.Series:
    """Bjontegaard's mean change of rate at equal score, in percent (negative: bits saved).

    Akima interpolation over the scores that both curves reach. ``value``, ``low`` and ``high``; NaN
    where they share none.
    """
    return _bjontegaard(bjontegaard.bd_rate, ours, reference)


def bjontegaard_score(ours: Curve, reference: Curve) -> pd.Series:
    """Bjontegaard's mean gain of score at equal rate: BD-PSNR in dB, or BD-accuracy."""
    return _bjontegaard(bjontegaard.bd_psnr, ours, reference)


def _bjontegaard(measure, ours: Curve, reference: Curve) -> pd.Series:
    def average(own, other):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # curves that do not overlap give NaN, as is said above
            try:
                return measure(
                    *other.rising,
                    *own.rising,
                    method="akima",
                    min_overlap=0,
                    require_matching_points=False,
                )
            except (AssertionError, ValueError):  # too few points
                return np.nan

    found = _of_each(average, ours, reference, FITTED_RESAMPLES)
    return _with_interval(found[:, None], "at", np.zeros(1)).iloc[0]


def _of_each(measure, ours: Curve, reference: Curve, resamples: int = RESAMPLES) -> np.ndarray:
    """A measure of two curves over all pictures, then over each resample of them."""
    pairs = zip(ours.means[: 1 + resamples], reference.means[: 1 + resamples], strict=True)
    return np.stack([measure(own, other) for own, other in pairs])


def _with_interval(found: np.ndarray, name: str, at: np.ndarray) -> pd.DataFrame:
    """A value with its interval, or neither: resamples may reach where the mean curve does not."""
    drawn, share = found[1:], 0.5 - CONFIDENCE / 2
    value, low, high = np.full((3, len(at)), np.nan)
    known = ~np.isnan(found[0]) & ~np.isnan(drawn).all(axis=0)
    if known.any():
        value[known] = found[0, known]
        low[known], high[known] = np.nanquantile(drawn[:, known], [share, 1 - share], axis=0)
    return pd.DataFrame({name: at, "value": value, "low": low, "high": high})
