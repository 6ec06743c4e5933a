"""The encoder and decoder that all four MNIST studies share (Zhang, Table 1; Le, Table 1)."""

import itertools

import torch
from torch import nn

from rdc.networks.convolution import TransposedConvolution

IMAGE_SIDE = 28
PIXELS = IMAGE_SIDE * IMAGE_SIDE


def scaled(channels: int, width: float) -> int:
    """Channel count at a fraction ``width`` of the papers', at least 4."""
    return max(4, round(channels * width))


class Encoder(nn.Module):
    """784-512-256-128-128-dim with batch norm and leaky ReLU, tanh at the end (Zhang, Table 1).

    Args:
        dim: length of the latent vector.
        width: hidden layers as a fraction of the papers' (1 is theirs).
    """

    def __init__(self, dim: int, width: float = 1.0):
        super().__init__()
        widths = [PIXELS, *(scaled(c, width) for c in (512, 256, 128, 128))]
        layers: list[nn.Module] = []
        for fan_in, fan_out in itertools.pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.BatchNorm1d(fan_out), nn.LeakyReLU()]
        layers += [nn.Linear(widths[-1], dim), nn.BatchNorm1d(dim), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (n, 1, 28, 28) in [0, 1] to features f (n, dim) in [-1, 1]."""
        return self.layers(images.flatten(1))


class Decoder(nn.Module):
    """dim-128-512, then 4x4 to 11x11 to 25x25 to 28x28 by transposed convolutions.

    Zhang's Table 1 with the shapes of the public code (uRDP): 512 = 32 x 4 x 4, channels 64 and
    128, kernels 5, 5 and 4, strides 2, 2 and 1; sigmoid at the end.

    Args:
        dim: length of the latent vector.
        width: hidden layers as a fraction of the papers'.
        output_norm: batch norm before the sigmoid, as Nguyen's Table 1 prints it and no code has.
    """

    def __init__(self, dim: int, width: float = 1.0, output_norm: bool = False):
        super().__init__()
        hidden, base = scaled(128, width), scaled(32, width)
        first, second = scaled(64, width), scaled(128, width)
        self.base = base
        self.expand = nn.Sequential(
            nn.Linear(dim, hidden), nn.BatchNorm1d(hidden), nn.LeakyReLU(),
            nn.Linear(hidden, base * 16), nn.BatchNorm1d(base * 16), nn.LeakyReLU(),
        )  # fmt: skip
        self.grow = nn.Sequential(
            TransposedConvolution(base, first, 5, 2), nn.BatchNorm2d(first), nn.LeakyReLU(),
            TransposedConvolution(first, second, 5, 2), nn.BatchNorm2d(second), nn.LeakyReLU(),
            TransposedConvolution(second, 1, 4, 1),
        )  # fmt: skip
        self.output = nn.Sequential(
            *([nn.BatchNorm2d(1)] if output_norm else []),
            nn.Sigmoid(),
        )

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Latent (n, dim) to reconstructions (n, 1, 28, 28) in (0, 1)."""
        maps = self.expand(latent).view(-1, self.base, 4, 4)
        # On a CPU, oneDNN's convolutions run 15 % faster with channels last.
        maps = maps.contiguous(memory_format=torch.channels_last)
        maps = self.grow(maps)
        # In bfloat16 a sigmoid near 1 has no slope left.
        return self.output(maps.float() if maps.dtype == torch.bfloat16 else maps)
