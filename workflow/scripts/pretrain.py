"""Trains one classifier on one dataset and measures it on the clean images."""

from pathlib import Path

import torch

from rdc import config, descent, joblog, pretraining, readers, tables
from rdc.datasets import images, sources
from rdc.networks import classifier_files
from rdc.store import Store

report = joblog.start(snakemake.log[0], expected=(sources.DataError, descent.Diverged, ValueError))
torch.set_num_threads(snakemake.threads)
settings = config.Classifier.model_validate(snakemake.params.settings)
held_out = snakemake.params.held_out
prepared = images.load(snakemake.input.dataset)
device = descent.device()

weights, store = Path(snakemake.output.weights), Store(Path(snakemake.params.folder, "store"))
readers.provide(settings, prepared, held_out, store, weights, device, report)
classifier = classifier_files.load(weights, device)
rows = pretraining.clean_rows(classifier, prepared, held_out, device)
names = {
    "run": snakemake.params.run,
    "dataset": snakemake.wildcards.dataset,
    "classifier": snakemake.wildcards.classifier,
    "epochs": settings.epochs,
    "parameters": sum(p.numel() for p in classifier.parameters()),
}
tables.write("classifiers", [{**names, **row} for row in rows], snakemake.output.rows)
