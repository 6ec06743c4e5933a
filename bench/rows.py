"""The table of results: one row for each side of each benchmark."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from bench import processor

OURS, PUBLIC, BOUND = "ours", "public code", "bound"
SINGLE = "a process each"


@dataclass(frozen=True)
class Row:
    """One side of one benchmark.

    ``low`` and ``high`` are the quartiles of the runs. ``ratio`` says how many times better than
    the reference this side is, above 1 for better: the reference is the public code, or, where
    there is none, the bound or a process for each cell.
    """

    benchmark: str
    side: str
    unit: str
    median: float
    low: float
    high: float
    runs: int
    ratio: float
    processor: str = ""  # that it ran on; not known of rows taken before there was this column


def row(benchmark: str, side: str, unit: str, values: list[float], ratio: float) -> Row:
    """A row from the values of single runs."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    low, median, high = float(low), float(median), float(high)
    return Row(benchmark, side, unit, median, low, high, len(values), ratio, processor.described())


def paired_ratio(better: list[float], worse: list[float]) -> float:
    """Median over rounds of the ratio within a round.

    The two runs of a round follow each other, so that whatever else the machine does slows both.
    """
    return float(np.median([b / w for b, w in zip(better, worse, strict=True)]))


def merge(path: Path, part: list[Row]) -> list[Row]:
    """The table with a part's rows in place of earlier ones of the same benchmarks; writes it."""
    known = read(path) if path.is_file() else []
    new = {r.benchmark for r in part}
    place = next((i for i, r in enumerate(known) if r.benchmark in new), len(known))
    kept = [r for r in known if r.benchmark not in new]
    table = [*kept[:place], *part, *kept[place:]]
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for r in table:
            writer.writerow(
                {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in asdict(r).items()}
            )
    return table


def read(path: Path) -> list[Row]:
    with open(path, newline="") as stream:
        return [
            Row(**{f.name: f.type(record[f.name]) for f in fields(Row) if f.name in record})
            for record in csv.DictReader(stream)
        ]
