"""Images per second of full-width training, data loading included: the two loops and the bound."""

from bench import mnist
from bench.rows import BOUND, OURS, PUBLIC, Row, paired_ratio, row
from bench.workers import Worker, interleaved

ONE, TWO = "throughput", "throughput, two processes"
FULL = "throughput, ours in float32"
ALONE = "throughput, processor time"
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
        *by_processor_time(rounds),
    ]


def by_processor_time(rounds: int) -> list[Row]:
    """One thread each, ours in both precisions."""
    speeds = interleaved(
        {
            PUBLIC: [Worker("side_public", threads=1)],
            ALONE: [Worker("side_ours", threads=1)],
            ALONE_FULL: [Worker("side_ours", threads=1, precision="float32")],
        },
        rounds,
        clock="processor_seconds",
    )
    return [
        row(name, side, UNIT, values, paired_ratio(values, speeds[PUBLIC]))
        for name in (ALONE, ALONE_FULL)
        for side, values in ((PUBLIC, speeds[PUBLIC]), (OURS, speeds[name]))
    ]
