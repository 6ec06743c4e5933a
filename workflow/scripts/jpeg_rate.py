"""Real bytes beside two estimates of them."""

import torch

from rdc import joblog, tables
from rdc.datasets import pictures, sources
from rdc.jpeg import estimates, readers, settings

report = joblog.start(snakemake.log[0], expected=(sources.DataError,))
torch.set_num_threads(snakemake.threads)
study = settings.Study.model_validate(snakemake.params.study)
material = readers.material(study, "data")
if material.tuned_on is None:
    fitted_on = pictures.random_crops(300, 96, without=readers.HELD_OUT)
else:
    fitted_on = material.tuned_on.take(range(0, len(material.tuned_on), 5)).stacked()
model = estimates.fitted(fitted_on, snakemake.params.subsampling)
rows = estimates.records(
    estimates.chosen(material.measured_on),
    list(range(10, 91, 10)),
    snakemake.params.subsampling,
    model,
    report,
)
names = {"run": snakemake.params.run, "study": snakemake.wildcards.jpeg_study}
tables.write("jpeg_rate", [{**names, **row} for row in rows], snakemake.output.rows)
