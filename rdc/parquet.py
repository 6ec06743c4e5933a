"""A frame as a Parquet file in which no bit can change unseen, and that is bounded before it is read.

Every page has a checksum, which whatever else reads the file can verify. Parquet has none for the rest, so
the file's own SHA-256, taken with zeros in its place, stands in the metadata.
"""

import hashlib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rdc import parquet_bounds
from rdc.parquet_bounds import ParquetError

SEAL = b"rdc.sha256"
BEFORE_SEAL = SEAL + b"\x18\x40"  # as Thrift writes a key with a text of 64 bytes
ZEROS = b"0" * 64
# What Arrow notes of its own types; not needed, and more than can be checked here.
ARROW = b"ARROW:schema"
MOST_FILE = 512 * 2**20  # bytes
MOST_TEXT = 128 * 2**20  # bytes, with what stands a thousand times written out a thousand times


def write(frame: pd.DataFrame, path: Path) -> None:
    """Writes a frame of numbers, truth values, texts and bytes.

    Raises:
        ParquetError: where it is larger than what is read.
        OSError: where the file cannot be written.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    with pq.ParquetWriter(
        path, table.schema, write_page_checksum=True, store_schema=False
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({SEAL: ZEROS})
    content = path.read_bytes()
    parquet_bounds.check(content, *parquet_bounds.footer(content))  # what is written can be read
    with open(path, "r+b") as stream:
        stream.seek(content.rindex(BEFORE_SEAL + ZEROS) + len(BEFORE_SEAL))
        stream.write(hashlib.sha256(content).hexdigest().encode())


def read(path: Path, needed: list[str], known: list[str]) -> pd.DataFrame:
    """Reads a frame that ``write`` wrote, or one of before, which has no checksums.

    Args:
        path: the file.
        needed, known: the columns that it should have, and may have; where it has others, or too few,
            their names are all that is read.

    Raises:
        ParquetError: says what is wrong with it.
        OSError, pyarrow.ArrowException: where it cannot be opened, or its pages cannot be decoded.
    """
    if (size := path.stat().st_size) > MOST_FILE:
        raise ParquetError(f"it has {size:,} bytes, at most {MOST_FILE:,} are read")
    content = path.read_bytes()
    footer, start = parquet_bounds.footer(content)
    _check_seal(content, footer)
    names = parquet_bounds.check(content, footer, start)
    if len(set(names)) < len(names) or not set(needed) <= set(names) <= set(known):
        return pd.DataFrame(columns=names)
    content = content[:start] + content[start:].replace(ARROW, ARROW.lower())
    with pq.ParquetFile(
        pa.BufferReader(content), page_checksum_verification=True, arrow_extensions_enabled=False,
        read_dictionary=names,  # a text that stands a million times is kept once until its size is known
    ) as file:  # fmt: skip
        table = file.read()
    if table.num_rows != footer[parquet_bounds.ROWS]:
        raise ParquetError("it does not have the rows that it announces")
    return _written_out(table).to_pandas(ignore_metadata=True, split_blocks=True)


def _check_seal(content: bytes, footer: dict) -> None:
    notes = {note.get(1): note.get(2) for note in footer.get(parquet_bounds.NOTES, [])}
    if SEAL in notes:
        before, found, after = content.rpartition(BEFORE_SEAL)
        whole = hashlib.sha256(before + found + ZEROS + after[len(ZEROS) :]).hexdigest()
        if notes[SEAL] != whole.encode() or after[: len(ZEROS)] != notes[SEAL]:
            raise ParquetError("its checksum is another")
    elif b"pandas" not in notes:  # which those of before have
        raise ParquetError("its checksum is missing")


def _written_out(table: pa.Table) -> pa.Table:
    """The same without dictionaries. Raises ParquetError where that would be too large."""
    size, plain = 0, {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            for chunk in column.chunks:
                chunk.validate(full=True)  # texts are UTF-8
                lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
                size += pc.sum(lengths.cast(pa.int64())).as_py() or 0
            if size > MOST_TEXT:
                raise ParquetError(f"its texts have more than {MOST_TEXT:,} bytes")
            column = column.cast(column.type.value_type)
        plain[name] = column
    return pa.table(plain)
