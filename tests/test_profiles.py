"""The Slurm profile can be read without a Slurm, and so can what it offers to uncomment."""

import copy
import re

import pytest
import yaml
from sandbox import TINY, Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.workflow]


def resources(printed: str) -> dict[str, str]:
    """By rule the resources that a dry run prints."""
    return dict(re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", printed, re.M))


def plan(sandbox: Sandbox, profile: str) -> dict[str, str]:
    done = sandbox.run(
        *("-m", "snakemake", "-n", "--workflow-profile", profile, "--configfile", "tiny.yaml")
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return resources(done.stdout + done.stderr)


def test_the_slurm_profile_gives_every_job_its_limits(tmp_path):
    planned = plan(Sandbox(tmp_path, copy.deepcopy(TINY)), "profiles/slurm")
    assert {"prepare", "pretrain", "train", "evaluate", "report"} <= set(planned)
    for rule in set(planned) - {"all"}:
        assert "runtime=" in planned[rule] and "mem_mb=" in planned[rule], rule


def test_uncommented_lines_name_account_and_partition_and_ask_for_gpus(tmp_path):
    sandbox = Sandbox(tmp_path, copy.deepcopy(TINY))
    offered = (sandbox.folder / "profiles/slurm/config.yaml").read_text()
    settings = r"^(\s*)# (?=- slurm_|set-resources:$|  \w+: \{gpu)"
    mine = re.sub(settings, r"\1", offered, flags=re.M)
    assert set(yaml.safe_load(mine)["set-resources"]) == {"pretrain", "train", "evaluate"}
    (sandbox.folder / "profiles/mine").mkdir()
    (sandbox.folder / "profiles/mine/config.yaml").write_text(mine)
    planned = plan(sandbox, "profiles/mine")
    for rule in ("pretrain", "train", "evaluate"):
        assert "gpu=1" in planned[rule] and "slurm_account=ACCOUNT" in planned[rule]
    assert "gpu=1" not in planned["prepare"] and "slurm_partition=PARTITION" in planned["prepare"]
