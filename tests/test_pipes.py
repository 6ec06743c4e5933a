"""Devices, pipes and folders where a file is meant: refused, never waited for, never replaced."""

import os

import pytest

from rdc import config_files, tables
from rdc.atomic import replacing
from rdc.bitstream import stream
from rdc.datasets import images
from rdc.datasets.labelled import DataError
from rdc.jpeg import standard
from rdc.networks import weights


@pytest.fixture
def pipe(tmp_path):
    """One that nobody writes to: who opens it for reading waits."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize(
    "read, fault",
    [
        (stream.read, stream.StreamError),
        (images.load, DataError),
        (standard.load, standard.TableError),
        (weights.note, weights.WeightsError),
        (config_files.read, config_files.ConfigError),
        (lambda path: tables.read("cells", path), tables.TableError),
    ],
    ids=["stream", "dataset", "quantization tables", "weights", "config", "table"],
)
def test_a_pipe_is_not_waited_for(pipe, read, fault):
    with pytest.raises(fault):
        read(pipe)


def test_only_a_file_is_written_over(pipe, tmp_path):
    (tmp_path / "link").symlink_to("/dev/null")
    for path in (pipe, tmp_path / "link", tmp_path):
        with pytest.raises(OSError, match="needs a file or a new name"), replacing(path) as scratch:
            scratch.write_text("written")
    assert pipe.is_fifo() and (tmp_path / "link").is_symlink()
    with replacing(tmp_path / "file") as scratch:
        scratch.write_text("written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "pipe"]


def test_a_table_set_without_end_is_refused(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 200_000)
    (tmp_path / "large.json").write_text("[" + "1," * 10**6 + "1]")
    for name in ("deep.json", "large.json", "none.json"):
        with pytest.raises(standard.TableError, match=f"{name}: is no table set"):
            standard.load(tmp_path / name)
