"""Images per second where a critic trains too: one step of it, one of the codec, by turns."""

from bench import mnist
from bench.rows import OURS, PUBLIC, Row, paired_ratio, row
from bench.workers import Worker, interleaved

NAME, FULL = "critic and codec step", "critic and codec step, ours in float32"
REQUIRED: dict[str, float] = {}
UNIT = "images/s"


def measure(rounds: int = 8) -> list[Row]:
    """Both sides in one process of 2 threads, at the papers' width, batch 64."""
    mnist.folder()
    speeds = interleaved(
        {
            "public": [Worker("side_public_critic", threads=2)],
            "ours": [Worker("side_ours", threads=2, critic=1, steps=16)],
            "ours in full": [
                Worker("side_ours", threads=2, critic=1, steps=16, precision="float32")
            ],
        },
        rounds,
    )
    table = []
    for name, side in ((NAME, "ours"), (FULL, "ours in full")):
        table.append(row(name, PUBLIC, UNIT, speeds["public"], 1.0))
        ratio = paired_ratio(speeds[side], speeds["public"])
        table.append(row(name, OURS, UNIT, speeds[side], ratio))
    return table
