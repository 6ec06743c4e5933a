"""Tables: what is written comes back, wrong columns are refused by name, damage is told."""

import math

import pandas as pd
import pytest
from sandbox import ROOT

from rdc import parquet, tables
from rdc.tables import SCHEMAS, TableError, read, write

CURVE = {
    "run": "demo",
    "study": "zhang",
    "cell": "rdc_dim=3",
    "epoch": 1,
    "split": "train",
    "term": "mse",
    "value": 0.05,
}
CELL = {
    "run": "demo",
    "study": "zhang",
    "dataset": "digits",
    "split": "test",
    "method": "rdc",
    "weights": '{"mse": 1.0}',
    "lam": 0.015,
    "dim": 3,
    "levels": 3,
    "dither": True,
    "rate_bits": 4.755,
    "entropy_bits": 4.5,
    "coded_bits": 4.9,
    "seed": 0,
    "encoder_from": None,
    "classifier": "zhang",
    "mse": 0.05,
    "psnr": 13.0,
    "nll_nats": 0.3,
    "accuracy": 0.9,
    "accuracy_judge": 0.88,
    "w1_critic": float("nan"),
    "w1_fresh": float("nan"),
    "sliced_w1": 0.1,
    "steps": 100,
    "epochs": 4,
    "code_key": "0123456789ab",
    "cell": "rdc_dim=3",
    "cell_key": "0123456789abcdef",
    "recipe": "ours",
    "width": 0.25,
    "n_images": 360,
    "accuracy_clean": 0.98,
    "precision": "float32",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tables" / "table.parquet"


def refusal(table, rows, path):
    with pytest.raises(TableError) as caught:
        write(table, rows, path)
    message = str(caught.value)
    assert message.startswith(f"{path}: not a table of {table}")
    assert not path.exists()
    return message


def test_rows_come_back(path):
    rows = [{**CURVE, "epoch": k, "value": 1 / k} for k in (1, 2, 3)]
    written = write("curves", rows, path)
    assert written.to_dict("records") == rows
    pd.testing.assert_frame_equal(read("curves", path), written)


def test_a_cell_without_lambda_encoder_or_critic_comes_back(path):
    rows = [
        CELL,
        {**CELL, "cell": "other", "lam": math.nan, "encoder_from": "other", "w1_critic": 0.5},
    ]
    written = write("cells", rows, path)
    found = read("cells", path)
    pd.testing.assert_frame_equal(found, written)
    assert found["encoder_from"].isna().tolist() == [True, False]
    assert found["lam"].isna().tolist() == [False, True]
    assert found["dither"].dtype == bool
    pd.testing.assert_frame_equal(write("cells", found, path), found)


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_table_without_rows_comes_back_with_its_columns(table, path):
    write(table, [], path)
    found = read(table, path)
    assert len(found) == 0
    assert list(found.columns) == list(SCHEMAS[table].to_schema().columns)


def test_a_column_that_older_tables_lack_is_read_as_missing(path):
    old = {name: value for name, value in CELL.items() if name != "precision"}
    path.parent.mkdir()
    pd.DataFrame([old]).to_parquet(path, index=False)
    found = read("cells", path)
    assert found["precision"].isna().tolist() == [True]
    both = write(
        "cells",
        pd.concat([found, pd.DataFrame([{**CELL, "cell": "new"}])], ignore_index=True),
        path,
    )
    assert read("cells", path).precision.fillna("none").tolist() == ["none", "float32"]
    pd.testing.assert_frame_equal(write("cells", read("cells", path), path), both)


@pytest.mark.parametrize("run", ["mnist", "paper"])
def test_the_rows_that_were_committed_before_are_read(run):
    frame = read("cells", ROOT / "results" / run / "tables" / "cells.parquet")
    assert list(frame.columns) == list(SCHEMAS["cells"].to_schema().columns)
    assert len(frame) and set(frame.precision.dropna()) <= {"float32", "bfloat16"}


def test_columns_are_put_in_the_schemas_order(path):
    write("curves", [dict(reversed(CURVE.items()))], path)
    assert list(pd.read_parquet(path).columns) == list(CURVE)


def test_the_same_rows_have_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write("cells", [CELL], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_extra_column_is_refused_by_name(path):
    assert "found weather" in refusal("curves", [{**CURVE, "weather": 1}], path)


def test_a_missing_column_is_refused_by_name(path):
    rows = [{k: v for k, v in CURVE.items() if k != "term"}]
    assert "found term" in refusal("curves", rows, path)


def test_wrong_columns_without_rows_are_refused_too(path):
    assert "weather" in refusal("curves", pd.DataFrame({"weather": []}), path)


@pytest.mark.parametrize(
    "change, found",
    [
        ({"split": "tests"}, "tests"),
        ({"epoch": 0}, "0"),
        ({"epoch": "first"}, "first"),
        ({"value": "little"}, "little"),
        ({"value": math.nan}, "nan"),
        ({"term": None}, "nan"),
        ({"epoch": 1.5}, "1.5"),
    ],
)
def test_a_wrong_value_is_refused_with_its_column(change, found, path):
    [column] = change
    message = refusal("curves", [CURVE, {**CURVE, **change}], path)
    assert any(
        line.startswith(f"{column}: ") and line.endswith(f"found {found}")
        for line in message.splitlines()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"accuracy": 1.2},
        {"mse": -0.1},
        {"mse": math.nan},
        {"levels": 1},
        {"lam": -1.0},
        {"dither": "no"},
    ],
)
def test_an_impossible_measurement_is_refused_with_its_column(change, path):
    [column] = change
    assert f"\n{column}: " in refusal("cells", [{**CELL, **change}], path)


@pytest.mark.parametrize("kept", [0, 3, 20, 0.5, 0.999])
def test_a_truncated_table_is_named(kept, path):
    write("curves", [CURVE] * 50, path)
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(TableError) as caught:
        read("curves", path)
    message = str(caught.value)
    assert message.startswith(f"{path}: cannot be read as Parquet")
    assert message.endswith("delete it and run again to rebuild it")


def test_a_missing_or_another_table_is_named(path):
    with pytest.raises(TableError, match=f"{path}: no such table"):
        read("curves", path)
    write("cells", [CELL], path)
    with pytest.raises(TableError, match=f"{path}: not a table of curves"):
        read("curves", path)


def test_a_write_that_fails_leaves_the_old_table(path, monkeypatch):
    write("curves", [CURVE], path)
    before = path.read_bytes()
    with pytest.raises(TableError):
        write("curves", [{**CURVE, "epoch": 0}], path)

    def full(frame, target):
        target.write_bytes(b"PAR1 and then")
        raise OSError("no space left on device")

    monkeypatch.setattr(parquet, "write", full)
    with pytest.raises(OSError, match="no space left"):
        write("curves", [{**CURVE, "epoch": 2}], path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_tables_of_the_design_are_known():
    assert {"cells", "costs", "curves", "confusion", "classifiers", "claims"} <= set(SCHEMAS)
    assert tables.VERDICTS == ("reproduced", "not reproduced", "not testable at this scale")


def test_a_row_that_stands_twice_is_refused(tmp_path):
    """As a copied part would bring it: each codec would be twice in every figure."""
    rows = tables.read("cells", ROOT / "results" / "mnist" / "tables" / "cells.parquet")
    twice = pd.concat([rows, rows.iloc[[5]]])
    with pytest.raises(tables.TableError, match=rf"{rows.cell[5]} {rows['split'][5]} twice"):
        tables.write("cells", twice, tmp_path / "cells.parquet")
