"""Colour pictures as arrays of their own sizes: photographs, Kodak, CIFAR-10, a user's folder."""

import importlib.util
import io
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rdc.datasets import folders
from rdc.datasets.images import as_shown
from rdc.datasets.sources import DataError
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
LARGEST_PIXELS = 50_000_000  # of one picture


@dataclass(frozen=True)
class Pictures:
    """Pictures (h, w, 3) RGB or (h, w) grey, uint8; a name each, and a label where there are classes."""

    images: list[np.ndarray]
    names: list[str]
    labels: np.ndarray | None = None  # (n,) int64
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows) -> "Pictures":
        """The pictures at these positions."""
        labels = None if self.labels is None else self.labels[np.asarray(rows)]
        return Pictures(
            [self.images[row] for row in rows],
            [self.names[row] for row in rows],
            labels,
            self.classes,
        )

    def stacked(self) -> np.ndarray:
        """(n, h, w, ...) of pictures of one size. Raises DataError naming one of another size."""
        sizes = {image.shape for image in self.images}
        if len(sizes) > 1:
            odd = next(
                i for i, image in enumerate(self.images) if image.shape != self.images[0].shape
            )
            raise DataError(
                f"{self.names[odd]}: found {self.images[odd].shape}, needs the size of "
                f"{self.names[0]}, {self.images[0].shape}"
            )
        return np.stack(self.images)


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
    large = [image for image in pictures.images if min(image.shape[:2]) >= side]
    if not large:
        raise DataError(
            f"found no picture of {side} x {side} pixels or more among {len(pictures)} to tune on, "
            f"such as {pictures.names[0]}; give a smaller 'side'"
        )
    crops = []
    for number in range(count):
        image = large[number % len(large)]
        top, left = (int(generator.integers(0, n - side + 1)) for n in image.shape[:2])
        crop = image[top : top + side, left : left + side]
        crops.append(crop[:, ::-1] if generator.random() < 0.5 else crop)
    return np.stack(crops)


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


def from_folder(
    folder: str | Path, part: str, square: Square | None = None, at_most: int | None = None
) -> Pictures:
    """One part of a user's folder, ``tuned`` or ``measured``: see ``folders.listed``.

    Grey, CMYK, palette and 16-bit pictures are brought to 8-bit RGB, as ``images.as_shown`` has them.
    Files that are no pictures are left out with a warning that names them.

    Args:
        square: what every picture is brought to, where a classifier will read it.

    Raises:
        DataError: names the folder that is missing or holds no picture, or the class.
    """
    files, labels, classes = folders.listed(folder, part, at_most)
    images, kept = [], []
    for row, path in enumerate(files):
        try:
            with Image.open(path) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    raise ValueError(f"{image.width} x {image.height} pixels")
                pixels = _colour(image)
        except Exception as error:  # Pillow raises many kinds for what is no picture
            warnings.warn(f"{path}: left out, not a picture ({error})", stacklevel=2)
            continue
        images.append(pixels if square is None else square(pixels))
        kept.append(row)
    if not images:
        raise DataError(f"{folder}: found no picture among {len(files)} files")
    names = [str(files[row].relative_to(folder)) for row in kept]
    if labels is None:
        return Pictures(images, names)
    return Pictures(images, names, np.array(labels, dtype=np.int64)[kept], classes)


def _colour(image: Image.Image) -> np.ndarray:
    """(h, w, 3) uint8 RGB of a picture of any mode."""
    return np.asarray(as_shown(image).convert("RGB"))
