"""The classifiers that read JPEG pictures, and the pictures of a study."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from rdc.datasets import pictures
from rdc.datasets.pictures import Pictures
from rdc.jpeg.settings import CIFAR_FILES, Study, data_file
from rdc.networks import resnets

# Of the shipped photographs, those that a study of them is measured on.
HELD_OUT = ("astronaut.png", "coffee.png")


@dataclass(frozen=True)
class Material:
    """What a study is tuned on, where that is not crops of photographs, and measured on."""

    tuned_on: Pictures | None
    measured_on: Pictures


def material(study: Study, data: str | Path) -> Material:
    """A study's pictures, from files under ``data``. Raises DataError where they are missing."""
    if study.pictures == "kodak":
        archive = data_file("kodak", "kodak.zip", data)
        return Material(None, pictures.from_zip(archive, "kodak"))
    if study.pictures == "cifar10":
        archive = data_file("cifar10", "cifar10-subset.zip", data)
        parts = (pictures.from_zip(archive, f"cifar10-subset/{p}") for p in ("train", "test"))
        return Material(*parts)
    if study.folder is not None:
        return Material(*pictures.split(pictures.from_folder(study.folder)))
    return Material(None, pictures.photographs(HELD_OUT))


def crops(study: Study, count: int, side: int, seed: int, data: str | Path) -> np.ndarray:
    """What tables for rate and distortion are tuned on, (count, side, side, 3) uint8.

    Of the user's own pictures, or of CIFAR-10's training images, where the study has such; of the
    shipped photographs otherwise. Raises DataError where no picture is large enough.
    """
    tuned_on = material(study, data).tuned_on
    if tuned_on is not None:
        return pictures.crops_of(tuned_on, count, side, seed)
    without = HELD_OUT if study.pictures == "photographs" else ()
    return pictures.random_crops(count, side, seed, without)


def classifier(name: str, data: str | Path) -> torch.nn.Module:
    """A pretrained classifier of pictures in [0, 1]. Raises WeightsError naming a faulty file."""
    depth = int(name.removeprefix("resnet"))
    return resnets.load(data_file("cifar10-resnets", CIFAR_FILES[name], data), depth)
