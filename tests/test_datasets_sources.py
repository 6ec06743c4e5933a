"""Fetching a source's files: what is there, the mirror, the URLs; nothing but the right bytes."""

import hashlib

import pytest

from rdc.datasets import sources
from rdc.datasets.sources import DataError, File, Source, fetch

CONTENT = b"a tiny source"
URLS = ("https://first.invalid/", "https://second.invalid/")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A source of one file, an empty mirror, and a network that must not be used."""
    file = File("a.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(sources.SOURCES, "tiny", Source((file,), URLS))
    monkeypatch.setenv("RDC_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror" / "tiny").mkdir(parents=True)

    def forbidden(url, described, target):
        raise AssertionError(f"{url} was asked")

    monkeypatch.setattr(sources, "_download", forbidden)
    return tmp_path


def left_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_comes_from_the_mirror(place):
    (place / "mirror" / "tiny" / "a.bin").write_bytes(CONTENT)
    target = place / "data" / "tiny" / "a.bin"
    assert fetch("tiny", "a.bin", target) == target
    assert target.read_bytes() == CONTENT
    assert left_in(place / "data") == [target]


def test_a_right_file_that_is_there_is_left_alone(place):
    target = place / "data" / "a.bin"
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    before = target.stat().st_mtime_ns
    assert fetch("tiny", "a.bin", target) == target
    assert target.stat().st_mtime_ns == before


@pytest.mark.parametrize("wrong", [CONTENT[:-1], b"x" * len(CONTENT)], ids=["size", "bytes"])
def test_a_wrong_file_that_is_there_is_replaced(wrong, place):
    (place / "mirror" / "tiny" / "a.bin").write_bytes(CONTENT)
    target = place / "data" / "a.bin"
    target.parent.mkdir()
    target.write_bytes(wrong)
    fetch("tiny", "a.bin", target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "content, fault",
    [
        (CONTENT[:-1], f"12 bytes, should be {len(CONTENT)}"),
        (b"x" * len(CONTENT), "wrong SHA-256"),
        (None, "no such file"),
    ],
    ids=["truncated", "damaged", "missing"],
)
def test_a_bad_mirror_is_refused_and_leaves_nothing_behind(content, fault, place, monkeypatch):
    if content is not None:
        (place / "mirror" / "tiny" / "a.bin").write_bytes(content)

    def offline(url, described, target):
        raise OSError("no network\nwith details")

    monkeypatch.setattr(sources, "_download", offline)
    with pytest.raises(DataError) as caught:
        fetch("tiny", "a.bin", place / "data" / "a.bin")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{place / 'data' / 'a.bin'}: cannot be had")
    assert str(place / "mirror" / "tiny" / "a.bin") in lines[1] and fault in lines[1]
    assert str(place / "mirror" / "a.bin") in lines[2] and "no such file" in lines[2]
    assert [line.strip() for line in lines[3:]] == [f"{url}a.bin: no network" for url in URLS]
    assert left_in(place / "data") == []


def test_the_urls_are_tried_in_turn_after_the_mirror(place, monkeypatch):
    asked = []

    def second_only(url, described, target):
        asked.append(url)
        if url.startswith(URLS[0]):
            raise OSError("gone")
        target.parent.mkdir(parents=True)
        target.write_bytes(CONTENT)

    monkeypatch.setattr(sources, "_download", second_only)
    fetch("tiny", "a.bin", place / "data" / "a.bin")
    assert asked == [f"{url}a.bin" for url in URLS]


def test_without_a_mirror_the_message_says_how_to_name_one(place, monkeypatch):
    monkeypatch.delenv("RDC_MIRROR")
    with pytest.raises(DataError, match="without a network, set RDC_MIRROR to a folder"):
        fetch("tiny", "a.bin", place / "data" / "a.bin")


def test_unknown_sources_and_files_are_refused_by_name(place):
    with pytest.raises(DataError, match=r"unknown source 'tinny', allowed are .*tiny"):
        fetch("tinny", "a.bin", place / "a.bin")
    with pytest.raises(DataError, match=r"'tiny' has no file 'b\.bin'; its files: a\.bin"):
        fetch("tiny", "b.bin", place / "b.bin")
    with pytest.raises(DataError, match=r"'digits' has no file 'a\.bin'; its files: none"):
        fetch("digits", "a.bin", place / "a.bin")


def test_a_file_may_lie_at_the_top_of_the_mirror(place):
    (place / "mirror" / "a.bin").write_bytes(CONTENT)
    assert fetch("tiny", "a.bin", place / "data" / "a.bin").read_bytes() == CONTENT


def test_every_known_file_has_a_whole_checksum():
    for name, source in sources.SOURCES.items():
        for file in source.files:
            assert len(bytes.fromhex(file.sha256)) == 32, (name, file.name)
            assert file.size > 0
            assert source.urls or name in ("kodak", "cifar10")  # repacked: in a mirror or nowhere
            assert all(url.endswith("/") for url in source.urls)
