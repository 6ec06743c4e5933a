"""Numbers that Le's claims are held against: Table 3, by the classifier of its Table 2."""

import numpy as np
import pandas as pd

from rdc.intervals import of_difference, of_paired, over_seeds
from rdc.queries.common import Measured, Run, Untestable, one_recipe
from rdc.reconstructions import by_image

BY_IMAGE = {"accuracy": "correct", "mse": "errors"}  # what a column is the mean of


def table_3(run: Run, method: str, rate_bits: float, column: str) -> Measured:
    """One number of Table 3: a method's accuracy or MSE at a rate, mean over seeds."""
    rows = _rows(run, method, rate_bits)
    mean, low, high = over_seeds(rows[column].tolist())
    judged = f", judge {rows.accuracy_judge.mean():.2%}" if column == "accuracy" else ""
    return Measured(
        mean, f"{len(rows)} seed(s), {int(rows.steps.min()):,} steps, of {rows.cell.iloc[0]}{judged}", low, high,
        int(rows.epochs.min()),
    )  # fmt: skip


def gain(run: Run, method: str, over: str, rate_bits: float, column: str) -> Measured:
    """How much higher a column of one method is than another's at the same rate, mean over seeds.

    The interval is over seeds; with one seed over the test images, paired, or where only their shares
    are kept as if they were others.
    """
    ours, theirs = (_rows(run, name, rate_bits) for name in (method, over))
    pairs = ours.merge(theirs, on="seed", suffixes=("", "_other"))
    if pairs.empty:
        raise Untestable(f"no seed has both {method} and {over} at {rate_bits:g} bits")
    form = "{:.2%}" if column == "accuracy" else "{:.4f}"
    mean, low, high = over_seeds((pairs[column] - pairs[f"{column}_other"]).tolist())
    if len(pairs) == 1:
        low, high = _over_images(run, pairs.iloc[0], column)
    return Measured(
        mean,
        f"{form.format(pairs[column].mean())} against {form.format(pairs[f'{column}_other'].mean())}, "
        f"{len(pairs)} seed(s), {int(pairs.steps.min()):,} and {int(pairs.steps_other.min()):,} steps of "
        "the codec: critics take their share of the batches",
        low,
        high,
        int(min(pairs.epochs.min(), pairs.epochs_other.min())),
    )


def _over_images(run: Run, pair: pd.Series, column: str) -> tuple[float, float]:
    paths = [run.images.get((pair.study, cell)) for cell in (pair.cell, pair.cell_other)]
    measured = [path and by_image(path, BY_IMAGE[column]) for path in paths]
    if all(values is not None for values in measured):
        return of_paired(*measured)
    if column == "accuracy":
        return of_difference(pair.accuracy, pair.accuracy_other, pair.n_images)
    return float("nan"), float("nan")


def _rows(run: Run, method: str, rate_bits: float) -> pd.DataFrame:
    """Dithered cells alone: the paper adds uniform noise to the latents (Section 2.1)."""
    rows = run.cells
    rows = rows[(rows.method == method) & np.isclose(rows.rate_bits, rate_bits) & rows.dither]
    if rows.empty:
        raise Untestable(f"no cell of {method} at {rate_bits:g} bits")
    return one_recipe(rows)


QUERIES = {"table_3": table_3, "gain": gain}
