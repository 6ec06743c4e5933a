"""Seconds of training until the dithered 3 x 3 codec's test MSE is .0469 or less.

How many images each side needs is known from recorded runs (``public_code.csv``, ``quality_run.csv``),
which depend on no clock. How long that takes is measured here, both sides by turns in two threads:
the recorded runs' own seconds are those of a machine that was doing other things too.
"""

import csv
import subprocess
from pathlib import Path

from bench import mnist, quality_run
from bench.rows import OURS, PUBLIC, Row, paired_ratio, row
from bench.workers import ROOT, Worker, command, interleaved

NAME = "time to quality"
REQUIRED = {NAME: 4.0}
TARGET = 0.0469
PUBLIC_LOG, OUR_LOG = (Path(__file__).with_name(f"{n}.csv") for n in ("public_code", "quality_run"))


def measure(rounds: int = 8, full: bool = False) -> list[Row]:
    """Images needed over images per second.

    Args:
        full: trains both sides anew first, thirty epochs of the public code among them (hours).
    """
    if full or not OUR_LOG.is_file():
        record(public=full)
    public_images, our_images = images_of_public_run(), images_of_our_runs()
    batch = quality_run.RECIPE.batch
    mnist.folder()  # fetched before the workers ask for it
    speeds = interleaved(
        {
            "public": [Worker("side_public", threads=2)],
            "ours": [Worker("side_ours", threads=2, batch=batch, steps=20 * 64 // batch)],
        },
        rounds,
    )
    public = [public_images / speed for speed in speeds["public"]]
    ours = [our_images / speed for speed in speeds["ours"]]
    return [
        row(NAME, PUBLIC, "s", public, 1.0),
        row(NAME, OURS, "s", ours, paired_ratio(public, ours)),
    ]


def images_of_public_run() -> int:
    """Seen at the end of the first epoch that reaches the target."""
    return next(int(r["images"]) for r in _read(PUBLIC_LOG) if float(r["test_mse"]) <= TARGET)


def images_of_our_runs() -> int:
    """Seen by the end of a run. Raises RuntimeError where one of the seeds misses the target."""
    runs = _read(OUR_LOG)
    missed = [r for r in runs if float(r["test_mse"]) > TARGET]
    if missed:
        raise RuntimeError(
            f"{OUR_LOG.name}: seed {missed[0]['seed']} ended at a test MSE of "
            f"{missed[0]['test_mse']}, needs {TARGET} or less"
        )
    return max(int(r["images"]) for r in runs)


def record(public: bool) -> None:
    """Our long runs, and the public code's if asked; overwrites their logs."""
    lines = [command("quality_run", out=OUR_LOG)]
    if public:
        lines.append(command("public_code", out=PUBLIC_LOG, data=mnist.folder()))
    for line in lines:
        subprocess.run(line, cwd=ROOT, check=True)


def _read(path: Path) -> list[dict]:
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))
