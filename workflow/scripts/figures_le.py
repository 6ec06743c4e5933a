"""Le's figures."""

import pandas as pd

from rdc import joblog, reconstructions, tables
from rdc.figures import le, style

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
study = snakemake.params.study
frames = {
    name: (frame := tables.read(name, snakemake.input[name]))[frame.study == study]
    for name in ("cells", "confusion")
}
published = pd.read_csv(snakemake.input.published)
if not snakemake.params.comparable:  # published points are of MNIST
    published = published.iloc[:0]
images = reconstructions.saved(snakemake.input.measured)
for name in le.NAMES:
    report(name)
    svg, png = snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"]
    style.write(le.draw(name, frames, published, images), svg, png)
