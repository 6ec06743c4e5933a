"""Parquet files from anywhere: no flipped bit passes, nothing large is unpacked, no name leads away."""

import contextlib
import random
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox import ROOT
from test_tables import CURVE

from rdc import parquet_bounds, thrift
from rdc.tables import SCHEMAS, TableError, read, write

COMMITTED = sorted((ROOT / "results").glob("*/tables/*.parquet"))


def of_before(frame) -> pa.Table:
    """As tables were written before they had checksums: with pandas' notes."""
    return pa.Table.from_pandas(frame, preserve_index=False)


def curves(rows: int, **columns) -> pa.Table:
    given = {**CURVE, **columns}
    made = {
        name: value if isinstance(value, pa.Array | pa.ChunkedArray) else repeated(value, rows)
        for name, value in given.items()
    }
    return noted(pa.table(made))


def noted(table: pa.Table) -> pa.Table:
    """As one of before, which needs no checksum."""
    return table.replace_schema_metadata({"pandas": "{}"})


def repeated(value, rows: int) -> pa.Array:
    places = pa.array(np.zeros(rows, "i4"))
    return pa.DictionaryArray.from_arrays(places, pa.array([value])).dictionary_decode()


@pytest.mark.parametrize("table, count", [("cells", 250), ("jpeg_samples", 100), ("curves", 150)])
def test_a_flipped_bit_anywhere_is_refused(table, count, tmp_path):
    path = tmp_path / "table.parquet"
    found = read(table, ROOT / "results" / "mnist" / "tables" / f"{table}.parquet")
    write(table, found.head(40), path)
    content, chance = path.read_bytes(), random.Random(0)
    for place in chance.sample(range(8 * len(content)), count):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(TableError, match="cannot be read as Parquet"):
            read(table, path)
    path.write_bytes(content)
    assert read(table, path).equals(found.head(40))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_tables_written_before_stay_readable(path):
    table = path.stem
    found = read(table, path)
    before = SCHEMAS[table].validate(pq.read_table(path).to_pandas())
    assert found[list(before.columns)].equals(before)
    assert found.drop(columns=before.columns).isna().all(axis=None)  # columns that came later


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_table_of_before_is_read_or_refused(data, tmp_path):
    """They have no checksums: what can be seen is seen, and nothing ends the process."""
    path = tmp_path / "table.parquet"
    if not path.exists():
        pq.write_table(of_before(write("curves", [CURVE] * 3, path)), tmp_path / "before")
    content = bytearray((tmp_path / "before").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        assert list(read("curves", path).columns) == list(CURVE)
    except TableError as error:
        assert str(path) in str(error)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=60), front=st.sampled_from([b"", b"\x19\xfc", b"\x1c" * 40]))
def test_thrift_ends_on_any_bytes(content, front):
    with contextlib.suppress(thrift.ThriftError):
        thrift.Reader(front + content).struct()


BIG = 1_000_000  # rows
BOMBS = {
    "rows, at most": (lambda: noted(pa.table({"run": pa.array(np.zeros(24_000_001, bool))})), {}),
    "texts have more than": (lambda: curves(40_000, cell=repeated("x" * 9_000, 40_000)), {}),
    "columns are nested": (lambda: noted(pa.table({"run": [[1, 2]]})), {}),
    "or more than 100": (lambda: noted(pa.table({f"c{i}": [1] for i in range(101)})), {}),
    "its footer has": (lambda: curves(1).replace_schema_metadata({"pandas": "[" * 2_000_000}), {}),
    "of another type": (lambda: curves(1, value=pa.array([1.5], pa.float32())), {}),
    "needs UNCOMPRESSED or SNAPPY": (lambda: curves(9), {"compression": "brotli"}),
    "a page's encoding": (
        lambda: curves(99),
        {"use_dictionary": False, "column_encoding": {"cell": "DELTA_BYTE_ARRAY"}},
    ),
    "Invalid UTF8": (lambda: curves(1, term=pa.array([b"\xff"]).view(pa.string())), {}),
    "checksum is missing": (lambda: curves(1).replace_schema_metadata(None), {}),
    "greater_than_or_equal_to": (lambda: curves(BIG, epoch=pa.array(-np.arange(BIG) - 1)), {}),
    "epoch: dtype": (lambda: curves(BIG, epoch=repeated("one", BIG)), {}),
}


@pytest.mark.parametrize("fault", BOMBS)
def test_a_hostile_table_is_refused_before_it_is_large(fault, tmp_path):
    path = tmp_path / "table.parquet"
    made, options = BOMBS[fault]
    pq.write_table(made(), path, **options)
    assert path.stat().st_size < 10_000_000
    arrow, began = pa.total_allocated_bytes(), time.process_time()
    with pytest.raises(TableError, match=fault):
        read("curves", path)
    assert time.process_time() - began < 2
    assert pa.total_allocated_bytes() - arrow < 2**28


def test_an_unknown_compression_does_not_end_the_process(tmp_path):
    """pyarrow 26 calls `terminate` where a footer names one."""
    path = tmp_path / "table.parquet"
    pq.write_table(curves(1), path, compression="NONE")
    _, start = parquet_bounds.footer(path.read_bytes())
    content = bytearray(path.read_bytes())
    # Of the first column: its path, then field 4, the compression, as a number of one byte.
    place = content.index(b"\x18\x03run\x15", start) + 6
    content[place] = 66
    path.write_bytes(content)
    with pytest.raises(TableError, match="needs UNCOMPRESSED or SNAPPY"):
        read("curves", path)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "a/b",
        ".hidden",
        "-rf",
        "a\nb",
        "a\0",
        "a" * 300,
        "*",
        "x[1]",
    ],
)
@pytest.mark.parametrize("column", ["run", "study", "cell"])
def test_a_name_that_leads_away_is_refused(column, name, tmp_path):
    with pytest.raises(TableError, match=f"{column}: found .*no name"):
        write("curves", [{**CURVE, column: name}], tmp_path / "table.parquet")


def test_a_users_file_may_be_called_anything(tmp_path):
    row = {
        "run": "r",
        "study": "s",
        "subsampling": "4:2:0",
        "image": "../ä *[1]\n.png",
        "quality": 5,
    }
    row |= {"pixels": 1, "bytes_file": 1, "bytes_run_length": 1.0, "bytes_factorized": 1.0}
    write("jpeg_rate", [row], tmp_path / "table.parquet")
    assert read("jpeg_rate", tmp_path / "table.parquet").image[0] == row["image"]
