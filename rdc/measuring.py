"""Evaluates a list of trained cells in one process, keeping each cell's measurements in the store."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from rdc import cells as grid
from rdc import config, evaluation, measurement, provenance
from rdc.allocator import keep_freed_memory
from rdc.cells import Cell
from rdc.datasets import images
from rdc.datasets.labelled import Prepared
from rdc.fitting.files import CODEC, COST, CRITICS
from rdc.measurement import ROWS
from rdc.networks import precision, weights
from rdc.store import Store

NOTED = {"key", "code_key", "steps", "epochs"}  # of a codec, for the rows
_CODE = provenance.code_hash("rdc/measurement.py")  # as it was imported


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
        Each cell's folder in the store, by name: ``rows.json`` (rows and confusion),
        ``images.npz`` (reconstructions to look at; per test image, how often it was read right and
        its squared error), ``entropy.safetensors`` (the bitstream's model), ``cost.json``.
    """
    keep_freed_memory()
    prepared = images.load(dataset)
    fixed = {
        "settings": settings.model_dump(mode="json"),
        "data": prepared.checksum(),
        "readers": {name: weights.checksum(path) for name, path in readers.items()},
        "own": own,
        "code": _CODE,
        **provenance.versions(*provenance.MEASURED_WITH),
    }
    entries = {}
    for number, cell in enumerate(chosen, start=1):
        note = _vouched(cell, codecs, store)
        described = {"validation": cell.validation, "fresh_width": measurement.fresh_width(cell)}
        key = grid.digest({"measured": note["key"], **described, **fixed})
        with store.lock(key, report):
            if store.holds(key):
                report(f"[{number}/{len(chosen)}] {cell.study}/{cell.name} is measured already")
            else:
                report(f"[{number}/{len(chosen)}] measuring {cell.study}/{cell.name}")
                cost = _cost(codecs / f"{cell.name}.{COST}")
                start = time.perf_counter()
                measured = measurement.measure(
                    cell, codecs, prepared, readers, own, settings, device
                )
                cost["evaluate_seconds"] = time.perf_counter() - start
                store.add(key, partial(_fill, measured, note, prepared, cost))
        entries[cell.name] = store.entry(key)
    return entries


def _vouched(cell: Cell, codecs: Path, store: Store) -> dict:
    """A trained cell's note. Raises WeightsError where the store knows its files as others."""
    codec = codecs / f"{cell.name}.{CODEC}"
    note = weights.note(codec)
    key = weights.key_in(note, codec)
    if not note.keys() >= NOTED:
        raise weights.WeightsError(
            f"{codec}: its note lacks {', '.join(sorted(NOTED - note.keys()))}"
        )
    for kind in (CODEC, CRITICS, COST):
        file = codecs / f"{cell.name}.{kind}"
        if file.is_file() and store.disowns(key, kind, file):
            raise weights.WeightsError(
                f"{file}: damaged, it is not what was written to {store.entry(key)}; delete the folder "
                f"{codecs} and run again: the cell is trained anew"
            )
    return note


def _cost(path: Path) -> dict:
    """What a training took. Raises WeightsError where the file cannot be read as that."""
    try:
        cost = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        cost = None
    if not isinstance(cost, dict):
        raise weights.WeightsError(
            f"{path}: missing or damaged; delete the folder {path.parent} and run again"
        )
    return cost


def _fill(
    measured: evaluation.Evaluation, note: dict, prepared: Prepared, cost: dict, folder: Path
) -> None:
    measurement.save(measured, note, prepared, folder)
    (folder / COST).write_text(json.dumps(cost))


def table_rows(run: str, cell: Cell, entry: Path) -> dict[str, list[dict]]:
    """A measured cell's rows for the tables ``cells``, ``confusion`` and ``costs``."""
    content = json.loads((entry / ROWS).read_text())
    note, cost = content["note"], json.loads((entry / COST).read_text())
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
        "precision": precision.noted(note),
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
        "costs": [{**names, "cell_key": note["key"], **cost}],
    }
