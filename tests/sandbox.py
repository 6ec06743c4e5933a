"""A copy of the checkout in which tests run the workflow for real, on a config of seconds."""

import copy
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import dry_runs
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


def with_frozen_encoder() -> dict:
    """TINY with one cell, and another that keeps that one's encoder frozen."""
    config = copy.deepcopy(TINY)
    config["methods"]["universal"] = {
        "weights": {"mse": 1},
        "encoder_from": {"method": "rdc", "lam": 0},
    }
    plane = {"dim": 2, "levels": 2, "recipe": "short"}
    config["studies"]["zhang"]["grids"] = {
        "base": {**plane, "methods": "rdc", "lam": 0},
        "more": {**plane, "methods": "universal"},
    }
    return config


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

    def copy(self, folder: Path) -> "Sandbox":
        """Another one in the same state, files' times included."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        twin = copy.copy(self)
        twin.folder, twin.config = folder, copy.deepcopy(self.config)
        return twin

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["run"]

    def log(self, *parts: str) -> str:
        return (self.folder / "logs" / self.config["run"]).joinpath(*parts).read_text()

    def write_config(self) -> None:
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))

    def run(self, *command: str, timeout: int = 1800) -> subprocess.CompletedProcess:
        """Any Python command in the sandbox, such as ``-m rdc.training --help``."""
        self.write_config()
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

    def pretend(self) -> None:
        """Makes up all outputs and lets Snakemake take them for its own: finished, nothing run."""
        listed = self.snakemake("--summary")
        assert listed.returncode == 0, listed.stderr
        for line in listed.stdout.splitlines()[1:]:
            output = self.folder / line.split("\t")[0]
            output.parent.mkdir(parents=True, exist_ok=True)
            if output.suffix:
                output.write_text(f"made up: {output.name}\n")
            else:
                output.mkdir()
        # By force: a job whose made-up files look new enough would be left without its record.
        touched = self.snakemake("--touch", "--forceall")
        assert touched.returncode == 0, touched.stderr

    def dry_run(self, config: str = "tiny.yaml") -> str:
        """What ``snakemake -n`` prints."""
        self.write_config()
        arguments = ["-n", "--cores", "2", "--configfile", config]
        return dry_runs.snakemake(arguments, self.folder)

    def planned(self) -> Counter:
        """What a dry run would do: (rule, wildcards) of each job, the target rule left out."""
        return dry_runs.jobs(self.dry_run())
