"""A Slurm cluster of one node, this machine: installed where that is possible, started, stopped.

Slurm strips ``SLURM_CONF`` from jobs, so its settings lie in /etc/slurm; a machine that has settings
of its own there is left alone.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ETC = Path("/etc/slurm")
MUNGE_PID = Path("/run/munge/munged.pid")
SETTINGS = """\
ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/d
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished.txt
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=2
DefMemPerCPU=1000
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory={memory} Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
# Two GPUs in name only, to be asked for and counted.
PRETENDED_GPUS = "Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n"


class Unavailable(RuntimeError):
    """Why no Slurm can be started here."""


def install() -> None:
    """Sees that the daemons are there. Raises Unavailable."""
    if os.geteuid() != 0:
        raise Unavailable("starting Slurm needs root")
    if (ETC / "slurm.conf").exists():
        raise Unavailable(f"{ETC}/slurm.conf is there already: this machine has a Slurm of its own")
    if shutil.which("slurmctld"):
        return
    if not shutil.which("apt-get"):
        raise Unavailable("Slurm is not installed, and there is no apt-get to install it with")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "slurm-wlm", "munge"]):
        done = subprocess.run(
            ["apt-get", *command], env=environment, capture_output=True, text=True, timeout=300
        )
    if not shutil.which("slurmctld"):
        raise Unavailable(f"apt-get could not install Slurm: {done.stderr.strip()[-300:]}")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[None]:
    """Runs the daemons, with their state, logs and pid files under ``folder``."""
    with contextlib.ExitStack() as stack:
        for name in ("ctld", "d"):
            (folder / name).mkdir(parents=True)
        _configure(folder, stack)
        _start_munge(stack)
        for daemon in ("slurmctld", "slurmd"):
            subprocess.run([daemon], check=True, timeout=60)
            stack.callback(_stop, folder / f"{daemon}.pid")
        _wait_until_idle()
        yield


def _configure(folder: Path, stack: contextlib.ExitStack) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    settings = SETTINGS.format(
        host=socket.gethostname().split(".")[0],
        folder=folder,
        cpus=os.cpu_count(),
        memory=int(0.9 * memory),
    )
    ETC.mkdir(exist_ok=True)
    for name, content in (("slurm.conf", settings), ("gres.conf", PRETENDED_GPUS)):
        (ETC / name).write_text(content)
        stack.callback((ETC / name).unlink)


def _start_munge(stack: contextlib.ExitStack) -> None:
    """Slurm's authentication; one that runs already will do."""
    if MUNGE_PID.exists() and Path("/proc", MUNGE_PID.read_text().strip()).exists():
        return
    for path in ("/run/munge", "/var/log/munge", "/var/lib/munge"):
        Path(path).mkdir(exist_ok=True)
        shutil.chown(path, "munge", "munge")
    Path("/run/munge").chmod(0o755)
    subprocess.run(["su", "-s", "/bin/sh", "munge", "-c", "/usr/sbin/munged"], check=True)
    stack.callback(_stop, MUNGE_PID)


def _wait_until_idle(seconds: int = 60) -> None:
    for _ in range(seconds):
        state = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True)
        if state.stdout.strip() == "idle":
            return
        time.sleep(1)
    raise RuntimeError(f"no idle node within {seconds} s: {state.stdout} {state.stderr}")


def _stop(pid_file: Path, seconds: int = 20) -> None:
    try:
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError):
        return
    for _ in range(10 * seconds):
        if not Path("/proc", str(pid)).exists():
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
