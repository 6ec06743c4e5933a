"""Trains one classifier on one dataset and measures it on the clean images."""

import torch

from rdc import config, descent, joblog, pretraining, tables
from rdc.datasets import images, sources
from rdc.networks import stored

report = joblog.start(snakemake.log[0], expected=(sources.DataError, descent.Diverged, ValueError))
torch.set_num_threads(snakemake.threads)
settings = config.Classifier.model_validate(snakemake.params.settings)
held_out = snakemake.params.held_out
prepared = images.load(snakemake.input.dataset)
device = descent.device()

classifier = pretraining.pretrain(
    settings, prepared.split("train", held_out), len(prepared.classes), device, report
)
rows = pretraining.clean_rows(classifier, prepared, held_out, device)
names = {
    "run": snakemake.params.run,
    "dataset": snakemake.wildcards.dataset,
    "classifier": snakemake.wildcards.classifier,
    "epochs": settings.epochs,
    "parameters": sum(p.numel() for p in classifier.parameters()),
}
stored.save_classifier(
    classifier, settings.architecture, len(prepared.classes), snakemake.output.weights
)
tables.write("classifiers", [{**names, **row} for row in rows], snakemake.output.rows)
