"""Baseline JPEG as the standard has it: quantization tables, quality, and the real encoder.

Tables are arrays (2, 8, 8), luma and chroma, in natural order: row = vertical frequency.
"""

import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from rdc.atomic import replacing
from rdc.jpeg import shipped

SUBSAMPLING = {"4:4:4": 0, "4:2:0": 2}  # Pillow's numbers
LARGEST = 255  # of a baseline table's entries
MOST_BYTES = (
    1_000_000  # of a table set's file; those with a table for each of 100 qualities have 200 kB
)
# ZIGZAG[i]: the natural (row-major) position of the i-th coefficient on the zigzag (T.81, Fig. 5).
ZIGZAG = np.array(
    sorted(
        range(64),
        key=lambda at: (at // 8 + at % 8, at // 8 if (at // 8 + at % 8) % 2 else at % 8),
    )
)


class TableError(ValueError):
    """Quantization tables that cannot be used: names the file or key and the fault."""


@dataclass(frozen=True)
class TableSet:
    """Base tables at one or more qualities: what an encoder scales to the quality asked for.

    One entry is the classic case, a pair that quality only scales. With more, the base pair changes
    with quality: between two of them it is interpolated in the logarithm, along quality.
    """

    qualities: tuple[int, ...]
    # (len(qualities), 2, 8, 8), positive floats; or 3, where Cb and Cr have one each.
    bases: np.ndarray

    def base(self, quality: float) -> np.ndarray:
        """The base pair (2, 8, 8) at a quality, before scaling."""
        left, right, share = neighbours(self.qualities, quality)
        if left == right:
            return self.bases[left]
        return np.exp((1 - share) * np.log(self.bases[left]) + share * np.log(self.bases[right]))

    def at(self, quality: int) -> np.ndarray:
        """The integer tables (2, 8, 8) that go into a file of this quality."""
        return scaled(self.base(quality), quality)


def neighbours(qualities: Sequence[int], quality: float) -> tuple[int, int, float]:
    """Positions of the qualities on either side of one, and how far it is on the way to the right.

    Beyond the first or the last, both are that one.
    """
    right = int(np.searchsorted(qualities, quality))
    if right == 0 or right == len(qualities):
        end = min(right, len(qualities) - 1)
        return end, end, 0.0
    low, high = qualities[right - 1], qualities[right]
    return right - 1, right, (quality - low) / (high - low)


def save(tables: TableSet, path: str | Path) -> None:
    """Writes a table set as JSON, whole or not at all."""
    content = {"qualities": list(tables.qualities), "bases": tables.bases.round(4).tolist()}
    with replacing(path) as scratch:
        scratch.write_text(json.dumps(content) + "\n")


def load(path: str | Path) -> TableSet:
    """Reads what ``save`` wrote. Raises TableError naming the file where it is anything else."""
    try:
        if not Path(path).is_file() or Path(path).stat().st_size > MOST_BYTES:
            raise ValueError(f"no file of at most {MOST_BYTES:,} bytes")
        content = json.loads(Path(path).read_text())
        bases = np.array(content["bases"], dtype=float)
        qualities = tuple(content["qualities"])
        if len(bases) != len(qualities) or bases.shape[1:] not in ((2, 8, 8), (3, 8, 8)):
            raise ValueError(f"tables of shape {bases.shape} for {len(qualities)} qualities")
        if not (np.isfinite(bases) & (bases > 0)).all():
            raise ValueError("steps that are not above 0")
        if list(qualities) != sorted({q for q in qualities if 1 <= q <= 100}):
            raise ValueError(f"qualities {list(qualities)}, which do not rise from 1 to 100")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TableError(
            f"{path}: is no table set ({error}); if the workflow made it, delete it and run again"
        ) from None
    return TableSet(qualities, bases)


def load_all(paths: Iterable[str | Path]) -> dict[tuple[str, str, str], TableSet]:
    """(study, tables, "420" or "444") to the set, from a run's files ``{study}/{tables}_{sampling}.json``."""
    found = {}
    for path in map(Path, paths):
        tables, subsampling = path.stem.rsplit("_", 1)
        found[path.parent.name, tables, subsampling] = load(path)
    return found


def scaled(tables: np.ndarray, quality: float) -> np.ndarray:
    """Integer tables for a quality in [1, 100] by IJG's rule: half the steps from 50 to 75, ...

    floor((T S + 50) / 100) clipped to 1..255, with S = 5000/q below 50 and 200 - 2q from there on.

    Raises:
        TableError: where the quality is outside [1, 100], or a step is no number.
    """
    percent = scale_percent(quality)
    if not np.isfinite(tables).all():
        raise TableError("tables: found steps that are no numbers")
    return np.clip(np.floor((np.asarray(tables) * percent + 50) / 100), 1, LARGEST).astype(int)


def scale_percent(quality: float) -> int:
    """IJG's S, in percent. Raises TableError where the quality is outside [1, 100]."""
    if not 1 <= quality <= 100:
        raise TableError(f"quality: found {quality}, needs 1 to 100")
    return int(5000 / quality) if quality < 50 else int(200 - 2 * quality)


def named(name: str) -> TableSet:
    """A published pair by name, one of ``shipped.NAMES``. Raises TableError for others."""
    if name not in shipped.NAMES:
        raise TableError(f"tables: found {name!r}, shipped are {', '.join(shipped.NAMES)}")
    return TableSet((50,), read_text(shipped.FOLDER / f"{name}.qtables")[None])


def read_text(path: str | Path) -> np.ndarray:
    """Tables in the text form of ``cjpeg -qtables``: 64 numbers each, # begins a comment.

    Returns:
        (2, 8, 8) float; a file of one table gives it for luma and chroma, further ones are dropped.

    Raises:
        TableError: names the file and what was found.
    """
    try:
        lines = Path(path).read_text().splitlines()
        numbers = [float(word) for line in lines for word in line.split("#")[0].split()]
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read as quantization tables ({error})") from None
    if not numbers or len(numbers) % 64 or not all(0 < n < math.inf for n in numbers):
        raise TableError(
            f"{path}: found {len(numbers)} numbers, needs 64 positive ones for each table"
        )
    tables = np.array(numbers).reshape(-1, 8, 8)
    return tables[:2] if len(tables) > 1 else np.repeat(tables, 2, axis=0)


def write_text(tables: np.ndarray, path: str | Path, comment: str) -> None:
    """Integer tables (2, 8, 8) for ``cjpeg -qtables FILE`` (with ``-quality 50``: unscaled)."""
    lines = [f"# {line}" for line in comment.splitlines()]
    for name, table in zip(("Luma", "Chroma"), np.asarray(tables).astype(int), strict=True):
        lines += ["", f"# {name}", *(" ".join(f"{step:3d}" for step in row) for row in table)]
    with replacing(path) as scratch:
        scratch.write_text("\n".join(lines) + "\n")


def encode(image: np.ndarray, tables: np.ndarray, subsampling: str, optimize: bool = True) -> bytes:
    """A real JPEG file from libjpeg-turbo, through Pillow.

    Args:
        image: uint8, (h, w, 3) RGB or (h, w) grey.
        tables: integers 1..255, (2, 8, 8), already scaled; grey uses the first.
        subsampling: "4:2:0" or "4:4:4".
        optimize: whether the file carries Huffman tables of its own.

    Raises:
        TableError: where the tables are no whole numbers of 1 to 255, or for another subsampling.
    """
    tables = np.asarray(tables)
    if not ((tables >= 1) & (tables <= LARGEST) & (tables == np.floor(tables))).all():
        raise TableError(f"tables: needs whole numbers of 1 to {LARGEST}")
    if subsampling not in SUBSAMPLING:
        raise TableError(
            f"subsampling: found {subsampling!r}, allowed are {', '.join(SUBSAMPLING)}"
        )
    # Never with `quality`: what it does to given tables differs from one Pillow to the next.
    settings = {
        "qtables": [[int(step) for step in table.ravel()] for table in _needed(image, tables)],
        "subsampling": SUBSAMPLING[subsampling],
        "optimize": optimize,
    }
    stream = io.BytesIO()
    try:
        Image.fromarray(image).save(stream, "JPEG", **settings)
    except (
        OSError
    ):  # of noise at fine steps a file is larger than the buffer that Pillow makes for it
        ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, 2 * image.nbytes + 2**20)
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "JPEG", **settings)
    return stream.getvalue()


def _needed(image: np.ndarray, tables: np.ndarray) -> np.ndarray:
    return tables[:1] if image.ndim == 2 else tables


def decode(content: bytes) -> np.ndarray:
    """The pixels of a file, uint8: JPEG as libjpeg-turbo decodes it, WebP as libwebp does."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def tables_of(content: bytes) -> np.ndarray:
    """The quantization tables that a JPEG file carries, (2, 8, 8) integers, natural order."""
    with Image.open(io.BytesIO(content)) as image:
        if not isinstance(image, JpegImageFile):
            raise TableError(f"found a {image.format} file, which carries no quantization tables")
        found = [image.quantization[key] for key in sorted(image.quantization)]
    return np.array([found[0], found[min(1, len(found) - 1)]]).reshape(2, 8, 8)


@dataclass(frozen=True)
class Sizes:
    """Bytes of a file: all of it, its entropy-coded scans, and the Huffman tables it carries."""

    file: int
    scan: int
    huffman_tables: int


WEBP_HEADER = 30  # bytes: RIFF and chunk headers, and the frame's own


def sizes(content: bytes) -> Sizes:
    """Counts the bytes of a JPEG file by its markers, or of a WebP file.

    ``scan`` is what follows the scans' headers, stuffed bytes included; ``huffman_tables`` whole DHT
    segments, markers included. WebP's tables are part of its one stream: there ``scan`` is all of it.
    """
    if content[:4] == b"RIFF":
        return Sizes(len(content), len(content) - WEBP_HEADER, 0)
    at, scan, tables = 2, 0, 0
    while (marker := content[at + 1]) != 0xD9:
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == 0xC4:
            tables += 2 + length
        at += 2 + length
        if marker == 0xDA:
            end = _end_of_scan(content, at)
            scan += end - at
            at = end
    return Sizes(len(content), scan, tables)


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the next marker stands that is neither a stuffed byte nor a restart."""
    while True:
        at = content.index(b"\xff", at)
        if content[at + 1] != 0 and not 0xD0 <= content[at + 1] <= 0xD7:
            return at
        at += 2
