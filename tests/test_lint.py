"""Snakemake's own linter has nothing to say but that no rule names a conda environment."""

import subprocess
import sys

import pytest
from sandbox import ROOT


@pytest.mark.slow
@pytest.mark.workflow
def test_snakemake_lint():
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint"], cwd=ROOT, capture_output=True, text=True
    )
    found = [line.strip() for line in done.stderr.splitlines() if line.startswith("    * ")]
    assert found
    assert set(found) == {"* Specify a conda environment or container for each rule.:"}
