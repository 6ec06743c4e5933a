"""What the Snakefile asks of the machine it runs on. No torch."""

import os
import shutil
from pathlib import Path

from rdc.provenance import ROOT


def use_this_checkout() -> None:
    """Lets the scripts of every job import the library of this checkout, installed or not."""
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


def gpu_per_job() -> int:
    """1 where this machine has an NVIDIA GPU to ask for, else 0."""
    return int(Path("/dev/nvidia0").exists())


def unwritable(folder: str | Path) -> str:
    """Why nothing could be written to a folder that may not exist yet; empty if it could."""
    folder = Path(folder)
    nearest = next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
    if not nearest.is_dir():
        return f"{folder}: cannot be a folder, since {nearest} is a file; move that file away"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{folder}: {nearest} cannot be written to; change its permissions or owner"
    return ""


def missing(program: str | None) -> bool:
    """Whether a program is asked for and not on the PATH."""
    return program is not None and shutil.which(program) is None
