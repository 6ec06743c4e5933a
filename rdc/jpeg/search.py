"""Sorted random search for quantization tables (Li, De Sa, Sampson), as its authors run it.

Tables are drawn at random, their steps sorted along the zigzag; each is tried for bytes and accuracy
on few images, and those that no other beats on both are tried again on many.
"""

from collections.abc import Callable

import numpy as np

from rdc.jpeg.standard import LARGEST, ZIGZAG, TableSet

CHANNELS = 3  # luma and each chroma plane have a table of their own
LOWEST, HIGHEST = (0, 35), (50, 150)  # ranges of a channel's smallest and largest step

# Takes integer tables and how many images to try; gives mean bytes and accuracy.
Trial = Callable[[np.ndarray, int], tuple[float, float]]


def candidate(generator: np.random.Generator) -> np.ndarray:
    """Random integer tables (3, 8, 8), 1..255, rising along the zigzag."""
    tables = np.empty((CHANNELS, 64))
    for channel in range(CHANNELS):
        shape = np.abs(generator.standard_normal(64))
        low, high = generator.integers(*LOWEST), generator.integers(*HIGHEST)
        steps = np.round(np.sort(shape / shape.max()) * (high - low) + low).clip(low, high)
        tables[channel, ZIGZAG] = steps
    tables = np.round(tables * generator.uniform(0.5, 1.5))
    return tables.clip(1, LARGEST).astype(int).reshape(CHANNELS, 8, 8)


def pareto(points: np.ndarray) -> np.ndarray:
    """Positions of the (bytes, accuracy) points that none beats on both, by rising bytes."""
    order = np.lexsort((-points[:, 1], points[:, 0]))
    best, front = -np.inf, []
    for row in order:
        if points[row, 1] > best:
            best = points[row, 1]
            front.append(row)
    return np.array(front, dtype=int)


def sorted_random(
    trial: Trial,
    candidates: int,
    screened_on: int,
    confirmed_on: int,
    seed: int,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Screens ``candidates`` tables and measures the front again.

    Returns:
        The front's tables by rising bytes, and their (bytes, accuracy) on ``confirmed_on`` images.
    """
    generator = np.random.default_rng(seed)
    drawn = [candidate(generator) for _ in range(candidates)]
    screened = np.empty((candidates, 2))
    for row, tables in enumerate(drawn):
        screened[row] = trial(tables, screened_on)
        if row % 100 == 0:
            report(
                f"table {row}/{candidates}: {screened[row, 0]:.0f} bytes, {screened[row, 1]:.3f}"
            )
    front = [drawn[row] for row in pareto(screened)]
    confirmed = np.array([trial(tables, confirmed_on) for tables in front])
    kept = pareto(confirmed)
    report(f"{len(front)} tables on the front, {len(kept)} of them confirmed")
    return [front[row] for row in kept], confirmed[kept]


def as_table_set(front: list[np.ndarray], points: np.ndarray, bytes_at: float) -> TableSet:
    """The front's tables nearest to a size, as a base pair at quality 50 (Luo, Section 4.3)."""
    nearest = front[int(np.abs(points[:, 0] - bytes_at).argmin())]
    return TableSet((50,), nearest[None].astype(float))
