"""Rows of a run under way, put together from the parts that are there."""

import subprocess
import sys

import pytest
import yaml
from sandbox import ROOT
from test_tables import CELL

from rdc import tables
from rdc.so_far.rows import gather

CURVE = {"run": "r", "study": "s", "cell": "c", "epoch": 1, "split": "train", "term": "mse"}


def test_finished_parts_become_tables(tmp_path):
    for batch, value in (("one", 0.1), ("two", 0.2)):
        path = tmp_path / "parts" / "curves" / "s" / f"{batch}.parquet"
        tables.write("curves", [{**CURVE, "value": value}], path)
    assert gather(tmp_path) == {"curves": 2}
    frame = tables.read("curves", tmp_path / "tables" / "curves.parquet")
    assert list(frame.value) == [0.1, 0.2]


def test_a_folder_of_another_run_keeps_its_rows(tmp_path, raw):
    config = tmp_path / "another.yaml"
    config.write_text(yaml.safe_dump(raw))
    folder = tmp_path / "mine"
    (folder / "parts").mkdir(parents=True)
    words = [sys.executable, "-m", "rdc.so_far", str(folder), "--config", str(config)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "mine: found another run than the config's, 'tiny'" in done.stderr


def test_a_damaged_part_is_named(tmp_path):
    path = tmp_path / "parts" / "curves" / "s" / "one.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1")
    with pytest.raises(tables.TableError, match=r"one\.parquet"):
        gather(tmp_path)


def test_rows_of_older_code_and_of_cells_that_are_gone_are_left_out(tmp_path):
    for cell, key in (("fresh", "a" * 16), ("stale", "b" * 16), ("gone", "a" * 16)):
        rows = [{**CELL, "cell": cell, "cell_key": key}]
        tables.write("cells", rows, tmp_path / "parts" / "cells" / "zhang" / f"{cell}.parquet")
        line = {**CURVE, "study": "zhang", "cell": cell, "value": 0.1}
        tables.write("curves", [line], tmp_path / "parts" / "curves" / "zhang" / f"{cell}.parquet")
    due = {("zhang", cell): ("a" * 16,) for cell in ("fresh", "stale")}
    assert gather(tmp_path, due) == {"cells": 1, "curves": 1}
    for name in ("cells", "curves"):
        frame = tables.read(name, tmp_path / "tables" / f"{name}.parquet")
        assert list(frame.cell) == ["fresh"]
    assert gather(tmp_path) == {"cells": 3, "curves": 3}


def test_a_new_machine_goes_on_from_the_rows_that_were_committed(tmp_path):
    committed = {"again": "a" * 16, "kept": "b" * 16, "stale": "c" * 16}
    for name, rows in (
        ("cells", [{**CELL, "cell": cell, "cell_key": key} for cell, key in committed.items()]),
        ("curves", [{**CURVE, "study": "zhang", "cell": c, "value": 0.1} for c in committed]),
    ):
        tables.write(name, rows, tmp_path / "tables" / f"{name}.parquet")
    for cell in ("again", "new"):  # measured here
        rows = [{**CELL, "cell": cell, "cell_key": "a" * 16}]
        tables.write("cells", rows, tmp_path / "parts" / "cells" / "zhang" / f"{cell}.parquet")
        line = {**CURVE, "study": "zhang", "cell": cell, "value": 0.2}
        tables.write("curves", [line], tmp_path / "parts" / "curves" / "zhang" / f"{cell}.parquet")
    keys = {"new": "a", "kept": "b", "again": "a", "stale": "a"}  # in the batches' order
    # Each under this machine's key, or under another's, which trained in another precision.
    due = {("zhang", cell): ("0" * 16, 16 * key) for cell, key in keys.items()}
    for _ in range(2):  # and once more, over its own tables
        assert gather(tmp_path, due) == {"cells": 3, "curves": 3}
        cells = tables.read("cells", tmp_path / "tables" / "cells.parquet")
        assert list(cells.cell) == ["new", "kept", "again"]
        curves = tables.read("curves", tmp_path / "tables" / "curves.parquet")
        assert dict(zip(curves.cell, curves.value, strict=True)) == {
            "again": 0.2,
            "kept": 0.1,
            "new": 0.2,
        }


def test_a_cell_that_two_studies_share_has_the_rows_of_the_one_that_was_measured(tmp_path):
    cells = {("zhang", "one"): "a", ("zhang", "own"): "b", ("nguyen", "own"): "c"}
    for (study, cell), key in cells.items():
        rows = [
            {**CELL, "study": study, "cell": cell, "cell_key": 16 * key, "mse": ord(key) / 1000}
        ]
        tables.write("cells", rows, tmp_path / "parts" / "cells" / study / f"{cell}.parquet")
        line = {**CURVE, "study": study, "cell": cell, "value": ord(key) / 1000}
        tables.write("curves", [line], tmp_path / "parts" / "curves" / study / f"{cell}.parquet")
    due = {name: (16 * key,) for name, key in cells.items()}
    # Wanted, too: one that Nguyen's study shares; one of the same name but another key.
    due |= {("nguyen", "one"): (16 * "a",), ("le", "own"): (16 * "d",)}
    assert gather(tmp_path, due) == {"cells": 4, "curves": 4}
    for name, value in (("cells", "mse"), ("curves", "value")):
        frame = tables.read(name, tmp_path / "tables" / f"{name}.parquet")
        found = dict(zip(zip(frame.study, frame.cell, strict=True), frame[value], strict=True))
        assert found == {
            ("zhang", "one"): 0.097, ("zhang", "own"): 0.098, ("nguyen", "own"): 0.099, ("nguyen", "one"): 0.097
        }  # fmt: skip
