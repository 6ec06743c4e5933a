"""From one trained cell's files to the files of its measurements. All this code is in their key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from rdc import evaluation
from rdc.bitstream import model_files
from rdc.datasets.labelled import SPLITS, Prepared
from rdc.fitting.files import CODEC, CRITICS
from rdc.networks import classifier_files, stored

if TYPE_CHECKING:  # settings are in the key themselves
    from rdc import config
    from rdc.cells import Cell

ROWS, IMAGES, ENTROPY = "rows.json", "images.npz", "entropy.safetensors"


def measure(
    cell: Cell,
    codecs: Path,
    prepared: Prepared,
    readers: dict[str, Path],
    own: str,
    settings: config.Evaluation,
    device: torch.device,
) -> evaluation.Evaluation:
    """Measures a trained cell on all splits.

    Args:
        codecs: the folder with its trained files, named after it.
        readers: classifiers' weights by name, the ``judge`` among them; ``own`` is its study's.

    Raises:
        WeightsError: where a file is missing, damaged or something else.
    """
    loaded = {name: classifier_files.load(path, device) for name, path in readers.items()}
    codec, note = evaluation.open_codec(codecs / f"{cell.name}.{CODEC}", loaded[own], device)
    critics = codecs / f"{cell.name}.{CRITICS}"
    return evaluation.evaluate(
        codec,
        note["key"],
        {name: prepared.split(name, cell.validation) for name in SPLITS},
        loaded,
        own,
        settings,
        device,
        stored.load_critic(critics, "pixels", cell.width, device),
        fresh_width(cell),
    )


def fresh_width(cell: Cell) -> float | None:
    """Of the fresh critic: a method with critics is measured by one too, even where their weight is 0."""
    return cell.width if any(term.startswith("w1_") for term, _ in cell.weights) else None


def save(measured: evaluation.Evaluation, note: dict, prepared: Prepared, folder: Path) -> None:
    """Writes rows and confusion, images to look at with errors by test image, and the entropy model.

    Args:
        note: the trained codec's.
    """
    labels = np.bincount(prepared.test.labels, minlength=len(prepared.classes)).tolist()
    content = {
        "note": note,
        "rows": measured.rows,
        "confusion": {reader: m.tolist() for reader, m in measured.confusion.items()},
        "labels": labels,
    }
    (folder / ROWS).write_text(json.dumps(content))
    with open(folder / IMAGES, "wb") as stream:
        by_image = {"correct": measured.correct, "errors": measured.errors}
        np.savez(stream, allow_pickle=False, **by_image, **measured.saved)
    model_files.save(measured.entropy_model, note["key"], folder / ENTROPY)
