"""More training images by moving them a pixel or more: against a codec that learns its images by heart."""

import numpy as np

from rdc.datasets.images import Labelled

DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def with_shifts(images: Labelled, pixels: int) -> Labelled:
    """The images and, for each distance up to ``pixels``, four copies moved that far, black behind.

    Returns:
        (1 + 4 pixels) times as many, each beside its copies, so that any run of them holds all kinds.
    """
    moves = [(0, 0)] + [(far * y, far * x) for far in range(1, pixels + 1) for y, x in DIRECTIONS]
    copies = np.stack([_moved(images.images, *move) for move in moves], axis=1)
    return Labelled(
        copies.reshape(-1, *images.images.shape[1:]), np.repeat(images.labels, len(moves))
    )


def _moved(images: np.ndarray, down: int, right: int) -> np.ndarray:
    moved = np.zeros_like(images)
    height, width = images.shape[1:]
    moved[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = images[
        :, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return moved
