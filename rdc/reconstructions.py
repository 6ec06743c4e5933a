"""Where a run keeps each cell's saved reconstructions, and what they say image by image."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

ENDING = ".images.npz"


def saved(folders: Iterable[str | Path]) -> dict[str, Path]:
    """Each cell's file of saved reconstructions in folders of measurements, by the cell's name."""
    return {
        path.name.removesuffix(ENDING): path
        for folder in folders
        for path in Path(folder).glob(f"*{ENDING}")
    }


def saved_by_study(folders: Iterable[str | Path]) -> dict[tuple[str, str], Path]:
    """The same by (study, cell), of folders ``measured/{study}/{batch}``."""
    return {
        (Path(folder).parent.name, cell): path
        for folder in folders
        for cell, path in saved([folder]).items()
    }


def by_image(path: Path, measure: str) -> np.ndarray | None:
    """Of each test image (n,) ``correct``, how often it was read right over a codec's dithers, or
    ``errors``, its squared error.

    None where the file has pictures alone, as those that are taken from an earlier page have.
    """
    with np.load(path) as kept:
        return kept.get(measure)
