"""Luo's figures."""

import sys
from pathlib import Path

from rdc import joblog, tables
from rdc.figures import luo, style
from rdc.jpeg import standard

report = joblog.start(snakemake.log[0], expected=(tables.TableError, standard.TableError))
frames = {
    "jpeg": tables.read("jpeg", snakemake.input.jpeg),
    "images": tables.read("jpeg_images", snakemake.input.images),
    "rate": tables.read("jpeg_rate", snakemake.input.rate),
}
sets = {
    (Path(path).parent.name, *Path(path).stem.rsplit("_", 1)): standard.load(path)
    for path in snakemake.input.sets
}
sys.stderr.write("\n" + luo.savings(frames["images"], snakemake.params.references) + "\n")
for name in luo.NAMES:
    report(name)
    svg, png = snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"]
    style.write(luo.draw(name, frames, sets, snakemake.params.references), svg, png)
