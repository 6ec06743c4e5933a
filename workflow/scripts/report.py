"""The page, and the main results at the terminal."""

import platform
from importlib.metadata import version
from pathlib import Path

from rdc import joblog, reconstructions, tables
from rdc.datasets.left_out import aloud
from rdc.jpeg import standard
from rdc.report import page, terminal

report = joblog.start(snakemake.log[0], expected=(tables.TableError, standard.TableError))
given, params = snakemake.input, snakemake.params
run = page.Run(
    name=params.run,
    frames={Path(path).stem: tables.read(Path(path).stem, path) for path in given.tables},
    images=reconstructions.saved_by_study(given.measured),
    figures={Path(path).stem: Path(path) for path in given.figures},
    sets=standard.load_all(given.sets),
    studies=params.studies,
    arguments=params.arguments,
    published=Path(given.published[0]).parent if given.published else None,
    benchmarks=Path(params.benchmarks),
    versions={"Python": platform.python_version()}
    | {name: version(name) for name in ("torch", "numpy", "snakemake")},
)
page.write(run, snakemake.output.report)
aloud(terminal.summary(run, snakemake.output.report))
