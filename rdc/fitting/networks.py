"""A cell's encoder, decoder and critics from its data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rdc import loop
from rdc.datasets import warped
from rdc.datasets.labelled import Prepared
from rdc.fitting.files import CODEC, CRITICS, CURVES
from rdc.networks import classifier_files, stored

if TYPE_CHECKING:  # a cell's settings are in its key themselves
    from rdc.cells import Cell


def fit(
    cell: Cell,
    prepared: Prepared,
    classifier: Path,
    device: torch.device,
    checkpoint: Path | None = None,
    encoder: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> loop.Trained:
    """Trains on the cell's own split, with warped copies where its recipe asks for them.

    Args:
        prepared: the whole dataset.
        classifier: the frozen classifier's weights.
        checkpoint, report: see ``loop.train``, which also names the errors raised.
        encoder: a trained codec whose encoder is kept frozen; None trains one.

    Raises:
        WeightsError: where the classifier or the codec is missing, damaged or something else.
    """
    training = prepared.split("train", cell.validation)
    frozen = stored.load_codec(encoder)[0].encoder.state_dict() if encoder else None
    return loop.train(
        cell,
        warped.with_warps(training, cell.training.warps, cell.seed),
        prepared.split("validation", cell.validation),
        classifier_files.load(classifier, device),
        device,
        checkpoint,
        frozen,
        report,
    )


def save(trained: loop.Trained, note: dict, folder: Path) -> None:
    """Writes a trained cell's files, the codec's with a JSON-able note."""
    steps = {"steps": trained.steps, "epochs": trained.curves[-1]["epoch"]}
    stored.save_codec(trained.codec, note | steps, folder / CODEC)
    if trained.critics:
        stored.save_critics(trained.critics, {"cell": note["cell"]}, folder / CRITICS)
    (folder / CURVES).write_text(json.dumps(trained.curves, indent=0))
