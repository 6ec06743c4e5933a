"""Dry runs at half the cost: each in a fork of a process that has Snakemake imported already."""

import multiprocessing
import os
import re
from collections import Counter
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli", "pydantic"])


def snakemake(arguments: list[str], folder: Path) -> str:
    """What ``snakemake`` prints, in ``folder``. Raises AssertionError where it fails."""
    printed = folder / "printed.txt"
    process = FORKS.Process(target=_run, args=(arguments, folder, printed))
    process.start()
    process.join()
    assert process.exitcode == 0, printed.read_text()
    return printed.read_text()


def jobs(printed: str) -> Counter:
    """Of a dry run's output the (rule, wildcards) of each job, the target rule left out."""
    found: Counter = Counter()
    rule = None
    for line in printed.splitlines():
        if match := re.match(r"(?:local)?rule (\w+):", line):
            rule = match[1]
            found[rule, ""] += 1
        elif rule and (match := re.match(r"    wildcards: (.*)", line)):
            found[rule, ""] -= 1
            found[rule, match[1]] += 1
    return Counter({job: count for job, count in found.items() if count and job[0] != "all"})


def _run(arguments: list[str], folder: Path, printed: Path) -> None:
    os.chdir(folder)
    with open(printed, "w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    from snakemake.cli import main

    main(arguments)
