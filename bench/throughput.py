"""Images per second of full-width training, data loading included: the two loops and the bound."""

from bench import mnist
from bench.rows import BOUND, OURS, PUBLIC, Row, paired_ratio, row
from bench.workers import Worker, interleaved

ONE, TWO = "throughput", "throughput, two processes"
FULL = "throughput, ours in float32"
ALONE = "throughput of one thread, by processor time"
ALONE_FULL = f"{ALONE}, ours in float32"
REQUIRED = {ONE: 1.5, FULL: 1.5, ALONE: 1.5, ALONE_FULL: 1.5}
UNIT = "images/s"


def measure(rounds: int = 10) -> list[Row]:
    """One process of 2 threads each; two of 1 thread side by side; a float32 matrix product.

    And one thread each by processor time, which is the same whatever else the machine does. Ours in
    ``bfloat16`` is in float32 too where the processor has no such products: the table says which.
    """
    mnist.folder()  # fetched once, before the workers ask for it
    speeds = interleaved(
        {
            "public": [Worker("side_public", threads=2)],
            "ours": [Worker("side_ours", threads=2)],
            "ours in full": [Worker("side_ours", threads=2, precision="float32")],
            "bound": [Worker("side_product", threads=2)],
            "public pair": [Worker("side_public", threads=1) for _ in range(2)],
            "our pair": [Worker("side_ours", threads=1) for _ in range(2)],
        },
        rounds,
    )
    speeds |= by_processor_time(rounds)

    def of(benchmark: str, side: str, name: str, reference: str) -> Row:
        ratio = paired_ratio(speeds[name], speeds[reference])
        return row(benchmark, side, UNIT, speeds[name], ratio)

    return [
        of(ONE, PUBLIC, "public", "public"),
        of(ONE, OURS, "ours", "public"),
        of(ONE, BOUND, "bound", "public"),
        of(FULL, PUBLIC, "public", "public"),
        of(FULL, OURS, "ours in full", "public"),
        of(FULL, BOUND, "bound", "public"),
        of(TWO, PUBLIC, "public pair", "public pair"),
        of(TWO, OURS, "our pair", "public pair"),
        of(ALONE, PUBLIC, "public alone", "public alone"),
        of(ALONE, OURS, "ours alone", "public alone"),
        of(ALONE_FULL, PUBLIC, "public alone", "public alone"),
        of(ALONE_FULL, OURS, "ours alone in full", "public alone"),
    ]


def by_processor_time(rounds: int) -> dict[str, list[float]]:
    """Images per second of processor time of the two loops, ours in both precisions."""
    return interleaved(
        {
            "public alone": [Worker("side_public", threads=1)],
            "ours alone": [Worker("side_ours", threads=1)],
            "ours alone in full": [Worker("side_ours", threads=1, precision="float32")],
        },
        rounds,
        clock="processor_seconds",
    )
