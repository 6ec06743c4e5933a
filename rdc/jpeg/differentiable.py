"""JPEG in torch, differentiable in its quantization tables (Luo, Section 3.1).

With ``rounding`` "hard" it is the real codec: libjpeg-turbo's pixels to a fraction of a grey level.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from rdc.jpeg.standard import ZIGZAG, TableError, scale_percent

SUBSAMPLINGS = ("4:4:4", "4:2:0")
ROUNDINGS = ("hard", "cubic", "straight_through", "boundary")
NARROWEST = 2  # pixels of chroma across, which libjpeg repeats instead of interpolating
BOUNDARY = 0.25  # width around the thresholds at +-1/2 in which "boundary" lets gradients through

# JFIF's colour conversion, RGB to YCbCr (without the offset of 128).
_TO_YCC = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)
_TO_RGB = torch.tensor([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]])


def _dct_matrix() -> torch.Tensor:
    """(64, 64): a flattened 8 x 8 block to its DCT coefficients in zigzag order, orthonormal."""
    frequency, position = np.mgrid[:8, :8]
    one_dimension = np.cos((2 * position + 1) * frequency * np.pi / 16) / 2
    one_dimension[0] /= np.sqrt(2)
    return torch.from_numpy(np.kron(one_dimension, one_dimension)[ZIGZAG]).float()


_DCT = _dct_matrix()


class Blocks(NamedTuple):
    """DCT coefficients, or codes, of images as planes of blocks, zigzag order.

    ``luma`` is (n, rows, columns, 64); ``chroma`` (n, 2, rows, columns, 64), None for grey images.
    """

    luma: torch.Tensor
    chroma: torch.Tensor | None

    def planes(self) -> list[torch.Tensor]:
        """Luma as (n, 1, rows, columns, 64), and chroma where there is any."""
        return [self.luma[:, None], *([] if self.chroma is None else [self.chroma])]


class Format(NamedTuple):
    """What a decoder must know beside the codes: size in pixels and chroma subsampling."""

    height: int
    width: int
    subsampling: str


def zigzag(tables: torch.Tensor) -> torch.Tensor:
    """Tables (..., 2, 8, 8) in natural order as (..., 2, 64) along the zigzag."""
    return tables.flatten(-2)[..., torch.from_numpy(ZIGZAG)]


def transform(images: torch.Tensor, subsampling: str = "4:2:0") -> tuple[Blocks, Format]:
    """Colour conversion, chroma subsampling and DCT: all that precedes quantization.

    Args:
        images: (n, 3, h, w) RGB or (n, 1, h, w) grey, floating point, levels 0 to 255, any h and w.
        subsampling: "4:2:0" halves chroma both ways; "4:4:4" keeps it.

    Raises:
        TableError: for another subsampling.
        TypeError: for images of whole numbers.
    """
    if not images.is_floating_point():
        raise TypeError(f"images: found {images.dtype}, needs floating point, levels 0 to 255")
    if subsampling not in SUBSAMPLINGS:
        raise TableError(f"subsampling: found {subsampling!r}, allowed are 4:4:4 and 4:2:0")
    channels, height, width = images.shape[1:]
    size = Format(height, width, subsampling)
    if channels == 1:
        return Blocks(_to_blocks(images - 128)[:, 0], None), size
    # libjpeg holds whole numbers here; without them codes differ even at quality 50.
    planes = torch.einsum("ij,njhw->nihw", _TO_YCC.to(images), images).round()
    luma, chroma = planes[:, :1] - 128, planes[:, 1:]
    if subsampling == "4:2:0":
        # To the right libjpeg repeats pixels up to whole blocks of chroma; below, rows of chroma.
        chroma = F.pad(chroma, (0, -width % 16, 0, height % 2), mode="replicate")
        # A half goes down in even columns and up in odd ones, as libjpeg has it.
        bias = torch.tensor([0.25, 0.5]).repeat(chroma.shape[-1] // 4 + 1)[: chroma.shape[-1] // 2]
        chroma = torch.floor(F.avg_pool2d(chroma, 2) + bias.to(chroma))
    return Blocks(_to_blocks(luma)[:, 0], _to_blocks(chroma)), size


def scaled_tables(bases: torch.Tensor, quality: float, rounding: str = "hard") -> torch.Tensor:
    """``standard.scaled`` for tensors: integers 1..255, gradients passed to what is not clipped.

    Args:
        bases: tables of any shape, positive.
        rounding: "hard" stops gradients; any other passes them straight through the rounding.
    """
    percent = scale_percent(quality)
    whole = torch.floor((bases.detach().double() * percent + 50) / 100).clamp(1, 255).to(bases)
    exact = bases * (percent / 100)
    return whole if rounding == "hard" else whole + (exact - exact.detach())


def quantize(blocks: Blocks, tables: torch.Tensor, rounding: str = "hard") -> tuple[Blocks, Blocks]:
    """Coefficients divided by tables, before and after rounding.

    Args:
        tables: steps along the zigzag, (2, 64), or (n, 2, 64) for tables of each image's own.
        rounding: see ``rounded``.

    Returns:
        Quotients and codes, each as ``Blocks``.
    """
    luma = blocks.luma / tables[..., 0, :].reshape(-1, 1, 1, 64)
    chroma = None
    if blocks.chroma is not None:
        chroma = blocks.chroma / tables[..., 1, :].reshape(-1, 1, 1, 1, 64)
    quotients = Blocks(luma, chroma)
    return quotients, Blocks(
        rounded(luma, rounding), None if chroma is None else rounded(chroma, rounding)
    )


def rounded(values: torch.Tensor, rounding: str) -> torch.Tensor:
    """The four ways to round.

    "hard": no gradient. "cubic": r + (v - r)^3 (Luo, Section 3.1), not whole numbers. With
    "straight_through" and "boundary" the values are whole. The gradient of the first is 1 everywhere:
    right on average where values spread evenly over a step. Most lie about zero instead, so that
    between -1 and 1 "boundary" looks at the thresholds alone, where steps happen: 1 / w within w / 2
    of one, w = ``BOUNDARY``, and 0 elsewhere.
    """
    if rounding == "boundary":
        return _Boundary.apply(values)
    whole = _nearest(values.detach())
    if rounding == "hard":
        return whole
    if rounding == "cubic":
        return whole + (values - whole) ** 3
    if rounding == "straight_through":
        return whole + (values - values.detach())
    raise TableError(f"rounding: found {rounding!r}, allowed are {', '.join(ROUNDINGS)}")


def _nearest(values: torch.Tensor) -> torch.Tensor:
    """The nearest whole number, halves away from zero: a block's mean is often just between two."""
    return torch.trunc(values + torch.copysign(torch.tensor(0.5), values))


class _Boundary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return _nearest(values)

    @staticmethod
    def backward(ctx, gradient):
        (values,) = ctx.saved_tensors
        return gradient * threshold_slope(values)


def threshold_slope(values: torch.Tensor) -> torch.Tensor:
    """The slope of rounding as "boundary" has it: see ``rounded``."""
    amplitudes = values.abs()
    near = ((amplitudes - 0.5).abs() < BOUNDARY / 2).to(values) / BOUNDARY
    return torch.where(amplitudes < 1, near, 1.0)


def reconstruct(
    codes: Blocks, tables: torch.Tensor, size: Format, whole: bool = False
) -> torch.Tensor:
    """Codes to images (n, channels, h, w), levels 0 to 255, clipped.

    Chroma is upsampled by libjpeg's triangle filter ("fancy upsampling": bilinear between the
    centres of pixels).

    Args:
        whole: whether to round wherever libjpeg holds whole numbers; such images have no gradient.
    """
    luma = _from_blocks((codes.luma * tables[..., 0, :].reshape(-1, 1, 1, 64))[:, None])
    luma = luma[..., : size.height, : size.width] + 128
    if whole:
        luma = torch.floor(luma + 0.5)  # halves go up: blocks of one level are often on one
    if codes.chroma is None:
        return luma.clamp(0, 255)
    chroma = _from_blocks(codes.chroma * tables[..., 1, :].reshape(-1, 1, 1, 1, 64))
    if whole:
        chroma = torch.floor(chroma + 0.5).clamp(-128, 127)
    if size.subsampling == "4:2:0":
        chroma = chroma[..., : -(-size.height // 2), : -(-size.width // 2)]
        if chroma.shape[-1] <= NARROWEST:
            chroma = F.interpolate(chroma, scale_factor=2, mode="nearest")
        else:
            chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
        if whole:  # in sixteenths, halves up in even columns and down in odd ones
            chroma[..., 0::2] = torch.floor(chroma[..., 0::2] + 8 / 16)
            chroma[..., 1::2] = torch.floor(chroma[..., 1::2] + 7 / 16)
    luma = luma.clamp(0, 255) if whole else luma
    planes = torch.cat([luma, chroma[..., : size.height, : size.width]], dim=1)
    images = torch.einsum("ij,njhw->nihw", _TO_RGB.to(planes), planes).clamp(0, 255)
    return images.round() if whole else images


def roundtrip(
    images: torch.Tensor,
    tables: torch.Tensor,
    subsampling: str = "4:2:0",
    rounding: str = "hard",
) -> torch.Tensor:
    """Images (n, channels, h, w) in 0..255 through the codec with scaled tables (2, 8, 8)."""
    blocks, size = transform(images, subsampling)
    steps = zigzag(tables)
    _, codes = quantize(blocks, steps, rounding)
    return reconstruct(codes, steps, size, whole=rounding == "hard")


def _to_blocks(planes: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) to coefficients (n, c, rows, columns, 64); edges repeated to whole blocks."""
    n, c, height, width = planes.shape
    planes = F.pad(planes, (0, -width % 8, 0, -height % 8), mode="replicate")
    rows, columns = planes.shape[2] // 8, planes.shape[3] // 8
    blocks = planes.reshape(n, c, rows, 8, columns, 8).transpose(3, 4).reshape(-1, 64)
    # libjpeg holds eighths here, so that halves are common.
    coefficients = (blocks @ (8 * _DCT.to(planes).T)).round() / 8
    return coefficients.reshape(n, c, rows, columns, 64)


def _from_blocks(coefficients: torch.Tensor) -> torch.Tensor:
    """(n, c, rows, columns, 64) to planes (n, c, 8 rows, 8 columns)."""
    n, c, rows, columns, _ = coefficients.shape
    pixels = coefficients.reshape(-1, 64) @ _DCT.to(coefficients)
    pixels = pixels.reshape(n, c, rows, columns, 8, 8).transpose(3, 4)
    return pixels.reshape(n, c, rows * 8, columns * 8)
