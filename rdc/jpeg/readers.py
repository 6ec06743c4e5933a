"""The classifiers that read JPEG pictures, and the pictures of a study."""

from dataclasses import dataclass
from pathlib import Path

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
    return Material(None, pictures.photographs(HELD_OUT))


def classifier(name: str, data: str | Path) -> torch.nn.Module:
    """A pretrained classifier of pictures in [0, 1]. Raises WeightsError naming a faulty file."""
    depth = int(name.removeprefix("resnet"))
    return resnets.load(data_file("cifar10-resnets", CIFAR_FILES[name], data), depth)
