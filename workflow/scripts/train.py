"""Trains a batch of cells; those that the run's store holds already are only linked."""

import json
from pathlib import Path

from rdc import cells, descent, joblog, tables, training
from rdc.datasets import sources
from rdc.fitting.files import CODEC, COST, CRITICS, CURVES
from rdc.networks import weights
from rdc.store import link

report = joblog.start(
    snakemake.log[0],
    expected=(training.CellsFailed, sources.DataError, weights.WeightsError),
)
chosen = [cells.from_json(cell) for cell in snakemake.params.cells]
bases = [cells.from_json(cell) for cell in snakemake.params.bases]
folder = training.Folder(Path(snakemake.params.folder), snakemake.threads)

entries = training.train_cells(chosen, chosen + bases, folder, descent.device(), report)

target = Path(snakemake.output.codecs)
target.mkdir(parents=True, exist_ok=True)
curves = []
for cell in chosen:
    for file in (CODEC, CRITICS, COST):
        stored = entries[cell.name] / file
        if stored.is_file():
            link(stored, target / f"{cell.name}.{file}")
    names = {"run": snakemake.params.run, "study": cell.study, "cell": cell.name}
    stored = json.loads((entries[cell.name] / CURVES).read_text())
    curves += [{**names, **row} for row in stored]
tables.write("curves", curves, snakemake.output.curves)
