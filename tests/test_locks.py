"""Locks of killed runs: found dead by the kernel's own lock, and removed with nobody else's."""

import subprocess
import sys

import pytest
from sandbox import ROOT

from rdc import locks

HOLDS = "import sys; from rdc import locks; held = locks.hold(*sys.argv[1:]); print(held[1], flush=True); input()"


@pytest.fixture
def folder(tmp_path):
    """Snakemake's, with the locks of two runs, as Snakemake writes them."""
    (tmp_path / "locks").mkdir()
    for number, run in enumerate(["mine", "other"]):
        for kind, path in (("input", "data/x.gz"), ("output", f"results/{run}/report.html")):
            lock = tmp_path / "locks" / f"{number}.{kind}.lock"
            lock.write_text(f"{path}\nresults/{run}/tables/cells.parquet\n")
    return tmp_path


def holder(run, folder) -> subprocess.Popen:
    """Another process that holds a run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, run, str(folder)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.found = process.stdout.readline()
    return process


def kill(process):
    process.kill()
    process.communicate()


def left(folder):
    return sorted(path.name for path in (folder / "locks").iterdir())


def test_the_locks_of_a_killed_run_are_removed_and_no_other(folder):
    kill(holder("mine", folder))
    held, freed = locks.hold("mine", folder)
    assert freed and left(folder) == ["1.input.lock", "1.output.lock"]
    held.close()
    assert not locks.hold("mine", folder)[1]  # nothing is left to be removed


@pytest.mark.parametrize("killed_too", [False, True])
def test_a_run_that_another_process_works_on_keeps_its_locks(folder, killed_too):
    if killed_too:
        kill(holder("mine", folder))
    at_work = holder("mine", folder)
    if killed_too:  # the second one removed what the first had left, and wrote its own
        assert at_work.found == "True\n"
        (folder / "locks" / "0.output.lock").write_text("results/mine/report.html\n")
    before = left(folder)
    assert not locks.hold("mine", folder)[1] and left(folder) == before
    kill(at_work)
    assert locks.hold("mine", folder)[1] and left(folder) == ["1.input.lock", "1.output.lock"]


def test_locks_of_unknown_owners_stay(folder):
    """Of a Snakemake without this workflow's owners, and of another machine's process."""
    assert not locks.hold("mine", folder)[1] and len(left(folder)) == 4
    kill(holder("other", folder))
    [owner] = [path for path in (folder / "owners").iterdir() if path.read_text() == "other"]
    owner.rename(owner.with_name("elsewhere-1-2"))
    assert not locks.hold("other", folder)[1] and len(left(folder)) == 4


def test_a_folder_that_cannot_be_written_is_no_fault(tmp_path):
    (tmp_path / "file").write_text("")
    assert locks.hold("mine", tmp_path / "file") == (None, False)
