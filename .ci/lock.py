"""Writes the lock files, with the hashes of every package, from the pins in pyproject.toml.

    make lock TORCH_CPU=...    # needs uv; a folder or an index of PyTorch's CPU builds, which PyPI lacks

requirements.txt      what users need
requirements-cpu.txt  the same with PyTorch's CPU build, which does without 3 GB of libraries for GPUs
requirements-dev.txt  what tests, checks and benchmarks need besides either of them

Each begins with a digest of the pins it was made from, so that a stale one is seen (tests/test_pins.py).
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
USERS, CPU, DEV = (f"requirements{kind}.txt" for kind in ("", "-cpu", "-dev"))
COMPILE = [
    *("uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--quiet"),
    *("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
]  # fmt: skip


def digest() -> str:
    """16 hex digits of the pins in pyproject.toml, and of the Python that they are for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = [project[key] for key in ("requires-python", "dependencies", "optional-dependencies")]
    return hashlib.sha256(json.dumps(pins, sort_keys=True).encode()).hexdigest()[:16]


def blocks(text: str) -> dict[str, str]:
    """A lock's lines by package, several where a marker chooses between its versions."""
    found: dict[str, str] = {}
    for block in re.findall(r"^[A-Za-z0-9].*\n(?:[ ].*\n)*", text, re.M):
        name = re.split(r"[=\[ ]", block)[0].lower()
        found[name] = found.get(name, "") + block
    return found


def compiled(*arguments: str) -> str:
    return subprocess.run(
        [*COMPILE, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def write(file: str, says: str, packages: dict[str, str]) -> None:
    (ROOT / file).write_text(
        f"# {says}; made by `make lock`, never by hand.\n# pins: {digest()}\n"
        + "".join(packages.values())
    )


def main(cpu_builds: str) -> None:
    everything = compiled("--extra", "dev")
    torch = next(line for line in blocks(everything)["torch"].split() if line.startswith("torch=="))
    with tempfile.TemporaryDirectory() as scratch:
        same, on_cpu = Path(scratch, "same.txt"), Path(scratch, "cpu.txt")
        same.write_text(everything)
        on_cpu.write_text(f"{torch}+cpu\n")
        users = blocks(compiled("--constraint", str(same)))
        same.write_text("".join(text for name, text in users.items() if name != "torch"))
        builds = "--find-links" if Path(cpu_builds).is_dir() else "--index"
        cpu = blocks(
            compiled(
                *("--constraint", str(same), "--override", str(on_cpu)),
                *(builds, cpu_builds, "--index-strategy", "unsafe-best-match"),
            )
        )
    write(USERS, "What users need", users)
    write(CPU, "The same with PyTorch's CPU build, without libraries for GPUs", cpu)
    dev = {name: text for name, text in blocks(everything).items() if name not in users}
    write(DEV, "What tests, checks and benchmarks need besides", dev)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit("usage: make lock TORCH_CPU=the folder or the index of PyTorch's CPU builds")
    main(sys.argv[1])
