"""Snakemake's own linter has nothing to say but that no rule names a conda environment; and the
workflow is found where its catalog looks."""

import subprocess
import sys

import dry_runs
import pytest
import yaml
from sandbox import ROOT, Sandbox


@pytest.mark.slow
@pytest.mark.workflow
def test_snakemake_lint():
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True
    )
    found = [line.strip() for line in done.stderr.splitlines() if line.startswith("    * ")]
    assert found
    assert set(found) == {"* Specify a conda environment or container for each rule.:"}


@pytest.mark.slow
@pytest.mark.workflow
def test_the_catalogs_snakefile_plans_the_same_jobs(tmp_path):
    sandbox = Sandbox(tmp_path, yaml.safe_load((ROOT / "config" / "example.yaml").read_text()))
    sandbox.write_config()
    arguments = ["-n", "--cores", "2", "--configfile", "tiny.yaml"]
    above, below = (
        dry_runs.jobs(dry_runs.snakemake([*arguments, "-s", snakefile], tmp_path))
        for snakefile in ("Snakefile", "workflow/Snakefile")
    )
    assert below.pop(("default", "")) == 1
    assert above and above == below
