"""Zhang's figures."""

from pathlib import Path

from rdc import joblog, tables
from rdc.figures import style, zhang

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
study = snakemake.params.study
frames = {
    name: (frame := tables.read(name, snakemake.input[name]))[frame.study == study]
    for name in ("cells", "curves")
}
images = {
    path.name.removesuffix(".images.npz"): path
    for folder in snakemake.input.measured
    for path in Path(folder).glob("*.images.npz")
}
for name in zhang.NAMES:
    report(name)
    svg, png = snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"]
    style.write(zhang.draw(name, frames, images), svg, png)
