"""Checkpoints of a training: written whole, and read back only where they can be gone on from."""

import zipfile
from pathlib import Path

import torch

from rdc.atomic import replacing


class Unusable(RuntimeError):
    """A checkpoint that is damaged or another device's, and was put aside: names the file."""


def save(content: dict, path: Path, device: torch.device) -> None:
    """Writes tensors and plain values, whole or not at all."""
    with replacing(path) as scratch:
        torch.save(content | {"device": device.type}, scratch)


def load(path: Path, device: torch.device) -> dict | None:
    """What ``save`` wrote, on ``device``; None where there is no such file.

    Raises:
        Unusable: where it is damaged, or from another kind of device, whose random numbers are others.
    """
    if not path.is_file():
        return None
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not look at its checksums
            if archive.testzip():
                raise zipfile.BadZipFile("a checksum does not fit")
        content = torch.load(path, map_location=device, weights_only=True)
        written_on = content["device"]
    except Exception as error:  # pickle, zipfile and torch raise many kinds
        path.replace(path.with_suffix(".damaged"))
        raise Unusable(f"{path}: damaged ({error}), put aside") from None
    if written_on != device.type:
        path.replace(path.with_suffix(f".{written_on}"))
        raise Unusable(f"{path}: written on {written_on}, this is {device.type}; put aside")
    return content
