"""Trained classifiers as files, and back."""

from pathlib import Path

import torch

from rdc.networks import weights
from rdc.networks.classifiers import ARCHITECTURES, Classifier

MOST_CLASSES = 2**16


def save(classifier: Classifier, architecture: str, classes: int, path: str | Path) -> None:
    """Writes a trained classifier with what is needed to build it again."""
    note = {"kind": "classifier", "architecture": architecture, "classes": classes}
    weights.save(classifier.state_dict(), note, path)


def load(path: str | Path, device: torch.device | str = "cpu") -> Classifier:
    """A trained classifier, frozen and in eval mode. Raises WeightsError for any other file."""
    tensors, note = weights.load(path, "classifier", _layout)
    classifier = ARCHITECTURES[note["architecture"]](note["classes"])
    classifier.load_state_dict(tensors)
    return classifier.to(device).eval().requires_grad_(False)


def _layout(note: dict, shapes: weights.Shapes) -> dict[str, torch.Tensor]:
    architecture = note.get("architecture")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise ValueError(f"architecture: needs one of {', '.join(ARCHITECTURES)}")
    with torch.device("meta"):
        return ARCHITECTURES[architecture](
            weights.whole(note, "classes", 1, MOST_CLASSES)
        ).state_dict()
