"""A copy of the checkout in which tests run the workflow for real, on a config of seconds."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent

TINY = {
    "run": "tiny",
    "datasets": {"digits": {"source": "digits", "validation": 200}},
    "classifiers": {
        "zhang": {"architecture": "zhang", "epochs": 1, "batch": 64},
        "judge": {"architecture": "judge", "epochs": 1, "batch": 64},
    },
    "methods": {
        "rdc": {"weights": {"mse": 1, "nll": "lam"}},
        "vq": {"moves": "codebook", "weights": {"mse": 1}},
    },
    "recipes": {
        "short": {"epochs": 2, "batch": 64, "schedule": "one_cycle", "gradient": "identity"},
        "lloyd": {"epochs": 5},
    },
    "studies": {
        "zhang": {
            "dataset": "digits",
            "classifier": "zhang",
            "width": 0.1,
            "grids": {
                "plane": {
                    "methods": "rdc",
                    "lam": [0, 0.01],
                    "dim": 2,
                    "levels": [2, 3],
                    "recipe": "short",
                },
                "reference": {"methods": "vq", "dim": 2, "levels": 2, "recipe": "lloyd"},
            },
        }
    },
    "evaluation": {"dithers": 2, "sliced_images": 100, "sliced_projections": 10},
    "cells_per_job": 4,
}


class Sandbox:
    """The workflow's files under a scratch folder; ``config`` is written before each call."""

    def __init__(self, folder: Path, config: dict):
        self.folder, self.config = folder, config
        for name in ("Snakefile", "workflow", "rdc", "config", "profiles"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / name)

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["run"]

    def log(self, *parts: str) -> str:
        return (self.folder / "logs" / self.config["run"]).joinpath(*parts).read_text()

    def run(self, *command: str, timeout: int = 900) -> subprocess.CompletedProcess:
        """Any Python command in the sandbox, such as ``-m rdc.training --help``."""
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def snakemake(self, *arguments: str, config: str = "tiny.yaml") -> subprocess.CompletedProcess:
        # Targets first: --configfile takes all names that follow it.
        return self.run("-m", "snakemake", *arguments, "--cores", "2", "--configfile", config)

    def planned(self) -> Counter:
        """What a dry run would do: (rule, wildcards) of each job, the target rule left out."""
        done = self.snakemake("-n")
        assert done.returncode == 0, done.stdout + done.stderr
        jobs: Counter = Counter()
        rule = None
        for line in (done.stdout + done.stderr).splitlines():
            if match := re.match(r"(?:local)?rule (\w+):", line):
                rule = match[1]
                jobs[rule, ""] += 1
            elif rule and (match := re.match(r"    wildcards: (.*)", line)):
                jobs[rule, ""] -= 1
                jobs[rule, match[1]] += 1
        return Counter({job: count for job, count in jobs.items() if count and job[0] != "all"})
