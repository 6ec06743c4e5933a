"""Luo's figures."""

from rdc import joblog, tables
from rdc.datasets.left_out import aloud
from rdc.figures import jpeg_sets, luo, luo_examples, style
from rdc.jpeg import examples, standard

report = joblog.start(snakemake.log[0], expected=(tables.TableError, standard.TableError))
frames = {
    name: tables.read(table, snakemake.input[name])
    for name, table in (
        ("jpeg", "jpeg"),
        ("images", "jpeg_images"),
        ("rate", "jpeg_rate"),
        ("savings", "jpeg_savings"),
    )
}
sets = standard.load_all(snakemake.input.sets)
studies = snakemake.params.studies
for program in snakemake.params.absent:
    aloud(f"{program} is not on the PATH: its lines are left out")
drawn = {name: lambda name=name: luo.draw(name, frames, sets, studies) for name in luo.NAMES}
found = [examples.load(path) for path in snakemake.input.examples]
drawn["examples"] = lambda: luo_examples.draw(
    [
        (f"{pair[0]}, {pair[1]}", some)
        for pair, some in zip(snakemake.params.pairs, found, strict=True)
    ],
    [tuple(map(jpeg_sets.title, pair[2:4])) for pair in snakemake.params.pairs],
)
for name, figure in drawn.items():
    report(name)
    style.write(figure(), snakemake.output[f"{name}_svg"], snakemake.output[f"{name}_png"])
