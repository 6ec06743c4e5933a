"""Rows of a run under way, put together from the parts that are there."""

import pytest

from rdc import so_far, tables

CURVE = {"run": "r", "study": "s", "cell": "c", "epoch": 1, "split": "train", "term": "mse"}


def test_finished_parts_become_tables(tmp_path):
    for batch, value in (("one", 0.1), ("two", 0.2)):
        path = tmp_path / "parts" / "curves" / "s" / f"{batch}.parquet"
        tables.write("curves", [{**CURVE, "value": value}], path)
    assert so_far.gather(tmp_path) == {"curves": 2}
    frame = tables.read("curves", tmp_path / "tables" / "curves.parquet")
    assert list(frame.value) == [0.1, 0.2]


def test_a_damaged_part_is_named(tmp_path):
    path = tmp_path / "parts" / "curves" / "s" / "one.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1")
    with pytest.raises(tables.TableError, match=r"one\.parquet"):
        so_far.gather(tmp_path)
