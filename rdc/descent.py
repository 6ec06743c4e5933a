"""What the training of codecs and of classifiers shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from rdc.datasets.labelled import Labelled


class Diverged(RuntimeError):
    """A loss that became NaN or infinite: names what was trained, where it was, and the term."""


class Images:
    """A split on the device as uint8; batches are gathered and scaled there (no DataLoader)."""

    def __init__(self, split: Labelled, device: torch.device):
        self.pixels = torch.from_numpy(split.images.copy()).unsqueeze(1).to(device)
        self.labels = torch.from_numpy(split.labels.copy()).to(device)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: torch.Tensor | slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (n, 1, 28, 28) in [0, 1] and labels (n,)."""
        return self.pixels[rows].float() / 255, self.labels[rows]


def device(name: str = "auto") -> torch.device:
    """``auto`` is a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def one_cycle(progress: float, warmup: float) -> float:
    """Factor on the peak rate: up in a line over ``warmup``, then down in a line to nothing.

    A line falls later than the usual cosine, and a short training ends lower for it: .0465 instead
    of .0467 and .0470 for two epochs of a dithered 3 x 3 codec on MNIST.

    Args:
        progress: share of training done, in [0, 1).
        warmup: share of training in which the rate rises, in [0, 1).

    Returns:
        Between 0.0001 and 1.
    """
    if progress < warmup:
        return 0.04 + 0.96 * progress / warmup
    return max((1 - progress) / (1 - warmup), 1e-4)
