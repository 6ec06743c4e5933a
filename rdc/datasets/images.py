"""Labelled images as arrays: 28 x 28 grey levels as uint8, prepared once and split on reading."""

import gzip
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from rdc.atomic import replacing
from rdc.datasets import folders, opening
from rdc.datasets.below import UNREADABLE, pictures_below
from rdc.datasets.labelled import DataError, Labelled, Prepared
from rdc.datasets.left_out import LeftOut, aloud, printable

SIDE = 28
DRAFT_SIDE = (
    8 * SIDE
)  # of what a large JPEG file is decoded to, at least, before it is brought to SIDE
DIGITS_TEST = 360  # the last scans, by writers that the first ones are not from
FOLDER_TEST_EVERY = 6  # a folder without a test set of its own gives every sixth image to it

Say = Callable[[str], None]


def save(prepared: Prepared, path: str | Path) -> None:
    """Writes a prepared dataset as .npz, whole or not at all, the same bytes each time."""
    with replacing(path) as scratch, open(scratch, "wb") as stream:
        np.savez(
            stream,
            train_images=prepared.train.images,
            train_labels=prepared.train.labels,
            test_images=prepared.test.images,
            test_labels=prepared.test.labels,
            classes=np.array(prepared.classes),
        )


def load(path: str | Path) -> Prepared:
    """Reads what ``save`` wrote. Raises DataError where it is missing or damaged."""
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise ValueError("it is no file")
        with np.load(path, allow_pickle=False) as arrays:
            prepared = Prepared(
                Labelled(arrays["train_images"], arrays["train_labels"]),
                Labelled(arrays["test_images"], arrays["test_labels"]),
                tuple(str(name) for name in arrays["classes"]),
            )
            for split in (prepared.train, prepared.test):
                _check(split, len(prepared.classes))
            return prepared
    except FileNotFoundError:
        raise DataError(f"{path}: no such prepared dataset") from None
    except Exception as error:  # zipfile, numpy and zlib raise many kinds for a damaged file
        raise DataError(
            f"{path}: is damaged, or no prepared dataset ({error}); if the workflow made it, delete it "
            "and run again to rebuild it"
        ) from None


def _check(split: Labelled, classes: int) -> None:
    images, labels = split.images, split.labels
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise ValueError(
            f"images: found {images.dtype} of shape {images.shape}, needs uint8 of (n, {SIDE}, {SIDE})"
        )
    whole = labels.shape == (len(images),) and np.issubdtype(labels.dtype, np.integer)
    if not whole or not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"labels: needs one of 0 to {classes - 1} for each of {len(images)} images"
        )


def prepare(
    source: str | None, folder: Path | None, data: str | Path, say: Say = aloud
) -> Prepared:
    """The dataset of a known source, whose files lie in ``data/<source>``, or of a user's folder."""
    if source == "mnist":
        return prepare_mnist(Path(data) / "mnist")
    if source == "digits":
        return prepare_digits()
    if folder is None:
        raise DataError(f"source: found {source!r}, needs a known one, or a folder")
    return prepare_folder(folder, say)


def prepare_mnist(folder: str | Path) -> Prepared:
    """MNIST from its four original files: 60,000 training images, 10,000 test images."""
    folder = Path(folder)
    parts = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = _idx(folder / f"{prefix}-images-idx3-ubyte.gz", dimensions=3)
        labels = _idx(folder / f"{prefix}-labels-idx1-ubyte.gz", dimensions=1)
        if len(images) != len(labels) or images.shape[1:] != (SIDE, SIDE):
            raise DataError(
                f"{folder / prefix}-images-idx3-ubyte.gz: found images of shape {images.shape} and "
                f"{len(labels)} labels, needs as many, {SIDE} x {SIDE}"
            )
        parts[part] = Labelled(images, labels.astype(np.int64))
    return Prepared(parts["train"], parts["test"], tuple("0123456789"))


def prepare_digits() -> Prepared:
    """scikit-learn's 1,797 scans of digits, 8 x 8, brought to MNIST's format.

    Enlarged to 20 x 20 (bicubic) with a margin of 4, as MNIST's digits stand in their frames. The
    last 360 are the test set: the scans are ordered by writer, so it holds unseen hands.
    """
    from sklearn.datasets import load_digits

    scans, labels = load_digits(return_X_y=True)
    images = np.zeros((len(scans), SIDE, SIDE), dtype=np.uint8)
    for image, scan in zip(images, scans, strict=True):
        levels = np.round(scan.reshape(8, 8) * (255 / 16)).astype(np.uint8)
        image[4:24, 4:24] = np.asarray(
            Image.fromarray(levels).resize((20, 20), Image.Resampling.BICUBIC)
        )
    labels = labels.astype(np.int64)
    everything = Labelled(images, labels)
    return Prepared(everything[:-DIGITS_TEST], everything[-DIGITS_TEST:], tuple("0123456789"))


def prepare_folder(folder: str | Path, say: Say = aloud) -> Prepared:
    """A user's own images: a folder of class folders, any size and format that is opened.

    Each image is cropped to its central square, brought to 28 x 28 and to grey. Images for testing
    are those that the user separated (``folders.NAMES``): in ``test``, or else in ``val``; otherwise
    every sixth of a class, by file name. Beside ``train`` and ``test``, those in ``val`` are the last
    of the training set, where ``Prepared.split`` takes its images for validation from.

    Args:
        say: takes a line on what is left out: files that are no images, and all that does not count.

    Raises:
        DataError: names the folder: missing, fewer than two classes, a class without images, or
            ``train`` and ``test`` with different classes.
    """
    folder = Path(folder)
    found = folders.found_in(folder, classes=True)
    parts, left_out = found.parts, found.left_out

    def read(groups: list[list[Path]], purpose: str) -> list[list[np.ndarray]]:
        images = [_read(files, folder, left_out) for files in groups]
        for name, files, some in zip(found.classes, groups, images, strict=True):
            if not some:
                shown = ", ".join(printable(file.relative_to(folder)) for file in files[:5])
                raise DataError(
                    f"{printable(folder)}: class {printable(name)} has no image for {purpose}: of the "
                    f"{len(files)} for that none can be read ({shown}); mend or remove "
                    f"{'it' if len(files) == 1 else 'them'} ({left_out})"
                )
        return images

    if "whole" in parts:
        for name, files in zip(found.classes, parts["whole"], strict=True):
            if len(files) < 2:
                raise DataError(f"{folder / name}: found {len(files)} image(s), needs at least 2")
        test = read([files[::FOLDER_TEST_EVERY] for files in parts["whole"]], "testing")
        train = _mixed(
            read([_without(files, FOLDER_TEST_EVERY) for files in parts["whole"]], "training")
        )
    else:
        test = read(parts["test"] if "test" in parts else parts["validation"], "testing")
        train = _mixed(read(parts["training"], "training"))
        if len(parts) == 3:
            last = _mixed(read(parts["validation"], "validation"))
            train = Labelled(
                np.concatenate([train.images, last.images]),
                np.concatenate([train.labels, last.labels]),
            )
            say(f"{folder}: its {len(last)} images for validation end the training set")
    if left_out:
        say(f"{folder}: {left_out}")
    return Prepared(train, _mixed(test), found.classes)


def _without(files: list[Path], every: int) -> list[Path]:
    return [file for number, file in enumerate(files) if number % every]


def images_in(folder: Path, say: Say = aloud) -> list[np.ndarray]:
    """All pictures below a folder as (28, 28) uint8 grey levels, by name.

    Args:
        say: takes a line on what is left out.

    Raises:
        DataError: where it holds none.
    """
    left_out = LeftOut()
    (files,) = pictures_below([folder], left_out)
    found = _read(files, folder, left_out)
    if not found:
        raise DataError(f"{folder}: found no image" + (f" ({left_out})" if left_out else ""))
    if left_out:
        say(f"{folder}: {left_out}")
    return found


def _read(files: list[Path], folder: Path, left_out: LeftOut) -> list[np.ndarray]:
    found = []
    for path in files:
        try:
            found.append(_fitted(opening.opened(path, at_least=DRAFT_SIDE)))
        except opening.PictureError as error:
            left_out.name(UNREADABLE, f"{path.relative_to(folder)} ({error})")
            continue
        if opening.frames(path):
            left_out.frames.append(printable(path.relative_to(folder)))
    return found


def _fitted(image: Image.Image) -> np.ndarray:
    """The central square at 28 x 28, grey, uint8."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.convert("L").crop((left, top, left + side, top + side))
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _mixed(by_class: list[list[np.ndarray]]) -> Labelled:
    """All classes shuffled together (a fixed order), so that the last images hold every class."""
    images = np.stack([image for images in by_class for image in images])
    labels = np.repeat(np.arange(len(by_class)), [len(images) for images in by_class])
    order = np.random.default_rng(0).permutation(len(images))
    return Labelled(images[order], labels[order].astype(np.int64))


def _idx(path: Path, dimensions: int) -> np.ndarray:
    """An array in MNIST's IDX format: magic 0, 0, 8 (uint8), dimensions; sizes; bytes."""
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: is damaged ({error}); delete it and fetch it again") from None
    header = struct.Struct(f">{1 + dimensions}I")
    magic, *shape = header.unpack_from(content.ljust(header.size, b"\0"))
    if magic != 0x0800 + dimensions or len(content) != header.size + math.prod(shape):
        raise DataError(f"{path}: is not a whole IDX file of {dimensions} dimensions")
    return np.frombuffer(content, np.uint8, offset=header.size).reshape(shape)
