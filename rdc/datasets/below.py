"""Every picture below a folder, each once, whatever links lead where."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rdc.datasets.labelled import DataError
from rdc.datasets.left_out import LeftOut, printable

PICTURES = {
    "", ".apng", ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm",
    ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp",
}  # fmt: skip
# Folders that storage devices and archivers make, of thumbnails and deleted files (casefolded).
MACHINES = {
    "@eadir", "@__thumb", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "lost+found",
    "system volume information",
}  # fmt: skip
TWICE = "that count under another name"
UNREADABLE = "that cannot be read"
HIDDEN, SUFFIX = "hidden", "suffix"


def pictures_below(
    folders: Sequence[Path], left_out: LeftOut, root: Path | None = None
) -> list[list[Path]]:
    """Of each folder its pictures by suffix, by name, before those of the folders inside it.

    The order, and that links are followed, are those of torchvision's ImageFolder. What could be
    reached under two names counts once, under the one that is no link, and no link leads back up.

    Args:
        left_out: takes what does not count.
        root: what names in ``left_out`` are relative to; default: the first folder.
    """
    walk = _Walk(folders, left_out, root or folders[0])
    walk.go()
    return [sorted(files, key=lambda path: (str(path.parent), path.name)) for files in walk.found]


class Right(NamedTuple):
    """What lies right in a folder."""

    folders: list[Path]  # by name, linked ones too
    pictures: list[Path]


def right_in(folder: Path, left_out: LeftOut, root: Path | None = None) -> Right:
    """The folders and the pictures right in a folder, as ``pictures_below`` counts them.

    Raises:
        DataError: where it cannot be listed.
    """
    walk = _Walk([folder], left_out, root or folder)
    try:
        walk.enter(0, folder)
    except OSError as error:
        raise DataError(f"{printable(folder)}: cannot be read ({error.strerror})") from None
    walk.take_links()
    folders = {os.path.realpath(path): path for _, path in walk.folders}
    for _, path in walk.links:
        real = os.path.realpath(path)
        if real in folders or real in walk.entered or real in walk.above:
            left_out.name(TWICE, walk.named(path))
        else:
            folders[real] = path
    return Right(sorted(folders.values()), sorted(walk.found[0]))


class _Walk:
    """One pass over trees: real folders first, then linked ones, so that these find what counts."""

    def __init__(self, folders: Sequence[Path], left_out: LeftOut, root: Path):
        self.left_out, self.root = left_out, root
        self.roots = list(enumerate(folders))
        self.folders: list[tuple[int, Path]] = []
        self.links: list[tuple[int, Path]] = []  # to folders
        self.linked: list[tuple[int, Path]] = []  # pictures that are links
        self.found: list[list[Path]] = [[] for _ in folders]
        self.entered: set[str] = set()
        self.above = set().union(*map(_parents, folders))

    def go(self) -> None:
        self.folders += self.roots
        while self.folders or self.links:
            tree, folder = self.folders.pop() if self.folders else self.links.pop(0)
            try:
                self.enter(tree, folder)
            except OSError as error:
                self.left_out.name(UNREADABLE, f"{self.named(folder)} ({error.strerror})")
        self.take_links()

    def enter(self, tree: int, folder: Path) -> None:
        real = os.path.realpath(folder)
        if real in self.entered or real in self.above:
            self.left_out.name(TWICE, self.named(folder))
            return
        self.entered.add(real)
        for entry in _sorted(folder):
            self._take(tree, folder / entry.name, entry)

    def take_links(self) -> None:
        """Files that are links count where what they lead to does not."""
        if not self.linked:
            return
        counted = {os.path.realpath(path) for files in self.found for path in files}
        for tree, path in self.linked:
            if (real := os.path.realpath(path)) in counted:
                self.left_out.name(TWICE, self.named(path))
            else:
                counted.add(real)
                self.found[tree].append(path)

    def _take(self, tree: int, path: Path, entry: os.DirEntry) -> None:
        reason = _refused(entry.name)
        if not reason and _is_folder(entry):
            (self.links if entry.is_symlink() else self.folders).append((tree, path))
        elif reason := reason or _no_picture(entry):
            _leave(reason, self.named(path), self.left_out)
        elif entry.is_symlink():
            self.linked.append((tree, path))
        else:
            self.found[tree].append(path)

    def named(self, path: Path) -> Path:
        return path.relative_to(self.root)


def _refused(name: str) -> str:
    """Why what has such a name does not count, empty if it may."""
    if name.startswith("."):
        return HIDDEN
    if name.casefold() in MACHINES:
        return "made by storage devices or archivers"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "whose names are not UTF-8"
    return ""


def _no_picture(entry: os.DirEntry) -> str:
    """Why a name that may count is no picture's, empty if it may be."""
    try:
        if not entry.is_file():
            return "no files (pipes, devices, links to nowhere)"
    except OSError as error:  # links in a circle
        return f"{UNREADABLE} ({error.strerror})"
    return "" if Path(entry.name).suffix.lower() in PICTURES else SUFFIX


def _leave(reason: str, name: Path, left_out: LeftOut) -> None:
    if reason == HIDDEN:
        left_out.hidden += 1
    elif reason == SUFFIX:
        left_out.suffixes[name.suffix.lower()] += 1
    else:
        left_out.name(reason, name)


def _sorted(folder: Path) -> list[os.DirEntry]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _parents(folder: Path) -> set[str]:
    return set(map(str, Path(os.path.realpath(folder)).parents))
