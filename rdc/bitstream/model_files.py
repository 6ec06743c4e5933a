"""Entropy models as files, and back."""

from pathlib import Path

import torch

from rdc.bitstream.entropy import EntropyModel, shapes_of
from rdc.networks import weights


def save(model: EntropyModel, key: str, path: str | Path) -> None:
    """Writes a codec's entropy model.

    Args:
        key: the codec's.
    """
    weights.save(
        {name: torch.from_numpy(table) for name, table in model.arrays().items()},
        {"kind": "entropy model", "key": key, "levels": model.levels, "bins": model.bins},
        path,
    )


def load(path: str | Path) -> tuple[EntropyModel, str]:
    """An entropy model and its codec's key. Raises WeightsError for any other file."""
    tensors, note = weights.load(path, "entropy model", _layout)
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    try:
        return EntropyModel.from_arrays(arrays, note["levels"], note["bins"]), note["key"]
    except ValueError as error:
        raise weights.WeightsError(f"{path}: no entropy model, or damaged ({error})") from None


def _layout(note: dict, shapes: weights.Shapes) -> dict[str, torch.Tensor]:
    if not isinstance(note.get("key"), str):
        raise ValueError("key: needs a codec's")
    if not note.keys() >= {"levels", "bins"}:
        raise ValueError("its note lacks levels or bins")
    needed = shapes_of(len(shapes), note["levels"], note["bins"])
    return {
        name: torch.empty(shape, dtype=torch.int32, device="meta") for name, shape in needed.items()
    }
