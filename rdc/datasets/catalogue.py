"""Which pictures of a user's folder count: each opened once, then read again when it is asked for."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from rdc.atomic import replacing
from rdc.datasets import folders, opening
from rdc.datasets.below import UNREADABLE
from rdc.datasets.labelled import DataError
from rdc.datasets.left_out import LeftOut, printable

KEPT = 400_000_000  # bytes of a part's pictures that stay in memory once they are read
PARTS = ("tuned", "measured")


@dataclass(frozen=True)
class Square:
    """What a classifier of fixed input size reads: shorter side ``resize``, then the central square
    of ``side`` pixels."""

    resize: int
    side: int

    def __call__(self, image: np.ndarray) -> np.ndarray:
        picture = Image.fromarray(image)
        scale = self.resize / min(picture.size)
        size = [max(self.side, round(length * scale)) for length in picture.size]
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        left, top = ((length - self.side) // 2 for length in size)
        return np.asarray(picture.crop((left, top, left + self.side, top + self.side)))


@dataclass(frozen=True)
class Part:
    """Pictures that could be opened: names in the folder, shapes as they are read, positions of
    classes."""

    names: list[str]
    shapes: list[tuple[int, ...]]
    labels: list[int] | None
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """Both parts of a folder, and in words what is left out of it."""

    parts: dict[str, Part]
    left_out: str


class Read(Sequence):
    """Pictures (h, w, 3) RGB, uint8, each read from its file when it is asked for.

    The first ones stay in memory, up to ``KEPT`` bytes of all: small pictures are read once, and
    memory does not grow with their number. Several threads may ask at a time.
    """

    def __init__(self, folder: Path, part: Part, square: Square | None):
        self.folder, self.names, self.square = folder, part.names, square
        self.shapes = part.shapes
        ends = np.cumsum([int(np.prod(shape)) for shape in part.shapes])
        self.staying = int(np.searchsorted(ends, KEPT, side="right"))
        self.kept: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, row):
        if row < 0 or row >= len(self):  # how iteration ends
            raise IndexError(row)
        if row in self.kept:
            return self.kept[row]
        path = self.folder / self.names[row]
        try:
            image = _pixels(path, self.square)
        except opening.PictureError as error:
            raise DataError(f"{printable(path)}: cannot be read any more ({error})") from None
        if image.shape != tuple(self.shapes[row]):
            raise DataError(f"{printable(path)}: has changed since it was first read; run again")
        if row < self.staying:
            self.kept[row] = image
        return image


class Taken(Sequence):
    """Some of a sequence of pictures, in another order; read where they are asked for."""

    def __init__(self, images: Sequence, shapes: list[tuple[int, ...]], rows: Sequence[int]):
        self.images, self.rows = images, [int(row) for row in rows]
        self.shapes = [shapes[row] for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row):
        return self.images[self.rows[row]]


def made(
    folder: str | Path,
    square: Square | None = None,
    at_most: int | None = None,
    classes: bool = True,
    threads: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> Catalogue:
    """Opens every picture of both parts of a folder, as ``folders.parts_of`` lists them.

    Args:
        square: what every picture will be brought to, where a classifier reads it.
        report: takes a line for each file that cannot be read.

    Raises:
        DataError: where folder or class is missing or holds no picture.
    """
    listed, left_out = folders.parts_of(folder, at_most, classes)
    parts = {part: _opened(Path(folder), listed[part], square, left_out, threads) for part in PARTS}
    for line in left_out.lines():
        report(line)
    for part, found in parts.items():
        if not found.names:
            raise DataError(
                f"{printable(folder)}: found no picture among {len(listed[part].files)} to be {part} "
                f"({left_out})"
            )
    return Catalogue(parts, f"{printable(folder)}: {left_out}" if left_out else "")


def save(catalogue: Catalogue, path: str | Path) -> None:
    """Writes a catalogue as JSON, whole or not at all."""
    content = {
        "left_out": catalogue.left_out,
        "parts": {name: vars(part) for name, part in catalogue.parts.items()},
    }
    with replacing(path) as scratch:
        scratch.write_text(json.dumps(content) + "\n")


def load(path: str | Path) -> Catalogue:
    """Reads what ``save`` wrote. Raises DataError naming the file where it is anything else."""
    try:
        content = json.loads(Path(path).read_text())
        parts = {
            name: Part(
                [str(name) for name in part["names"]],
                [tuple(map(int, shape)) for shape in part["shapes"]],
                part["labels"],
                tuple(part["classes"]),
            )
            for name, part in content["parts"].items()
        }
        return Catalogue({part: parts[part] for part in PARTS}, content["left_out"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: is no list of pictures ({error}); delete it and run again"
        ) from None


def _opened(
    folder: Path, listed: folders.Listed, square: Square | None, left_out: LeftOut, threads: int
) -> Part:
    rows, shapes = [], []
    with ThreadPoolExecutor(threads) as workers:
        for row, seen in enumerate(workers.map(_look, listed.files)):
            name = listed.files[row].relative_to(folder)
            if seen.fault:
                left_out.name(UNREADABLE, f"{name} ({seen.fault})")
                continue
            if seen.frames:
                left_out.frames.append(printable(name))
            rows.append(row)
            shapes.append((square.side, square.side, 3) if square else (*seen.size, 3))
    names = [str(listed.files[row].relative_to(folder)) for row in rows]
    labels = None if listed.labels is None else [listed.labels[row] for row in rows]
    return Part(names, shapes, labels, listed.classes)


class _Seen(NamedTuple):
    """What opening a picture whole told of it."""

    fault: str = ""
    size: tuple[int, int] = (0, 0)  # height, width
    frames: bool = False


def _look(path: Path) -> _Seen:
    try:
        image = opening.opened(path)
    except opening.PictureError as error:
        return _Seen(str(error))
    return _Seen("", (image.height, image.width), opening.frames(path))


def _pixels(path: Path, square: Square | None) -> np.ndarray:
    pixels = np.asarray(opening.opened(path).convert("RGB"))
    return pixels if square is None else square(pixels)
