"""Quantization tables by gradient descent through a differentiable JPEG (Luo, eq. 3 and 4).

Steps are kept as logarithms, so that a few hundred updates reach what the paper's million of 1e-4
each did. At every quality the objective is bits plus a multiple of the loss (distortion or
classification). By slope, the multiple is no setting: it is what the rate-loss curve of the tables
has there, so that scaling all steps alike neither gains nor loses, and only the shape moves. With a
rate weight it is one for all qualities, as in the paper, and the steps' scale moves too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional as F

from rdc.jpeg import differentiable, rate
from rdc.jpeg.differentiable import Blocks, Format
from rdc.jpeg.standard import ZIGZAG, TableSet, neighbours, scaled

# Luma steps whose geometric mean is held at 16 where quality gives the scale, as Annex K's is.
ANCHOR_STEPS, ANCHOR = 16, 16.0
UNSCALED = 50  # the quality at which tables are used as they are
BLOCK = 64  # pixels
FLOOR = 1e-3  # of a squared error before its logarithm, in squared grey levels

# A loss of reconstructions (n, channels, h, w) in 0..255, given the rows they are of: (n,) values.
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Pool:
    """Images (n, channels, h, w) of one size, 0..255, as blocks of DCT coefficients too."""

    images: torch.Tensor
    blocks: Blocks
    format: Format

    def __getitem__(self, rows: torch.Tensor) -> "Pool":
        chroma = None if self.blocks.chroma is None else self.blocks.chroma[rows]
        return Pool(self.images[rows], Blocks(self.blocks.luma[rows], chroma), self.format)

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Gathered:
    """Images of one size that become a pool when some are asked for: the same, in little memory."""

    images: Sequence[np.ndarray]
    subsampling: str

    def __getitem__(self, rows: torch.Tensor) -> Pool:
        return pool(np.stack([self.images[row] for row in rows.tolist()]), self.subsampling)

    def __len__(self) -> int:
        return len(self.images)


def pool(images: np.ndarray, subsampling: str) -> Pool:
    """Images (n, h, w, 3) or (n, h, w), uint8, ready for optimization."""
    tensors = stacked(images)
    return Pool(tensors, *differentiable.transform(tensors, subsampling))


def stacked(images: np.ndarray) -> torch.Tensor:
    """Images (n, h, w, 3) or (n, h, w), uint8, as floats (n, channels, h, w), 0..255."""
    tensors = torch.from_numpy(np.array(images)).float()  # a copy: theirs may be read-only
    return tensors[:, None] if tensors.ndim == 3 else tensors.permute(0, 3, 1, 2).contiguous()


def distortion(images: torch.Tensor) -> Loss:
    """Each image's mean squared error, in squared grey levels: the paper's."""

    def loss(reconstructions: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return ((reconstructions - images[rows]) ** 2).mean(dim=(1, 2, 3))

    return loss


def log_distortion(images: torch.Tensor) -> Loss:
    """ln of each image's mean squared error: a mean of it is a mean PSNR, but for sign and scale."""
    plain = distortion(images)

    def loss(reconstructions: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return torch.log(plain(reconstructions, rows) + FLOOR)

    return loss


def log_loss(classifier: torch.nn.Module, labels: torch.Tensor) -> Loss:
    """Negative log-likelihood of the true labels under a frozen classifier of images in [0, 1]."""

    def loss(reconstructions: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        scores = classifier(reconstructions / 255)
        return F.nll_loss(scores, labels[rows], reduction="none")

    return loss


def misreading(classifier: torch.nn.Module, labels: torch.Tensor) -> Loss:
    """Probability that a label drawn as the classifier's probabilities say is not the true one.

    Accuracy made smooth. The log-likelihood minds most the images that are read wrong with
    confidence, where no accuracy can be won; this one those that may go either way.
    """
    plain = log_loss(classifier, labels)

    def loss(reconstructions: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return -torch.expm1(-plain(reconstructions, rows))

    return loss


@dataclass
class Slopes:
    """The slope -d ln(bits) / d loss of the tables as they are, by quality, averaged over steps."""

    width: float = 10.0  # of a band of qualities
    memory: float = 0.95
    found: dict[int, tuple[float, float]] = field(default_factory=dict)

    def updated(self, quality: float, saved: float, lost: float) -> float:
        """Takes what larger steps save in ln(bits) and lose; gives the slope at this quality."""
        band = int(quality // self.width)
        before = self.found.get(band, (saved, lost))
        saved, lost = (
            self.memory * old + (1 - self.memory) * new
            for old, new in zip(before, (saved, lost), strict=True)
        )
        self.found[band] = saved, lost
        return saved / lost if saved > 0 and lost > 0 else 0.0


@dataclass(frozen=True)
class Settings:
    """How tables are optimised; see ``jpeg.settings.Tables``."""

    qualities: tuple[float, float] = (10, 90)
    knots: tuple[int, ...] = (50,)
    steps: int = 1500
    batch: int = 20
    lr: float = 0.03
    rounding: str = "boundary"
    rate_weight: float | None = None  # of the bits of 64 pixels beside the loss; none: by slope
    whole: bool = False  # whether the images are whole files, or crops of larger ones
    seed: int = 0


def universal(
    start: TableSet,
    data: Pool | Gathered,
    loss: Loss,
    settings: Settings,
    report: Callable[[str], None] = lambda line: None,
) -> TableSet:
    """One set of tables for all images, at qualities sampled evenly from the settings' range.

    Args:
        start: where to begin, for example the ramp.
        data: what to optimise on.
        loss: what bits are traded against.
        settings: with one knot the pair is only scaled by quality; with more its shape changes.
        report: takes a line of progress now and then.

    Returns:
        The mean of the tables over the second half of the steps, in the logarithm.
    """
    steps = _logarithms(start, settings.knots).requires_grad_()
    optimizer = torch.optim.Adam([steps], lr=settings.lr, betas=(0.9, 0.98))
    slopes, mean, counted = Slopes(), torch.zeros_like(steps), 0
    for step, (quality, rows) in enumerate(_samples(len(data), settings)):
        optimizer.param_groups[0]["lr"] = settings.lr * min(1, 2 * (1 - step / settings.steps))
        base = _between(steps, settings.knots, quality)
        gradient, bits, value = _direction(base, quality, data[rows], rows, loss, settings, slopes)
        optimizer.zero_grad()
        base.backward(gradient)
        optimizer.step()
        with torch.no_grad():
            if settings.rate_weight is None:  # quality, not the shape, gives the scale
                steps -= _scale(steps) - np.log(ANCHOR)
            if step >= settings.steps // 2:
                counted += 1
                mean += (steps - mean) / counted
        if step % 100 == 0:
            report(
                f"step {step}/{settings.steps} | quality {quality:.0f}: {bits:.3f} bits per pixel, "
                f"loss {value:.3f}"
            )
    return _table_set(mean if counted else steps.detach(), settings.knots)


def per_image(
    start: np.ndarray, data: Pool, loss: Loss, slope: float, settings: Settings
) -> np.ndarray:
    """Integer tables (n, 2, 8, 8) of each image's own, tuned on the image itself.

    Args:
        start: integer tables (n, 2, 8, 8) to begin from.
        data: the images, of one size.
        loss: what bits are traded against.
        slope: how much loss a bit per pixel is worth, the same for every image: so bits also move
            from images where they do little to images where they do more.
        settings: ``steps``, ``lr`` and ``rounding`` count; every step sees every image.
    """
    steps = differentiable.zigzag(torch.from_numpy(np.log(start)).float()).requires_grad_()
    optimizer = torch.optim.Adam([steps], lr=settings.lr, betas=(0.9, 0.98))
    rows, pixels = torch.arange(len(data)), data.format.height * data.format.width
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = settings.lr * (1 - step / settings.steps)
        bits, values = _bits_and_loss(steps, UNSCALED, data, rows, loss, settings)
        optimizer.zero_grad()
        (values + slope * bits / pixels).sum().backward()
        optimizer.step()
    natural = np.empty((len(data), 2, 64))
    natural[..., ZIGZAG] = steps.detach().exp().numpy()
    return scaled(natural.reshape(-1, 2, 8, 8), UNSCALED)


def _scale(steps: torch.Tensor) -> torch.Tensor:
    """The mean logarithm of the first luma steps, (..., 1, 1)."""
    return steps[..., :1, :ANCHOR_STEPS].mean(dim=-1, keepdim=True)


def _samples(count: int, settings: Settings) -> Iterator[tuple[float, torch.Tensor]]:
    generator = np.random.default_rng(settings.seed)
    for _ in range(settings.steps):
        quality = generator.uniform(*settings.qualities)
        rows = generator.choice(count, min(settings.batch, count), replace=False)
        yield float(quality), torch.from_numpy(rows)


def _direction(base, quality, data, rows, loss, settings, slopes):
    """The gradient that the base's logarithms go down, bits per pixel and loss.

    By slope, that of ln(bits) + slope x loss, scale left out. The slope is measured here too: it is
    the ratio of what both lose and gain by larger steps.
    """
    of_bits, of_loss, bits, value = _gradients(base, quality, data, rows, loss, settings)
    bits_per_pixel = bits.mean().item() / (data.format.height * data.format.width)
    if settings.rate_weight is None:
        slope = slopes.updated(quality, -of_bits.sum().item(), of_loss.sum().item())
        gradient = of_bits + slope * of_loss
        gradient = gradient - gradient.mean()
    else:  # the gradient of bits is that of their logarithm times them
        gradient = settings.rate_weight * BLOCK * bits_per_pixel * of_bits + of_loss
    return gradient, bits_per_pixel, value.mean().item()


def _gradients(steps, quality, data, rows, loss, settings):
    """Gradients of ln(mean bits) and of the mean loss with respect to steps' logarithms, and both
    per image."""
    leaf = steps.detach().requires_grad_()
    bits, values = _bits_and_loss(leaf, quality, data, rows, loss, settings)
    (of_bits,) = torch.autograd.grad(bits.mean().log(), leaf, retain_graph=True)
    (of_loss,) = torch.autograd.grad(values.mean(), leaf)
    return of_bits, of_loss, bits.detach(), values.detach()


def _bits_and_loss(steps, quality, data, rows, loss, settings):
    """Of each image, with one pair (2, 64) for all or a pair for each (n, 2, 64), in logarithms."""
    tables = differentiable.scaled_tables(steps.exp(), quality, "straight_through")
    quotients, codes = differentiable.quantize(data.blocks, tables, settings.rounding)
    bits = sum(rate.run_length_bits(quotients, data.format.subsampling, settings.whole))
    return bits, loss(differentiable.reconstruct(codes, tables, data.format), rows)


def _between(steps: torch.Tensor, knots: tuple[int, ...], quality: float) -> torch.Tensor:
    """The base (2, 64) at a quality, linear between knots: ``TableSet.base`` in logarithms."""
    left, right, share = neighbours(knots, quality)
    return steps[left] if left == right else (1 - share) * steps[left] + share * steps[right]


def _logarithms(tables: TableSet, knots: tuple[int, ...]) -> torch.Tensor:
    """(knots, 2, 64) along the zigzag."""
    bases = np.stack([tables.base(knot) for knot in knots])
    return differentiable.zigzag(torch.from_numpy(np.log(bases)).float()).clone()


def _table_set(steps: torch.Tensor, knots: tuple[int, ...]) -> TableSet:
    natural = np.empty((len(knots), 2, 64))
    natural[..., ZIGZAG] = steps.detach().exp().numpy()
    return TableSet(tuple(knots), natural.reshape(-1, 2, 8, 8))
