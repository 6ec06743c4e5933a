"""A learned codec: encoder, quantizer and decoder under one roof."""

import torch
from torch import nn

from rdc.networks import precision as arithmetic
from rdc.networks import quantizer
from rdc.networks.autoencoder import Decoder, Encoder


class Codec(nn.Module):
    """Images to code vectors and back.

    Args:
        dim, levels: code vectors are ``dim`` indices in 0..levels-1.
        dither: whether encoder and decoder share a uniform dither (Zhang, eq. 21-22).
        width, output_norm: of the networks (``rdc.networks.autoencoder``).
        gradient, sigma: of the quantizer in training (``rdc.networks.quantizer.quantize``).
        precision: of the decoder in training, ``float32``, or ``bfloat16`` where the processor has
            the instructions (``rdc.networks.precision``); it is always evaluated in float32.
    """

    def __init__(
        self,
        dim: int,
        levels: int,
        dither: bool,
        width: float = 1.0,
        output_norm: bool = False,
        gradient: str = "soft",
        sigma: float = 1.0,
        precision: str = "float32",
    ):
        super().__init__()
        quantizer.spacing(levels)  # refuses fewer than two levels
        self.dim, self.levels, self.dither = dim, levels, dither
        self.gradient, self.sigma, self.precision = gradient, sigma, precision
        self.architecture = {
            "dim": dim,
            "levels": levels,
            "dither": dither,
            "width": width,
            "output_norm": output_norm,
        }
        self.encoder = Encoder(dim, width)
        self.decoder = Decoder(dim, width, output_norm)

    def forward(self, images: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        """Reconstructions (n, 1, 28, 28) of images, differentiable.

        Args:
            uniform: (n, dim) in [0, 1), from which the dither is made; unused without dither.
        """
        dither = quantizer.dither_from_uniform(uniform, self.levels) if self.dither else None
        latent = quantizer.quantize(
            self.encoder(images), self.levels, dither, self.gradient, self.sigma
        )
        return self.decode(latent)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """What the decoder sees, (n, dim), to images (n, 1, 28, 28) in (0, 1)."""
        with self.training_precision(latent.device):
            return self.decoder(latent)

    def training_precision(self, device: torch.device) -> torch.autocast:
        """The context that decoder and critics train in; without effect in eval mode."""
        reduced = self.training and arithmetic.used(self.precision, device) == arithmetic.REDUCED
        return torch.autocast(device.type, torch.bfloat16, enabled=reduced, cache_enabled=False)

    def codes(self, features: torch.Tensor, dither: torch.Tensor | None) -> torch.Tensor:
        """Encoder output f (n, dim) and dither u to the indices that are sent, int64 (n, dim)."""
        return quantizer.nearest(features if dither is None else features + dither, self.levels)

    def reconstruct(self, codes: torch.Tensor, dither: torch.Tensor | None) -> torch.Tensor:
        """Received indices (n, dim), and the same dither, to images (n, 1, 28, 28) in (0, 1)."""
        latent = quantizer.centres(self.levels, codes.device)[codes]
        return self.decode(latent if dither is None else latent - dither)
