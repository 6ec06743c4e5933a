"""Seconds of Blahut-Arimoto for a source of 64 x 64 symbols on a grid of 32 x 32 multipliers."""

import time

import numpy as np

from bench.rows import BOUND, OURS, Row, row
from rdc.limits import blahut_arimoto

NAME = "Blahut-Arimoto, 64 x 64 symbols"
LIMIT = 60.0
REQUIRED = {NAME: 1.0}  # limit over measured
GAP = 1e-4  # bits between the certified bounds, at every point


def measure(rounds: int = 5) -> list[Row]:
    """A random source each round; every point certified to the gap, or it raises."""
    seconds = []
    for seed in range(rounds):
        generator = np.random.default_rng(seed)
        posterior = generator.dirichlet(np.ones(4), size=64)
        problem = blahut_arimoto.FiniteProblem(
            generator.dirichlet(np.ones(64)),
            generator.uniform(size=(64, 64)),
            blahut_arimoto.error_matrix(posterior, generator.integers(4, size=64)),
        )
        multipliers = np.concatenate([[0.0], np.geomspace(0.1, 50, 31)])
        start = time.perf_counter()
        surface = blahut_arimoto.surface(problem, multipliers, multipliers)
        seconds.append(time.perf_counter() - start)
        widest = float((surface.rate - surface.lower).max())
        if widest > GAP:
            raise RuntimeError(f"bounds {widest:.2e} bits apart, wanted {GAP:g}")
    median = row(NAME, OURS, "s", seconds, 1.0).median
    return [row(NAME, OURS, "s", seconds, LIMIT / median), row(NAME, BOUND, "s", [LIMIT], 1.0)]
