"""Networks as safetensors files: weights, and one JSON note that says what they are."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from rdc.atomic import replacing

NOTE = "rdc"  # one metadata key: with several, their order in the file would vary


class WeightsError(RuntimeError):
    """A weights file that is missing, damaged or not what it should be: names the file."""


def save(tensors: dict[str, torch.Tensor], note: dict, path: str | Path) -> None:
    """Writes tensors and a JSON-able note, whole or not at all, the same bytes each time."""
    packed = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as scratch:
        save_file(packed, scratch, metadata={NOTE: json.dumps(note, sort_keys=True)})


def load(path: str | Path, device: str = "cpu") -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors and note of a file that ``save`` wrote.

    Raises:
        WeightsError: missing, truncated, or without our note.
    """
    try:
        with safe_open(path, framework="pt", device=device) as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}
            note = json.loads((stored.metadata() or {})[NOTE])
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights") from None
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path}: not weights of this project, or damaged ({error}); delete it and run again"
        ) from None
    return tensors, note


def checksum(path: str | Path) -> str:
    """SHA-256 of a weights file, 16 hex digits. Raises WeightsError where it is missing."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
