"""The objective in expectation over random rounding: an exact gradient for codecs of few codes.

Rounding to the nearest centre has no gradient, and the papers put a soft assignment's in its place.
Without dither there is an exact way. Round each feature at random to one of its two neighbouring
centres, to the nearer more often: at f between centres c and c + Delta, up with probability
(f - c) / Delta. The expected objective is then a finite sum over codes, its slope the difference
between what neighbouring codes cost. It is linear in each feature between centres, so it is least
where features lie on centres, and there random rounding is rounding.

Each step decodes every code once, whatever the batch. At 27 codes a thousand images cost less than
a batch of 64 decoded one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from rdc.networks import quantizer
from rdc.networks.critics import band_of
from rdc.objective import Batch, combined

if TYPE_CHECKING:
    from rdc.networks.codec import Codec

Cost = Callable[[Batch], torch.Tensor]


def codewords(dim: int, levels: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Every code vector as what the decoder sees, (levels ** dim, dim), the last index fastest."""
    # Made on the device: a step that copies from the host cannot be captured as a CUDA graph.
    centres = quantizer.centres(levels, device)
    return torch.cartesian_prod(*[centres] * dim).view(-1, dim)


def probabilities(features: torch.Tensor, levels: int) -> torch.Tensor:
    """The probability of each code under random rounding, (n, levels ** dim), rows summing to one.

    Args:
        features: encoder output f, (n, dim), in [-1, 1].
    """
    distances = (features.unsqueeze(-1) - quantizer.centres(levels, features.device)).abs()
    each = (1 - distances / quantizer.spacing(levels)).clamp(min=0)  # (n, dim, levels)
    joint = each[:, 0]
    for dimension in range(1, features.shape[1]):
        joint = (joint.unsqueeze(2) * each[:, dimension].unsqueeze(1)).flatten(1)
    return joint


def _squared_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """(n, length) and (m, length) to the mean squared difference of each pair, (n, m)."""
    squares = first.square().sum(1, keepdim=True) + second.square().sum(1)
    return (squares - 2 * first @ second.T) / first.shape[1]


def _mse(batch: Batch) -> torch.Tensor:
    return _squared_distances(batch.images.flatten(1), batch.reconstructions.flatten(1))


def _sse(batch: Batch) -> torch.Tensor:
    return _mse(batch) * batch.images[0].numel()


def _nll(batch: Batch) -> torch.Tensor:
    return -batch.classifier(batch.reconstructions).T[batch.labels]


def _features(batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        wanted = batch.classifier.features(batch.images)
    return _squared_distances(wanted, batch.classifier.features(batch.reconstructions))


def _wasserstein(band: str) -> Cost:
    def cost(batch: Batch) -> torch.Tensor:
        scores = batch.critics[band](band_of(batch.reconstructions, band))
        return -scores.expand(len(batch.images), -1)

    return cost


# What each image costs at each code, (n, codes), by term (names in ``rdc.config.TERMS``).
COSTS: dict[str, Cost] = {
    "mse": _mse,
    "sse": _sse,
    "nll": _nll,
    "features": _features,
    "w1_pixels": _wasserstein("pixels"),
    "w1_ll": _wasserstein("ll"),
    "w1_lh": _wasserstein("lh"),
    "w1_hl": _wasserstein("hl"),
    "w1_hh": _wasserstein("hh"),
}


def weighted_sum(
    weights: dict[str, float],
    codec: Codec,
    images: torch.Tensor,
    labels: torch.Tensor,
    classifier,
    critics: dict,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The expected objective, and each of its terms with a weight other than 0, detached.

    The same terms as ``rdc.objective``; the codec must be without dither. In train mode the
    decoder's batch norm normalises over the codes, each counted once: what it keeps for evaluation
    is then exact, not an average over batches.
    """
    likely = probabilities(codec.encoder(images), codec.levels)
    every = codec.decode(codewords(codec.dim, codec.levels, images.device).to(images.dtype))
    batch = Batch(images, every, labels, classifier, critics)
    return combined(weights, lambda term: (likely * COSTS[term](batch)).sum() / len(images))
