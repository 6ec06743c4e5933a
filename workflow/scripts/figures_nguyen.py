"""Nguyen's figures."""

import pandas as pd

from rdc import joblog, reconstructions, tables
from rdc.figures import nguyen, style

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
study = snakemake.params.study
cells = tables.read("cells", snakemake.input.cells)
cells = cells[cells.study == study]
published = pd.read_csv(snakemake.input.published)
if not snakemake.params.comparable:  # published points are of MNIST
    published = published.iloc[:0]
images = reconstructions.saved(snakemake.input.measured)
for name in nguyen.NAMES:
    report(name)
    svg, png = snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"]
    style.write(nguyen.draw(name, cells, published, images), svg, png)
