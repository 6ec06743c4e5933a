"""Real files of a few crops, to be looked at on the page."""

from rdc import joblog
from rdc import tables as formats
from rdc.datasets import sources
from rdc.jpeg import readers, samples, settings, standard

report = joblog.start(snakemake.log[0], expected=(sources.DataError, standard.TableError))
study = settings.Study.model_validate(snakemake.params.study)
records = samples.records(
    readers.measured_on(study, readers.Files.of(snakemake.params.files)),
    standard.load(snakemake.input.tables),
    study.qualities,
    snakemake.params.subsampling,
)
names = {
    "run": snakemake.params.run,
    "study": snakemake.wildcards.jpeg_study,
    "tables": snakemake.wildcards.tables,
    "subsampling": snakemake.params.subsampling,
}
formats.write("jpeg_samples", [{**names, **row} for row in records], snakemake.output.rows)
report(f"{len(records)} files")
