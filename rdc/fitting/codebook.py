"""A cell's codebook from its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rdc.datasets.labelled import Prepared
from rdc.fitting.files import CODEC, CURVES
from rdc.limits import codebook_files, codebooks
from rdc.networks import classifier_files

if TYPE_CHECKING:  # a cell's settings are in its key themselves
    from rdc.cells import Cell


def fit(
    cell: Cell, prepared: Prepared, classifier: Path, device: torch.device
) -> tuple[codebooks.Codebook, list[dict]]:
    """Fits as many codewords as the cell's codes to its training split; see ``codebooks.fit``.

    Args:
        prepared: the whole dataset.
        classifier: the frozen classifier's weights.

    Raises:
        WeightsError: where the classifier is missing, damaged or something else.
    """
    return codebooks.fit(
        prepared.split("train", cell.validation),
        cell.levels**cell.dim,
        cell.weight("nll"),
        classifier_files.load(classifier, device),
        device,
        cell.seed,
        cell.training.epochs,
        cell.posterior,
    )


def save(book: codebooks.Codebook, curves: list[dict], note: dict, folder: Path) -> None:
    """Writes a fitted cell's files, the codebook's with a JSON-able note."""
    steps = dict.fromkeys(("steps", "epochs"), curves[-1]["epoch"])
    codebook_files.save(book, note | steps, folder / CODEC)
    (folder / CURVES).write_text(json.dumps(curves, indent=0))
