"""A git repository of the workflow's files with a finished run, and clones of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox import ROOT, Sandbox

IDENTITY = {f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")}  # fmt: skip
CONFIG = "tiny.yaml"


class Checkout(Sandbox):
    """A sandbox that is a git repository; its default DVC remote is a folder beside it."""

    @classmethod
    def new(cls, folder: Path, config: dict) -> "Checkout":
        folder.mkdir()
        checkout = cls(folder, config)
        for name in (
            ".gitignore",
            "Makefile",
            "requirements.txt",
            "requirements-cpu.txt",
            ".dvc/config",
            ".dvc/.gitignore",
        ):
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
        checkout.git("init", "--quiet")
        return checkout

    def clone(self, folder: Path) -> "Checkout":
        self.git("clone", "--quiet", str(self.folder), str(folder))
        other = object.__new__(Checkout)
        other.folder, other.config = folder, self.config
        return other

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **IDENTITY},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def changed(self) -> list[str]:
        """What git finds changed or new, but for what the sandbox itself writes."""
        lines = self.git("status", "--porcelain").splitlines()
        return [line for line in lines if not line.endswith(" printed.txt")]

    def dvc(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.run("-m", "dvc", *arguments)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "as it is")

    def versions(self, command: str) -> subprocess.CompletedProcess:
        config = [] if command == "push" else ["--config", CONFIG]
        return self.run("-m", "workflow.versions", command, *config)

    def restore(self) -> subprocess.CompletedProcess:
        """What a pull does once the bundles are there."""
        return self.run(
            "-c", f"from workflow import versions; versions.restore(versions.Run({CONFIG!r}))"
        )

    def make(self, target: str) -> subprocess.CompletedProcess:
        """A target of the Makefile, with this Python in place of the one it would set up."""
        (self.folder / ".venv").mkdir(exist_ok=True)
        (self.folder / ".venv" / ".ready").touch()
        python = f"BIN={Path(sys.executable).parent}"
        return subprocess.run(
            ["make", target, f"CONFIG={CONFIG}", python],
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
