"""More training images by turning, slanting and stretching them a little: as hands differ."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from rdc.datasets.labelled import Labelled

TURN, SLANT, STRETCH = math.radians(7), 0.1, 0.06  # at most, either way
AT_ONCE = 5000


def with_warps(images: Labelled, copies: int, seed: int = 0) -> Labelled:
    """The images and, beside each, so many copies warped about the centre at random.

    A handwritten digit turned by a few degrees is one that somebody might have written, where one
    moved by a pixel is not: MNIST's digits are centred by their mass.

    Returns:
        (1 + copies) times as many, each before its copies, so that any run of them holds all kinds.
    """
    generator = torch.Generator().manual_seed(seed)
    kinds = [images.images, *(_warped(images.images, generator) for _ in range(copies))]
    stacked = np.stack(kinds, axis=1).reshape(-1, *images.images.shape[1:])
    return Labelled(stacked, np.repeat(images.labels, len(kinds)))


def _warped(levels: np.ndarray, generator: torch.Generator) -> np.ndarray:
    found = np.empty_like(levels)
    for first in range(0, len(levels), AT_ONCE):
        rows = slice(first, first + AT_ONCE)
        pixels = torch.from_numpy(levels[rows]).float()[:, None]
        grid = F.affine_grid(_maps(len(pixels), generator), list(pixels.shape), align_corners=False)
        moved = F.grid_sample(pixels, grid, mode="bicubic", align_corners=False)
        found[rows] = moved[:, 0].round().clamp(0, 255).byte().numpy()
    return found


def _maps(count: int, generator: torch.Generator) -> torch.Tensor:
    """Random affine maps (count, 2, 3) of the plane that leave the centre where it is."""
    uniform = 2 * torch.rand(count, 4, generator=generator) - 1
    angle, slant, wide, tall = (uniform * torch.tensor([TURN, SLANT, STRETCH, STRETCH])).unbind(1)
    cosine, sine, nought = angle.cos(), angle.sin(), torch.zeros(count)
    turned = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    shaped = torch.stack([1 + wide, slant, nought, 1 + tall], dim=1).view(-1, 2, 2)
    return torch.cat([turned @ shaped, torch.zeros(count, 2, 1)], dim=2)
