"""The progress line under the real Snakemake in a pseudo-terminal: it moves from the first job on."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios

import pytest
from sandbox import ROOT

SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from rdc import progress
from snakemake.logging import logger

if workflow.is_main_process:
    progress.attach(logger, sys.stderr, {{"train": 3.0}})

rule all:
    input: expand("{{batch}}.done", batch=["rdc_dim=2_levels=3", "rdc_dim=3_levels=3", "rdc_dim=4_levels=3"])

rule train:
    output: "{{batch}}.done"
    log: "{{batch}}.log"
    shell:
        '''
        echo "12:00:00 [1/2] zhang/{{wildcards.batch}} (0123456789abcdef)" > {{log}}
        for epoch in 1 2 3; do
            echo "12:00:00 zhang/{{wildcards.batch}} epoch $epoch/3 | train: mse 0.05" >> {{log}}; sleep 1
        done
        touch {{output}}
        '''
"""


def in_terminal(command: list[str], columns: int, folder) -> tuple[int, str]:
    """Runs a command in a terminal of so many columns: its exit status and all that it wrote."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.chdir(folder)
        os.environ.pop("RDC_PROGRESS", None)
        os.execv(command[0], command)
    written = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so when the child has closed it
            break
        if not part:
            break
        written += part
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), written.decode()


@pytest.mark.parametrize("columns", [60, 140])
def test_the_line_moves_from_the_first_job_on(tmp_path, columns):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    status, written = in_terminal(command, columns, tmp_path)
    assert status == 0, written
    lines = re.findall(r"\r\x1b\[2K(\[\d+/4\][^\r\n]*)", written)
    assert all(len(line) < columns for line in lines)
    first = [line for line in lines if line.startswith("[0/4]")]
    # Both jobs with their epochs, and the time left, before anything is finished.
    both = [line for line in first if len(re.findall(r"\| train.*?: .*?epoch \d/3", line)) == 2]
    assert both and all(re.match(r"\[0/4\] \d+ s left \| ", line) for line in both)
    assert len({line.split("epoch ")[1][:3] for line in both}) > 1, both  # it moves
    assert any(line.startswith("[2/4] ") for line in lines), lines
    for own in ("Select jobs", "rule train", "Execute", "jobid", "Finished"):
        assert own not in written  # Snakemake's own lines about jobs
