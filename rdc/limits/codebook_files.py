"""Codebooks as files, and back."""

from pathlib import Path

import torch

from rdc.limits.codebooks import Codebook
from rdc.networks import weights


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
    tensors, note = weights.load(path, kind="codebook")
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    book = Codebook(arrays["codewords"], arrays["log_likelihoods"], note["mu"], note["posterior"])
    return book, note
