"""The figures that hold every codec of every paper."""

from pathlib import Path

from rdc import joblog, tables
from rdc.figures import atlas, published, style

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
frames = [tables.read(name, snakemake.input[name]) for name in ("cells", "confusion")]
jpeg = tables.read("jpeg", snakemake.input.jpeg) if snakemake.input.jpeg else None
theirs = snakemake.input.published
theirs = published.points(Path(theirs[0]).parent) if theirs else None
for name in atlas.NAMES:
    report(name)
    svg, png = snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"]
    style.write(atlas.draw(name, *frames, jpeg, theirs), svg, png)
