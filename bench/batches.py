"""Many short cells on two cores: several to a process beside a process for each.

Starting Python, torch and a job costs seconds, as much as a short cell's training. Sixty cells of about
a second each, and, beside them, eight of the demo's real ones, through the same Snakemake rule. In
processor seconds, which other work on the machine changes little, and in seconds by the clock.
"""

import json
import time
from statistics import median

from bench.grid import eight_cells, forget_trained
from bench.rows import OURS, SINGLE, Row, paired_ratio, row
from bench.scratch import Workflow, workflow
from rdc import cells, config
from rdc.cells import Cell
from rdc.fitting.files import COST
from rdc.training import Folder

SHORT, REAL = "60 cells of a second", "8 cells of the demo, by process"
CLOCK = "by the clock"
REQUIRED = {SHORT: 2.0, f"{SHORT}, {CLOCK}": 2.0}
CELLS, PER_JOB, EPOCHS = 60, 15, 4


def measure(rounds: int = 3) -> list[Row]:
    """Training all cells, start-up included, the two ways taking turns."""
    rows = []
    for name, configured in ((SHORT, short_cells), (REAL, real_cells)):
        with workflow() as copy:
            first = configured(copy)[0]
            folder = Folder((copy.folder / "results" / "demo").relative_to(copy.folder))
            copy.run(
                str(folder.dataset(first.dataset)),
                str(folder.classifier(first.dataset, first.classifier)),
            )
            single, several = [], []
            for _ in range(rounds):
                single.append(with_cells_per_job(copy, folder, 1))
                several.append(with_cells_per_job(copy, folder, PER_JOB))
            print(f"{name}: {training_seconds(copy, folder):.2f} s of training each")
        for column, (what, unit) in enumerate(((name, "processor s"), (f"{name}, {CLOCK}", "s"))):
            one, many = ([costs[column] for costs in side] for side in (single, several))
            rows += [
                row(what, SINGLE, unit, one, 1.0),
                row(what, OURS, unit, many, paired_ratio(one, many)),
            ]
    return rows


def short_cells(copy: Workflow) -> list[Cell]:
    """Sixty lambdas at one rate; networks a tenth as wide as the papers', a few epochs."""
    content = copy.config("config.yaml")
    content["recipes"]["short"] = content["recipes"]["ours"] | {"epochs": EPOCHS, "batch": 64}
    grid = {
        "methods": "rdc",
        "lam": [f"{index / 1000:.3f}" for index in range(CELLS)],
        "dim": 3,
        "levels": 3,
        "recipe": "short",
    }
    study = content["studies"]["zhang"] | {"width": 0.1, "grids": {"plane": grid}}
    content["studies"] = {"zhang": study}
    copy.configure(content)
    return cells.expand(config.parse(content))


def real_cells(copy: Workflow) -> list[Cell]:
    return eight_cells(copy, None)


def with_cells_per_job(copy: Workflow, folder: Folder, count: int) -> tuple[float, float]:
    """Processor seconds, and seconds by the clock."""
    copy.configure(copy.config("config.yaml") | {"cells_per_job": count})
    forget_trained(copy, folder)
    start = time.perf_counter()
    spent = copy.processor_seconds("trained")
    return spent, time.perf_counter() - start


def training_seconds(copy: Workflow, folder: Folder) -> float:
    """A cell's own, by the clock of its process."""
    costs = (copy.folder / folder.store.root).glob(f"*/{COST}")
    return median(json.loads(path.read_text())["train_seconds"] for path in costs)
