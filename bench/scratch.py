"""A copy of the workflow in a scratch folder, and Snakemake run in it.

The benchmarks train and delete; a user's own results must not be touched, nor found there.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from bench.workers import ROOT

PARTS = ("Snakefile", "config", "profiles", "rdc", "workflow")
CORES = 2


class Workflow:
    """A copy of what Snakemake needs of the checkout; ``folder`` is the copy."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in PARTS:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)

    def config(self, name: str) -> dict:
        return yaml.safe_load((self.folder / "config" / name).read_text())

    def configure(self, content: dict) -> None:
        """Makes this the default config, the one that a plain ``snakemake`` reads."""
        (self.folder / "config" / "config.yaml").write_text(yaml.safe_dump(content))

    def run(self, *arguments: str) -> float:
        """Runs ``snakemake`` with these arguments; seconds from start to end.

        Raises:
            RuntimeError: where it fails, with the end of what it printed.
        """
        start = time.perf_counter()
        self.printed(*arguments)
        return time.perf_counter() - start

    def processor_seconds(self, *arguments: str) -> float:
        """Of ``snakemake`` with these arguments and all its jobs; other work changes them little."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.printed(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def printed(self, *arguments: str) -> str:
        """What ``snakemake`` prints with these arguments. Raises RuntimeError as ``run`` does."""
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", str(CORES)]
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"snakemake {' '.join(arguments)} failed:\n{done.stdout[-2000:]}")
        return done.stdout


@contextmanager
def workflow() -> Iterator[Workflow]:
    """A copy that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="rdc-bench-") as folder:
        yield Workflow(Path(folder))
