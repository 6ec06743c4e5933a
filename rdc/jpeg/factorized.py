"""Luo's entropy model of JPEG's codes: four factorized densities (Section 3.2, after Ballé 2018).

Luma and chroma have one density for DC differences and one for all 63 AC codes together. It knows
neither runs of zeros nor the end of a block; ``rate.run_length_bits`` does.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from rdc.jpeg.differentiable import Blocks
from rdc.jpeg.rate import differences

KINDS = 4  # luma DC, luma AC, chroma DC, chroma AC
FILTERS = (3, 3, 3)
INIT_SCALE = 10.0
LARGEST = 2047  # of a code that is told apart; there is none beyond in 8-bit JPEG


class Factorized(nn.Module):
    """Cumulative distributions c_k(x), k < 4, each a small monotone network (Ballé 2018, 6.1)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, *FILTERS, 1)
        scale = INIT_SCALE ** (1 / (len(FILTERS) + 1))
        self.matrices, self.biases, self.factors = (nn.ParameterList() for _ in range(3))
        for inputs, outputs in pairwise(widths):
            start = torch.log(torch.expm1(torch.tensor(1 / scale / outputs)))
            self.matrices.append(nn.Parameter(start.expand(KINDS, outputs, inputs).clone()))
            self.biases.append(nn.Parameter(torch.rand(KINDS, outputs, 1) - 0.5))
            self.factors.append(nn.Parameter(torch.zeros(KINDS, outputs, 1)))

    def _logits(self, values: torch.Tensor) -> torch.Tensor:
        layer = values[:, None]
        for number, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            layer = F.softplus(matrix) @ layer + bias
            if number < len(FILTERS):
                layer = layer + torch.tanh(self.factors[number]) * torch.tanh(layer)
        return layer[:, 0]

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """-log2(c_k(v + 1/2) - c_k(v - 1/2)) of values (4, m), one row a kind."""
        low, high = self._logits(values - 0.5), self._logits(values + 0.5)
        # On the side of the tail where sigmoids do not round to 1.
        sign = -torch.sign(low + high).detach()
        share = (torch.sigmoid(sign * high) - torch.sigmoid(sign * low)).abs()
        return -torch.log2(share.clamp(min=1e-9))


def histograms(codes: Blocks, subsampling: str) -> torch.Tensor:
    """(n, 4, 2 LARGEST + 1): how often each image has each code of each kind."""
    found = []
    for number, plane in enumerate(codes.planes()):
        interleaved = number == 0 and codes.chroma is not None and subsampling == "4:2:0"
        found += [differences(plane[..., 0], interleaved).flatten(1), plane[..., 1:].flatten(1)]
    counts = torch.stack([_histogram(values) for values in found], dim=1)
    return F.pad(counts, (0, 0, 0, KINDS - len(found)))


def fit(counts: torch.Tensor, steps: int = 2000, lr: float = 0.02, seed: int = 0) -> Factorized:
    """The densities that give these codes, (4, 2 LARGEST + 1) counts, the fewest bits.

    Trained as Ballé does, on codes with uniform noise of +-1/2.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Factorized()
        optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        support = counts.sum(dim=0).nonzero()[:, 0]
        weights = counts[:, support] / counts.sum()
        values = (support - LARGEST).float().expand(KINDS, -1)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = lr * (1 - step / steps)
            noise = torch.rand_like(values) - 0.5
            loss = (weights * model(values + noise)).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.requires_grad_(False)


def estimated_bits(model: Factorized, counts: torch.Tensor) -> torch.Tensor:
    """Bits of each image, (n,), from its histograms (eq. 2)."""
    values = torch.arange(-LARGEST, LARGEST + 1.0).expand(KINDS, -1)
    return (counts * model(values)).sum(dim=(1, 2))


def _histogram(values: torch.Tensor) -> torch.Tensor:
    n, bins = len(values), 2 * LARGEST + 1
    index = values.long().clamp(-LARGEST, LARGEST) + LARGEST
    offset = torch.arange(n, device=values.device)[:, None] * bins
    return torch.bincount((index + offset).ravel(), minlength=n * bins).reshape(n, bins).float()
