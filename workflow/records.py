"""What Snakemake knows of a run's outputs: which are up to date, and its record of each.

Snakemake reruns a job whose settings or inputs are not the recorded ones, or whose outputs are
older than an input or the script; of outputs without a record it asks only for their age. So a
restored output gets either its record, where `Vouching` finds no fault, or a date long ago.
"""

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from snakemake.persistence import MetadataRecord
from snakemake.persistence.file import FilePersistence

from rdc import bundles
from rdc.bundles import Manifest, fingerprint

AFTER_SCRIPT = 1_000_000  # ns: an output must be newer than its script, not only as new


class RecordError(RuntimeError):
    """Snakemake could not say what is up to date; holds its own words."""


def outputs(*configs: str) -> dict[str, bool]:
    """Every output of a run, and whether it is there and no job would make it again."""
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--summary", "--configfile", *configs],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RecordError((done.stderr or done.stdout).strip())
    lines = done.stdout.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("output_file\t"))
    return {
        row["output_file"]: (row["status"], row["plan"]) == ("ok", "no update")
        for row in csv.DictReader(lines[start:], delimiter="\t")
    }


def made_from(record: dict) -> list[str]:
    """The files that decided an output: its job's inputs, and its script if its rule has one."""
    script = Path(f"workflow/scripts/{record['rule']}.py")
    return [*record["input"], *([str(script)] if script.is_file() else [])]


def read_then(record: dict) -> dict[str, str]:
    """SHA-256 of those inputs that were small enough for Snakemake to note it as the job ended."""
    noted = record["input_checksums"] or {}
    return {path: sum_.removeprefix("sha256:") for path, sum_ in noted.items()}


class Records:
    """Snakemake's records in this checkout, by output."""

    def __init__(self):
        self.kept = FilePersistence()

    def of(self, output: str) -> dict | None:
        self.kept._clear_cache()  # of what was read before a record was written
        record = self.kept._read_record(output)
        return None if record is None else record.model_dump()

    def forget(self, output: str) -> None:
        self.kept._delete_record(output)

    def keep(self, output: str, record: dict, time: int) -> None:
        """Writes a record and dates the output, so that Snakemake takes it for up to date."""
        self.kept._write_record(output, MetadataRecord.model_validate(record))
        self.kept._unmark_incomplete(output)
        _date(output, time)

    def disown(self, output: str) -> None:
        """Makes an output without a record older than all that it could be made from.

        Of such an output Snakemake asks only whether something is newer.
        """
        _date(output, bundles.LONG_AGO)


def _date(output: str, time: int) -> None:
    if os.path.isdir(output):
        Path(output, bundles.TIMESTAMP).touch()
        os.utime(Path(output, bundles.TIMESTAMP), ns=(time, time))
    os.utime(output, ns=(time, time))


@dataclass(frozen=True)
class Vouching:
    """Judges outputs by what their bundles recorded.

    ``key_fault`` says of an output what is wrong with the keys inside it, empty if nothing is.
    """

    manifest: Manifest
    made_with: dict[str, str]
    key_fault: Callable[[str], str]

    def fault(self, output: str) -> str:
        """Why an output cannot be vouched for; empty if it can."""
        sums = self.manifest.sums
        if changed := _changed(self.manifest.made_with, self.made_with):
            return changed
        record = self.manifest.records[output]
        then = read_then(record)
        if (here := _fingerprint(output)) != sums[output]:
            return "differs from the version that was recorded" if here else "is not there"
        for source in made_from(record):
            here = _fingerprint(source)
            if not here:
                return f"made from {source}: not there"
            if here != sums[source] or here != then.get(source, here):
                return f"made from another {source}"
        return self.key_fault(output)


_fingerprint = cache(fingerprint)


def _changed(then: dict[str, str], now: dict[str, str]) -> str:
    """Packages of another release now; empty if there are none."""
    names = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    if not names:
        return ""
    before, here = (
        ", ".join(f"{name} {found.get(name, 'unknown')}" for name in names) for found in (then, now)
    )
    return f"made with {before}, here {here}"


def times(outputs: dict[str, dict]) -> Iterator[tuple[str, int]]:
    """For each output, the earliest time (ns) at which Snakemake finds nothing newer than it.

    Args:
        outputs: records by output, in any order.
    """
    known: dict[str, int] = {}

    def time(path: str) -> int:
        if path not in known:
            if path in outputs:
                # Newer than all, by what sets it apart from a script of the same age.
                known[path] = max(map(time, made_from(outputs[path]))) + AFTER_SCRIPT
            else:
                known[path] = _modified(path)
        return known[path]

    return ((output, time(output)) for output in outputs)


def _modified(path: str) -> int:
    """As Snakemake sees it: a folder that it made is as old as the mark in it."""
    mark = Path(path, bundles.TIMESTAMP)
    return (mark if mark.is_file() else Path(path)).stat().st_mtime_ns
