"""The line at the terminal: what it counts, what it expects, and what it leaves alone."""

import io
import logging

import pytest

from rdc import progress


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def event(name, **known):
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, "", (), None)
    record.__dict__.update(event=name, **known)
    return record


@pytest.fixture
def run(tmp_path):
    """Ten trainings and two reports planned, two trainings under way."""
    clock = Clock()
    state = progress.Progress(clock)
    (tmp_path / "a.log").write_text("12:00:01 begun\n12:00:02 epoch 3/20 | mse 0.04\n")

    def take(name, **known):
        state.take(name, event(name, **known))

    take("run_info", stats={"train": 10, "report": 2, "total": 12})
    for number, log in ((1, "a.log"), (2, "none.log")):
        take(
            "job_info", jobid=number, rule_name="train", wildcards={"study": "le", "batch": f"b{number}"},
            log=[str(tmp_path / log)],
        )  # fmt: skip
    take("job_started", jobs=[1, 2])
    return state, clock, take


def test_it_shows_what_runs_with_the_last_line_of_its_log(run):
    state, _, _ = run
    assert state.line(200) == "[0/12] | train le, b1: epoch 3/20 | train le, b2"
    assert state.line(47) == "[0/12] | train: epoch 3/20 | train le, b2"
    assert state.line(30) == "[0/12] | train: epoch 3/20 +1"


def test_a_cell_of_a_batch_is_said_with_its_epoch(run, tmp_path):
    state, _, _ = run
    log = "12:00:01 [1/2] le/[a] (12ab)\n12:00:02 le/[a] epoch 20/20 | mse 1\n12:00:03 [2/2] le/[b] (34cd)\n"
    (tmp_path / "a.log").write_text(log)
    assert "train le, b1: 2/2 |" in state.line(200)
    (tmp_path / "a.log").write_text(log + "12:00:04 le/[b] epoch 7/20 | mse 0.05 | 3 min left\n")
    assert "train le, b1: 2/2, epoch 7/20 |" in state.line(200)
    (tmp_path / "a.log").write_text("12:00:04 quality 50: 8192 bytes a file\n")
    assert "train le, b1: quality 50: 8192 bytes a file |" in state.line(200)


def test_jobs_are_known_in_whatever_order_they_are_told():
    state = progress.Progress(Clock())
    state.take("job_started", event("job_started", jobs=[1, 2]))
    assert not state.running
    state.take("job_info", event("job_info", jobid=1, rule_name="train", wildcards={}, log=[]))
    assert list(state.running) == [1]
    state.take("job_error", event("job_error", jobid=2))  # failed before it was described
    state.take("job_info", event("job_info", jobid=2, rule_name="train", wildcards={}, log=[]))
    assert list(state.running) == [1]


def test_time_left_is_said_from_the_first_job_on_where_it_is_known_what_jobs_take():
    state = progress.Progress(Clock(), expected={"train": 30.0, "elsewhere": 1000.0})
    state.take("run_info", event("run_info", stats={"train": 4, "report": 1, "total": 5}))
    assert state.seconds_left() == pytest.approx(5 * 30)
    state.take("job_info", event("job_info", jobid=1, rule_name="report", wildcards={}, log=[]))
    state.take("job_started", event("job_started", jobs=[1]))
    state.clock.now = 2.0
    state.take("job_finished", event("job_finished", job_id=1))
    assert state.seconds_left() == pytest.approx(4 * 30)


def test_jobs_may_begin_and_end_while_the_line_is_written(run, monkeypatch):
    """It is written by a thread of its own."""
    state, _, take = run

    def begins_another(path):
        take("job_info", jobid=99, rule_name="train", wildcards={}, log=[])
        take("job_started", jobs=[99])
        return ""

    monkeypatch.setattr(progress, "_state", begins_another)
    assert state.line(200).count("train") == 2 and len(state.running) == 3


def test_time_left_comes_from_what_jobs_of_each_rule_took(run):
    state, clock, take = run
    assert state.seconds_left() is None
    clock.now = 20.0
    take("job_finished", job_id=1)
    take("progress", done=1, total=12)
    # Nine trainings and two reports at 20 s each, less the 20 s that one has had, one at a time.
    assert state.seconds_left() == pytest.approx(11 * 20 - 20)
    assert state.line(200).startswith("[1/12] 3 min left | train le, b2")
    take("job_error", jobid=2)
    assert not state.running and len(state.took["train"]) == 1


def test_durations_are_said_as_people_say_them():
    assert [progress.spoken(s) for s in (0, 89, 100, 5400, 7800, 250_000)] == [
        "0 s", "89 s", "2 min", "1 h 30 min", "2 h 10 min", "3 days",
    ]  # fmt: skip


def test_the_line_replaces_snakemakes_own_about_jobs_and_nothing_else(monkeypatch):
    monkeypatch.setenv(progress.QUIET_JOBS, "")
    logger, shown, terminal = logging.Logger("own"), io.StringIO(), io.StringIO()
    logger.addHandler(logging.StreamHandler(shown))
    line = progress.attach(logger, terminal)
    try:
        logger.handle(event("job_info", jobid=1, rule_name="train", wildcards={}, log=[]))
        logger.warning("the disk is nearly full")
        logger.handle(event("progress", done=1))  # of another form than we know: no failure
        assert shown.getvalue() == "the disk is nearly full\n"
        logger.handle(event("progress", done=3, total=3))
        assert not line.active and terminal.getvalue().endswith("\r\x1b[2K")
    finally:
        line.active = False
