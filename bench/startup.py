"""Seconds that Snakemake takes to find out what is to be done, against a limit of five."""

from bench.rows import BOUND, OURS, Row, row
from bench.scratch import workflow

PLAN, RERUN = "plan of the papers' grid", "rerun of the finished demo"
LIMIT = 5.0
REQUIRED = {PLAN: 1.0, RERUN: 1.0}  # limit over measured


def measure(rounds: int = 3) -> list[Row]:
    """A dry run of ``config/paper.yaml``, and a run of a finished demo, in which nothing is to do.

    The demo is finished with one epoch for everything: what a rerun looks at is as many files.
    """
    with workflow() as copy:
        plan = [copy.run("-n", "--configfile", "config/paper.yaml") for _ in range(rounds)]
        copy.configure(one_epoch(copy.config("config.yaml")))
        copy.run()
        rerun = [copy.run() for _ in range(rounds)]
    table = []
    for name, seconds in ((PLAN, plan), (RERUN, rerun)):
        ours = row(name, OURS, "s", seconds, 1.0)
        table.append(row(name, OURS, "s", seconds, LIMIT / ours.median))
        table.append(row(name, BOUND, "s", [LIMIT], 1.0))
    return table


def one_epoch(content):
    """A config with each ``epochs`` in it set to 1."""
    if isinstance(content, dict):
        return {k: 1 if k == "epochs" else one_epoch(v) for k, v in content.items()}
    return content
