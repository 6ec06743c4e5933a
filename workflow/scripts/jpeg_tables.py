"""Makes one set of quantization tables, and writes it as text for cjpeg at a few qualities."""

from pathlib import Path

import torch

from rdc import joblog
from rdc.datasets import sources
from rdc.jpeg import readers, settings, standard, tuning
from rdc.networks import weights

report = joblog.start(
    snakemake.log[0], expected=(sources.DataError, weights.WeightsError, standard.TableError)
)
torch.set_num_threads(snakemake.threads)
tables = tuning.make(
    settings.Tables.model_validate(snakemake.params.settings),
    settings.Study.model_validate(snakemake.params.study),
    snakemake.params.subsampling,
    readers.Files.of(snakemake.params.files),
    snakemake.threads,
    report,
)
standard.save(tables, snakemake.output.tables)
folder = Path(snakemake.output.text)
folder.mkdir(parents=True)
for quality in snakemake.params.qualities:
    comment = f"{snakemake.wildcards.tables} at quality {quality}, {snakemake.params.subsampling}"
    name = f"{snakemake.wildcards.tables}_q{quality:02d}.qtables"
    standard.write_text(tables.at(quality)[:2], folder / name, comment)
