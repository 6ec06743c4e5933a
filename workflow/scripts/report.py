"""The page, and the main results at the terminal."""

import platform
import sys
from importlib.metadata import version
from pathlib import Path

from rdc import joblog, tables
from rdc import report as page

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
run = snakemake.params.run
names = ("cells", "classifiers", "costs", "claims")
frames = {name: tables.read(name, snakemake.input[name]) for name in names}
figures = {Path(path).stem: Path(path) for path in snakemake.input.figures}
versions = {"Python": platform.python_version()}
versions |= {name: version(name) for name in ("torch", "numpy", "snakemake")}
page.write(run, frames, figures, page.facts_of(run, frames, versions), snakemake.output.report)
sys.stderr.write("\n" + page.summary(run, frames, snakemake.output.report) + "\n")
