"""Eight cells of the demo on two cores, start-up included: Snakemake beside a script for each cell.

Both sides find the prepared data and the trained classifier; both train the same narrow networks
for the same number of steps of the same batch, and keep the weights.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import load_file

from bench.rows import OURS, PUBLIC, Row, paired_ratio, row
from bench.scratch import Workflow, workflow
from bench.workers import ROOT, command
from rdc import cells, config
from rdc.cells import Cell
from rdc.training import Folder

NAME = "grid of 8 cells"
REQUIRED = {NAME: 1.5}
STUDY, GRID = "zhang", "plane"


def measure(rounds: int = 3, epochs: int | None = None) -> list[Row]:
    """Seconds for the grid from the first process's start to the last one's end, taking turns.

    Args:
        epochs: of each cell, instead of the demo's own.
    """
    with workflow() as copy:
        grid = eight_cells(copy, epochs)
        folder = Folder(Path("results", "demo"))
        study = grid[0].dataset, grid[0].classifier
        copy.run(str(folder.dataset(study[0])), str(folder.classifier(*study)))
        public, ours = [], []
        for _ in range(rounds):
            public.append(one_after_another(grid, folder, copy.folder))
            ours.append(by_snakemake(copy, folder))
    return [
        row(NAME, PUBLIC, "s", public, 1.0),
        row(NAME, OURS, "s", ours, paired_ratio(public, ours)),
    ]


def eight_cells(copy: Workflow, epochs: int | None) -> list[Cell]:
    """Leaves only these cells in the copy's config: the first two lambdas at four rates."""
    content = copy.config("config.yaml")
    study = content["studies"][STUDY]
    plane = study["grids"][GRID]
    plane |= {"lam": plane["lam"][:2], "levels": [2, 3, 4, 5]}
    content["studies"] = {STUDY: study | {"grids": {GRID: plane}}}
    if epochs is not None:
        content["recipes"][plane["recipe"]]["epochs"] = epochs
    copy.configure(content)
    return cells.expand(config.parse(content))


def one_after_another(grid: list[Cell], folder: Folder, root: Path) -> float:
    """As the field does it: a loop in a shell over one script."""
    dataset = root / folder.dataset(grid[0].dataset)
    weights = load_file(root / folder.classifier(grid[0].dataset, grid[0].classifier))
    with tempfile.TemporaryDirectory() as scratch:
        classifier = Path(scratch, "classifier.pt")
        torch.save(weights, classifier)
        start = time.perf_counter()
        for number, cell in enumerate(grid):
            line = command(
                "public_cell",
                data=dataset,
                classifier=classifier,
                out=Path(scratch, f"{number}.pt"),
                validation=cell.validation,
                lam=cell.weight("nll"),
                dim=cell.dim,
                levels=cell.levels,
                width=cell.width,
                batch=cell.training.batch,
                epochs=cell.training.epochs,
            )
            subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start


def by_snakemake(copy: Workflow, folder: Folder) -> float:
    """One command; what an earlier round trained is deleted first."""
    forget_trained(copy, folder)
    return copy.run("trained")


def forget_trained(copy: Workflow, folder: Folder) -> None:
    for trained in (folder.store.root, folder.root / "codecs", folder.root / "parts" / "curves"):
        shutil.rmtree(copy.folder / trained, ignore_errors=True)
