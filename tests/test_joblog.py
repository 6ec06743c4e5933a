"""A job's log: lines with the time, and failures in one line where the message says it all."""

import re
import sys

import pytest

from rdc import joblog


class ToldError(Exception):
    """An error whose message says it all."""


class ToldMoreError(ToldError):
    """A kind of it."""


@pytest.fixture(autouse=True)
def hook(monkeypatch):
    """The interpreter's hook is put back afterwards."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


def fail_with(error):
    """What the interpreter does with an error that nobody caught."""
    try:
        raise error
    except BaseException:
        sys.excepthook(*sys.exc_info())


def test_lines_are_logged_with_the_time_at_once(tmp_path):
    path = tmp_path / "logs" / "job.log"
    report = joblog.start(path)
    report("epoch 1")
    report("epoch 2")
    lines = path.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["epoch 1", "epoch 2"]
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)


def test_an_earlier_log_is_replaced(tmp_path):
    (tmp_path / "job.log").write_text("of the last run\n")
    joblog.start(tmp_path / "job.log")("now")
    assert "last run" not in (tmp_path / "job.log").read_text()


@pytest.mark.parametrize(
    "error", [ToldError("data/a.gz: is damaged"), ToldMoreError("data/a.gz: is damaged")]
)
def test_an_expected_error_is_one_line_in_the_log_and_at_the_terminal(error, tmp_path, capsys):
    joblog.start(tmp_path / "job.log", expected=(ToldError,))
    fail_with(error)
    assert (tmp_path / "job.log").read_text() == "error: data/a.gz: is damaged\n"
    assert capsys.readouterr().err.strip() == "error: data/a.gz: is damaged"


def test_another_error_keeps_its_traceback(tmp_path, capsys):
    joblog.start(tmp_path / "job.log", expected=(ToldError,))
    fail_with(KeyError("unforeseen"))
    for text in ((tmp_path / "job.log").read_text(), capsys.readouterr().err):
        assert "Traceback (most recent call last)" in text
        assert "in fail_with" in text
        assert "KeyError: 'unforeseen'" in text


def test_a_terminal_that_cannot_be_rewritten_has_a_line_now_and_then(tmp_path, capsys, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(joblog.time, "monotonic", lambda: clock[0])
    report = joblog.start(tmp_path / "job.log")
    for second in range(0, 50, 5):
        clock[0] = 1000.0 + second
        report(f"after {second} s")
    assert capsys.readouterr().err.splitlines() == ["after 0 s", "after 25 s"]
    assert len((tmp_path / "job.log").read_text().splitlines()) == 10


def test_where_the_run_has_a_line_of_its_own_a_job_only_logs(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv(joblog.QUIET_JOBS, "1")
    joblog.start(tmp_path / "job.log")("epoch 1")
    assert capsys.readouterr().err == ""
    assert (tmp_path / "job.log").read_text().endswith(" epoch 1\n")
