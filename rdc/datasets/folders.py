"""A user's folder of pictures, listed but not opened: its classes, and which are for measuring."""

from pathlib import Path
from typing import NamedTuple

from rdc.datasets.below import Right, pictures_below, right_in
from rdc.datasets.labelled import DataError
from rdc.datasets.left_out import LeftOut, printable

# Parts that a user separated, as people name them, in any case.
NAMES = {
    "training": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


class Listed(NamedTuple):
    """Files of one part of a folder with their classes' positions (None where there are no classes)."""

    files: list[Path]
    labels: list[int] | None
    classes: tuple[str, ...]


class Found(NamedTuple):
    """A folder as it lies: its parts, each a list of files for each class or group, in one order.

    Either ``whole`` is its only part, or ``training`` is there with ``validation``, ``test`` or both.
    """

    parts: dict[str, list[list[Path]]]
    classes: tuple[str, ...]  # empty where there are none
    left_out: LeftOut


def listed(
    folder: str | Path, part: str, at_most: int | None = None, classes: bool = True
) -> Listed:
    """What lies in a folder of class folders, or of pictures without classes.

    Where a user separated pictures for training from others (``NAMES``), these are the two parts,
    and of others that is ``validation`` where there is one. Otherwise every second picture is
    measured: of a class by name, or, without classes, of each folder right below, where pictures
    that are alone in theirs count as one more folder. So what is found to be no picture when it is
    opened moves no other from one part to the other.

    Args:
        part: ``tuned`` or ``measured``.
        at_most: so many files, as evenly over the classes or groups as they allow.
        classes: whether they are wanted; otherwise every picture below the folder counts.

    Raises:
        DataError: names the folder that is missing or empty, the class that is empty or missing in
            one part, or the one that has one file, which cannot be in both parts.
    """
    parts, _ = parts_of(folder, at_most, classes)
    return parts[part]


def parts_of(
    folder: str | Path, at_most: int | None = None, classes: bool = True
) -> tuple[dict[str, Listed], LeftOut]:
    """The parts ``tuned`` and ``measured`` of a folder, and what is in neither; see ``listed``."""
    found = found_in(folder, classes, ("training", "validation"))
    if "whole" in found.parts:
        sides = _halves(Path(folder), found)
    else:
        measured = "validation" if "validation" in found.parts else "test"
        sides = {"tuned": found.parts["training"], "measured": found.parts[measured]}
    parts = {part: _labelled(groups, found.classes, at_most) for part, groups in sides.items()}
    return parts, found.left_out


def every_file(folder: str | Path) -> list[Path]:
    """All pictures of a folder of class folders that count, as ``found_in`` has them."""
    found = found_in(folder, classes=True)
    return [file for groups in found.parts.values() for files in groups for file in files]


def _halves(folder: Path, found: Found) -> dict[str, list[list[Path]]]:
    groups = found.parts["whole"]
    few = [name for name, files in zip(found.classes, groups, strict=False) if len(files) < 2]
    if few or sum(map(len, groups)) < 2:
        where = printable(folder / few[0] if few else folder)
        raise DataError(f"{where}: found 1 picture, needs at least 2: one to measure on")
    return {
        "tuned": [files[::2] for files in groups],
        "measured": [files[1::2] for files in groups],
    }


def found_in(folder: str | Path, classes: bool, enough: tuple[str, ...] = tuple(NAMES)) -> Found:
    """Looks through a folder; see ``listed``.

    Args:
        enough: parts of which further ones are not wanted where all of these are there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        wanted = "a folder of pictures for each class" if classes else "one of pictures"
        raise DataError(f"{printable(folder)}: no such folder; needs {wanted}")
    left_out = LeftOut()
    right = right_in(folder, left_out)
    roots = _separated(folder, right.folders)
    if set(enough) <= set(roots):
        roots = {part: roots[part] for part in enough}
    if classes and len(roots) == len(NAMES) and not right_in(roots["test"], LeftOut()).folders:
        del roots["test"]  # its classes are a secret, as ImageNet's
    if roots:
        _leave_beside(folder, right, roots, left_out)
    else:
        roots = {"whole": folder}
        left_out = LeftOut()  # what lies right in the folder is looked at again
    names: tuple[str, ...] = ()
    if classes:
        names = _class_names(folder, roots, left_out)
        trees = [root / name for root in roots.values() for name in names]
        files = pictures_below(trees, left_out, folder)
        groups = [files[at : at + len(names)] for at in range(0, len(files), len(names))]
    else:
        files = pictures_below(list(roots.values()), left_out, folder)
        groups = [_groups(*part) for part in zip(roots.values(), files, strict=True)]
    for root, of_part in zip(roots.values(), groups, strict=True):
        empty = [name for name, files in zip(names, of_part, strict=False) if not files]
        if empty or not any(of_part):
            where = printable(root / empty[0] if empty else root)
            raise DataError(f"{where}: found no picture" + (f" ({left_out})" if left_out else ""))
    return Found(dict(zip(roots, groups, strict=True)), names, left_out)


def _class_names(folder: Path, roots: dict[str, Path], left_out: LeftOut) -> tuple[str, ...]:
    """The class folders, which each part has all."""
    found = {}
    for root in roots.values():
        right = right_in(root, left_out, folder)
        names = tuple(path.name for path in right.folders)
        if len(names) < 2:
            inside = ""
            if names:
                inside = (
                    f"; if the classes are inside {names[0]}, give {printable(root / names[0])}"
                )
            raise DataError(
                f"{printable(root)}: found {len(names)} class folder(s), needs at least 2 (one folder "
                f"per class){inside}"
            )
        for path in right.pictures:
            left_out.name("in no class folder", path.relative_to(folder))
        found[root] = names
    first, *others = found
    for other in others:
        for having, lacking in ((first, other), (other, first)):
            if missing := [name for name in found[having] if name not in found[lacking]]:
                raise DataError(_differs(folder, lacking, having, missing))
    return found[first]


def _differs(folder: Path, lacking: Path, having: Path, names: list[str]) -> str:
    shown = ", ".join(map(printable, names[:5])) + (", ..." if len(names) > 5 else "")
    return (
        f"{printable(folder)}: {having.name} and {lacking.name} have different class folders: "
        f"{lacking.name} has no {shown}; each needs all of them"
    )


def _separated(folder: Path, inside: list[Path]) -> dict[str, Path]:
    """The parts that a user separated, training first; none where it is not there with another."""
    found: dict[str, Path] = {}
    for part, names in NAMES.items():
        fitting = [path for path in inside if path.name.lower() in names]
        if len(fitting) > 1:
            both = " and ".join(path.name for path in fitting)
            raise DataError(
                f"{printable(folder)}: found {both}, which are names of one part; keep one"
            )
        if fitting:
            found[part] = fitting[0]
    if len(found) >= 2 and "training" not in found and len(found) == len(inside):
        both = " and ".join(path.name for path in found.values())
        raise DataError(f"{printable(folder)}: found {both} without train")
    return found if "training" in found and len(found) >= 2 else {}


def _leave_beside(folder: Path, right: Right, roots: dict[str, Path], left_out: LeftOut) -> None:
    """Names what lies beside the parts that a user separated."""
    reason = f"not in {' or '.join(root.name for root in roots.values())}"
    others = [path for path in right.folders if path not in roots.values()]
    below = [file for path in others for file in pictures_below([path], left_out, folder)[0]]
    for file in [*right.pictures, *below]:
        left_out.name(reason, file.relative_to(folder))


def _groups(folder: Path, files: list[Path]) -> list[list[Path]]:
    """Files by the folder right below that they are in; those alone in theirs together, first."""
    by_name: dict[str, list[Path]] = {}
    for file in files:
        inside = file.relative_to(folder).parts
        by_name.setdefault(inside[0] if len(inside) > 1 else "", []).append(file)
    alone = [file for name in sorted(by_name) for file in by_name[name] if len(by_name[name]) == 1]
    several = [by_name[name] for name in sorted(by_name) if len(by_name[name]) > 1]
    return [alone, *several] if alone else several


def _labelled(groups: list[list[Path]], classes: tuple[str, ...], at_most: int | None) -> Listed:
    groups = _thinned(groups, at_most)
    files = [file for group in groups for file in group]
    if not classes:
        return Listed(files, None, ())
    return Listed(files, [label for label, group in enumerate(groups) for _ in group], classes)


def _thinned(groups: list[list[Path]], at_most: int | None) -> list[list[Path]]:
    if at_most is None:
        return groups
    by_turns = sorted((turn, label) for label, g in enumerate(groups) for turn in range(len(g)))
    kept = [0] * len(groups)
    for _, label in by_turns[:at_most]:
        kept[label] += 1
    return [group[:count] for group, count in zip(groups, kept, strict=True)]
