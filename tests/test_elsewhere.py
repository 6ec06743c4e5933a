"""The workflow from where its files do not lie: another folder, another workflow, other paths."""

import copy
import os
import subprocess
import sys

import pytest
import yaml
from sandbox import ROOT, TINY, Sandbox

from rdc import machine

MADE = ["results/tiny/figures/limits_gaussian.svg"]
MODULE = """
configfile: "config/config.yaml"

module rdc_atlas:
    snakefile:
        github("someone/rdc-atlas", path="workflow/Snakefile", tag="v1")
    config:
        config

use rule * from rdc_atlas
"""


@pytest.mark.parametrize(
    "folder", ["my photos", "it's", "a$b", "a;b", "a(b", "a`b", "a\\b", "a*b", "a{b", "a#b"]
)
def test_make_refuses_a_path_that_snakemake_cannot_take_before_any_set_up(tmp_path, folder):
    place = tmp_path / folder
    place.mkdir()
    for name in ("Makefile", "requirements.txt", "requirements-cpu.txt", "requirements-dev.txt"):
        (place / name).write_text((ROOT / name).read_text())
    refused = subprocess.run(["make", "PYTHON=false"], cwd=place, capture_output=True, text=True)
    assert refused.returncode != 0 and not (place / ".venv").exists()
    [said, *_] = refused.stderr.splitlines()
    assert said.startswith(f"{place}: found a blank, a quote or another sign of the shell")
    assert machine.unusable_path(place / ".venv" / "bin" / "python")


def test_usual_paths_are_taken():
    for path in (
        "/home/jérôme/rdc-atlas_2.0/.venv/bin/python3.11",
        "/opt/a+b=c@d,e~f/python",
        "C:/x",
    ):
        assert machine.unusable_path(path) == ""
    assert "':'" in machine.unusable_path("/usr/bin/python", checkout="/home/a:b/rdc-atlas")


def test_a_folder_that_holds_the_runs_own_files_is_no_folder_of_pictures(tmp_path, monkeypatch):
    """Its figures would count as the user's pictures in the second run."""
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    for folder in (".", tmp_path, tmp_path.parent):
        assert "holds the run's own folder" in machine.holds_own(folder)
    for folder in ("pictures", tmp_path / "results" / "mine" / "chosen", "../elsewhere"):
        assert machine.holds_own(folder) == ""


def test_a_run_is_described_by_all_that_snakemake_was_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").touch()
    (tmp_path / "here.yaml").touch()
    files = [tmp_path / "here.yaml", tmp_path.parent / "above.yaml"]
    config = {"run": "mine", "evaluation": {"dithers": "2"}}
    assert machine.arguments(tmp_path / "Snakefile", files, config) == [
        "--configfile", "here.yaml", str(tmp_path.parent / "above.yaml"),
        "--config", "run=mine", 'evaluation={"dithers": "2"}',
    ]  # fmt: skip
    assert machine.arguments(ROOT / "Snakefile", [], {}) == ["-s", str(ROOT / "Snakefile")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Sandbox:
    return Sandbox(tmp_path_factory.mktemp("checkout"), copy.deepcopy(TINY))


def snakemake(folder, *arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *map(str, arguments)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.workflow
def test_the_commands_on_the_page_describe_runs_of_several_files_and_of_config(checkout):
    """One batch of a run that exists only as two files and ``--config`` together."""
    base = {key: value for key, value in TINY.items() if key not in ("run", "studies")}
    (checkout.folder / "base.yaml").write_text(yaml.safe_dump(base))
    (checkout.folder / "own.yaml").write_text(yaml.safe_dump({"studies": TINY["studies"]}))
    told = [
        "--configfile",
        "base.yaml",
        "own.yaml",
        "--config",
        "run=typed",
        "evaluation={dithers: 3}",
    ]
    params = snakemake(checkout.folder, "-n", *told)
    assert params.returncode == 0, params.stdout + params.stderr
    arguments = machine.arguments(
        checkout.folder / "Snakefile",
        [checkout.folder / "base.yaml", checkout.folder / "own.yaml"],
        {"run": "typed", "evaluation": {"dithers": "3"}},
    )
    batch = "results/typed/measured/zhang/vq_dim=2_levels=2_dither=no_recipe=lloyd_tier=1_part=0"
    again = snakemake(checkout.folder, "-n", batch, *arguments)
    assert again.returncode == 0, again.stderr
    assert "rule evaluate:" in again.stdout and again.stdout.count("rule train:") == 1


@pytest.mark.slow
@pytest.mark.workflow
def test_it_runs_in_a_folder_of_its_own(checkout, tmp_path):
    checkout.write_config()
    options = ["--configfile", checkout.folder / "tiny.yaml"]
    elsewhere = ["-s", checkout.folder / "workflow" / "Snakefile", *options]
    done = snakemake(tmp_path, *MADE, *elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((tmp_path / path).is_file() for path in MADE)
    directory = snakemake(checkout.folder, "-n", "--directory", tmp_path, *options)
    for whole in (snakemake(tmp_path, "-n", *elsewhere), directory):
        assert whole.returncode == 0 and "rule report:" in whole.stdout, whole.stderr
        assert "rule limits:" not in whole.stdout  # both find what was made
    assert not (checkout.folder / "results").exists()


@pytest.mark.slow
@pytest.mark.workflow
def test_another_workflow_takes_it_as_a_module_from_a_git_host(checkout, tmp_path):
    """As snakedeploy writes it; the clone that Snakemake would fetch lies in its cache already."""
    cache, source = tmp_path / "cache", tmp_path / "source"
    source.mkdir()
    Sandbox(source, {})
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@y"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True)
    clone = cache / "snakemake" / "snakemake" / "source-cache" / "snakemake-git-cache"
    clone = clone / "github.com" / "someone" / "rdc-atlas"
    subprocess.run(["git", "clone", "-q", "--bare", str(source), str(clone)], check=True)

    outer = tmp_path / "outer"
    (outer / "config").mkdir(parents=True)
    (outer / "config" / "config.yaml").write_text(yaml.safe_dump(TINY))
    (outer / "Snakefile").write_text(MODULE)
    done = snakemake(outer, *MADE, XDG_CACHE_HOME=str(cache))
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((outer / path).is_file() for path in MADE)
    whole = snakemake(outer, "-n", XDG_CACHE_HOME=str(cache))
    assert whole.returncode == 0 and "rule report:" in whole.stdout, whole.stderr
