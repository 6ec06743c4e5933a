"""Figures of the theoretical limits."""

from rdc import joblog, tables
from rdc.figures import limits, style

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
frame = tables.read("limits", snakemake.input.limits)
for name in limits.NAMES:
    report(name)
    svg, png = snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"]
    style.write(limits.draw(name, frame), svg, png)
