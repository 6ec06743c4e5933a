"""Wasserstein critics with gradient penalty, on the pixels or on one Haar subband."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F

from rdc.networks import haar
from rdc.networks.autoencoder import IMAGE_SIDE, scaled

BANDS = ("pixels", *haar.BANDS)


class Critic(nn.Module):
    """Three strided 5x5 convolutions of 64, 128 and 256, then one linear output (Le, Table 1).

    Args:
        side: height and width of what it reads, 28 for pixels and 14 for a subband (whose last
            maps are 2 x 2, so 1,024 features where the pixels have 4,096).
        width: channels as a fraction of the papers'.
    """

    def __init__(self, side: int = IMAGE_SIDE, width: float = 1.0):
        super().__init__()
        channels = [1, *(scaled(c, width) for c in (64, 128, 256))]
        layers: list[nn.Module] = []
        for fan_in, fan_out in itertools.pairwise(channels):
            layers += [nn.Conv2d(fan_in, fan_out, 5, stride=2, padding=2), nn.LeakyReLU()]
            side = (side + 1) // 2
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear(channels[-1] * side * side, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images or subbands (n, 1, side, side) to scores (n,)."""
        return self.last(self.layers(images).flatten(1)).squeeze(1)


def critic_for(band: str, width: float = 1.0) -> Critic:
    """A critic that reads a band of 28 x 28 images. Raises ValueError for an unknown band."""
    if band not in BANDS:
        raise ValueError(f"band: found {band!r}, allowed are {', '.join(BANDS)}")
    return Critic(IMAGE_SIDE if band == "pixels" else IMAGE_SIDE // 2, width)


def band_of(images: torch.Tensor, band: str) -> torch.Tensor:
    """What the critic of a band reads of images (n, 1, 28, 28)."""
    return images if band == "pixels" else haar.subbands(images)[band]


def critic_loss(
    critic: Critic, real: torch.Tensor, fake: torch.Tensor, mixing: torch.Tensor, penalty: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss a critic descends, and its estimate of Wasserstein-1 (Le, eq. 9).

    Args:
        real, fake: (n, 1, side, side), ``fake`` without gradient.
        mixing: (n,) in [0, 1], where between the two the gradient is held to norm 1.
        penalty: weight of the gradient penalty (10 in every paper).
    """
    estimate = critic(real).mean() - critic(fake).mean()
    mixing = mixing.view(-1, 1, 1, 1)
    between = (mixing * real + (1 - mixing) * fake).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    slope = gradient.flatten(1).norm(dim=1)
    return -estimate + penalty * F.mse_loss(slope, torch.ones_like(slope)), estimate.detach()
