"""Brings one file of a dataset to data/, checked."""

from rdc import joblog
from rdc.datasets import sources

joblog.start(snakemake.log[0], expected=(sources.DataError,))
sources.fetch(snakemake.wildcards.source, snakemake.wildcards.file, snakemake.output.file)
