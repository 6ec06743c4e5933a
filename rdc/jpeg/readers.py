"""The pictures of a study, and the classifiers that read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rdc.datasets import catalogue, images, pictures
from rdc.datasets.catalogue import Catalogue, Square
from rdc.datasets.pictures import Pictures
from rdc.jpeg.settings import Classifier, Study, data_file

if TYPE_CHECKING:
    import torch

# Of the shipped photographs, those that a study of them is measured on.
HELD_OUT = ("astronaut.png", "coffee.png")


@dataclass(frozen=True)
class Files:
    """Where a study's pictures and classifiers lie.

    ``data`` is the folder of fetched sources; ``dataset`` the prepared images and ``trained`` the
    classifiers by role, of a study of one of the run's datasets; ``own`` the settings of a user's
    classifiers by role, ``catalogue`` what was found of a user's folder.
    """

    data: Path = Path("data")
    dataset: Path | None = None
    trained: dict[str, Path] | None = None
    own: dict[str, Classifier] | None = None
    catalogue: Path | None = None

    @classmethod
    def of(cls, described: dict) -> Files:
        """From plain data, as a rule's params hold it."""
        trained = {role: Path(path) for role, path in described.get("trained", {}).items()}
        own = {role: Classifier(**found) for role, found in described.get("own", {}).items()}
        places = {key: described.get(key) for key in ("dataset", "catalogue")}
        dataset, listed = (Path(path) if path else None for path in places.values())
        return cls(Path("data"), dataset, trained, own, listed)


def looked_through(
    study: Study, files: Files, threads: int, report: Callable[[str], None]
) -> Catalogue:
    """What a study's own folder holds. Raises DataError where that is nothing to tune or measure."""
    classes = study.classifier is not None
    return catalogue.made(study.folder, _square(files), study.at_most, classes, threads, report)


def tuned_on(study: Study, files: Files) -> Pictures | None:
    """The pictures a study's tables are tuned on; None where that is crops of the shipped ones.

    Both functions raise DataError where files are missing or damaged.
    """
    return _own(study, "tuned", files)


def measured_on(study: Study, files: Files) -> Pictures:
    """The pictures a study's tables are measured on, none of which they were tuned on."""
    if study.pictures == "kodak":
        return pictures.from_zip(data_file("kodak", "kodak.zip", files.data), "kodak")
    own = _own(study, "measured", files)
    return pictures.photographs(HELD_OUT) if own is None else own


def crops(study: Study, own: Pictures | None, count: int, side: int, seed: int) -> np.ndarray:
    """What tables for rate and distortion are tuned on, (count, side, side[, 3]) uint8.

    Of the study's ``own`` pictures, as ``tuned_on`` gives them (those of a dataset whole); of the
    shipped photographs where it has none. Raises DataError where no picture is large enough.
    """
    if own is None:
        without = HELD_OUT if study.pictures == "photographs" else ()
        return pictures.random_crops(count, side, seed, without)
    if study.dataset is not None:
        rows = np.random.default_rng(seed).permutation(len(own))[:count]
        return own.take(rows).stacked()
    return pictures.crops_of(own, count, side, seed)


def crop_side(own: Pictures | None, at_most: int) -> int:
    """The largest multiple of 16 pixels that some picture of a study's own has, 16 to ``at_most``."""
    if own is None:
        return at_most
    largest = max(min(shape[:2]) for shape in own.shapes)
    return max(16, min(at_most, largest // 16 * 16))


def readers(
    study: Study, files: Files, classes: tuple[str, ...], tunes: bool = False
) -> dict[str, torch.nn.Module]:
    """The study's ``classifier`` and ``judge``, as far as it has them, frozen.

    ``tunes``: whether tables are tuned by the classifier's gradient, which must then be there. Each takes pictures (n, channels, h, w) in [0, 1] to log-probabilities of ``classes``. Raises
    WeightsError naming a file that is missing, damaged or does not fit.
    """
    # Here alone: they bring torch, a second and more of imports that pictures do without.
    from rdc.jpeg import classifiers
    from rdc.networks import classifier_files

    found = {}
    for role in ("classifier", "judge"):
        name = getattr(study, role)
        if name is None:
            continue
        if study.dataset is not None:
            found[role] = classifier_files.load(files.trained[role])
        elif study.folder is not None:
            by_gradient = tunes and role == "classifier"
            found[role] = classifiers.load(files.own[role], classes, by_gradient)
        else:
            found[role] = classifiers.pretrained(name, files.data)
    return found


def _square(files: Files) -> Square | None:
    """What the classifier reads; the judge reads the same pictures."""
    if not files.own:
        return None
    settings = files.own["classifier"]
    return Square(settings.resize or settings.side, settings.side)


def _own(study: Study, part: str, files: Files) -> Pictures | None:
    """Of a study with pictures for both, those that are ``tuned`` on or ``measured``."""
    split = "train" if part == "tuned" else "test"
    if study.pictures == "cifar10":
        archive = data_file("cifar10", "cifar10-subset.zip", files.data)
        return pictures.from_zip(archive, f"cifar10-subset/{split}")
    if study.dataset is not None:
        return _of_dataset(split, study, files)
    if study.folder is not None:
        known = None if files.catalogue is None else catalogue.load(files.catalogue)
        return pictures.from_folder(
            study.folder, part, _square(files), study.at_most, study.classifier is not None, known
        )
    return None


def _of_dataset(part: str, study: Study, files: Files) -> Pictures:
    prepared = images.load(files.dataset)
    chosen = (prepared.train if part == "train" else prepared.test)[: study.at_most]
    names = [f"{part}/{row:05d}" for row in range(len(chosen))]
    return Pictures(list(chosen.images), names, chosen.labels, prepared.classes)
