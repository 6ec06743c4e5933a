"""Rate-loss curves of JPEG tables compared: savings at equal loss, gains at equal bits, intervals.

Curves are means over pictures at each quality (Luo, Section 4.1), joined by straight lines over the
logarithm of the bits.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rdc.intervals import CONFIDENCE

RESAMPLES = 400


@dataclass(frozen=True)
class Curve:
    """Per picture and quality: bits per pixel and a score (higher is better), (pictures, qualities)."""

    bits: np.ndarray
    score: np.ndarray

    def mean(self, rows: np.ndarray | slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Mean bits and score at each quality, by rising bits."""
        bits, score = self.bits[rows].mean(axis=0), self.score[rows].mean(axis=0)
        order = np.argsort(bits)
        return bits[order], score[order]


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


def bits_at(bits: np.ndarray, score: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """ln of the bits at which a mean curve reaches each score; NaN outside its range."""
    return np.interp(wanted, np.maximum.accumulate(score), np.log(bits), np.nan, np.nan)


def score_at(bits: np.ndarray, score: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The score of a mean curve at each number of bits; NaN outside its range."""
    return np.interp(np.log(wanted), np.log(bits), score, np.nan, np.nan)


def saving(ours: Curve, reference: Curve, scores: np.ndarray) -> pd.DataFrame:
    """Percent of the reference's bits saved at equal score, with intervals over pictures."""

    def percent(rows):
        gap = bits_at(*ours.mean(rows), scores) - bits_at(*reference.mean(rows), scores)
        return 100 * (1 - np.exp(gap))

    return _with_interval(percent, len(ours.bits), "score", scores)


def gain(ours: Curve, reference: Curve, bits: np.ndarray) -> pd.DataFrame:
    """Score gained over the reference at equal bits, with intervals over pictures (paired)."""

    def difference(rows):
        return score_at(*ours.mean(rows), bits) - score_at(*reference.mean(rows), bits)

    return _with_interval(difference, len(ours.bits), "bits", bits)


def _with_interval(measure, count: int, name: str, at: np.ndarray) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    drawn = np.stack([measure(generator.integers(count, size=count)) for _ in range(RESAMPLES)])
    share = 0.5 - CONFIDENCE / 2
    low, high = np.full((2, len(at)), np.nan)
    known = ~np.isnan(drawn).all(axis=0)
    if known.any():
        low[known], high[known] = np.nanquantile(drawn[:, known], [share, 1 - share], axis=0)
    value = measure(slice(None))
    return pd.DataFrame({name: at, "value": value, "low": low, "high": high})
