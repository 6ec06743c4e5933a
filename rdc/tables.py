"""The Parquet tables that a run leaves behind: their columns, and reading and writing them whole."""

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from rdc import parquet
from rdc.atomic import replacing
from rdc.datasets.labelled import SPLITS
from rdc.names import CELL, NAME, shortened

# Columns whose values are joined into paths, and what they may be ...
NAMES = {
    **dict.fromkeys(("run", "study", "dataset", "method", "recipe", "classifier"), NAME),
    **dict.fromkeys(("tables", "over", "cell_key", "code_key", "figure"), NAME),
    **dict.fromkeys(("cell", "encoder_from"), CELL),
}
# ... but for those that are only shown: a method in words, the name of a user's folder of pictures.
TITLES = {"limits": {"method"}, "jpeg": {"dataset"}}
# Rows that are checked at a time: to list millions of faults takes minutes.
STRETCH = 50_000
VERDICTS = ("reproduced", "not reproduced", "not testable at this scale")


class TableError(ValueError):
    """A table that is missing, damaged or of the wrong form: names the file and the fault."""


class _Table(pa.DataFrameModel):
    """A column that older tables lack is ``| None`` and nullable: there it is read as missing."""

    class Config:
        strict = True
        coerce = True


class Cells(_Table):
    """One row per cell and split. Losses are means over images; images lie in [0, 1]."""

    run: Series[str]
    study: Series[str]
    dataset: Series[str]
    split: Series[str] = pa.Field(isin=SPLITS)
    method: Series[str]
    weights: Series[str]  # JSON: term of the objective to weight
    lam: Series[float] = pa.Field(ge=0, nullable=True)
    dim: Series[int] = pa.Field(ge=1)
    levels: Series[int] = pa.Field(ge=2)
    dither: Series[bool]
    rate_bits: Series[float] = pa.Field(gt=0)  # dim * log2(levels), per image
    entropy_bits: Series[float] = pa.Field(ge=0)  # cross-entropy of the stream's model, per image
    coded_bits: Series[float] = pa.Field(gt=0)  # of a real file, per image, header counted
    seed: Series[int]
    encoder_from: Series[str] = pa.Field(nullable=True)
    classifier: Series[str]
    mse: Series[float] = pa.Field(ge=0)  # per pixel
    psnr: Series[float]  # dB, of the mean squared error over all images
    nll_nats: Series[float] = pa.Field(ge=0)
    accuracy: Series[float] = pa.Field(ge=0, le=1)  # of ``classifier`` on reconstructions
    accuracy_judge: Series[float] = pa.Field(ge=0, le=1)  # of a classifier no codec trained with
    w1_critic: Series[float] = pa.Field(nullable=True)  # by the training critic
    w1_fresh: Series[float] = pa.Field(nullable=True)  # by a critic trained afterwards
    sliced_w1: Series[float] = pa.Field(ge=0)
    steps: Series[int] = pa.Field(ge=0)
    epochs: Series[int] = pa.Field(ge=0)
    code_key: Series[str]  # hash of the training code
    cell: Series[str]  # the cell's name within its study
    cell_key: Series[str]  # hash of everything that decides its weights
    recipe: Series[str]
    width: Series[float] = pa.Field(gt=0)
    n_images: Series[int] = pa.Field(ge=1)
    accuracy_clean: Series[float] = pa.Field(ge=0, le=1)  # of ``classifier`` on the originals
    precision: Series[str] | None = pa.Field(nullable=True)  # that it was trained in


class Costs(_Table):
    """What differs from run to run, apart from the results. One row per cell."""

    run: Series[str]
    study: Series[str]
    cell: Series[str]
    cell_key: Series[str]
    train_seconds: Series[float] = pa.Field(ge=0)
    evaluate_seconds: Series[float] = pa.Field(ge=0)
    device: Series[str]
    torch_version: Series[str]


class Curves(_Table):
    """Losses by epoch. Split ``train``: means over the epoch; ``validation``: after it."""

    run: Series[str]
    study: Series[str]
    cell: Series[str]
    epoch: Series[int] = pa.Field(ge=1)
    split: Series[str] = pa.Field(isin=SPLITS)
    term: Series[str]
    value: Series[float]


class Confusion(_Table):
    """Test images of class ``label`` that ``classifier`` reads as ``predicted``, per cell.

    Every cell is read by every classifier that the run has for its dataset.
    """

    run: Series[str]
    study: Series[str]
    cell: Series[str]
    classifier: Series[str]
    label: Series[int] = pa.Field(ge=0)
    predicted: Series[int] = pa.Field(ge=0)
    share: Series[float] = pa.Field(ge=0, le=1)  # of the images with this label
    n_images: Series[int] = pa.Field(ge=0)  # with this label


class Classifiers(_Table):
    """Clean accuracy of each classifier, by dataset and split."""

    run: Series[str]
    dataset: Series[str]
    classifier: Series[str]
    split: Series[str] = pa.Field(isin=SPLITS)
    accuracy: Series[float] = pa.Field(ge=0, le=1)
    nll_nats: Series[float] = pa.Field(ge=0)
    n_images: Series[int] = pa.Field(ge=1)
    epochs: Series[int] = pa.Field(ge=1)
    parameters: Series[int] = pa.Field(ge=1)


class Limits(_Table):
    """The theoretical limits: one row per point of a surface. An infinite rate is an infeasible one."""

    source: Series[str]
    parameters: Series[str]  # JSON
    region: Series[str]  # which constraints bind
    rate_bits: Series[float] = pa.Field(ge=0)
    lower_bits: Series[float] = pa.Field(ge=0)
    upper_bits: Series[float] = pa.Field(ge=0)
    distortion: Series[float] = pa.Field(ge=0)
    classification: Series[float]  # error of a fixed classifier, or H(S|Xhat) in nats; or P
    method: Series[str]


class Claims(_Table):
    """A published claim, what we measured, and the verdict."""

    paper: Series[str]
    claim: Series[str]
    where: Series[str]
    published: Series[str]
    measured: Series[float] = pa.Field(nullable=True)
    low: Series[float] = pa.Field(nullable=True)  # 95 % interval of ``measured``
    high: Series[float] = pa.Field(nullable=True)
    tolerance: Series[str]
    verdict: Series[str] = pa.Field(isin=VERDICTS)
    note: Series[str]
    figure: Series[str] = pa.Field(nullable=True)  # the figure that shows it, such as zhang_plane


class Jpeg(_Table):
    """Quantization tables at a quality, measured by real files. Means over images, in [0, 1]."""

    run: Series[str]
    study: Series[str]
    dataset: Series[str]
    split: Series[str]
    tables: Series[str]
    quality: Series[int] = pa.Field(ge=1, le=100)
    objective: Series[str]  # what the tables were made for; "published" where not by us
    subsampling: Series[str]
    bpp_file: Series[float] = pa.Field(gt=0)  # bits per pixel of the whole file
    bpp_scan: Series[float] = pa.Field(gt=0)  # ... of its entropy-coded scan
    bpp_scan_dht: Series[float] = pa.Field(gt=0)  # ... of scan and Huffman tables
    psnr: Series[float]  # dB, mean over images, 100 where there is no error
    mse: Series[float] = pa.Field(ge=0)
    nll_nats: Series[float] = pa.Field(nullable=True)
    accuracy: Series[float] = pa.Field(ge=0, le=1, nullable=True)
    accuracy_judge: Series[float] = pa.Field(ge=0, le=1, nullable=True)
    n_images: Series[int] = pa.Field(ge=1)
    seed: Series[int]


class _JpegFile(_Table):
    """What says which file a row is of."""

    run: Series[str]
    study: Series[str]
    tables: Series[str]
    subsampling: Series[str]
    image: Series[str]
    quality: Series[int] = pa.Field(ge=1, le=100)


class JpegImages(_JpegFile):
    """The same per image, for intervals over images."""

    pixels: Series[int] = pa.Field(ge=1)
    bytes_file: Series[int] = pa.Field(ge=1)
    bytes_scan: Series[int] = pa.Field(ge=1)
    bytes_huffman_tables: Series[int] = pa.Field(ge=0)
    mse: Series[float] = pa.Field(ge=0)
    psnr: Series[float]
    nll_nats: Series[float] = pa.Field(nullable=True)
    correct: Series[float] = pa.Field(ge=0, le=1, nullable=True)
    correct_judge: Series[float] = pa.Field(ge=0, le=1, nullable=True)


class JpegRate(_Table):
    """Bytes of real files with Annex K's tables beside what two models estimate."""

    run: Series[str]
    study: Series[str]
    subsampling: Series[str]
    image: Series[str]
    quality: Series[int] = pa.Field(ge=1, le=100)
    pixels: Series[int] = pa.Field(ge=1)
    bytes_file: Series[int] = pa.Field(ge=1)
    bytes_run_length: Series[float] = pa.Field(
        gt=0
    )  # ours: scan and Huffman tables, and the header
    bytes_factorized: Series[float] = pa.Field(gt=0)  # Luo's four entropy models, nothing else


class JpegSavings(_Table):
    """One set of tables against another, measured on the same pictures: see ``jpeg.savings``."""

    run: Series[str]
    study: Series[str]
    subsampling: Series[str]
    tables: Series[str]
    over: Series[str]
    measure: Series[str]
    at: Series[float] = pa.Field(nullable=True)  # dB or bits per pixel; none for BD numbers
    value: Series[float] = pa.Field(nullable=True)  # none where the curves share no such point
    low: Series[float] = pa.Field(nullable=True)
    high: Series[float] = pa.Field(nullable=True)


class JpegSamples(_JpegFile):
    """Pictures to look at: real files of a few crops, beside the crops that they were made of."""

    file: Series[object]  # bytes of a JPEG file
    original: Series[object]  # bytes of a PNG file


SCHEMAS: dict[str, type[_Table]] = {
    "cells": Cells,
    "costs": Costs,
    "curves": Curves,
    "confusion": Confusion,
    "classifiers": Classifiers,
    "limits": Limits,
    "claims": Claims,
    "jpeg": Jpeg,
    "jpeg_images": JpegImages,
    "jpeg_rate": JpegRate,
    "jpeg_savings": JpegSavings,
    "jpeg_samples": JpegSamples,
}


# What a table has one row of.
ONE_ROW = {"cells": ["run", "study", "cell", "split"], "costs": ["run", "study", "cell"]}


def write(table: str, rows: pd.DataFrame | list[dict], path: str | Path) -> pd.DataFrame:
    """Checks rows against a schema and writes them whole or not at all.

    Args:
        table: a name in ``SCHEMAS``.
        rows: a frame or a list of records, one per row; columns in any order, none extra.
        path: the Parquet file.

    Returns:
        The frame as written: the schema's columns in the schema's order.

    Raises:
        TableError: names the file and the columns at fault.
    """
    columns = list(SCHEMAS[table].to_schema().columns)
    frame = pd.DataFrame(rows)
    if frame.columns.empty:
        frame = pd.DataFrame({column: [] for column in columns})
    frame = _checked(table, frame, path)[columns]
    try:
        with replacing(path) as scratch:
            parquet.write(frame, scratch)
    except parquet.ParquetError as error:
        raise TableError(f"{path}: {error}") from None
    return frame


def read(table: str, path: str | Path) -> pd.DataFrame:
    """Reads a table and checks it. Raises TableError where it is missing, damaged or another."""
    if not Path(path).is_file():
        raise TableError(f"{path}: no such table")
    columns = SCHEMAS[table].to_schema().columns
    try:
        frame = parquet.read(
            Path(path), [n for n, c in columns.items() if c.required], list(columns)
        )
    except PermissionError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror})") from None
    except Exception as error:  # pyarrow raises many kinds for a damaged file
        raise TableError(
            f"{path}: cannot be read as Parquet ({shortened(str(error))}); delete it and run again to rebuild it"
        ) from None
    return _checked(table, frame, path)[list(columns)]


def _checked(table: str, frame: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    columns = SCHEMAS[table].to_schema().columns
    younger = [name for name in columns if name not in frame and not columns[name].required]
    frame = frame.assign(**dict.fromkeys(younger)) if younger else frame
    for start in range(0, len(frame) - STRETCH, STRETCH):
        _checked(table, frame.iloc[start : start + STRETCH], path)
    faults = _bent_values(table, frame) + _wrong_names(table, frame) + _repeated(table, frame)
    if not faults:
        try:
            return SCHEMAS[table].validate(frame, lazy=True, inplace=True)
        except pa.errors.SchemaErrors as error:
            found = error.failure_cases[["column", "check", "failure_case"]].drop_duplicates()
            faults = [
                f"{row.column}: {row.check}, found {row.failure_case}" for row in found.itertuples()
            ]
    lines = [shortened(line) for line in faults[:10]]
    raise TableError(f"{path}: not a table of {table}\n" + "\n".join(lines)) from None


def _repeated(table: str, frame: pd.DataFrame) -> list[str]:
    """Rows that stand twice, by what each has one of."""
    key = ONE_ROW.get(table, [])
    if not key or not set(key) <= set(frame):
        return []
    again = frame.loc[frame.duplicated(key), key]
    return [
        f"found {' '.join(map(str, row))} twice" for row in again.head(10).itertuples(index=False)
    ]


def _bent_values(table: str, frame: pd.DataFrame) -> list[str]:
    """Values that a change of type would bend unseen: 1.5 to the integer 1, any text to True, "1" to 1."""
    lines = []
    for name, column in SCHEMAS[table].to_schema().columns.items():
        if name not in frame or frame[name].empty:
            continue
        values = frame[name]
        if column.dtype.type.kind == "b" and values.dtype.kind != "b":
            bad = values[~values.map(lambda value: isinstance(value, (bool, np.bool_)))]
        elif column.dtype.type.kind in "if" and isinstance(values.dtype, pd.StringDtype):
            bad = values.iloc[:1]
        elif column.dtype.type.kind == "i" and values.dtype.kind == "f":
            bad = values[values != values.round()]
        else:
            continue
        lines += [f"{name}: dtype('{column.dtype}'), found {value}" for value in bad.unique()]
    return lines


def _wrong_names(table: str, frame: pd.DataFrame) -> list[str]:
    """Names that would lead out of a run's folder, or that no config could have given."""
    return [
        f"{column}: found {shortened(repr(value), 80)}, which is no name that a config gives"
        for column in sorted(NAMES.keys() & set(frame) - TITLES.get(table, set()))
        for value in frame[column].dropna().unique()
        if not NAMES[column].fullmatch(str(value))
    ]
