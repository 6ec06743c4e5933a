"""Snakemake's locks that a killed run left: removed, so that the same command goes on by itself.

Snakemake's lock files list paths and do not say who holds them. So each run of this workflow also holds
a file of its own, by a lock of the kernel's, which is free as soon as the process is gone, however it
ended. No torch, no Snakemake.
"""

import contextlib
import fcntl
import os
import platform
import time
from pathlib import Path
from typing import IO

OWNERS, LOCKS = "owners", "locks"  # folders in .snakemake; the second is Snakemake's own


def hold(run: str, folder: str | Path = ".snakemake") -> tuple[IO | None, bool]:
    """Says, until this process ends, that it works on a run, and removes what dead ones left.

    Args:
        run: its name; its files lie under ``results/{run}``.
        folder: Snakemake's own in the working directory.

    Returns:
        The file that is held: keep it (None where the folder cannot be written to); and whether a
        killed run's locks were removed.
    """
    owners = Path(folder) / OWNERS
    # The machine's name counts, since a folder may be shared; a process's number comes back.
    own = owners / f"{platform.node()}-{os.getpid()}-{time.time_ns()}"
    try:
        owners.mkdir(parents=True, exist_ok=True)
        held = open(own, "w")  # noqa: SIM115  open until the process ends
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(run)
        held.flush()
        return held, _free_of_the_dead(run, Path(folder), own)
    except OSError:  # read-only, or without such locks: Snakemake's own refusal stands
        return None, False


def _free_of_the_dead(run: str, folder: Path, own: Path) -> bool:
    """Removes the locks of a run that was killed, unless another process works on it."""
    dead = []
    for owner in (folder / OWNERS).iterdir():
        if owner == own:
            continue
        if _is_dead(owner):
            dead.append((owner, owner.read_text()))
        elif owner.read_text() == run:
            return False
    left = [lock for lock in (folder / LOCKS).glob("*.lock") if _is_of(lock, run)]
    killed = run in (name for _, name in dead) and bool(left)
    for lock in left if killed else ():
        lock.unlink(missing_ok=True)
    for owner, name in dead:
        if name == run:
            owner.unlink(missing_ok=True)
    return killed


def _is_dead(owner: Path) -> bool:
    """Whether the process that held it is gone; of another machine's nothing is known."""
    if not owner.name.startswith(f"{platform.node()}-"):
        return False
    with open(owner) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_of(lock: Path, run: str) -> bool:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return any(line.startswith(f"results/{run}/") for line in lock.read_text().splitlines())
    return False
