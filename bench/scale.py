"""Processor seconds that Snakemake takes for grids of 100, 1,000 and 10,000 cells.

Of processor time, not of the clock: on a quiet machine the two are the same, since Snakemake plans in
one thread, and other work on the machine changes the former little.

Eight cells to a job, as configs have it by default, and for a dry run from nothing also one cell to a
job, the most jobs there can be. The rerun finds everything made: results are made up, a file of a line
each, which Snakemake is told to trust. A job's overhead is what one more job adds to a run in a grid of
that size: its training does nothing, so that Snakemake and the start of Python are left.
"""

from pathlib import Path
from statistics import median

from bench.rows import BOUND, OURS, Row, row
from bench.scratch import Workflow, workflow

SIZES = (100, 1_000, 10_000)
MOST_SECONDS = 12.0  # for a dry run of 1,000 cells
PER_JOB = 8
EACH, PLAN = "dry run, a cell a job", "dry run"
RERUN, JOB = "rerun with nothing to do", "overhead of a job"
LINEAR = (EACH, PLAN, RERUN)
FORCED = 20  # jobs whose overhead is measured
IDLE = """
import sys
from pathlib import Path

Path(snakemake.output.codecs).mkdir(parents=True)
Path(snakemake.output.curves).touch()
sys.exit()
"""


def name(what: str, cells: int) -> str:
    return f"{what}, {cells:,} cells"


def measures(r: Row) -> bool:
    """Whether a row of the table is one of these."""
    return r.benchmark in {name(what, cells) for what in (*LINEAR, JOB) for cells in SIZES}


REQUIRED = {name(what, 1_000): 1.0 for what in (EACH, PLAN)} | {
    name(what, SIZES[-1]): 1.0 for what in (*LINEAR, JOB)
}


def measure(rounds: int = 3) -> list[Row]:
    """Rows for each size, the largest measured once.

    What is required of the largest is to be no worse than linear: ten times the seconds of a tenth of
    the cells; and for a job half as much again at most.
    """
    seconds = {}
    for cells in SIZES:
        seconds |= seconds_at(cells, 1 if cells == SIZES[-1] else rounds)
    return table(seconds)


def seconds_at(cells: int, rounds: int) -> dict[tuple[str, int], list[float]]:
    """By what was measured and the number of cells, a value for each round."""
    with workflow() as copy:
        content = copy.config("config.yaml")
        make_training_idle(copy)
        copy.configure(grid(content, cells, 1))
        each = [planned(copy) for _ in range(rounds)]
        copy.configure(grid(content, cells, PER_JOB))
        plan = [planned(copy) for _ in range(rounds)]
        pretend(copy)
        rerun = [copy.processor_seconds() for _ in range(rounds)]
        job = [job_overhead(copy) for _ in range(rounds)]
    return {(EACH, cells): each, (PLAN, cells): plan, (RERUN, cells): rerun, (JOB, cells): job}


def planned(copy: Workflow) -> float:
    return copy.processor_seconds("-n", "--quiet", "all")


def table(seconds: dict[tuple[str, int], list[float]]) -> list[Row]:
    """Rows, with a bound for those of which something is required."""
    medians = {key: median(values) for key, values in seconds.items()}
    tenth, largest = SIZES[-2:]
    limits = dict.fromkeys([(EACH, 1_000), (PLAN, 1_000)], MOST_SECONDS)
    limits |= {(what, largest): 10 * medians[what, tenth] for what in LINEAR}
    limits[JOB, largest] = 1.5 * medians[JOB, tenth]
    rows = []
    for (what, cells), values in seconds.items():
        limit = limits.get((what, cells))
        ratio = limit / medians[what, cells] if limit else 1.0
        rows.append(row(name(what, cells), OURS, "processor s", values, ratio))
        if limit:
            rows.append(row(name(what, cells), BOUND, "processor s", [limit], 1.0))
    return rows


def grid(content: dict, cells: int, per_job: int) -> dict:
    """The demo's first study with ten rates and so many lambdas that it has this many cells."""
    study = content["studies"]["zhang"]
    lambdas = [f"{(index + 1) / cells:.6f}" for index in range(cells // 10)]
    plane = study["grids"]["plane"] | {"lam": lambdas, "levels": list(range(2, 12))}
    kept = {key: value for key, value in content.items() if key != "jpeg"}
    studies = {"zhang": study | {"grids": {"plane": plane}}}
    return kept | {"studies": studies, "cells_per_job": per_job}


def make_training_idle(copy: Workflow) -> None:
    """Ends the training script before its imports, which stay there to be declared as inputs."""
    path = copy.folder / "workflow" / "scripts" / "train.py"
    docstring, rest = path.read_text().split("\n", 1)
    path.write_text(docstring + IDLE + rest)


def pretend(copy: Workflow) -> None:
    """Makes up all outputs and has Snakemake record them as its own."""
    for line in copy.printed("--summary").splitlines():
        output = copy.folder / line.split("\t")[0]
        if not line.startswith("results/"):
            continue
        if output.suffix:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(f"made up: {output.name}\n")
        else:
            output.mkdir(parents=True)
    copy.run("--touch", "--forceall")


def job_overhead(copy: Workflow) -> float:
    """Processor seconds that a job adds, Snakemake's and its own Python's."""
    codecs = Path("results", "demo", "codecs", "zhang")
    chosen = sorted((copy.folder / codecs).iterdir())[:FORCED]
    nothing = copy.processor_seconds("trained")
    names = [str(codecs / path.name) for path in chosen]
    forced = copy.processor_seconds("trained", "--forcerun", *names)
    return (forced - nothing) / len(chosen)
