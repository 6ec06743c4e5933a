"""The workflow on a real Slurm, started here: GPUs asked for, a lost job found, the rest resumed.

Installs Slurm where it is missing (root and apt-get), so it has a target of its own: make test-slurm.
"""

import copy
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import defaultdict

import pytest
import slurm_cluster
from sandbox import TINY, Sandbox
from test_readme import commands

from rdc import tables

pytestmark = [pytest.mark.slurm, pytest.mark.workflow, pytest.mark.slow]

COMMAND = [
    *("-m", "snakemake", "--workflow-profile", "profiles/slurm", "--configfile", "tiny.yaml"),
    *("--retries", "0", "--latency-wait", "10"),
    *("--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2"),
    *("--set-resources", "train:gpu=1", "evaluate:gpu=1"),
]
BATCH = "rdc_dim=2_levels=2_dither=yes_recipe=short_tier=1_part=0"


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    try:
        slurm_cluster.install()
    except slurm_cluster.Unavailable as reason:
        pytest.skip(str(reason))
    with slurm_cluster.running(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, cluster) -> tuple[Sandbox, str]:
    """A run that lost a job while it trained the second of two cells; what it printed."""
    sandbox = Sandbox(tmp_path_factory.mktemp("run"), copy.deepcopy(TINY))
    sandbox.config |= {"cells_per_job": 2}
    sandbox.config["recipes"]["short"] |= {"epochs": 20}
    sandbox.write_config()
    log = sandbox.folder / "logs" / "tiny" / "train" / "zhang" / f"{BATCH}.log"
    process = subprocess.Popen(
        [sys.executable, *COMMAND, "--until", "train"],
        cwd=sandbox.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + 300
        while not (log.exists() and "[2/2]" in log.read_text()):
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
            time.sleep(0.2)
        job = next((sandbox.folder / ".snakemake/slurm_logs/rule_train").glob(f"*{BATCH}/*.log"))
        subprocess.run(["scancel", job.stem], check=True)
        return sandbox, process.communicate(timeout=300)[0]
    finally:
        process.send_signal(signal.SIGINT) if process.poll() is None else None


@pytest.fixture(scope="module")
def finished(interrupted) -> tuple[Sandbox, subprocess.CompletedProcess]:
    """The same command again."""
    sandbox, _ = interrupted
    return sandbox, sandbox.run(*COMMAND)


def submitted() -> dict[str, list[tuple[str, str]]]:
    """By rule the state, and the GPUs asked for, of every job that Slurm was given."""
    listed = subprocess.run(
        ["squeue", "-h", "-t", "all", "-O", "State:|,tres-per-job:|,Comment:300"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = defaultdict(list)
    for line in listed.stdout.splitlines():
        state, gpus, comment = line.split("|")
        rule = comment.strip().split("_wildcards_")[0].removeprefix("rule_")
        found[rule].append((state, gpus))
    return found


def test_a_cancelled_job_is_found_and_the_others_go_on(interrupted):
    sandbox, output = interrupted
    assert "SLURM status is: 'CANCELLED'" in output
    assert f"logs/tiny/train/zhang/{BATCH}.log" in output  # where to look
    assert not (sandbox.results / "codecs" / "zhang" / BATCH).exists()
    vq = "vq_dim=2_levels=2_dither=no_recipe=lloyd_tier=1_part=0"
    assert (sandbox.results / "codecs" / "zhang" / vq).is_dir()
    assert not (sandbox.results / "report.html").exists()


def test_the_same_command_resumes_and_finishes(finished):
    sandbox, done = finished
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    resumed = sandbox.log("train", "zhang", f"{BATCH}.log")
    assert re.search(r"rdc_lam=0_dim=2\S* is trained already", resumed)
    cells = tables.read("cells", sandbox.results / "tables" / "cells.parquet")
    assert len(cells) == 5 * 3
    assert cells.mse.between(0.01, 0.2).all()
    assert (sandbox.results / "report.html").stat().st_size > 10_000
    assert not sandbox.planned()


def test_slurm_ran_what_is_not_local_and_gave_gpus_to_those_that_asked(finished):
    jobs = submitted()
    assert {"prepare", "pretrain", "train", "evaluate", "report"} <= set(jobs)
    assert not {"all", "gather", "fetch", "tables", "figures"} & set(jobs)
    for rule, rows in jobs.items():
        expected = "gres:gpu:1" if rule in ("train", "evaluate") else "N/A"
        assert {gpus for _, gpus in rows} == {expected}, rule
    train = [state for state, _ in jobs.pop("train")]
    assert sorted(train) == ["CANCELLED", *["COMPLETED"] * 3]
    assert {state for rows in jobs.values() for state, _ in rows} == {"COMPLETED"}


def test_the_readmes_walk_as_printed(tmp_path):
    _, submit = commands("On a cluster")
    sandbox = Sandbox(tmp_path, {})
    done = sandbox.run("-m", *shlex.split(submit), timeout=1800)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "results" / "example" / "report.html").stat().st_size > 10_000
