"""A cell's codebook from its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from rdc.datasets.labelled import Prepared
from rdc.limits import codebooks
from rdc.networks.classifiers import Classifier

if TYPE_CHECKING:  # a cell's settings are in its key themselves
    from rdc.cells import Cell


def fit(
    cell: Cell, prepared: Prepared, classifier: Classifier, device: torch.device
) -> tuple[codebooks.Codebook, list[dict]]:
    """Fits as many codewords as the cell's codes to its training split; see ``codebooks.fit``."""
    return codebooks.fit(
        prepared.split("train", cell.validation),
        cell.levels**cell.dim,
        cell.weight("nll"),
        classifier,
        device,
        cell.seed,
        cell.training.epochs,
        cell.posterior,
    )
