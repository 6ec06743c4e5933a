"""A user's folder of pictures, listed but not opened: its classes, and which are for measuring."""

from pathlib import Path
from typing import NamedTuple

from rdc.datasets.labelled import DataError

TRAINING, MEASURING = ("train",), ("val", "test")  # names of two sets that a user separated

PICTURES = {
    "", ".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm",
    ".tga", ".tif", ".tiff", ".webp",
}  # fmt: skip


class Listed(NamedTuple):
    """Files of one part of a folder with their classes' positions (None where there are no classes)."""

    files: list[Path]
    labels: list[int] | None
    classes: tuple[str, ...]


def class_folders(folder: Path) -> list[str]:
    """Names of the folder's class folders. Raises DataError where there are fewer than two."""
    names = _folders_in(folder)
    if len(names) < 2:
        raise DataError(
            f"{folder}: found {len(names)} class folder(s), needs at least 2 (one folder per class)"
        )
    return names


def files_in(folder: Path) -> list[Path]:
    """Its files by name, hidden ones left out; those that are no pictures by their suffix come last.

    So that where every second one is taken, notes beside pictures do not count.
    """
    files = [path for path in _visible(folder) if path.is_file()]
    return sorted(files, key=lambda path: path.suffix.lower() not in PICTURES)


def listed(folder: str | Path, part: str, at_most: int | None = None) -> Listed:
    """What lies in a folder of class folders, or of pictures without classes.

    Args:
        part: ``tuned`` or ``measured``. Where the folder holds ``train`` and ``val`` (or ``test``),
            these are the two parts; otherwise every second file of a class, by name, is measured.
        at_most: so many files, as evenly over the classes as they allow.

    Raises:
        DataError: names the folder that is missing or empty, or the class of one file, which cannot
            be in both parts.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; needs one of pictures, or of class folders")
    separate = _separate(folder, part)
    root = separate or folder
    with_classes = bool(_folders_in(root))
    classes = class_folders(root) if with_classes else [""]
    groups = [files_in(root / name) for name in classes]
    for name, files in zip(classes, groups, strict=True):
        if not files:
            raise DataError(f"{root / name}: found no picture")
        if separate is None and len(files) < 2:
            raise DataError(f"{root / name}: found 1 picture, needs at least 2: one to measure on")
    if separate is None:
        groups = [files[1::2] if part == "measured" else files[::2] for files in groups]
    groups = _thinned(groups, at_most)
    files = [file for group in groups for file in group]
    if not with_classes:
        return Listed(files, None, ())
    labels = [label for label, group in enumerate(groups) for _ in group]
    return Listed(files, labels, tuple(classes))


def _separate(folder: Path, part: str) -> Path | None:
    """The folder of this part, where a user separated them."""
    sets = [
        [folder / name for name in names if (folder / name).is_dir()]
        for names in (TRAINING, MEASURING)
    ]
    if not all(sets):
        return None
    training, measuring = sets[0][0], sets[1][0]
    if _folders_in(training) != _folders_in(measuring):
        raise DataError(
            f"{folder}: {training.name} and {measuring.name} have different class folders"
        )
    return measuring if part == "measured" else training


def _thinned(groups: list[list[Path]], at_most: int | None) -> list[list[Path]]:
    if at_most is None:
        return groups
    by_turns = sorted((turn, label) for label, g in enumerate(groups) for turn in range(len(g)))
    kept = [0] * len(groups)
    for _, label in by_turns[:at_most]:
        kept[label] += 1
    return [group[:count] for group, count in zip(groups, kept, strict=True)]


def _folders_in(folder: Path) -> list[str]:
    return [path.name for path in _visible(folder) if path.is_dir()]


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
