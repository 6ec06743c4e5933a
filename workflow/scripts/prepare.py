"""Turns a dataset's files into arrays."""

from pathlib import Path

from rdc import joblog
from rdc.datasets import images, sources

report = joblog.start(snakemake.log[0], expected=(sources.DataError,))
folder = snakemake.params.folder
prepared = images.prepare(snakemake.params.source, Path(folder) if folder else None, "data")
images.save(prepared, snakemake.output.dataset)
report(f"{len(prepared.train)} training and {len(prepared.test)} test images")
