"""The classifiers that a run's codecs are read by: each trained once, and kept in the run's store.

A classifier's weights are in the key of every cell, and other numbers of threads or another machine
give other weights. So whoever comes first trains it, a Snakemake job or ``python -m rdc.training``
elsewhere, and all others find it.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from rdc import config, pretraining, provenance
from rdc.allocator import keep_freed_memory
from rdc.cells import digest
from rdc.datasets.labelled import Prepared
from rdc.store import Store, link

FILE = "classifier.safetensors"
_CODE = provenance.code_hash("rdc/pretraining.py")  # as it was imported


def provide(
    settings: config.Classifier,
    prepared: Prepared,
    held_out: int,
    store: Store,
    target: Path,
    device: torch.device,
    report: Callable[[str], None] = print,
) -> None:
    """Puts a classifier's weights at ``target``, trained now if the store has none of its key.

    Args:
        held_out: how many of the last training images it never sees.

    Raises:
        Diverged, ValueError: as ``pretraining.pretrain`` does.
    """
    key = digest(
        {
            "classifier": settings.model_dump(mode="json"),
            "held_out": held_out,
            "data": prepared.checksum(),
            "code": _CODE,
            **provenance.versions(),
        }
    )
    with store.lock(key, report):
        if store.holds(key):
            report(f"classifier {settings.architecture} is trained already ({key})")
        else:
            keep_freed_memory()
            trained = pretraining.pretrain(settings, prepared, held_out, device, report)
            store.add(
                key, lambda scratch: pretraining.save(trained, settings, prepared, scratch / FILE)
            )
    target.parent.mkdir(parents=True, exist_ok=True)
    link(store.entry(key) / FILE, target)
