"""What queries read, what they answer, and how they choose cells."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from rdc.intervals import of_share


class Untestable(Exception):
    """What a query lacks in this run."""


@dataclass(frozen=True)
class Run:
    """What queries read: a run's tables, what its studies' data is, and saved reconstructions by cell.

    ``datasets`` is study to dataset; ``sources`` is dataset name to source (``mnist``), None for a
    user's folder; ``images`` is (study, cell) to its file; ``jpeg`` the tables ``jpeg_images``
    and ``jpeg_rate`` by name, none without a JPEG study.
    """

    cells: pd.DataFrame
    curves: pd.DataFrame
    classifiers: pd.DataFrame
    datasets: dict[str, str]
    sources: dict[str, str | None]
    images: dict[tuple[str, str], Path]
    jpeg: dict[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """A query's answer, with its 95 % interval where it has one, and what it was measured on."""

    value: float
    note: str
    low: float = float("nan")
    high: float = float("nan")
    epochs: int | None = None  # the fewest that any cell it was measured on has had


def clean_accuracy(run: Run, classifier: str) -> Measured:
    """A classifier's accuracy on clean test images."""
    rows = run.classifiers
    rows = rows[(rows.classifier == classifier) & (rows.split == "test")]
    if rows.empty:
        raise Untestable(f"classifier {classifier} is not in this run")
    row = rows.iloc[0]
    note = f"{row.n_images} images of {row.dataset}"
    return Measured(row.accuracy, note, *of_share(row.accuracy, row.n_images), int(row.epochs))


def longest(run: Run, method: str, levels: int, lam: float) -> pd.Series:
    """The test row of the longest-trained dithered cell of that description, lowest seed."""
    rows = run.cells[run.cells.dither]
    rows = rows[(rows.method == method) & (rows.levels == levels) & np.isclose(rows.lam, lam)]
    if rows.empty:
        raise Untestable(f"no cell of {method} with {levels} levels and lambda {lam:g}")
    return rows.sort_values(["steps", "seed"], ascending=[False, True]).iloc[0]


def one_recipe(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells of one recipe only: that with most cells, so that settings are not mixed."""
    if rows.empty:
        raise Untestable("no such cells in this run")
    return rows[rows.recipe == rows.recipe.value_counts().idxmax()]


def curve(run: Run, cell: pd.Series, term: str) -> np.ndarray:
    rows = run.curves
    rows = rows[(rows.cell == cell.cell) & (rows.split == "validation") & (rows.term == term)]
    return rows.sort_values("epoch").value.to_numpy()


QUERIES = {"clean_accuracy": clean_accuracy}
