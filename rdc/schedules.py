"""Learning rates over the course of training."""

import math


def one_cycle(progress: float, warmup: float) -> float:
    """Factor on the peak rate: up in a line over ``warmup``, then down along a half cosine.

    Args:
        progress: share of training done, in [0, 1).
        warmup: share of training in which the rate rises, in [0, 1).

    Returns:
        Between 0.0001 and 1.
    """
    if progress < warmup:
        return 0.04 + 0.96 * progress / warmup
    fall = (progress - warmup) / (1 - warmup)
    return max(0.5 * (1 + math.cos(math.pi * fall)), 1e-4)
