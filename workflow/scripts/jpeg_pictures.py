"""Opens every picture of a user's folder once: which count, and how large they are."""

from rdc import joblog
from rdc.datasets import catalogue, sources
from rdc.jpeg import readers, settings

report = joblog.start(snakemake.log[0], expected=(sources.DataError,))
found = readers.looked_through(
    settings.Study.model_validate(snakemake.params.study),
    readers.Files.of(snakemake.params.files),
    snakemake.threads,
    report,
)
catalogue.save(found, snakemake.output.pictures)
counts = {part: len(pictures.names) for part, pictures in found.parts.items()}
report(f"{counts['tuned']} pictures to tune on, {counts['measured']} to measure on")
if found.left_out:
    report(found.left_out, always=True)
