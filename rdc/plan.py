"""What a run would do, in a page: the jobs of each rule, why they run, and roughly how long.

A handler for Snakemake's logger, for a dry run: ``make plan``. Snakemake's own dry run prints nine lines
a job.
"""

import atexit
import logging
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from rdc.progress import event_of, spoken

ASKED = "RDC_PLAN"  # in the environment: a dry run prints its plan instead of its jobs
ENDS = ("This was a dry-run", "Nothing to be done")  # Snakemake's last words
TARGETS = ("all", "default", "trained", "tables", "figures")  # rules that only name others' files
# How Snakemake begins a reason, and what it means to who reads it; the first that fits counts.
REASONS = {
    "Missing output files": "not there yet",
    "Forced execution": "asked for",
    "Incomplete": "cut off",
    "Code has changed": "code changed",
    "Params have changed": "settings or code changed",
    "Set of input files has changed": "other inputs",
    "Updated input files": "newer inputs",
    "Input files updated by another job": "inputs are new",
}


@dataclass
class Plan:
    """Jobs by rule with their reasons, and the seconds each is expected to take."""

    run: str
    cores: int
    expected: Callable[[], dict[str, float]]
    jobs: Counter = field(default_factory=Counter)
    reasons: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    whole: bool = False  # Snakemake came to the end of its planning

    def take(self, rule: str, reason: str) -> None:
        """One job of a dry run."""
        if rule in TARGETS:
            return
        kind = rule.split("_")[0] if rule.startswith("figures_") else rule
        self.jobs[rule] += 1
        said = next((words for start, words in REASONS.items() if start in reason), "other")
        self.reasons[kind][said] += 1

    def text(self) -> str:
        """At most 24 lines of 80 characters."""
        if not self.jobs:
            return f"results/{self.run}: nothing to do, all of it is up to date"
        seconds = self.expected()
        kinds: dict[str, list[str]] = defaultdict(list)
        for rule in self.jobs:
            kinds["figures" if rule.startswith("figures_") else rule].append(rule)
        lines, whole = [], 0.0
        for kind, rules in kinds.items():
            count = sum(self.jobs[rule] for rule in rules)
            taken = sum(self.jobs[rule] * seconds.get(rule, 0.0) for rule in rules)
            whole += taken
            why = ", ".join(
                words if len(self.reasons[kind]) == 1 else f"{n} {words}"
                for words, n in self.reasons[kind].most_common()
            )
            lines.append(f"  {kind:14} {count:5} {_rounded(taken / count):>11}   {why}"[:80])
        total = sum(self.jobs.values())
        return "\n".join(
            [
                f"results/{self.run}: {total} jobs to run, roughly {_rounded(whole / self.cores)} on "
                f"{self.cores} core{'s' if self.cores > 1 else ''}",
                f"  {'rule':14} {'jobs':>5} {'each about':>11}   why",
                *lines,
            ]
        )


def _rounded(seconds: float) -> str:
    """One or two digits are all that an estimate has."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 100:
        return f"{round(seconds / 5) * 5} s"
    return spoken(seconds)


class _Listener(logging.Handler):
    def __init__(self, plan: Plan):
        super().__init__()
        self.plan = plan

    def emit(self, record: logging.LogRecord) -> None:
        if event_of(record) == "job_info":
            self.plan.take(record.rule_name, str(record.reason))
        elif record.getMessage().startswith(ENDS):
            self.plan.whole = True


def attach(logger: logging.Logger, plan: Plan, out: TextIO = sys.stdout) -> None:
    """Prints the plan when the process ends, in the place of Snakemake's own lines; faults stay."""
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.addFilter(lambda record: record.levelno >= logging.WARNING)
    logger.addHandler(_Listener(plan))
    atexit.register(lambda: plan.whole and print(plan.text(), file=out))
