"""What the Snakefile asks of the machine it runs on. No torch."""

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from rdc.provenance import ROOT

# How Python, safetensors and torch's writer say it.
FULL = re.compile(
    r"No space left on device|Disk quota exceeded|os error 28\b|iostream error|inline_container"
)
READ_ONLY = re.compile(
    r"Read-only file system|Permission denied|Operation not permitted|os error (1|13|30)\b"
)
AGAIN = (
    "Finished cells and the last checkpoint of those under way are kept: mend what is named above, and give "
    "the same command again to go on from there."
)


# Where Snakemake looks for a Snakefile by itself.
FOUND_BY_ITSELF = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")
# Snakemake puts the interpreter's path into a shell's command as it is (its issue 2645).
NEEDS_QUOTES = re.compile(r"[^\w@%+=:,./~^-]")


def own(path: str | Path) -> str:
    """One of this checkout's files, by a name that holds in the working directory."""
    return str(path) if Path.cwd() == ROOT else str(ROOT / path)


def unusable_path(interpreter: str | Path, checkout: str | Path = ROOT) -> str:
    """Why Snakemake could not start a job with this Python, or from this checkout; empty if it could."""
    if found := NEEDS_QUOTES.search(str(interpreter)):
        return (
            f"{interpreter}: found {found[0]!r} in the path of Python, with which Snakemake starts no job; "
            "move it (a checkout with its .venv) to a path of letters, digits and . _ - + = @ % , : ~ ^ /"
        )
    if found := re.search("[:{}]", str(checkout)):
        return f"{checkout}: found {found[0]!r} in the checkout's path, which jobs take for something else; move it"
    return ""


def arguments(
    snakefile: str | Path, configfiles: Sequence[str | Path], config: Mapping[str, object]
) -> list[str]:
    """What is to be said to ``snakemake`` in the working directory to be given this run again.

    Args:
        snakefile: the one that Snakemake began with.
        configfiles: in the order in which they were laid over each other.
        config: what was set by ``--config``.
    """
    found = [name for name in FOUND_BY_ITSELF if Path(name).is_file()][:1]
    words = [] if found and Path(found[0]).samefile(snakefile) else ["-s", _named(snakefile)]
    if configfiles:
        words += ["--configfile", *map(_named, configfiles)]
    if config:
        words += ["--config", *(f"{key}={_as_word(value)}" for key, value in config.items())]
    return words


def _named(path: str | Path) -> str:
    """As the user would name it from here: relative where it lies below, else as it is."""
    below = os.path.relpath(path)
    return str(path) if below.startswith("..") else below


def _as_word(value: object) -> str:
    return json.dumps(value) if isinstance(value, (Mapping, list)) else str(value)


def use_this_checkout() -> None:
    """Lets the scripts of every job import the library of this checkout, installed or not."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def let_waiting_threads_sleep() -> None:
    """Jobs share cores: a thread that waits for another must not spin on the core that one needs."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def gpu_per_job() -> int:
    """1 where this machine has an NVIDIA GPU to ask for, else 0."""
    return int(Path("/dev/nvidia0").exists())


def unwritable(folder: str | Path) -> str:
    """Why nothing could be written to a folder that may not exist yet; empty if it could."""
    nearest = _nearest(folder)
    if not nearest.is_dir():
        return f"{folder}: cannot be a folder, since {nearest} is a file; move that file away"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{folder}: {nearest} cannot be written to; change its permissions or owner"
    return ""


def holds_own(folder: str | Path) -> str:
    """Why a user's folder of pictures cannot be that one: this run's files would count as pictures."""
    inside = Path(folder).resolve()
    for name in ("results", "logs", "benchmarks", "data", ".snakemake"):
        if inside in Path(name).resolve().parents:
            return (
                f"found {str(folder)!r}, which holds the run's own folder {Path(name).absolute()}, whose "
                "pictures would count too; name a folder of the pictures alone"
            )
    return ""


def missing(program: str | None) -> bool:
    """Whether a program is asked for and not on the PATH."""
    return program is not None and shutil.which(program) is None


def disk_fault(text: str, folder: str | Path) -> str:
    """What to do, if an error's text or a log says that a disk refused to be written; else empty."""
    if FULL.search(text):
        free = shutil.disk_usage(_nearest(folder)).free / 2**20
        return f"{folder}: its disk is full ({free:.0f} MB are free now). Make room. {AGAIN}"
    if READ_ONLY.search(text):
        return f"{folder}: it, or something in it, cannot be written to. Make it writable. {AGAIN}"
    return ""


def _nearest(folder: str | Path) -> Path:
    """The folder, or the first above it that exists."""
    folder = Path(folder)
    return next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
