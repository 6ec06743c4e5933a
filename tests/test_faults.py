"""Processes killed, disks full, files cut: nothing lost, nothing half-written, and what to do said."""

import copy
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml
from sandbox import TINY, Sandbox

from rdc import tables

pytestmark = [pytest.mark.slow, pytest.mark.workflow, pytest.mark.faults]

CELL = "rdc_lam=0.01_dim=2_levels=2_dither=yes_recipe=short_seed=0"
BATCH = "rdc_dim=2_levels=2_dither=yes_recipe=short_tier=1_part=0"
TRAIN = ("--config", "tiny.yaml", "--out", "results/tiny", "--threads", "1", "--cells")
# As `python -m rdc.training`, but with a checkpoint after every epoch.
OFTEN = "import rdc.loop, rdc.training; rdc.loop.CHECKPOINT_SECONDS = 0; rdc.training.main()"


def of_one_batch(sandbox: Sandbox) -> Sandbox:
    """Two cells, each of ten short epochs."""
    sandbox.config["recipes"]["short"]["epochs"] = 10
    sandbox.config["studies"]["zhang"]["grids"]["plane"]["levels"] = [2]
    del sandbox.config["studies"]["zhang"]["grids"]["reference"]
    (sandbox.folder / "tiny.yaml").write_text(yaml.safe_dump(sandbox.config, sort_keys=False))
    return sandbox


@pytest.fixture
def sandbox(read_digits, tmp_path) -> Sandbox:
    return of_one_batch(read_digits.copy(tmp_path))


@pytest.fixture
def bare(tmp_path) -> Sandbox:
    """Nothing made yet."""
    return of_one_batch(Sandbox(tmp_path, copy.deepcopy(TINY)))


def start(sandbox: Sandbox, *command: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=sandbox.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def start_snakemake(sandbox: Sandbox, *targets: str) -> subprocess.Popen:
    return start(sandbox, "-m", "snakemake", *targets, "--cores", "1", "--configfile", "tiny.yaml")


def wait_for(sandbox: Sandbox, words: str, process: subprocess.Popen) -> None:
    """Until the training job's log says so."""
    log = sandbox.folder / "logs" / "tiny" / "train" / "zhang" / f"{BATCH}.log"
    for _ in range(1200):
        if log.is_file() and words in log.read_text():
            return
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError(f"no {words!r} in {log} after two minutes")


def codecs(sandbox: Sandbox) -> dict[str, bytes]:
    """The store's weights by cell."""
    found = {}
    for path in (sandbox.results / "store").glob("*/codec.safetensors"):
        found[path.parent.name] = path.read_bytes()
    return found


def half_written(sandbox: Sandbox) -> list[str]:
    """Files that a write under way would have left: scratch files and folders."""
    return [
        str(path.relative_to(sandbox.results))
        for path in sandbox.results.rglob("*")
        if path.is_file()
        and (path.name.startswith(".") or ("-" in path.parent.name and ".work" in path.parts))
        and path.name != ".snakemake_timestamp"
        and ".locks" not in path.parts
    ]


@pytest.mark.parametrize("checkpoint", ["whole", "cut"])
def test_a_training_killed_in_the_middle_ends_as_if_it_had_not_been(
    checkpoint, sandbox, read_digits, tmp_path_factory
):
    training = start(sandbox, "-u", "-c", OFTEN, *TRAIN, CELL)
    for line in training.stdout:
        if "epoch 4/" in line:
            break
    training.send_signal(signal.SIGKILL)
    training.wait()
    (kept,) = (sandbox.results / "store" / ".work").glob("*/checkpoint.pt")
    if checkpoint == "cut":
        kept.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])

    again = sandbox.run("-m", "rdc.training", *TRAIN, CELL)
    assert again.returncode == 0, again.stderr
    if checkpoint == "whole":
        assert f"zhang/{CELL} goes on after epoch" in again.stdout
        assert again.stdout.count(" epoch ") < 10
    else:
        assert "damaged" in again.stdout and f"{CELL} starts anew" in again.stdout

    other = of_one_batch(read_digits.copy(tmp_path_factory.mktemp("uninterrupted")))
    assert other.run("-m", "rdc.training", *TRAIN, CELL).returncode == 0
    assert codecs(sandbox) == codecs(other) and len(codecs(other)) == 1


def test_snakemake_killed_goes_on_by_the_same_command(sandbox, read_digits, tmp_path_factory):
    killed = start_snakemake(sandbox, "trained")
    wait_for(sandbox, "epoch 2/10", killed)
    killed.send_signal(signal.SIGKILL)  # its training job lives on
    killed.wait()

    done = sandbox.snakemake("trained")  # while the first job still trains
    assert done.returncode == 0, done.stderr
    assert "results/tiny: an earlier run was killed and nobody holds its lock" in done.stderr

    assert "is trained already" in sandbox.log("train", "zhang", f"{BATCH}.log")
    assert "train" not in {rule for rule, _ in sandbox.planned()}
    other = of_one_batch(read_digits.copy(tmp_path_factory.mktemp("uninterrupted")))
    assert other.snakemake("trained").returncode == 0
    assert codecs(sandbox) == codecs(other) and len(codecs(other)) == 2


def test_a_second_snakemake_on_the_same_folder_is_refused(sandbox):
    first = start_snakemake(sandbox, "trained")
    wait_for(sandbox, "epoch 1/10", first)
    second = sandbox.snakemake("trained")
    assert second.returncode != 0
    assert "cannot be locked" in second.stderr and "--unlock" in second.stderr
    output = first.communicate(timeout=300)[0]
    assert first.returncode == 0, output
    assert sandbox.log("train", "zhang", f"{BATCH}.log").count("epoch 10/10") == 2


def test_two_trainings_on_the_same_folder_train_each_cell_once(bare):
    both = [start(bare, "-m", "rdc.training", *TRAIN, "*") for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(re.findall(r"rdc_\S+ epoch 10/10", "".join(outputs))) == 2
    assert "".join(outputs).count("is trained already (") == 1  # the classifier, too, once
    assert len(codecs(bare)) == 2 and half_written(bare) == []


@pytest.fixture
def small_disk(bare):
    """``results`` is a disk of its own, 64 MB; ``size(extra)`` leaves it so many free kB."""
    folder = bare.folder / "results"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk needs root and a kernel that lets it mount a tmpfs")

    def size(extra: int) -> None:
        held = os.statvfs(folder)
        used = (held.f_blocks - held.f_bfree) * held.f_frsize // 1024
        option = f"remount,size={used + extra}k"
        subprocess.run(["mount", "-o", option, str(folder)], check=True)

    yield size
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_loses_nothing(small_disk, bare):
    assert bare.run("-m", "rdc.training", *TRAIN, "rdc_lam=0_*").returncode == 0
    before = codecs(bare)
    small_disk(100)
    alone = bare.run("-c", OFTEN, *TRAIN, CELL)  # too little for a checkpoint
    assert alone.returncode != 0 and "Traceback" not in alone.stderr
    assert "results/tiny: its disk is full" in alone.stderr
    assert "give the same command again" in alone.stderr
    failed = bare.snakemake("trained")  # too little for the weights
    assert failed.returncode != 0
    assert "results/tiny: its disk is full" in failed.stdout + failed.stderr
    assert codecs(bare) == before and half_written(bare) == []
    small_disk(40_000)
    assert bare.snakemake("trained").returncode == 0
    log = bare.log("train", "zhang", f"{BATCH}.log")
    assert log.count("is trained already") == 1 and log.count("epoch 10/10") == 1


@pytest.fixture
def freeze():
    """``freeze(folder)`` lets nobody write there any more, root included; thawed in the end."""
    frozen = []

    def freeze(folder):
        frozen.append(folder)
        if os.geteuid():
            folder.chmod(0o555)
        elif subprocess.run(["chattr", "+i", str(folder)], capture_output=True).returncode:
            pytest.skip("root is stopped only by chattr +i, which this disk does not know")

    def thaw():
        for folder in frozen:
            if os.geteuid():
                folder.chmod(0o755)
            else:
                subprocess.run(["chattr", "-i", str(folder)], capture_output=True)

    freeze.thaw = thaw
    yield freeze
    thaw()


def test_results_made_read_only_in_mid_run(freeze, sandbox):
    run = start_snakemake(sandbox, "trained")
    wait_for(sandbox, "epoch 2/10", run)
    freeze(sandbox.results / "store")
    output = run.communicate(timeout=300)[0]
    assert run.returncode != 0
    assert "results/tiny: it, or something in it, cannot be written to" in output
    assert "give the same command again" in output
    assert codecs(sandbox) == {} and not (sandbox.results / "codecs" / "zhang" / BATCH).exists()
    freeze.thaw()
    assert sandbox.snakemake("trained").returncode == 0
    assert len(codecs(sandbox)) == 2 and half_written(sandbox) == []


def test_a_cut_part_of_a_table_is_named_and_made_again(sandbox):
    table = sandbox.results / "tables" / "curves.parquet"
    target = str(table.relative_to(sandbox.folder))
    assert sandbox.snakemake(target).returncode == 0
    before = table.read_bytes()
    part = sandbox.results / "parts" / "curves" / "zhang" / f"{BATCH}.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    failed = sandbox.snakemake(target)
    output = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert f"{part.relative_to(sandbox.folder)}: cannot be read as Parquet" in output
    assert "delete it and run again" in output
    part.unlink()
    assert sandbox.snakemake(target).returncode == 0
    assert table.read_bytes() == before
    assert sandbox.log("train", "zhang", f"{BATCH}.log").count("is trained already") == 2


def test_a_loss_that_becomes_nan_stops_its_cell_alone(sandbox):
    grids = sandbox.config["studies"]["zhang"]["grids"]
    sandbox.config["recipes"] |= {"lloyd": {"epochs": 5}}
    grids["plane"] |= {"lam": [0, "1e39", 0.01]}  # the wild one has a batch with two others
    # Beyond what a config may ask for: the bound is lifted here, so that a loss does diverge.
    fields = sandbox.folder / "rdc" / "config_fields.py"
    fields.write_text(fields.read_text().replace("MOST_WEIGHT = 1e9", "MOST_WEIGHT = 1e60"))
    grids["reference"] = {"methods": "vq", "dim": 2, "levels": 2, "recipe": "lloyd"}
    failed = sandbox.snakemake("--keep-going")
    output = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert re.search(r"zhang/rdc_lam=1e39_\S+: \w+ became \w+ at step", output)
    assert "a lower lr in its recipe usually helps" in output
    assert "have no rows before these are mended or taken out of the config" in output
    assert len(codecs(sandbox)) == 3  # all but the wild one
    parts = sandbox.results / "parts" / "cells" / "zhang"
    assert [len(tables.read("cells", path)) for path in parts.glob("*.parquet")] == [3]
    assert not (sandbox.results / "report.html").exists()
    grids["plane"]["lam"] = [0, 0.01]
    target = str((parts / f"{BATCH}.parquet").relative_to(sandbox.folder))
    assert sandbox.snakemake(target).returncode == 0
    assert sandbox.log("train", "zhang", f"{BATCH}.log").count("is trained already") == 2
    assert set(tables.read("cells", sandbox.folder / target).lam) == {0, 0.01}
