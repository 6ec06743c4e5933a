"""The store of finished cells: entries appear whole, damaged ones are put aside, locks exclude."""

import multiprocessing
import os

import pytest

from rdc.atomic import replacing
from rdc.store import MANIFEST, Store, link


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def fill(folder):
    (folder / "weights").write_bytes(b"0123456789")
    (folder / "curves").write_text("[]")


def files_in(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_an_entry_is_held_once_it_is_added(store):
    assert not store.holds("k")
    entry = store.add("k", fill)
    assert entry == store.entry("k") and store.holds("k")
    assert files_in(entry) == sorted(["weights", "curves", MANIFEST])
    assert (entry / "weights").read_bytes() == b"0123456789"
    assert not store.holds("other")


def test_a_fill_that_fails_leaves_nothing(store):
    def stop_halfway(folder):
        fill(folder)
        raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space left"):
        store.add("k", stop_halfway)
    assert files_in(store.root) == []
    assert not store.holds("k")
    store.add("k", fill)
    assert store.holds("k")


def test_a_failed_fill_keeps_the_checkpoint_and_a_finished_one_removes_it(store):
    store.checkpoint("k").write_bytes(b"half way")
    with pytest.raises(ZeroDivisionError):
        store.add("k", lambda folder: 1 / 0)
    assert store.checkpoint("k").read_bytes() == b"half way"
    store.add("k", fill)
    assert files_in(store.root / ".work") == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda entry: (entry / "weights").write_bytes(b"01234"),
        lambda entry: (entry / "weights").write_bytes(b"0123456780"),
        lambda entry: (entry / "weights").unlink(),
        lambda entry: (entry / MANIFEST).unlink(),
        lambda entry: (entry / MANIFEST).write_text('{"key": "k", "sha'),
        lambda entry: (entry / MANIFEST).write_bytes(b""),
        lambda entry: (entry / MANIFEST).write_bytes(b"\xff\x00"),
        lambda entry: (entry / MANIFEST).write_text("{}"),
        lambda entry: (entry / MANIFEST).write_text("[]"),
        lambda entry: (entry / MANIFEST).write_text('{"sha256": null}'),
    ],
    ids=[
        *("cut", "changed", "gone", "no manifest", "cut manifest", "empty manifest"),
        *("binary manifest", "manifest without sums", "manifest a list", "manifest with null"),
    ],
)
def test_a_damaged_entry_is_put_aside_and_can_be_added_again(damage, store):
    damage(store.add("k", fill))
    assert not store.holds("k")
    assert not store.entry("k").exists()
    assert (store.root / ".work" / "damaged-k").is_dir()
    store.add("k", fill)
    assert store.holds("k")


def test_a_file_is_disowned_where_the_entry_was_written_with_another(store, tmp_path):
    """It is one file with the entry's: what a flipped bit does to one, it does to both."""
    entry, file = store.add("k", fill), tmp_path / "weights"
    link(entry / "weights", file)
    assert not store.disowns("k", "weights", file)
    assert not store.disowns("k", "critics", file)  # the entry has none
    assert not store.disowns("other", "weights", file)  # no such entry: a run without its store
    with open(file, "r+b") as stream:
        stream.write(b"1")
    assert (entry / "weights").read_bytes() == b"1123456789"
    assert store.disowns("k", "weights", file)
    (entry / MANIFEST).write_text("[]")
    assert store.disowns("k", "weights", file)


def test_an_entry_may_be_damaged_twice(store):
    for content in (b"first", b"second"):
        (store.add("k", fill) / "weights").write_bytes(content)
        assert not store.holds("k")
    assert (store.root / ".work" / "damaged-k" / "weights").read_bytes() == b"second"


def hold(root, asking, holding, let_go):
    """Another process: takes the lock, says so, and waits to be told."""
    asking.set()
    with Store(root).lock("k"):
        holding.set()
        let_go.wait(30)


def die_holding(root):
    with Store(root).lock("k"):
        os._exit(1)


@pytest.fixture
def processes():
    return multiprocessing.get_context("spawn")


def test_a_lock_excludes_another_process(store, processes):
    asking, holding, let_go = (processes.Event() for _ in range(3))
    other = processes.Process(target=hold, args=(store.root, asking, holding, let_go))
    try:
        with store.lock("k"):
            other.start()
            assert asking.wait(30)
            assert not holding.wait(0.5)
            with store.lock("another key"):  # not shut out
                pass
        assert holding.wait(30)
    finally:
        let_go.set()
        other.join(30)
    assert other.exitcode == 0


def test_who_waits_for_another_process_says_so(store, processes):
    asking, holding, let_go = (processes.Event() for _ in range(3))
    other = processes.Process(target=hold, args=(store.root, asking, holding, let_go))
    other.start()
    said = []

    def heard(line):
        said.append(line)
        let_go.set()

    try:
        assert holding.wait(30)
        with store.lock("k", heard):
            pass
        with store.lock("k", heard):  # no one else is at it
            pass
    finally:
        let_go.set()
        other.join(30)
    assert said == ["k: another process is at it; waiting for it to finish"]


def test_a_lock_ends_with_the_process_that_held_it(store, processes):
    other = processes.Process(target=die_holding, args=(store.root,))
    other.start()
    other.join(30)
    assert other.exitcode == 1
    with store.lock("k"):
        pass


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "sub" / "table.txt"
    with replacing(path) as scratch:
        scratch.write_text("old")
        assert not path.exists()
    with pytest.raises(KeyboardInterrupt), replacing(path) as scratch:
        scratch.write_text("half of the n")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert files_in(tmp_path) == ["sub/table.txt"]


def test_a_replaced_file_has_the_usual_permissions(tmp_path):
    with replacing(tmp_path / "one") as scratch:
        scratch.write_text("x")
    (tmp_path / "other").write_text("x")
    assert (tmp_path / "one").stat().st_mode == (tmp_path / "other").stat().st_mode
