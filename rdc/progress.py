"""One line at the terminal while a workflow runs: done of total, time left, and what runs.

A handler for Snakemake's logger that knows its events by name alone. Where the terminal cannot be
rewritten (a file, CI) Snakemake's own lines stay as they are.
"""

import logging
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

REFRESH_SECONDS = 1.0
REPLACED = {
    "job_info",
    "job_started",
    "job_finished",
    "progress",
    "run_info",
    "shellcmd",
    "resources_info",
}
QUIET_JOBS = "RDC_PROGRESS"  # in the environment: jobs leave the terminal to this line


@dataclass
class Job:
    """A job under way."""

    rule: str
    what: str
    log: Path | None
    started: float


@dataclass
class Progress:
    """What is known of a run: jobs planned, done and under way, and how long each rule's jobs took."""

    clock: Callable[[], float] = time.monotonic
    planned: dict[str, int] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    running: dict[int, Job] = field(default_factory=dict)
    described: dict[int, Job] = field(default_factory=dict)
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def take(self, event: str, record: logging.LogRecord) -> None:
        """One event of Snakemake's logger."""
        known = record.__dict__
        if event == "run_info":
            self.planned = {rule: n for rule, n in known["stats"].items() if rule != "total"}
            self.total = known["stats"].get("total", 0)
        elif event == "job_info":
            what = ", ".join(str(value) for value in (known.get("wildcards") or {}).values())
            log = [Path(str(path)) for path in known.get("log") or []]
            self.described[known["jobid"]] = Job(
                known["rule_name"], what, log[0] if log else None, self.clock()
            )
        elif event == "job_started":
            for number in known["jobs"]:
                if number in self.described:
                    self.running[number] = self.described.pop(number)
                    self.running[number].started = self.clock()
        elif event in ("job_finished", "job_error"):
            job = self.running.pop(known.get("job_id", known.get("jobid")), None)
            if job is not None and event == "job_finished":
                self.took[job.rule].append(self.clock() - job.started)
        elif event == "progress":
            self.done, self.total = known["done"], known["total"]

    def seconds_left(self) -> float | None:
        """From the mean time of each rule's finished jobs; None until one has finished.

        A rule of which none has finished is taken to need the mean of all.
        """
        every = [seconds for some in self.took.values() for seconds in some]
        if not every:
            return None
        overall = sum(every) / len(every)

        def mean(rule: str) -> float:
            return sum(self.took[rule]) / len(self.took[rule]) if self.took.get(rule) else overall

        waiting = dict(self.planned)
        for rule, times in self.took.items():
            waiting[rule] = waiting.get(rule, 0) - len(times)
        left = sum(max(0, n) * mean(rule) for rule, n in waiting.items())
        running = list(self.running.values())  # a copy: the line is written by a thread of its own
        left -= sum(min(self.clock() - job.started, mean(job.rule)) for job in running)
        return max(0.0, left) / max(1, len(running))

    def line(self, width: int) -> str:
        """At most ``width`` characters: ``[12/98] 3 min left | train zhang, rdc_...: epoch 3/20``."""
        left = self.seconds_left()
        head = f"[{self.done}/{self.total}]" + ("" if left is None else f" {spoken(left)} left")
        jobs = []
        for job in list(self.running.values()):
            said = _last_line(job.log)
            jobs.append(f"{job.rule} {job.what}" + (f": {said}" if said else ""))
        return " | ".join([head, *jobs])[:width]


def spoken(seconds: float) -> str:
    """A duration as people say it: ``40 s``, ``3 min``, ``2 h 10 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class ProgressLine(logging.Handler):
    """Keeps one line of the terminal up to date; other messages push it down."""

    def __init__(self, terminal: TextIO):
        super().__init__()
        self.terminal, self.progress, self.active = terminal, Progress(), True
        os.environ[QUIET_JOBS] = "1"
        threading.Thread(target=self._refresh, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        event = event_of(record)
        try:
            self.progress.take(event, record)
        except (KeyError, TypeError, AttributeError):  # an event of another form than we know
            return
        if event == "job_error":
            self.clear()
        if event == "progress" and self.progress.done == self.progress.total:
            self.active = False
            self.clear()

    def clear(self) -> None:
        self.terminal.write("\r\x1b[2K")
        self.terminal.flush()

    def _refresh(self) -> None:
        while self.active:
            if self.progress.running:
                width = shutil.get_terminal_size().columns - 1
                self.terminal.write(f"\r\x1b[2K{self.progress.line(width)}")
                self.terminal.flush()
            time.sleep(REFRESH_SECONDS)


def event_of(record: logging.LogRecord) -> str:
    return str(getattr(record, "event", None) or "").lower()


def attach(logger: logging.Logger, terminal: TextIO) -> ProgressLine:
    """Puts the line in the place of Snakemake's own lines about jobs; warnings and errors stay."""
    line = ProgressLine(terminal)

    def others(record: logging.LogRecord) -> bool:
        if event_of(record) in REPLACED:
            return False
        line.clear()
        return True

    for handler in _terminal_handlers(logger.handlers):
        handler.addFilter(others)
    logger.addHandler(line)
    return line


def _terminal_handlers(handlers: Iterable[logging.Handler]) -> list[logging.Handler]:
    """Those that write to a terminal; a log file of Snakemake's keeps every line."""
    return [
        handler
        for handler in handlers
        if isinstance(handler, logging.StreamHandler)
        and not isinstance(handler, logging.FileHandler)
    ]


def _last_line(path: Path | None) -> str:
    """Of a job's log, without the time in front."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - 400))
            lines = stream.read().decode(errors="replace").strip().splitlines()
    except (OSError, TypeError):
        return ""
    return lines[-1].partition(" ")[2] if lines else ""
