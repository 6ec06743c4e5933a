"""Means and 95 % intervals over seeds and over images."""

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000


def over_seeds(values) -> tuple[float, float, float]:
    """Mean and Student's 95 % interval of a few independent runs.

    Returns:
        (mean, low, high); low and high are NaN for a single value, which says nothing of spread.
    """
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, len(values) - 1) * stats.sem(values)
    return mean, mean - half, mean + half


def of_share(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of ``n`` independent images, within [0, 1]."""
    z = stats.norm.ppf(0.5 + CONFIDENCE / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def of_mean(values: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of a mean over many images (n,), by the central limit theorem."""
    values = np.asarray(values, dtype=float)
    half = stats.norm.ppf(0.5 + CONFIDENCE / 2) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)


def of_paired(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of the mean of first - second (n,), of the same images: by bootstrap."""
    found = stats.bootstrap(
        (np.asarray(first, dtype=float) - np.asarray(second, dtype=float),),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        batch=100,  # of 10,000 images, all at once would be gigabytes
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def of_difference(first: float, second: float, n: int) -> tuple[float, float]:
    """The 95 % interval of first - second, two shares of ``n`` images each.

    As if they were of different images: of the same ones it is narrower, by how much the shares alone
    do not say (``of_paired``).
    """
    variance = (first * (1 - first) + second * (1 - second)) / n
    half = stats.norm.ppf(0.5 + CONFIDENCE / 2) * np.sqrt(variance)
    return float(first - second - half), float(first - second + half)


def summary(rows: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Groups rows that differ in seed only: for each column its mean, ``_low`` and ``_high``."""
    records = []
    for values, group in rows.groupby(by, dropna=False, sort=True):
        record = dict(zip(by, values, strict=True)) | {"seeds": len(group)}
        for column in columns:
            record[column], record[f"{column}_low"], record[f"{column}_high"] = over_seeds(
                group[column]
            )
        records.append(record)
    measured = [f"{column}{end}" for column in columns for end in ("", "_low", "_high")]
    return pd.DataFrame(records, columns=[*by, "seeds", *measured])
