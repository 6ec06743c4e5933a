"""Turns a dataset's files into arrays."""

from functools import partial
from pathlib import Path

from rdc import joblog
from rdc.datasets import images, sources

report = joblog.start(snakemake.log[0], expected=(sources.DataError,))
folder = snakemake.params.folder
prepared = images.prepare(
    snakemake.params.source, Path(folder) if folder else None, "data", partial(report, always=True)
)
images.save(prepared, snakemake.output.dataset)
report(f"{len(prepared.train)} training and {len(prepared.test)} test images")
