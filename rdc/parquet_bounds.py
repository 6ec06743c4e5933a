"""Whether a Parquet file is of the plain kind that is written here, and of what size: nothing is unpacked.

Others may make gigabytes of a kilobyte (brotli, one text made out of another), name files elsewhere, or end
the whole process (pyarrow with a compression that it does not know). The decoder goes by the headers of the
pages, whatever the footer announces, so those are walked. The numbers are parquet.thrift's:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from rdc.thrift import Reader, ThriftError

MOST_VALUES = 24_000_000  # rows times columns; one for each byte of a file that has more bytes
MOST_FOOTER = 2**20  # bytes
MOST_UNPACKED = 512 * 2**20  # bytes of all pages
MOST_COLUMNS = 100
SCHEMA, ROWS, GROUPS, NOTES = 2, 3, 4, 5  # fields of the footer
FOOTER = {1, SCHEMA, ROWS, GROUPS, NOTES, 6, 7}
TYPES = {0: "BOOLEAN", 1: "INT32", 2: "INT64", 5: "DOUBLE", 6: "BYTE_ARRAY"}
STANDS_FOR: tuple = ({1: {}}, {11: {}})  # text, nothing: what numbers or bytes stand for
COMPRESSIONS = {0: "UNCOMPRESSED", 1: "SNAPPY"}
ENCODINGS = {0: "PLAIN", 3: "RLE", 8: "RLE_DICTIONARY"}
DATA_PAGE, DICTIONARY_PAGE = 0, 2


class ParquetError(ValueError):
    """A file that is no Parquet, is damaged, or is of another kind than those written here."""


def footer(content: bytes) -> tuple[dict, int]:
    """A file's footer, and where it begins. Raises ParquetError."""
    length = int.from_bytes(content[-8:-4], "little")
    start = len(content) - 8 - length
    if content[:4] != b"PAR1" or content[-4:] != b"PAR1" or start < 4:
        raise ParquetError("it does not begin and end as Parquet does")
    if length > MOST_FOOTER:
        raise ParquetError(f"its footer has {length:,} bytes, at most {MOST_FOOTER:,} are read")
    reader = Reader(content[:-8], start)
    try:
        return reader.struct(), start
    except ThriftError as error:
        raise ParquetError(f"its footer is damaged: {error}") from None


def check(content: bytes, given: dict, end: int) -> list[str]:
    """The names of its columns, once it is known that reading them takes no more than a table does.

    Args:
        content: the file.
        given: its footer, which begins at ``end``.

    Raises:
        ParquetError: says what is wrong.
    """
    try:
        return _check(content, given, end)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, ParquetError):
            raise
        raise ParquetError("its footer, or the header of a page, is damaged") from None


def _check(content: bytes, given: dict, end: int) -> list[str]:
    _need(given.keys() <= FOOTER, "it is encrypted, or of a newer form")
    root, *leaves = given[SCHEMA]
    rows, groups = given[ROWS], given[GROUPS]
    _need(
        len(leaves) == root[5] <= MOST_COLUMNS,
        f"its columns are nested, or more than {MOST_COLUMNS}",
    )
    most = max(MOST_VALUES, len(content))
    _need(
        0 <= rows * len(leaves) <= most, f"it has {rows:,} rows, at most {most:,} values are read"
    )
    _need(rows == sum(group[3] for group in groups), f"it does not have its {rows:,} rows")
    names = [leaf[4].decode() for leaf in leaves]
    for name, leaf in zip(names, leaves, strict=True):
        _need(
            leaf[1] in TYPES and leaf.get(3) in (0, 1) and leaf.keys() <= {1, 3, 4, 6, 10}
            and leaf.get(6, 0) == 0 and leaf.get(10, STANDS_FOR[0]) in STANDS_FOR,
            f"{name}: of another type than {', '.join(TYPES.values())}",
        )  # fmt: skip
    reader, unpacked = Reader(content[:end]), 0
    for group in groups:
        for name, leaf, chunk in zip(names, leaves, group[1], strict=True):
            column = chunk[3]
            _need(
                1 not in chunk and 8 not in chunk, f"{name}: lies in another file, or is encrypted"
            )
            _need(column[1] == leaf[1], f"{name}: of two types")
            _need(column[4] in COMPRESSIONS, f"{name}: needs {' or '.join(COMPRESSIONS.values())}")
            _need(column[5] == group[3] >= 0, f"{name}: {column[5]} values in {group[3]} rows")
            for size in _pages(reader, column, name):
                unpacked += size
                _need(unpacked <= MOST_UNPACKED, f"it unpacks to more than {MOST_UNPACKED:,} bytes")
    return names


def _pages(reader: Reader, column: dict, name: str):
    """The unpacked sizes of a column's pages."""
    starts = [at for at in (column[9], column.get(11)) if at]  # those of no row are missing
    reader.at, values = min(starts, default=4), 0
    end = reader.at + column[7]
    _need(
        4 <= reader.at <= end <= len(reader.content) and bool(column[9] or not column[5]),
        f"{name}: lies outside the file",
    )
    while reader.at < end:
        header = reader.struct()
        kind, size, packed = header[1], header[2], header[3]
        _need(kind in (DATA_PAGE, DICTIONARY_PAGE), f"{name}: a page of kind {kind}")
        inner = header[5 if kind == DATA_PAGE else 7]
        _need(
            inner[2] in ENCODINGS,
            f"{name}: a page's encoding is none of {', '.join(ENCODINGS.values())}",
        )
        if kind == DATA_PAGE:
            values += inner[1]
        else:  # room is made for as many entries as it announces
            _need(inner[1] <= size, f"{name}: a dictionary of {inner[1]} entries in {size} bytes")
        _need(
            size >= 0 and inner[1] >= 0 and 0 <= packed <= end - reader.at,
            f"{name}: a page's size is wrong",
        )
        reader.at += packed
        yield size
    _need(values == column[5], f"{name}: {values} values, {column[5]} announced")


def _need(fine: bool, fault: str) -> None:
    if not fine:
        raise ParquetError(fault)
