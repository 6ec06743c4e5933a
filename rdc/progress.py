"""One line at the terminal while a workflow runs: done of total, time left, and what runs.

A handler for Snakemake's logger that knows its events by name alone. A job's `job_started` may come
before its `job_info` (Snakemake 9.27) or after it (9.20). Where the terminal cannot be rewritten (a
file, CI) Snakemake's own lines stay as they are.
"""

import logging
import os
import re
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
SELECTING = "Select jobs to execute..."  # said again and again, without an event's name
QUIET_JOBS = "RDC_PROGRESS"  # in the environment: jobs leave the terminal to this line
LEAST_WIDTH = 20  # characters that a job needs to say anything, " | train: epoch 3/20"
LOG_BYTES = 8000  # of the end of a job's log, that its line is made from
PLACE, EPOCH = re.compile(r"\[(\d+/\d+)\]"), re.compile(r"epoch \d+/\d+")  # as jobs log them


@dataclass
class Job:
    """A job under way."""

    rule: str
    what: str
    log: Path | None
    started: float


@dataclass
class Progress:
    """What is known of a run: jobs planned, done and under way, and how long each rule's jobs take.

    ``expected``: of some rules, the seconds a job is expected to take before any has finished.
    """

    clock: Callable[[], float] = time.monotonic
    expected: dict[str, float] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    running: dict[int, Job] = field(default_factory=dict)
    described: dict[int, Job] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)  # started, and not described yet
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def take(self, event: str, record: logging.LogRecord) -> None:
        """One event of Snakemake's logger."""
        known = record.__dict__
        if event == "run_info":
            self.planned = {rule: n for rule, n in known["stats"].items() if rule != "total"}
            self.total = known["stats"].get("total", 0)
        elif event == "job_info":
            number = known["jobid"]
            what = ", ".join(str(value) for value in (known.get("wildcards") or {}).values())
            log = [Path(str(path)) for path in known.get("log") or []]
            self.described[number] = Job(
                known["rule_name"], what, log[0] if log else None, self.clock()
            )
            if number in self.begun:
                self._begin(number)
        elif event == "job_started":
            for number in known["jobs"]:
                self._begin(number)
        elif event in ("job_finished", "job_error"):
            number = known.get("job_id", known.get("jobid"))
            self.begun.discard(number)
            job = self.running.pop(number, None)
            if job is not None and event == "job_finished":
                self.took[job.rule].append(self.clock() - job.started)
        elif event == "progress":
            self.done, self.total = known["done"], known["total"]

    def _begin(self, number: int) -> None:
        job = self.described.pop(number, None)
        if job is None:
            self.begun.add(number)
            return
        self.begun.discard(number)
        job.started = self.clock()
        self.running[number] = job

    def seconds_left(self) -> float | None:
        """From the mean time of each rule's finished jobs, or what they are expected to take.

        A rule of which nothing is known is taken to need the mean of the others; None where nothing is
        known of any.
        """
        known = self.expected | {rule: sum(t) / len(t) for rule, t in self.took.items() if t}
        known = {rule: seconds for rule, seconds in known.items() if rule in self.planned}
        if not known:
            return None
        overall = sum(known.values()) / len(known)

        def mean(rule: str) -> float:
            return known.get(rule, overall)

        waiting = dict(self.planned)
        for rule, times in self.took.items():
            waiting[rule] = waiting.get(rule, 0) - len(times)
        left = sum(max(0, n) * mean(rule) for rule, n in waiting.items())
        running = list(self.running.values())  # a copy: the line is written by a thread of its own
        left -= sum(min(self.clock() - job.started, mean(job.rule)) for job in running)
        return max(0.0, left) / max(1, len(running))

    def line(self, width: int) -> str:
        """At most ``width`` characters: ``[12/98] 3 min left | train zhang, rdc_...: epoch 3/20``.

        Jobs share the width; those that find no place are counted.
        """
        left = self.seconds_left()
        head = f"[{self.done}/{self.total}]" + ("" if left is None else f" {spoken(left)} left")
        jobs = list(self.running.values())
        shown = jobs[: max(1, (width - len(head)) // LEAST_WIDTH)]
        more = f" +{len(jobs) - len(shown)}" if len(jobs) > len(shown) else ""
        free = width - len(head) - len(more)
        for place, job in enumerate(shown):
            text = f" | {_said(job, free // (len(shown) - place) - 3)}"
            head, free = head + text, free - len(text)
        return (head + more)[:width]


def _said(job: Job, width: int) -> str:
    """A job in at most ``width`` characters: its rule, what it works on, and how far it is.

    How far comes first: at 60 columns an epoch says more than a batch's name.
    """
    named, state = f"{job.rule} {job.what}".rstrip(), _state(job.log)
    if not state:
        return _cut(named, width)
    if len(job.rule) + 2 + len(state) > width:
        state = state.rpartition(", ")[2]  # the epoch without its cell
    room = width - len(state) - 2
    name = _cut(named, room) if room > len(job.rule) + 1 else job.rule
    return _cut(f"{name}: {state}", width)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def spoken(seconds: float) -> str:
    """A duration as people say it: ``40 s``, ``3 min``, ``2 h 10 min``, ``3 days``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{round(hours / 24)} days"


class ProgressLine(logging.Handler):
    """Keeps one line of the terminal up to date; other messages push it down."""

    def __init__(self, terminal: TextIO, expected: dict[str, float]):
        super().__init__()
        self.terminal, self.progress, self.active = terminal, Progress(expected=expected), True
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
                line = self.progress.line(self._columns() - 1)
                self.terminal.write(f"\r\x1b[2K{line}")
                self.terminal.flush()
            time.sleep(REFRESH_SECONDS)

    def _columns(self) -> int:
        """Of the terminal that is written to, whatever the environment says of another one."""
        try:
            return os.get_terminal_size(self.terminal.fileno()).columns or 80
        except (OSError, ValueError):  # no terminal after all
            return 80


def event_of(record: logging.LogRecord) -> str:
    return str(getattr(record, "event", None) or "").lower()


def attach(
    logger: logging.Logger, terminal: TextIO, expected: dict[str, float] | None = None
) -> ProgressLine:
    """Puts the line in the place of Snakemake's own lines about jobs; warnings and errors stay.

    Once a process: a workflow may take this one as a module twice.

    Args:
        expected: of some rules, the seconds that a job is expected to take.
    """
    for attached in logger.handlers:
        if isinstance(attached, ProgressLine):
            attached.progress.expected = (expected or {}) | attached.progress.expected
            return attached
    line = ProgressLine(terminal, expected or {})

    def others(record: logging.LogRecord) -> bool:
        if event_of(record) in REPLACED or record.getMessage() == SELECTING:
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


def _state(path: Path | None) -> str:
    """How far a job's log says that it is: ``2/8, epoch 3/20``, or else its last line without the time."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - LOG_BYTES))
            text = stream.read().decode(errors="replace").strip()
    except (OSError, TypeError):
        return ""
    of = next(reversed(list(PLACE.finditer(text))), None)
    epochs = EPOCH.findall(text, of.end() if of else 0)
    state = ", ".join([*([of[1]] if of else []), *epochs[-1:]])
    return state or text[text.rfind("\n") + 1 :].partition(" ")[2]
