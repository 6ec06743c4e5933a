"""Measures a batch of trained cells: rows, confusion, costs, and reconstructions to look at."""

from pathlib import Path

import torch

from rdc import card, cells, config, descent, joblog, measurement, measuring, tables, training
from rdc.datasets import sources
from rdc.networks import weights
from rdc.store import link

report = joblog.start(snakemake.log[0], expected=(sources.DataError, weights.WeightsError))
torch.set_num_threads(snakemake.threads)
chosen = [cells.from_json(cell) for cell in snakemake.params.cells]

entries = measuring.measure_cells(
    chosen,
    Path(snakemake.input.codecs),
    Path(snakemake.input.dataset),
    {Path(path).stem: Path(path) for path in snakemake.input.readers},
    snakemake.params.own,
    config.Evaluation.model_validate(snakemake.params.settings),
    training.Folder(Path(snakemake.params.folder)).store,
    descent.device(),
    report,
)

target = Path(snakemake.output.measured)
target.mkdir(parents=True, exist_ok=True)
parts = {"cells": [], "confusion": [], "costs": []}
for cell in chosen:
    for file in (measurement.IMAGES, measurement.ENTROPY):
        link(entries[cell.name] / file, target / f"{cell.name}.{file}")
    rows = measuring.table_rows(snakemake.params.run, cell, entries[cell.name])
    of_split = {row["split"]: row for row in rows["cells"]}
    text = card.written(cell, of_split["test"], of_split["validation"], rows["costs"][0])
    (target / f"{cell.name}.{card.CARD}").write_text(text)
    for table, part in rows.items():
        parts[table] += part
for table, rows in parts.items():
    tables.write(table, rows, snakemake.output[table])
