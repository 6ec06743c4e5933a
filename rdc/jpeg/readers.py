"""The classifiers that read JPEG pictures, and the pictures of a study."""

from pathlib import Path

import numpy as np
import torch

from rdc.datasets import pictures
from rdc.datasets.pictures import Pictures
from rdc.jpeg.settings import CIFAR_FILES, Study, data_file
from rdc.networks import resnets

# Of the shipped photographs, those that a study of them is measured on.
HELD_OUT = ("astronaut.png", "coffee.png")


def tuned_on(study: Study, data: str | Path) -> Pictures | None:
    """The pictures a study's tables are tuned on; None where that is crops of the shipped ones.

    Both functions read files under ``data`` and raise DataError where they are missing.
    """
    if study.pictures == "cifar10":
        return _cifar10("train", data)
    if study.folder is not None:
        return pictures.split(pictures.from_folder(study.folder))[0]
    return None


def measured_on(study: Study, data: str | Path) -> Pictures:
    """The pictures a study's tables are measured on, none of which they were tuned on."""
    if study.pictures == "kodak":
        return pictures.from_zip(data_file("kodak", "kodak.zip", data), "kodak")
    if study.pictures == "cifar10":
        return _cifar10("test", data)
    if study.folder is not None:
        return pictures.split(pictures.from_folder(study.folder))[1]
    return pictures.photographs(HELD_OUT)


def _cifar10(part: str, data: str | Path) -> Pictures:
    archive = data_file("cifar10", "cifar10-subset.zip", data)
    return pictures.from_zip(archive, f"cifar10-subset/{part}")


def crops(study: Study, count: int, side: int, seed: int, data: str | Path) -> np.ndarray:
    """What tables for rate and distortion are tuned on, (count, side, side, 3) uint8.

    Of the user's own pictures, or of CIFAR-10's training images, where the study has such; of the
    shipped photographs otherwise. Raises DataError where no picture is large enough.
    """
    own = tuned_on(study, data)
    if own is not None:
        return pictures.crops_of(own, count, side, seed)
    without = HELD_OUT if study.pictures == "photographs" else ()
    return pictures.random_crops(count, side, seed, without)


def classifier(name: str, data: str | Path) -> torch.nn.Module:
    """A pretrained classifier of pictures in [0, 1]. Raises WeightsError naming a faulty file."""
    depth = int(name.removeprefix("resnet"))
    return resnets.load(data_file("cifar10-resnets", CIFAR_FILES[name], data), depth)
