"""A cell's encoder, decoder and critics from its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rdc import loop
from rdc.datasets import warped
from rdc.datasets.labelled import Prepared
from rdc.networks.classifiers import Classifier

if TYPE_CHECKING:  # a cell's settings are in its key themselves
    from rdc.cells import Cell


def fit(
    cell: Cell,
    prepared: Prepared,
    classifier: Classifier,
    device: torch.device,
    checkpoint: Path | None = None,
    encoder: dict[str, torch.Tensor] | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> loop.Trained:
    """Trains on the cell's own split, with warped copies where its recipe asks for them.

    Args:
        prepared: the whole dataset.
        checkpoint, encoder, report: see ``loop.train``, which also names the errors raised.
    """
    training = prepared.split("train", cell.validation)
    return loop.train(
        cell,
        warped.with_warps(training, cell.training.warps, cell.seed),
        prepared.split("validation", cell.validation),
        classifier,
        device,
        checkpoint,
        encoder,
        report,
    )
