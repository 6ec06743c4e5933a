"""Evaluates a list of trained cells in one process, keeping each cell's measurements in the store."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from rdc import cells as grid
from rdc import config, evaluation, provenance, tables
from rdc.cells import Cell
from rdc.datasets import images
from rdc.networks import stored, weights
from rdc.store import Store
from rdc.training import CODEC, COST, CRITICS

ROWS, IMAGES, ENTROPY = "rows.json", "images.npz", "entropy.safetensors"

# Of all code that an evaluation runs through, the splits among it, as it was imported.
_CODE = grid.digest(
    [provenance.code_hash(file) for file in ("rdc/evaluation.py", "rdc/datasets/labelled.py")]
)[:12]


def measure_cells(
    chosen: list[Cell],
    codecs: Path,
    dataset: Path,
    readers: dict[str, Path],
    own: str,
    settings: config.Evaluation,
    store: Store,
    device: torch.device,
    report: Callable[[str], None] = print,
) -> dict[str, Path]:
    """Evaluates what the store does not hold yet.

    Args:
        chosen: cells of one study.
        codecs: the folder with their trained files, named after the cells.
        dataset: prepared images.
        readers: classifiers' weights by name, ``judge`` among them; ``own`` is the study's.

    Returns:
        Each cell's folder in the store, by name: ``rows.json`` (rows, confusion and cost),
        ``images.npz`` (reconstructions to look at; per test image, how often it was read right and
        its squared error), ``entropy.safetensors`` (the bitstream's model).
    """
    prepared = images.load(dataset)
    loaded = {name: stored.load_classifier(path, device) for name, path in readers.items()}
    fixed = {
        "settings": settings.model_dump(mode="json"),
        "data": prepared.checksum(),
        "readers": {name: weights.checksum(path) for name, path in readers.items()},
        "own": own,
        "code": _CODE,
        **provenance.versions(),
    }
    labels = np.bincount(prepared.test.labels, minlength=len(prepared.classes)).tolist()
    entries = {}
    for number, cell in enumerate(chosen, start=1):
        path = codecs / f"{cell.name}.{CODEC}"
        codec, note = evaluation.open_codec(path, loaded[own], device)
        # A method with critics is measured by a fresh one too, even where their weight is 0.
        fresh_width = cell.width if any(t.startswith("w1_") for t, _ in cell.weights) else None
        described = {"validation": cell.validation, "fresh_width": fresh_width}
        key = grid.digest({"measured": note["key"], **described, **fixed})
        with store.lock(key, report):
            if store.holds(key):
                report(f"[{number}/{len(chosen)}] {cell.study}/{cell.name} is measured already")
            else:
                report(f"[{number}/{len(chosen)}] measuring {cell.study}/{cell.name}")
                start = time.perf_counter()
                measured = evaluation.evaluate(
                    codec,
                    note["key"],
                    {name: prepared.split(name, cell.validation) for name in tables.SPLITS},
                    loaded,
                    own,
                    settings,
                    device,
                    stored.load_critic(
                        codecs / f"{cell.name}.{CRITICS}", "pixels", cell.width, device
                    ),
                    fresh_width,
                )
                cost = json.loads((codecs / f"{cell.name}.{COST}").read_text())
                cost["evaluate_seconds"] = time.perf_counter() - start
                store.add(key, lambda folder: _fill(folder, measured, note, cost, labels))  # noqa: B023
        entries[cell.name] = store.entry(key)
    return entries


def table_rows(run: str, cell: Cell, entry: Path) -> dict[str, list[dict]]:
    """A measured cell's rows for the tables ``cells``, ``confusion`` and ``costs``."""
    content = json.loads((entry / ROWS).read_text())
    note = content["note"]
    names = {"run": run, "study": cell.study, "cell": cell.name}
    described = {
        **names,
        "dataset": cell.dataset,
        "method": cell.method,
        "weights": json.dumps(dict(cell.weights)),
        "lam": float(cell.lam) if cell.lam is not None else float("nan"),
        "dim": cell.dim,
        "levels": cell.levels,
        "dither": cell.dither,
        "rate_bits": cell.rate_bits,
        "seed": cell.seed,
        "encoder_from": cell.encoder_from,
        "classifier": cell.classifier,
        "steps": note["steps"],
        "epochs": note["epochs"],
        "code_key": note["code_key"],
        "cell_key": note["key"],
        "recipe": cell.recipe,
        "width": cell.width,
    }
    return {
        "cells": [{**described, **row} for row in content["rows"]],
        "confusion": [
            {
                **names,
                "classifier": reader,
                "label": i,
                "predicted": j,
                "share": share,
                "n_images": content["labels"][i],
            }
            for reader, matrix in content["confusion"].items()
            for i, row in enumerate(matrix)
            for j, share in enumerate(row)
        ],
        "costs": [{**names, "cell_key": note["key"], **content["cost"]}],
    }


def _fill(
    folder: Path, measured: evaluation.Evaluation, note: dict, cost: dict, labels: list[int]
) -> None:
    content = {
        "note": note,
        "rows": measured.rows,
        "confusion": {reader: m.tolist() for reader, m in measured.confusion.items()},
        "labels": labels,
        "cost": cost,
    }
    (folder / ROWS).write_text(json.dumps(content))
    with open(folder / IMAGES, "wb") as stream:
        np.savez(stream, correct=measured.correct, errors=measured.errors, **measured.saved)
    model = measured.entropy_model
    weights.save(
        {name: torch.from_numpy(table) for name, table in model.arrays().items()},
        {"kind": "entropy model", "key": note["key"], "levels": model.levels, "bins": model.bins},
        folder / ENTROPY,
    )
