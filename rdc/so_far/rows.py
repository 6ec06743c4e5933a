"""Which rows count: of cells measured here, committed before, or shared with another study."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from rdc import tables, training
from rdc.cells import Cell, batches, expand
from rdc.config import Config
from rdc.datasets.labelled import DataError
from rdc.jpeg import savings
from rdc.networks.weights import WeightsError

OF_CELLS = ("cells", "confusion", "costs", "curves")
Name = tuple[str, str]  # of a cell: its study and its name there
Keys = tuple[str, ...]  # that a cell may have been trained under; see training.keys_of


def gather(folder: Path, due: dict[Name, Keys] | None = None) -> dict[str, int]:
    """Writes ``folder/tables`` from ``folder/parts``; returns the rows of each table written.

    Args:
        due: each cell's keys by study and name. Rows of cells without one are left out, and those with one
            that the tables hold already, and no part does, stay; a cell without rows has those of the
            same cell in another study. None for the parts' rows alone.

    Raises:
        TableError: names a part or a table that is damaged.
    """
    counts: dict[str, int] = {}
    measured: set[Name] = set()
    staying: set[Name] = set()
    for parts in sorted((folder / "parts").iterdir(), key=lambda path: path.name != "cells"):
        files = sorted(parts.rglob("*.parquet"))
        if files and parts.name not in tables.SCHEMAS:
            raise tables.TableError(
                f"{parts}: no table has this name, allowed are {', '.join(tables.SCHEMAS)}"
            )
        found = [tables.read(parts.name, path) for path in files]
        if found:
            target = folder / "tables" / f"{parts.name}.parquet"
            frame = pd.concat(found, ignore_index=True)
            if due is not None and parts.name in OF_CELLS:
                kept = tables.read(parts.name, target) if target.exists() else frame.iloc[:0]
                if parts.name == "cells":
                    measured = _with_key(frame, due)
                    staying = _with_key(kept, due) - measured
                frame = _that_count(frame, measured, kept, staying, due)
            counts[parts.name] = len(tables.write(parts.name, frame, target))
            if parts.name == "jpeg_images":
                target = folder / "tables" / "jpeg_savings.parquet"
                counts["jpeg_savings"] = len(
                    tables.write("jpeg_savings", savings.records(frame), target)
                )
    return counts


def _that_count(
    frame: pd.DataFrame,
    measured: set[Name],
    kept: pd.DataFrame,
    staying: set[Name],
    due: dict[Name, Keys],
) -> pd.DataFrame:
    """One table's rows of all cells that have some, in the order in which Snakemake gathers them."""
    rows = pd.concat([_of(frame, measured), _of(kept, staying)], ignore_index=True)
    lent = shared(measured | staying, due)
    copies = [_of(rows, {other}).assign(study=study) for (study, _), other in lent.items()]
    rows = pd.concat([rows, *copies], ignore_index=True)
    places = {name: place for place, name in enumerate(due)}
    of_rows = [places[name] for name in zip(rows.study, rows.cell, strict=True)]
    return rows.iloc[np.argsort(of_rows, kind="stable")].reset_index(drop=True)


def _with_key(rows: pd.DataFrame, due: dict[Name, Keys]) -> set[Name]:
    """Study and name of those cells that were trained under a key that is due."""
    named = zip(rows.study, rows.cell, rows.cell_key, strict=True)
    return {(study, cell) for study, cell, key in named if key in due.get((study, cell), ())}


def shared(having: Collection[Name], keys: dict[Name, str] | dict[Name, Keys]) -> dict[Name, Name]:
    """Cells that have nothing yet, each to the same cell of another study that has: one key, one codec."""
    same = {(keys[name], name[1]): name for name in having if name in keys}
    wanted = {name: (key, name[1]) for name, key in keys.items() if name not in having}
    return {name: same[codec] for name, codec in wanted.items() if codec in same}


def _of(rows: pd.DataFrame, cells: set[Name]) -> pd.DataFrame:
    return rows[[name in cells for name in zip(rows.study, rows.cell, strict=True)]]


def due_keys(config: Config, folder: Path) -> dict[Name, Keys]:
    """The keys of each cell whose data and classifier are there, in the order of the batches.

    Raises:
        DataError, WeightsError: where they are not there for a cell that has rows: those would be lost.
    """
    cells, due = expand(config), {}
    path = folder / "tables" / "cells.parquet"
    rows = tables.read("cells", path) if path.exists() else pd.DataFrame(columns=["study", "cell"])
    with_rows = set(zip(rows.study, rows.cell, strict=True))
    for members in batches(config).values():
        for cell in members:
            name = cell.study, cell.name
            try:
                due[name] = _keys(cell, cells, folder)
            except (DataError, WeightsError):
                if name in with_rows:
                    raise
    return due


def _keys(cell: Cell, cells: list[Cell], folder: Path) -> Keys:
    return tuple(sorted(training.keys_of(cell, cells, training.Folder(folder))))


def left(folder: Path, config: Config) -> list[Path]:
    """What Snakemake has to make for every cell to have a row: parts of batches that lack one.

    Raises:
        DataError, WeightsError: where data or a classifier is not there, so that cells have no key yet.
        TableError: where the table of cells is damaged.
    """
    cells = expand(config)
    due = {(cell.study, cell.name): _keys(cell, cells, folder) for cell in cells}
    path = folder / "tables" / "cells.parquet"
    measured = _with_key(tables.read("cells", path), due) if path.exists() else set()
    measured |= shared(measured, due).keys()
    return [
        folder / "parts" / "cells" / study / f"{batch}.parquet"
        for (study, batch), members in batches(config).items()
        if not measured.issuperset((cell.study, cell.name) for cell in members)
    ]
