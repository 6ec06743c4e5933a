"""Finished cells by key, outside Snakemake's declared outputs.

An interrupted batch loses only the cell it was at (and of that only what came after its last
checkpoint); a batch that grows by one cell trains one. An entry is a folder that appears whole, by
one rename, so a folder that is there is finished.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

MANIFEST = "entry.json"


class Store:
    """Folders named by key under ``root``; work in progress lies in ``root/.work``."""

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def entry(self, key: str) -> Path:
        """Where the finished entry is, or will be."""
        return self.root / key

    def checkpoint(self, key: str) -> Path:
        """Where a training under way keeps its checkpoint; its folder exists."""
        folder = self.root / ".work" / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "checkpoint.pt"

    def holds(self, key: str) -> bool:
        """Whether the entry is there and its files are as they were written.

        A damaged entry is put aside under ``.work`` (never used, never silently deleted).
        """
        folder = self.entry(key)
        if not folder.is_dir():
            return False
        if _intact(folder):
            return True
        aside = self.root / ".work" / f"damaged-{key}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder, aside)
        return False

    def add(self, key: str, fill: Callable[[Path], None]) -> Path:
        """Lets ``fill`` write an entry's files into a scratch folder, then puts it in place."""
        scratch = self.root / ".work" / f"{key}-{os.getpid()}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            fill(scratch)
            sums = {path.name: sha256(path) for path in sorted(scratch.iterdir())}
            (scratch / MANIFEST).write_text(json.dumps({"key": key, "sha256": sums}, indent=1))
            os.replace(scratch, self.entry(key))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(self.root / ".work" / key, ignore_errors=True)
        return self.entry(key)

    def disowns(self, key: str, name: str, path: Path) -> bool:
        """Whether a file is not what the entry's file of that name was when it was written.

        A file of a run and that of the store's entry are one file on the disk: what befalls one is in
        both. False where there is no such entry, as in a run that was copied without its store.
        """
        try:
            sums = json.loads((self.entry(key) / MANIFEST).read_text())["sha256"]
            return name in sums and sums[name] != sha256(path)
        except FileNotFoundError:
            return False
        except (ValueError, KeyError, TypeError, RecursionError):
            return True  # a manifest that cannot be read

    @contextlib.contextmanager
    def lock(self, key: str, report: Callable[[str], None] = print) -> Iterator[None]:
        """Waits, and says so, until no other process works on this key; the kernel frees it if we die."""
        folder = self.root / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / key, "w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report(f"{key}: another process is at it; waiting for it to finish")
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def link(stored: Path, target: Path) -> None:
    """Puts a file of an entry at ``target`` as well, in place of what another process put there."""
    scratch = target.with_name(f".{target.name}-{os.getpid()}")
    scratch.unlink(missing_ok=True)
    os.link(stored, scratch)
    os.replace(scratch, target)
    scratch.unlink(missing_ok=True)  # a rename onto the same file does nothing


def _intact(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        sums = manifest["sha256"]
        return manifest["key"] == folder.name and all(
            sha256(folder / name) == found for name, found in sums.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def sha256(path: Path) -> str:
    """Of a file's content, in hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
