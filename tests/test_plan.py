"""What a dry run says in a page, and how long jobs are expected to take."""

import copy
import os
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from sandbox import ROOT, TINY, Sandbox

from rdc import cells, config, durations, plan

MNIST = config.load(ROOT / "config" / "mnist.yaml")


def test_estimates_are_within_a_factor_of_two_of_what_mnist_took():
    """120 cells at full width, on two cores of several machines: in all, and the median method's."""
    costs = pd.read_parquet(ROOT / "results" / "mnist" / "tables" / "costs.parquet")
    known = {(cell.study, cell.name): cell for cell in cells.expand(MNIST)}
    for column, estimate in (
        ("train_seconds", durations.training),
        ("evaluate_seconds", durations.measuring),
    ):
        found = [estimate(known[name], MNIST) for name in zip(costs.study, costs.cell, strict=True)]
        ratios = pd.Series(found) / costs[column]
        assert 0.5 < sum(found) / costs[column].sum() < 2
        assert 0.5 < ratios.median() < 2


def test_what_a_runs_own_jobs_took_comes_before_estimates(tmp_path):
    for path, seconds in (("train/zhang/a.tsv", 10), ("train/le/b.tsv", 20), ("figures/le.tsv", 3)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:10\t-\n")
    found = durations.expected(MNIST, cells.batches(MNIST), tmp_path)
    assert (found["train"], found["figures_le"]) == (15.0, 3.0)
    assert found["evaluate"] > 30 and found["figures_luo"] == durations.OF_FIGURES


def test_a_plan_is_a_page_whatever_its_jobs():
    every = {*durations.OF_A_JOB, "train", "evaluate", *(f"figures_{p}" for p in "abcdef")}
    found = plan.Plan("mine", 2, lambda: {"train": 3600.0})
    for number in range(1000):
        for rule in every:
            reason = list(plan.REASONS)[number % len(plan.REASONS)]
            found.take(rule, f"{reason}: results/mine/x; Input files updated by another job: y")
    lines = found.text().splitlines()
    assert len(lines) < 25 and all(len(line) <= 80 for line in lines)
    assert lines[0] == "results/mine: 22000 jobs to run, roughly 21 days on 2 cores"
    [train] = [line.split() for line in lines if line.startswith("  train")]
    assert train[1:3] == ["1000", "60"]
    assert (
        plan.Plan("mine", 2, dict).text() == "results/mine: nothing to do, all of it is up to date"
    )


@pytest.mark.golden
@pytest.mark.workflow
def test_make_plan_prints_what_a_dry_run_would_in_a_page(tmp_path):
    Sandbox(tmp_path, copy.deepcopy(TINY)).write_config()
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "2", "--configfile"]

    def planned(file):
        done = subprocess.run(
            [*command, file], cwd=tmp_path, env=os.environ | {plan.ASKED: "1"},
            capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    status, printed, faults = planned("tiny.yaml")
    assert status == 0, faults
    lines = printed.splitlines()
    assert lines[0].startswith("results/tiny: 20 jobs to run, roughly ") and len(lines) < 25
    assert any(line.split()[:2] == ["train", "3"] for line in lines)
    assert all(line.endswith("not there yet") for line in lines if line.startswith("  train"))
    # A fault is said, and no plan beside it.
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(TINY | {"recipes": {}}))
    status, printed, _ = planned("bad.yaml")  # Snakemake says all of a dry run on stdout
    assert status != 0 and "jobs to run" not in printed and "recipe" in printed
