"""Trained classifiers as files, and back."""

from pathlib import Path

import torch

from rdc.networks import weights
from rdc.networks.classifiers import ARCHITECTURES, Classifier


def save(classifier: Classifier, architecture: str, classes: int, path: str | Path) -> None:
    """Writes a trained classifier with what is needed to build it again."""
    note = {"kind": "classifier", "architecture": architecture, "classes": classes}
    weights.save(classifier.state_dict(), note, path)


def load(path: str | Path, device: torch.device | str = "cpu") -> Classifier:
    """A trained classifier, frozen and in eval mode. Raises WeightsError for any other file."""
    tensors, note = weights.load(path, kind="classifier")
    classifier = ARCHITECTURES[note["architecture"]](note["classes"])
    classifier.load_state_dict(tensors)
    return classifier.to(device).eval().requires_grad_(False)
