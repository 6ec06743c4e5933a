"""The cell of our side: the same codec as the public run's, dithered 3 x 3."""

from rdc.cells import Cell
from rdc.config import Recipe


def cell(recipe: Recipe, seed: int = 0, critic: bool = False) -> Cell:
    """The papers' full width, 3 dimensions of 3 levels (4.755 bits); MSE, or MSE + .015 W1."""
    return Cell(
        study="bench",
        dataset="mnist",
        validation=0,
        classifier="zhang",
        method="distortion",
        weights=(("mse", 1.0), *([("w1_pixels", 0.015)] if critic else [])),
        lam=None,
        dim=3,
        levels=3,
        dither=True,
        seed=seed,
        width=1.0,
        output_norm=False,
        recipe="bench",
        training=recipe,
    )
