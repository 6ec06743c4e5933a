"""A few pictures coded with the reference's tables and with tuned ones."""

import torch

from rdc import joblog
from rdc.datasets import sources
from rdc.jpeg import examples, readers, settings, standard
from rdc.networks import weights

joblog.start(
    snakemake.log[0], expected=(sources.DataError, weights.WeightsError, standard.TableError)
)
torch.set_num_threads(snakemake.threads)
study = settings.Study.model_validate(snakemake.params.study)
files = readers.Files.of(snakemake.params.files)
pictures = readers.measured_on(study, files)
found = examples.chosen(
    pictures,
    standard.load(snakemake.input.reference),
    standard.load(snakemake.input.tuned),
    snakemake.params.subsampling,
    readers.readers(study, files, pictures.classes).get("classifier"),
)
examples.save(found, snakemake.output.examples)
