"""Which finished cells a run's codecs hold, by the keys written in them."""

import json
from dataclasses import replace
from pathlib import Path

from rdc.bundles import files_in, fingerprint
from rdc.cells import Cell
from rdc.datasets import sources
from rdc.fitting.files import CODEC
from rdc.networks import weights
from rdc.store import MANIFEST
from rdc.training import Folder, keys_of


def key_fault(output: str, cells: list[Cell], folder: Folder) -> str:
    """What is wrong with the keys of a batch's codecs; empty if nothing is, or it holds no codecs.

    Each codec's key is computed anew, from the cell in the config, the data and the classifier
    that are here, the training code and the versions of torch and NumPy; in which precision it was
    trained is its own affair, as long as its recipe allows it on some machine.

    Args:
        output: any output of the run.
        cells: all cells of the run.
    """
    named = {(cell.study, cell.name): cell for cell in cells}
    path = Path(output)
    if not path.is_relative_to(folder.root / "codecs"):
        return ""
    for file in sorted(path.glob(f"*.{CODEC}")):
        cell = named.get((path.parent.name, file.name.removesuffix(f".{CODEC}")))
        if cell is None:
            return f"{file.name}: no such cell in the config"
        try:
            note = weights.note(file)
            trained_as = replace(folder, threads=note.get("threads", 1))
            noted, due = note.get("key"), keys_of(cell, cells, trained_as)
        except (weights.WeightsError, sources.DataError) as error:
            return str(error)
        if noted not in due:
            return f"{file.name} was trained under key {noted}, this cell's is {' or '.join(due)}"
    return ""


def entries_by_content(store: Path) -> dict[str, Path]:
    """A store's entries by the SHA-256 of each of their files, the newest where several have it."""
    found = {}
    for manifest in sorted(store.glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime):
        try:
            sums = json.loads(manifest.read_text())["sha256"].values()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        found |= dict.fromkeys(sums, manifest.parent)
    return found


def entries_of(output: Path, entries: dict[str, Path]) -> set[Path]:
    """The store's entries that an output's weights, reconstructions and models lie in."""
    held = [file for file in files_in(output) if file.suffix in (".safetensors", ".npz")]
    return {entries[sum_] for file in held if (sum_ := fingerprint(file)) in entries}


def trained(chosen: list[Cell], cells: list[Cell], folder: Folder) -> set[Path]:
    """The store's entries of those chosen cells that are trained."""
    try:
        keys = {key for cell in chosen for key in keys_of(cell, cells, folder)}
    except (weights.WeightsError, sources.DataError):  # no data or classifier yet: no key
        return set()
    return {entry for key in keys if (entry := folder.store.entry(key)).is_dir()}
