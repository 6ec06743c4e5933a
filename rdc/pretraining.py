"""Trains the classifiers that codecs are read by."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from rdc.datasets.labelled import Labelled, Prepared
from rdc.descent import Diverged, Images, one_cycle
from rdc.networks import classifier_files
from rdc.networks.classifiers import ARCHITECTURES, Classifier

if TYPE_CHECKING:
    from rdc import config


def pretrain(
    settings: config.Classifier,
    prepared: Prepared,
    held_out: int,
    device: torch.device,
    report: Callable[[str], None] = lambda line: None,
) -> Classifier:
    """A classifier trained on clean images, in eval mode; the same bytes for the same seed.

    Args:
        held_out: how many of the last training images it never sees.

    Raises:
        Diverged: where the loss becomes NaN; names the epoch.
        ValueError: where there are fewer images than a batch.
    """
    training = prepared.split("train", held_out)
    if len(training) < settings.batch:
        raise ValueError(
            f"classifier {settings.architecture}: found {len(training)} training images, needs at "
            f"least a batch ({settings.batch})"
        )
    images = Images(training, device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        classifier = ARCHITECTURES[settings.architecture](len(prepared.classes)).to(device).train()
        optimizer = _optimizer(classifier, settings)
        batches = len(images) // settings.batch
        for epoch in range(settings.epochs):
            order = torch.randperm(len(images), device=device)
            total = torch.zeros((), device=device)
            for batch in range(batches):
                if settings.schedule == "one_cycle":
                    progress = (epoch + batch / batches) / settings.epochs
                    optimizer.param_groups[0]["lr"] = settings.lr * one_cycle(progress, 0.2)
                rows = order[batch * settings.batch : (batch + 1) * settings.batch]
                pixels, labels = images[rows]
                loss = F.nll_loss(classifier(pixels), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.detach()
            mean = (total / batches).item()
            if not math.isfinite(mean):
                raise Diverged(
                    f"classifier {settings.architecture}: nll became {mean} in epoch {epoch + 1}"
                )
            report(
                f"classifier {settings.architecture} epoch {epoch + 1}/{settings.epochs} "
                f"| train nll {mean:.4f}"
            )
    return classifier.eval().requires_grad_(False)


def save(
    classifier: Classifier, settings: config.Classifier, prepared: Prepared, path: Path
) -> None:
    """Writes what ``pretrain`` returned."""
    classifier_files.save(classifier, settings.architecture, len(prepared.classes), path)


def read(classifier: Classifier, split: Labelled, device: torch.device) -> torch.Tensor:
    """Log-probabilities (n, classes) of a split's images, on the CPU."""
    images = Images(split, device)
    with torch.no_grad():
        parts = [classifier(images[i : i + 1000][0]).cpu() for i in range(0, len(images), 1000)]
    return torch.cat(parts)


def clean_rows(classifier: Classifier, prepared: Prepared, validation: int, device) -> list[dict]:
    """Accuracy and loss on the clean images of each split, one record a split."""
    rows = []
    for split in ("train", "validation", "test"):
        part = prepared.split(split, validation)
        scores, labels = read(classifier, part, device), torch.from_numpy(part.labels)
        rows.append(
            {
                "split": split,
                "accuracy": (scores.argmax(dim=1) == labels).double().mean().item(),
                "nll_nats": F.nll_loss(scores.double(), labels).item(),
                "n_images": len(part),
            }
        )
    return rows


def _optimizer(classifier: Classifier, settings: config.Classifier) -> torch.optim.Optimizer:
    if settings.optimizer == "sgd":
        return torch.optim.SGD(classifier.parameters(), settings.lr, settings.momentum)
    return torch.optim.Adam(classifier.parameters(), settings.lr)
