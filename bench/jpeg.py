"""Megapixels per second through a differentiable JPEG, forward and back to its tables, by turns."""

from bench.rows import OURS, PUBLIC, Row, paired_ratio, row
from bench.workers import Worker, interleaved

NAME = "JPEG forward and back, beside kornia"
REQUIRED = {NAME: 2.0}
UNIT = "megapixels/s"


def measure(rounds: int = 12) -> list[Row]:
    """The same photographs, 4:2:0, float32, 2 threads; kornia's codec is the public one."""
    speeds = interleaved(
        {
            "kornia": [Worker("side_jpeg", codec="kornia")],
            "ours": [Worker("side_jpeg", codec="ours")],
        },
        rounds,
    )
    ratio = paired_ratio(speeds["ours"], speeds["kornia"])
    return [
        row(NAME, PUBLIC, UNIT, speeds["kornia"], 1.0),
        row(NAME, OURS, UNIT, speeds["ours"], ratio),
    ]
