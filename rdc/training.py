"""Trains a list of cells in one process, keeping each finished one in the run's store.

Runs without Snakemake, on a machine that has torch and little else::

    python -m rdc.training --config config/mnist.yaml --cells 'rdc*levels=3*' --out results/mnist

A Snakemake run with ``results/mnist`` as its folder then finds these cells trained.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch

from rdc import cells as grid
from rdc import config as configs
from rdc import descent, expectation, machine, provenance, readers
from rdc.allocator import keep_freed_memory
from rdc.cells import Cell
from rdc.datasets import images, sources
from rdc.fitting import networks
from rdc.fitting.files import CODEC, COST
from rdc.networks import precision, weights
from rdc.store import Store

# Of the code as it was imported: files may be edited while a long run goes on.
_CODE = {
    moves: provenance.code_hash(f"rdc/fitting/{moves}.py") for moves in ("networks", "codebook")
}


@dataclass(frozen=True)
class Folder:
    """Where a run's files lie; the Snakefile's rules use the same places.

    ``threads``: of one training. Sums of other parts round to other weights, so that any number but
    the rules' one is part of a cell's key.
    """

    root: Path
    threads: int = 1

    def dataset(self, name: str) -> Path:
        return self.root / "datasets" / f"{name}.npz"

    def classifier(self, dataset: str, name: str) -> Path:
        return self.root / "classifiers" / dataset / f"{name}.safetensors"

    @property
    def store(self) -> Store:
        return Store(self.root / "store")


class CellsFailed(RuntimeError):
    """Some cells could not be trained; the others were. Names each and its reason."""


def code_key(cell: Cell) -> str:
    """Hash of all code that decides weights, for networks or for a codebook."""
    return _CODE[cell.moves]


def keys_of(
    cell: Cell, cells: list[Cell], folder: Folder, device: torch.device | str = "cpu"
) -> list[str]:
    """The keys that the cell's weights may have in the store, the one they would get here first.

    A key is of the cell's settings, its data, the training code, and versions. There is more than one
    where a recipe asks for what not every processor has: what one machine has trained, another takes
    as it is.

    Args:
        cells: where a frozen encoder's cell is looked up.
    """
    encoders: list[str | None] = [None]
    if cell.encoder_from:
        encoders = [*keys_of(_encoder_cell(cell, cells), cells, folder, device)]
    keys = [
        _key(trained, folder, encoder)
        for trained in _as_trained(cell, device)
        for encoder in encoders
    ]
    return list(dict.fromkeys(keys))


def _as_trained(cell: Cell, device: torch.device | str) -> list[Cell]:
    """The cell in each precision that its recipe may come to, the one used here first."""
    return [cell.trained_in(p) for p in precision.allowed(cell.training.precision, device)]


def _key(trained: Cell, folder: Folder, encoder: str | None) -> str:
    evidence = {
        "data": _checksum_of_images(folder.dataset(trained.dataset)),
        "classifier": _checksum(folder.classifier(trained.dataset, trained.classifier)),
        "code": code_key(trained),
        **provenance.versions(),
        **_threads(folder),
        "encoder": encoder,
    }
    return grid.key(trained, evidence)


def train_cells(
    chosen: list[Cell],
    cells: list[Cell],
    folder: Folder,
    device: torch.device,
    report: Callable[[str], None] = print,
) -> dict[str, Path]:
    """Trains what the store does not hold yet, one cell after the other.

    Args:
        chosen: the cells to train.
        cells: all cells of the run, among them those whose encoders are kept frozen.
        folder: of the run; has the prepared datasets and the classifiers. Trains with its threads.

    Returns:
        Each chosen cell's folder in the store, by cell name: ``codec.safetensors``,
        ``critics.safetensors`` where it has critics, ``curves.json``, ``cost.json``.

    Raises:
        CellsFailed: after all others are trained, where a loss diverged or an encoder is missing.
    """
    keep_freed_memory()
    torch.set_num_threads(folder.threads)
    entries, failures = {}, []
    for number, cell in enumerate(chosen, start=1):
        try:
            entries[cell.name] = _trained(
                cell, cells, folder, device, report, f"[{number}/{len(chosen)}] "
            )
        except (descent.Diverged, weights.WeightsError, ValueError) as error:
            said = str(error) if cell.name in str(error) else f"{cell.study}/{cell.name}: {error}"
            report(f"FAILED: {said}")
            failures.append(said)
    if failures:
        raise CellsFailed(
            f"{len(failures)} of {len(chosen)} cells failed; the others are kept and will not be "
            "trained again, but have no rows before these are mended or taken out of the config:\n"
            + "\n".join(failures)
        )
    return entries


def _trained(
    cell: Cell,
    cells: list[Cell],
    folder: Folder,
    device: torch.device,
    report: Callable[[str], None],
    place: str,
) -> Path:
    """The cell's folder in the store, trained now if it is not there, or damaged."""
    keys = keys_of(cell, cells, folder, device)
    with folder.store.lock(keys[0], report):
        if key := next(filter(folder.store.holds, keys), None):
            report(f"{place}{cell.study}/{cell.name} is trained already")
            return folder.store.entry(key)
        base = None
        if cell.encoder_from:
            own = _encoder_cell(cell, cells)
            base = _trained(own, cells, folder, device, report, "its encoder: ")
        here = _as_trained(cell, device)[0]
        key = _key(here, folder, base.name if base else None)
        report(f"{place}{cell.study}/{cell.name} ({key})")
        _train_one(here, key, base, folder, device, report)
        return folder.store.entry(key)


def _train_one(
    cell: Cell,
    key: str,
    base: Path | None,
    folder: Folder,
    device: torch.device,
    report: Callable[[str], None],
) -> None:
    """Puts the weights of a cell, as it is trained here, into the store; ``base`` has its encoder."""
    prepared = _prepared(folder.dataset(cell.dataset))
    classifier = folder.classifier(cell.dataset, cell.classifier)
    note = {
        "cell": cell.name,
        "study": cell.study,
        "dataset": cell.dataset,
        "key": key,
        "code_key": code_key(cell),
        "settings": cell.settings(),
        "encoder_from": cell.encoder_from,
        **_threads(folder),
    }
    start = time.perf_counter()
    if cell.moves == "codebook":
        # Here alone: it brings scikit-learn, a second of imports that networks do without.
        from rdc.fitting import codebook

        book, curves = codebook.fit(cell, prepared, classifier, device)
        save = partial(codebook.save, book, curves, note)
        seconds = time.perf_counter() - start
    else:
        _check_costs(cell)
        encoder = base / CODEC if base else None
        checkpoint = folder.store.checkpoint(key)
        trained = networks.fit(cell, prepared, classifier, device, checkpoint, encoder, report)
        save = partial(networks.save, trained, note)
        seconds = trained.seconds  # those before an interruption too

    def fill(scratch: Path) -> None:
        save(scratch)
        (scratch / COST).write_text(json.dumps(_cost(seconds, device), indent=1))

    folder.store.add(key, fill)


def _threads(folder: Folder) -> dict[str, int]:
    """Nothing for the usual one, so that keys of before hold."""
    return {"threads": folder.threads} if folder.threads != 1 else {}


def _check_costs(cell: Cell) -> None:
    lacking = [term for term, _ in cell.weights if term not in expectation.COSTS]
    if cell.training.gradient == "expected" and lacking:
        raise ValueError(
            f"{cell.name}: gradient 'expected' needs what {', '.join(lacking)} costs at each code, in "
            "rdc/expectation.py"
        )


def _cost(seconds: float, device: torch.device) -> dict:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {"train_seconds": seconds, "device": name, "torch_version": torch.__version__}


def _encoder_cell(cell: Cell, cells: list[Cell]) -> Cell:
    return next(c for c in cells if (c.study, c.name) == (cell.study, cell.encoder_from))


@cache
def _prepared(path: Path) -> images.Prepared:
    return images.load(path)


@cache
def _checksum_of_images(path: Path) -> str:
    return _prepared(path).checksum()  # 55 MB of MNIST, for each of a thousand cells


@cache
def _checksum(path: Path) -> str:
    """Of a classifier's weights, whatever file they lie in."""
    return weights.checksum(path)


def _ensure_inputs(config: configs.Config, chosen: list[Cell], folder: Folder, device) -> None:
    """Prepares the datasets, and trains the classifiers that the store does not hold yet."""
    for dataset_name in dict.fromkeys(cell.dataset for cell in chosen):
        path = folder.dataset(dataset_name)
        dataset = config.datasets[dataset_name]
        _prepare(dataset, path)
        prepared, held_out = _prepared(path), dataset.held_from_classifiers
        for name in dict.fromkeys(c.classifier for c in chosen if c.dataset == dataset_name):
            target = folder.classifier(dataset_name, name)
            readers.provide(
                config.classifiers[name], prepared, held_out, folder.store, target, device
            )


def _prepare(dataset: configs.Dataset, path: Path) -> None:
    """Prepares a dataset at ``path``, or again where its source, or the code, gives other images now.

    Raises:
        DataError: where the source cannot be read and there is nothing prepared, or it is a folder.
    """
    try:
        for file in sources.SOURCES[dataset.source].files if dataset.source else ():
            sources.fetch(dataset.source, file.name, Path("data", dataset.source, file.name))
        prepared = images.prepare(dataset.source, dataset.folder, Path("data"))
    except sources.DataError as error:
        if dataset.folder is not None or not path.is_file():
            raise
        print(f"{path} is taken as it is, since its source cannot be read: {error}")
        return
    if not path.is_file() or images.load(path).checksum() != prepared.checksum():
        images.save(prepared, path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--config", required=True, nargs="+", help="such as config/mnist.yaml; later ones over it"
    )
    parser.add_argument("--cells", default="*", help="a shell pattern on the cells' names")
    parser.add_argument("--out", required=True, type=Path, help="the run's folder")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument(
        "--threads",
        type=_count,
        default=1,
        help="1 as in a run of Snakemake; others make other weights, under keys of their own, which such "
        "a run trains again",
    )
    parser.add_argument("--list", action="store_true", help="only name the cells that fit")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)  # for the classifiers too
    try:
        config = configs.load(*options.config)
        cells = grid.expand(config)
        chosen = grid.select(cells, options.cells)
        if options.list:
            print("\n".join(f"{cell.study}/{cell.name}" for cell in chosen))
            return
        folder, where = Folder(options.out, options.threads), descent.device(options.device)
        _ensure_inputs(config, chosen, folder, where)
        train_cells(chosen, cells, folder, where)
    except (
        configs.ConfigError,
        sources.DataError,
        weights.WeightsError,
        descent.Diverged,
        CellsFailed,
    ) as error:
        sys.exit(f"error: {error}")
    except Exception as error:  # safetensors, torch and Python each have their own for a full disk
        fault = machine.disk_fault(str(error), options.out)
        if not fault:
            raise
        sys.exit(f"error: {fault}")


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"found {word!r}, needs a whole number, 1 or more")
    return int(word)


if __name__ == "__main__":
    main()
