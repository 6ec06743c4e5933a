"""Zhang's figures."""

from rdc import joblog, reconstructions, tables
from rdc.figures import style, zhang

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
study = snakemake.params.study
frames = {
    name: (frame := tables.read(name, snakemake.input[name]))[frame.study == study]
    for name in ("cells", "curves")
}
images = reconstructions.saved(snakemake.input.measured)
for name in zhang.NAMES:
    report(name)
    svg, png = snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"]
    style.write(zhang.draw(name, frames, images), svg, png)
