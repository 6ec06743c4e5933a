"""The terms that every codec's objective is a weighted sum of (names in ``rdc.config.TERMS``)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from rdc.networks.critics import Critic, band_of

if TYPE_CHECKING:
    from rdc.networks.classifiers import Classifier


@dataclass(frozen=True)
class Batch:
    """What a term may look at.

    ``images`` and ``reconstructions`` are (n, 1, 28, 28) in [0, 1], ``labels`` (n,); ``classifier``
    is frozen and in eval mode; ``critics`` has one critic for each band with a weight.
    """

    images: torch.Tensor
    reconstructions: torch.Tensor
    labels: torch.Tensor
    classifier: Classifier
    critics: dict[str, Critic] = field(default_factory=dict)


def mse(batch: Batch) -> torch.Tensor:
    """Squared error, mean over pixels and images (Le, eq. 4)."""
    return F.mse_loss(batch.reconstructions, batch.images)


def sse(batch: Batch) -> torch.Tensor:
    """Squared error summed over an image's pixels, mean over images: the literal ||x - xhat||^2."""
    return mse(batch) * batch.images[0].numel()


def nll(batch: Batch) -> torch.Tensor:
    """Negative log-likelihood of the true labels, nats: e in Zhang's eq. 23, CE in Nguyen's."""
    return F.nll_loss(batch.classifier(batch.reconstructions), batch.labels)


def features(batch: Batch) -> torch.Tensor:
    """Mean squared distance between the classifier's deep features of image and reconstruction.

    Le trains a "deep feature" codec without saying which features; ours are those that the frozen
    classifier's last layer reads.
    """
    with torch.no_grad():
        wanted = batch.classifier.features(batch.images)
    return F.mse_loss(batch.classifier.features(batch.reconstructions), wanted)


def _wasserstein(band: str) -> Callable[[Batch], torch.Tensor]:
    def term(batch: Batch) -> torch.Tensor:
        # E h(x) is the same whatever the codec does, so it is left out of the codec's loss.
        return -batch.critics[band](band_of(batch.reconstructions, band)).mean()

    term.__doc__ = f"-E h(xhat) under the critic of {band}: the part of W1 that the codec can move."
    return term


FUNCTIONS: dict[str, Callable[[Batch], torch.Tensor]] = {
    "mse": mse,
    "sse": sse,
    "nll": nll,
    "features": features,
    "w1_pixels": _wasserstein("pixels"),
    "w1_ll": _wasserstein("ll"),
    "w1_lh": _wasserstein("lh"),
    "w1_hl": _wasserstein("hl"),
    "w1_hh": _wasserstein("hh"),
}


def critic_bands(weights: dict[str, float]) -> list[str]:
    """The bands that an objective needs critics for."""
    return [term.removeprefix("w1_") for term, w in weights.items() if term.startswith("w1_") and w]


def weighted_sum(
    weights: dict[str, float], batch: Batch
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The objective, and each of its terms with a weight other than 0, detached."""
    return combined(weights, lambda term: FUNCTIONS[term](batch))


def combined(
    weights: dict[str, float], value_of: Callable[[str], torch.Tensor]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """A weighted sum of terms however computed, and each with a weight other than 0, detached."""
    values = {term: value_of(term) for term, weight in weights.items() if weight}
    total = reduce(operator.add, (weights[term] * value for term, value in values.items()))
    return total, {term: value.detach() for term, value in values.items()}
