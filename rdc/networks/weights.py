"""Tensors as safetensors files with one JSON note that says what they are."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from rdc.atomic import replacing

T = TypeVar("T")
NOTE = "rdc"  # one metadata key: with several, their order in the file would vary


class WeightsError(RuntimeError):
    """A weights file that is missing, damaged or not what it should be: names the file."""


def save(tensors: dict[str, torch.Tensor], note: dict, path: str | Path) -> None:
    """Writes tensors and a JSON-able note (with a ``kind``), whole or not at all, the same bytes
    each time."""
    packed = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as scratch:
        save_file(packed, scratch, metadata={NOTE: json.dumps(note, sort_keys=True)})


def load(path: str | Path, kind: str) -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors, on the CPU, and note of a file that ``save`` wrote.

    Raises:
        WeightsError: missing, damaged, without our note, or of another kind.
    """
    tensors, note = _opened(path, _all_tensors)
    if note.get("kind") != kind:
        raise WeightsError(f"{path}: holds a {note.get('kind')}, not a {kind}")
    return tensors, note


def note(path: str | Path) -> dict:
    """Only the note of a file that ``save`` wrote. Raises WeightsError as ``load`` does."""
    return _opened(path, lambda stored: None)[1]


def checksum(path: str | Path) -> str:
    """SHA-256 of a weights file, 16 hex digits. Raises WeightsError where it is missing."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None


def _all_tensors(stored: safe_open) -> dict[str, torch.Tensor]:
    return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  no dict


def _opened(path: str | Path, read: Callable[..., T]) -> tuple[T, dict]:
    try:
        with safe_open(path, framework="pt") as stored:
            return read(stored), json.loads((stored.metadata() or {})[NOTE])
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights") from None
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise WeightsError(
            f"{path}: not weights of this project, or damaged ({error}); delete it, or the folder of the "
            "batch that it is of, and run again"
        ) from None
