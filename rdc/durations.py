"""How long a run's jobs take, roughly: from its own earlier ones, else estimated. No torch.

The estimates are processor seconds on one core, fitted to the committed costs of ``results/mnist`` and to
a demo; other processors differ by a factor of two.
"""

import csv
from pathlib import Path

from rdc.cells import Cell
from rdc.config import Config, Dataset

# Seconds of one job of each rule, in the demo: starting Python and its packages is most of it.
OF_A_JOB = {
    "fetch": 10.0,
    "prepare": 4.0,
    "pretrain": 15.0,
    "gather": 2.0,
    "limits": 8.0,
    "claims": 8.0,
    "report": 10.0,
    "jpeg_tables": 25.0,
    "jpeg_measure": 10.0,
    "jpeg_samples": 4.0,
    "jpeg_rate": 10.0,
    "jpeg_savings": 6.0,
    "jpeg_examples": 6.0,
    "jpeg_recode": 0.1,
}
OF_FIGURES = 10.0
STARTING = 6.0  # a process that trains or measures
IMAGES = {"mnist": 60_000, "digits": 1_437}  # of the training sets
# At full width, seconds: of decoding an image or a code and going back, of encoding and classifying one.
DECODED, ENCODED = 1.3e-3, 2e-4
CRITICS = 2.0  # times as long a batch takes where critics train on every other one
MEASURED = 1.4e-3  # an image decoded, classified and compared
MEASURED_CRITIC = 0.3  # a step of the critic trained afterwards
FITTED = 5e-6  # an image in one iteration of a codebook


def expected(config: Config, batches: dict, benchmarks: str | Path) -> dict[str, float]:
    """Seconds a job of each rule is expected to take.

    Args:
        batches: cells by (study, batch), as ``cells.batches`` gives them.
        benchmarks: the run's folder of Snakemake's benchmark files.
    """
    found = dict(OF_A_JOB)
    for rule, seconds in (("train", training), ("evaluate", measuring)):
        if batches:
            every = [sum(seconds(cell, config) for cell in cells) for cells in batches.values()]
            found[rule] = STARTING + sum(every) / len(every)
    for paper in ("atlas", "le", "limits", "luo", "nguyen", "zhang"):
        found[f"figures_{paper}"] = OF_FIGURES
    return found | measured(Path(benchmarks))


def measured(benchmarks: Path) -> dict[str, float]:
    """Of each rule the mean seconds of its jobs that have run, by Snakemake's benchmark files."""
    found: dict[str, list[float]] = {}
    for path in benchmarks.rglob("*.tsv"):
        rule = path.relative_to(benchmarks).with_suffix("").parts[0]
        if rule == "figures":
            rule = f"figures_{path.stem}"
        with open(path, newline="") as stream:
            found.setdefault(rule, []).extend(
                float(row["s"]) for row in csv.DictReader(stream, delimiter="\t")
            )
    return {rule: sum(seconds) / len(seconds) for rule, seconds in found.items() if seconds}


def training(cell: Cell, config: Config) -> float:
    """Seconds to train one cell."""
    recipe = cell.training
    images = (1 + recipe.warps) * _images(config.datasets[cell.dataset])
    if cell.moves == "codebook":
        return recipe.epochs * images * FITTED
    # The expected gradient decodes every code once a step, whatever the batch.
    decoded = cell.levels**cell.dim if recipe.gradient == "expected" else recipe.batch
    step = (DECODED * decoded + ENCODED * recipe.batch) * cell.width**2
    critics = any(term.startswith("w1_") for term, _ in cell.weights)
    return recipe.epochs * images / recipe.batch * step * (CRITICS if critics else 1)


def measuring(cell: Cell, config: Config) -> float:
    """Seconds to measure one cell."""
    settings = config.evaluation
    images = _images(config.datasets[cell.dataset])
    images = min(images, settings.train_images) + cell.validation + images / 6
    seconds = images * (settings.dithers if cell.dither else 1) * MEASURED
    if any(term.startswith("w1_") for term, _ in cell.weights):
        seconds += settings.fresh_critic_steps * MEASURED_CRITIC
    return seconds * cell.width**2


def _images(dataset: Dataset) -> int:
    """In the training set, roughly: a folder is not counted here."""
    return IMAGES.get(dataset.source or "", 1_000)
