"""Processes that do blocks of work on command, so that two sides can take turns within seconds.

Each side runs in a process of its own (allocator settings and thread pools do not leak) that stays
alive: start-up is paid once, and a round of A B A B lasts seconds, short beside the ups and downs of
a machine that does other things too.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def command(program: str, **arguments: object) -> list[str]:
    """The command line of a program of this folder; run it in ``ROOT``."""
    flags = [text for key, value in arguments.items() for text in (f"--{key}", str(value))]
    return [sys.executable, "-m", f"bench.{program}", *flags]


class Worker:
    """A program of this folder that calls ``serve``, with the arguments of its command line."""

    def __init__(self, program: str, **arguments: object):
        self.program = program
        self.process = subprocess.Popen(
            command(program, **arguments),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self) -> None:
        """Begins the next block."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self) -> dict:
        """Waits for the block; what the program told of it."""
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.program} ended early, status {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def serve(blocks: Iterator[dict]) -> None:
    """The worker's side: makes the next block for each line that comes in, until none comes."""
    for _ in sys.stdin:
        start = time.process_time()
        block = next(blocks)
        block["processor_seconds"] = time.process_time() - start
        print(json.dumps(block), flush=True)


def images_per_second(workers: list[Worker], clock: str = "seconds") -> float:
    """Throughput of one block of workers that run side by side, by the slowest of them.

    Args:
        clock: ``seconds``, or ``processor_seconds``, which other work on the machine changes little.
    """
    for worker in workers:
        worker.start()
    blocks = [worker.finish() for worker in workers]
    return sum(b["images"] for b in blocks) / max(b[clock] for b in blocks)


def interleaved(
    sides: dict[str, list[Worker]], rounds: int, clock: str = "seconds"
) -> dict[str, list[float]]:
    """Images per second of each side by round, the sides taking turns; ends the workers."""
    for workers in sides.values():  # the first block of each prepares kernels and memory
        images_per_second(workers)
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, workers in sides.items():
            speeds[name].append(images_per_second(workers, clock))
    for workers in sides.values():
        for worker in workers:
            worker.close()
    return speeds
