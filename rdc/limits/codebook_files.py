"""Codebooks as files, and back."""

import math
import sys
from pathlib import Path

import torch

from rdc.limits.codebooks import READINGS, Codebook
from rdc.networks import weights
from rdc.networks.classifier_files import MOST_CLASSES

MOST_CODEWORDS = 2**16
LONGEST = 2**16  # pixels of a codeword


def save(book: Codebook, note: dict, path: str | Path) -> None:
    """Writes a codebook as a codec's file, with a JSON-able note."""
    tensors = {
        "codewords": torch.from_numpy(book.codewords),
        "log_likelihoods": torch.from_numpy(book.log_likelihoods),
    }
    described = {"kind": "codebook", "mu": book.mu, "posterior": book.posterior}
    weights.save(tensors, {**described, **note}, path)


def load(path: str | Path) -> tuple[Codebook, dict]:
    """A codebook and its note. Raises WeightsError for any other file."""
    tensors, note = weights.load(path, "codebook", _layout)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    book = Codebook(arrays["codewords"], arrays["log_likelihoods"], note["mu"], note["posterior"])
    return book, note


def _layout(note: dict, shapes: weights.Shapes) -> dict[str, torch.Tensor]:
    weights.number(note, "mu", 0, sys.float_info.max)
    if note.get("posterior") not in READINGS:
        raise ValueError(f"posterior: needs one of {', '.join(READINGS)}")
    found = [shapes.get(name, ()) for name in ("codewords", "log_likelihoods")]
    if [len(shape) for shape in found] != [2, 2]:
        raise ValueError("needs codewords (K, pixels) and log_likelihoods (K, classes)")
    (size, pixels), (_, classes) = found
    for name, number, most in (
        ("codewords", size, MOST_CODEWORDS),
        ("pixels", pixels, LONGEST),
        ("classes", classes, MOST_CLASSES),
    ):
        if not 1 <= number <= most:
            raise ValueError(f"{name}: found {number}, needs 1 to {most}")
    if math.isqrt(pixels) ** 2 != pixels:
        raise ValueError(f"codewords: found {pixels} pixels, needs those of a square")
    return {
        "codewords": torch.empty(size, pixels, device="meta"),
        "log_likelihoods": torch.empty(size, classes, device="meta"),
    }
