"""A job's log file and its line at the terminal, and how its failures read."""

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from rdc.datasets.left_out import aloud
from rdc.progress import QUIET_JOBS

TERMINAL_SECONDS = 20  # between two lines of one job


def start(path: str | Path, expected: tuple[type[Exception], ...] = ()) -> Callable[[str], None]:
    """Opens a job's log and sends failures there.

    Args:
        path: the log.
        expected: errors whose message says it all; others are logged with their traceback.

    Returns:
        A function that logs a line with the time, and shows it at the terminal, no more than one
        every 20 seconds; where the run has a line of its own (``progress``), that one shows it. What
        must be seen (``always=True``) stays at the terminal in either case.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    log = open(path, "w", buffering=1)  # noqa: SIM115  open until the process ends
    terminal = sys.stderr
    shown = [0.0]

    def report(line: str, always: bool = False) -> None:
        log.write(f"{time.strftime('%H:%M:%S')} {line}\n")
        if always:
            aloud(line)
            return
        if os.environ.get(QUIET_JOBS):  # the run's own line shows this log's last
            return
        if time.monotonic() - shown[0] > TERMINAL_SECONDS:
            terminal.write(line + "\n")
            shown[0] = time.monotonic()

    def fail(kind: type[BaseException], error: BaseException, trace) -> None:
        if isinstance(error, KeyboardInterrupt):
            message = "stopped"
        elif isinstance(error, expected):
            message = f"error: {error}"
        else:
            message = "".join(traceback.format_exception(kind, error, trace))
        log.write(message + "\n")
        aloud(message)

    sys.excepthook = fail
    return report
