"""Checkpoints of a training: written whole, and read back only where they can be gone on from."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch

from rdc import archives
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
        archives.check(path)
        content = torch.load(path, map_location=device, weights_only=True)
        written_on = content["device"]
        if not (isinstance(written_on, str) and written_on.isalpha()):
            raise ValueError("it names no device")
    except Exception as error:  # pickle, zipfile and torch raise many kinds
        raise _put_aside(path, error) from None
    if written_on != device.type:
        path.replace(path.with_suffix(f".{written_on}"))
        raise Unusable(f"{path}: written on {written_on}, this is {device.type}; put aside")
    return content


def restore(optimizer: torch.optim.Optimizer, stored: dict) -> None:
    """Loads an optimizer's state, in place where a captured graph already holds its tensors.

    Raises:
        ValueError, LookupError, AttributeError: where it is another's.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for index, moments in stored["state"].items():
        for name, value in moments.items():
            if value.ndim and value.shape != parameters[index].shape:
                raise ValueError(f"{name}: found {tuple(value.shape)}, of another parameter")
    if not optimizer.state:
        optimizer.load_state_dict(stored)
        return
    with torch.no_grad():
        for index, moments in stored["state"].items():
            for name, value in moments.items():
                optimizer.state[parameters[index]][name].copy_(value)


@contextlib.contextmanager
def taken(path: Path) -> Iterator[None]:
    """Puts a checkpoint aside that turns out, while it is taken over, to be another training's.

    Raises:
        Unusable: then; some of it may have been taken over.
    """
    try:
        yield
    # Torch and Python each have their own.
    except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise _put_aside(path, error) from None


def _put_aside(path: Path, error: Exception) -> Unusable:
    """Renames a damaged checkpoint; what to raise then."""
    path.replace(path.with_suffix(".damaged"))
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return Unusable(f"{path}: damaged ({said[:200]}), put aside")
