"""Measures one way of coding by real files, at the qualities of its study."""

import torch

from rdc import joblog
from rdc import tables as formats
from rdc.datasets import sources
from rdc.jpeg import coders, measurement, readers, settings, standard, tuning
from rdc.networks import weights

report = joblog.start(
    snakemake.log[0],
    expected=(
        sources.DataError, weights.WeightsError, standard.TableError, coders.EncoderError,
    ),
)  # fmt: skip
torch.set_num_threads(snakemake.threads)
study = settings.Study.model_validate(snakemake.params.study)
chosen = settings.Tables.model_validate(snakemake.params.settings)
files = readers.Files.of(snakemake.params.files)
pictures = readers.measured_on(study, files)
by_gradient = chosen.objective == "rate_accuracy" and chosen.per_image
classifiers = readers.readers(study, files, pictures.classes, by_gradient)
start = None
if snakemake.input.tables:
    start = standard.load(snakemake.input.tables)
elif chosen.adapts and chosen.encoder is None:
    start = standard.named(chosen.start)
coder = tuning.coder(
    chosen, start, pictures, classifiers, snakemake.params.subsampling, snakemake.threads, report
)
records = measurement.records(
    pictures,
    coder,
    chosen.measured_at(study.qualities),
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
described = {**names, "dataset": study.pictures_name, "split": "test"}
rows = measurement.summary(records, described, snakemake.params.objective, chosen.seed)
formats.write("jpeg", rows, snakemake.output.rows)
