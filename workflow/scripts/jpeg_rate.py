"""Real bytes beside two estimates of them."""

import torch

from rdc import joblog, tables
from rdc.datasets import sources
from rdc.jpeg import estimates, readers, settings

report = joblog.start(snakemake.log[0], expected=(sources.DataError,))
torch.set_num_threads(snakemake.threads)
study = settings.Study.model_validate(snakemake.params.study)
files = readers.Files.of(snakemake.params.files)
own = readers.tuned_on(study, files)
side = readers.crop_side(own, at_most=96)
fitted_on = readers.crops(study, own, 300 * 96**2 // side**2, side, 0)
model = estimates.fitted(fitted_on, snakemake.params.subsampling)
rows = estimates.records(
    estimates.chosen(readers.measured_on(study, files)),
    list(range(10, 91, 10)),
    snakemake.params.subsampling,
    model,
    report,
)
names = {"run": snakemake.params.run, "study": snakemake.wildcards.jpeg_study}
tables.write("jpeg_rate", [{**names, **row} for row in rows], snakemake.output.rows)
