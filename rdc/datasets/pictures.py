"""Colour pictures as arrays of their own sizes: photographs, Kodak, CIFAR-10, a user's folder."""

import importlib.util
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rdc.datasets import catalogue
from rdc.datasets.catalogue import Catalogue, Read, Square, Taken
from rdc.datasets.labelled import DataError
from rdc.datasets.left_out import aloud
from rdc.datasets.opening import as_shown
from rdc.messages import nearest

# Natural photographs inside scikit-image and scikit-learn. JPEG files come last with the share of
# their size that they are brought to at most, so that their own 8 x 8 grid is gone.
SHIPPED = (
    ("skimage", "data/astronaut.png", 1.0),
    ("skimage", "data/chelsea.png", 1.0),
    ("skimage", "data/coffee.png", 1.0),
    ("skimage", "data/motorcycle_left.png", 1.0),
    ("skimage", "data/motorcycle_right.png", 1.0),
    ("skimage", "data/rocket.jpg", 0.5),
    ("sklearn", "datasets/images/china.jpg", 0.5),
    ("sklearn", "datasets/images/flower.jpg", 0.5),
)
SMALLEST_SCALE = 0.9  # of a random crop's picture, before that share


@dataclass(frozen=True)
class Pictures:
    """Pictures (h, w, 3) RGB or (h, w) grey, uint8; a name each, and a label where there are classes."""

    images: Sequence[np.ndarray]  # a user's are read from their files when they are asked for
    names: list[str]
    labels: np.ndarray | None = None  # (n,) int64
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of each picture, known without reading it."""
        if isinstance(self.images, (Read, Taken)):
            return self.images.shapes
        return [image.shape for image in self.images]

    def take(self, rows) -> "Pictures":
        """The pictures at these positions."""
        labels = None if self.labels is None else self.labels[np.asarray(rows)]
        return Pictures(
            Taken(self.images, self.shapes, rows),
            [self.names[row] for row in rows],
            labels,
            self.classes,
        )

    def check_one_size(self) -> None:
        """Raises DataError naming a picture of another size than the first."""
        shapes = self.shapes
        for name, shape in zip(self.names, shapes, strict=True):
            if shape != shapes[0]:
                raise DataError(
                    f"{name}: found {shape}, needs the size of {self.names[0]}, {shapes[0]}"
                )

    def stacked(self) -> np.ndarray:
        """(n, h, w, ...) of pictures of one size. Raises DataError naming one of another size."""
        self.check_one_size()
        return np.stack(list(self.images))


def random_crops(count: int, side: int, seed: int = 0, without: tuple[str, ...] = ()) -> np.ndarray:
    """Square crops (count, side, side, 3) of the shipped photographs, scaled at random, mirrored.

    Args:
        without: names of photographs to leave out, because something will be measured on them.
    """
    generator = np.random.default_rng(seed)
    photographs = [
        (_opened(package, file), share)
        for package, file, share in SHIPPED
        if Path(file).name not in without
    ]
    crops = []
    for number in range(count):
        picture, share = photographs[number % len(photographs)]
        scale = share * generator.uniform(SMALLEST_SCALE, 1)
        scale = max(scale, side / min(picture.size))
        size = [max(side, round(length * scale)) for length in picture.size]
        small = picture.resize(size, Image.Resampling.LANCZOS)
        left, top = (int(generator.integers(0, length - side + 1)) for length in size)
        crop = np.asarray(small.crop((left, top, left + side, top + side)))
        crops.append(crop[:, ::-1] if generator.random() < 0.5 else crop)
    return np.stack(crops)


def crops_of(pictures: Pictures, count: int, side: int, seed: int = 0) -> np.ndarray:
    """Square crops (count, side, side, 3) of pictures as they are, mirrored at random.

    Pictures smaller than a crop are passed over. Raises DataError where all are.
    """
    generator = np.random.default_rng(seed)
    shapes = pictures.shapes
    large = [row for row, shape in enumerate(shapes) if min(shape[:2]) >= side]
    if not large:
        raise DataError(
            f"found no picture of {side} x {side} pixels or more among {len(pictures)} to tune on, "
            f"such as {pictures.names[0]}; give a smaller 'side'"
        )
    windows: dict[int, list[tuple[int, int, int, bool]]] = {row: [] for row in large}
    for number in range(count):
        row = large[number % len(large)]
        top, left = (int(generator.integers(0, n - side + 1)) for n in shapes[row][:2])
        windows[row].append((number, top, left, generator.random() < 0.5))
    crops = None
    for row, of_picture in windows.items():  # so that each is read once
        image = pictures.images[row] if of_picture else None
        for number, top, left, mirrored in of_picture:
            crop = image[top : top + side, left : left + side]
            if crops is None:
                crops = np.empty((count, *crop.shape), dtype=crop.dtype)
            crops[number] = crop[:, ::-1] if mirrored else crop
    return crops


def photographs(names: tuple[str, ...]) -> Pictures:
    """Shipped photographs whole, at the sizes that ``random_crops`` begins from.

    Raises:
        DataError: for a name that is not shipped.
    """
    places = {Path(file).name: (package, file, share) for package, file, share in SHIPPED}
    images = []
    for name in names:
        if name not in places:
            raise DataError(f"photographs: found {name!r}{nearest(name, places)}")
        package, file, share = places[name]
        picture = _opened(package, file)
        size = [round(length * share) for length in picture.size]
        images.append(np.asarray(picture.resize(size, Image.Resampling.LANCZOS)))
    return Pictures(images, list(names))


def _opened(package: str, file: str) -> Image.Image:
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file
    with Image.open(path) as image:
        return image.convert("RGB")


def from_zip(path: str | Path, folder: str) -> Pictures:
    """The pictures under one folder of a zip file; class folders below it give labels.

    Raises:
        DataError: names the file where it is missing, damaged or has no picture there.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(n for n in archive.namelist() if n.startswith(f"{folder}/"))
            names = [name for name in names if not name.endswith("/")]
            images = [_colour(Image.open(io.BytesIO(archive.read(name)))) for name in names]
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path}: is damaged ({error}); delete it and fetch it again") from None
    if not images:
        raise DataError(f"{path}: found no picture under {folder}/")
    inside = [Path(name).relative_to(folder) for name in names]
    if all(len(name.parts) == 1 for name in inside):
        return Pictures(images, [str(name) for name in inside])
    classes = tuple(sorted({name.parts[0] for name in inside}))
    labels = np.array([classes.index(name.parts[0]) for name in inside], dtype=np.int64)
    return Pictures(images, [str(name) for name in inside], labels, classes)


def from_folder(
    folder: str | Path,
    part: str,
    square: Square | None = None,
    at_most: int | None = None,
    classes: bool = True,
    known: Catalogue | None = None,
) -> Pictures:
    """One part of a user's folder, ``tuned`` or ``measured``: see ``folders.listed``.

    Pictures of any mode are brought to 8-bit RGB, as ``opening.as_shown`` has them, and are read from
    their files when they are asked for. What is left out is said, unless it is ``known``.

    Args:
        square: what every picture is brought to, where a classifier will read it.
        classes: whether class folders are wanted; otherwise every picture below the folder counts.
        known: what ``catalogue.made`` found with the same settings; default: it is made here.

    Raises:
        DataError: names the folder that is missing or holds no picture, or the class.
    """
    if known is None:
        known = catalogue.made(folder, square, at_most, classes)
        if known.left_out:
            aloud(known.left_out)
    found = known.parts[part]
    labels = None if found.labels is None else np.array(found.labels, dtype=np.int64)
    return Pictures(Read(Path(folder), found, square), found.names, labels, found.classes)


def _colour(image: Image.Image) -> np.ndarray:
    """(h, w, 3) uint8 RGB of a picture of any mode."""
    return np.asarray(as_shown(image).convert("RGB"))
