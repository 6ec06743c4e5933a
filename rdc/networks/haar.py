"""The orthonormal two-dimensional Haar transform, one level (Le, Section 4.3)."""

import torch

BANDS = ("ll", "lh", "hl", "hh")


def subbands(images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Four subbands of half the side: approximation, horizontal, vertical, diagonal detail.

    Args:
        images: (n, c, h, w), h and w even.

    Returns:
        ``ll``, ``lh`` (PyWavelets' cH), ``hl`` (cV) and ``hh`` (cD), each (n, c, h / 2, w / 2); the
        sum of their squares is that of the images.

    Raises:
        ValueError: for an odd height or width.
    """
    height, width = images.shape[-2:]
    if height % 2 or width % 2:
        raise ValueError(f"images: found {height} x {width}, needs an even height and width")
    a, b = images[..., 0::2, 0::2], images[..., 0::2, 1::2]
    c, d = images[..., 1::2, 0::2], images[..., 1::2, 1::2]
    return {
        "ll": (a + b + c + d) / 2,
        "lh": (a + b - c - d) / 2,
        "hl": (a - b + c - d) / 2,
        "hh": (a - b - c + d) / 2,
    }


def inverse(bands: dict[str, torch.Tensor]) -> torch.Tensor:
    """The images (n, c, h, w) whose ``subbands`` these are."""
    ll, lh, hl, hh = (bands[name] for name in BANDS)
    rows = [
        torch.stack([ll + lh + hl + hh, ll + lh - hl - hh], dim=-1),
        torch.stack([ll - lh + hl - hh, ll - lh - hl + hh], dim=-1),
    ]
    n, channels, height, width = ll.shape
    return torch.stack(rows, dim=-3).reshape(n, channels, 2 * height, 2 * width) / 2
