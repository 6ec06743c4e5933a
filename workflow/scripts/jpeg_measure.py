"""Measures one set of tables by real files, at every quality of its study."""

import torch

from rdc import joblog
from rdc import tables as formats
from rdc.datasets import sources
from rdc.jpeg import measurement, readers, settings, standard
from rdc.networks import weights

report = joblog.start(
    snakemake.log[0], expected=(sources.DataError, weights.WeightsError, standard.TableError)
)
torch.set_num_threads(snakemake.threads)
study = settings.Study.model_validate(snakemake.params.study)
chosen = {"classifier": study.classifier, "judge": study.judge}
classifiers = {
    role: readers.classifier(name, "data") for role, name in chosen.items() if name is not None
}
records = measurement.records(
    readers.measured_on(study, "data"),
    standard.load(snakemake.input.tables),
    study.qualities,
    snakemake.params.subsampling,
    classifiers,
    snakemake.threads,
    report,
)
names = {
    "run": snakemake.params.run,
    "study": snakemake.wildcards.jpeg_study,
    "tables": snakemake.wildcards.tables,
    "subsampling": snakemake.params.subsampling,
}
formats.write("jpeg_images", [{**names, **row} for row in records], snakemake.output.images)
described = {**names, "dataset": study.dataset, "split": "test"}
rows = measurement.summary(records, described, snakemake.params.objective, snakemake.params.seed)
formats.write("jpeg", rows, snakemake.output.rows)
