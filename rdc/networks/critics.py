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

    def _stages(self) -> zip:
        """Each convolution with its leaky ReLU."""
        layers = list(self.layers)
        return zip(layers[::2], layers[1::2], strict=True)

    def linearised(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Scores (n,), and by layer the factors 1 or .01 that its leaky ReLU multiplies with."""
        factors, maps = [], images
        for convolution, activation in self._stages():
            before = convolution(maps)
            factors.append(torch.where(before.detach() > 0, 1.0, activation.negative_slope))
            maps = activation(before)
        return self.last(maps.flatten(1)).squeeze(1), factors

    def scores_and_tangent(
        self,
        real: torch.Tensor,
        fake: torch.Tensor,
        direction: torch.Tensor,
        factors: list[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scores of two batches, and of directions (n, 1, side, side) <direction, slope>, (n,) each.

        The slope is that where ``linearised`` gave ``factors``. One pass for all three.
        """
        split = len(real) + len(fake)
        maps = torch.cat([real, fake, direction])
        for (convolution, activation), factor in zip(self._stages(), factors, strict=True):
            before = F.conv2d(
                maps, convolution.weight, None, convolution.stride, convolution.padding
            )
            scored = before[:split] + convolution.bias.to(before.dtype).view(-1, 1, 1)
            maps = torch.cat([activation(scored), before[split:] * factor.to(before.dtype)])
        found = F.linear(maps.flatten(1), self.last.weight).squeeze(1)
        scores = found[:split] + self.last.bias.to(found.dtype)
        return scores[: len(real)], scores[len(real) :], found[split:]


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

    The penalty's gradient is not taken by differentiating a gradient. Between the kinks of its leaky
    ReLUs a critic is linear, so its slope g in x is too in each layer's weights, and the penalty P(g)
    moves them as <v, g> does, v = dP/dg held fixed: the critic, linearised at x, of v. That is one
    more row in the batch of reals and fakes, exact wherever P has a gradient, and with bfloat16 half
    the time of a double backward (121 to 60 ms at the papers' width, batch 64, two threads).

    Args:
        real, fake: (n, 1, side, side), ``fake`` without gradient.
        mixing: (n,) in [0, 1], where between the two the gradient is held to norm 1.
        penalty: weight of the gradient penalty (10 in every paper).
    """
    mixing = mixing.view(-1, 1, 1, 1)
    between = (mixing * real + (1 - mixing) * fake).requires_grad_(True)
    scores, kinks = critic.linearised(between)
    (gradient,) = torch.autograd.grad(scores.sum(), between)
    slope = gradient.flatten(1).norm(dim=1)
    steepness = (slope - 1) / slope.clamp(min=torch.finfo(slope.dtype).tiny)
    direction = 2 * penalty / len(real) * steepness.view(-1, 1, 1, 1) * gradient
    real_score, fake_score, moved = critic.scores_and_tangent(real, fake, direction, kinks)
    estimate = real_score.mean() - fake_score.mean()
    # The value is the loss's, the gradient that of -estimate + <v, g>.
    tangent = moved.sum()
    value = penalty * F.mse_loss(slope, torch.ones_like(slope))
    return -estimate + (tangent - tangent.detach()) + value, estimate.detach()
