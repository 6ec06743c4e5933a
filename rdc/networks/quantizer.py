"""Scalar quantization of the latent on evenly spaced levels, with or without shared dither.

Zhang, eq. 21-22; Nguyen, Section 4 ("universal quantization"); soft gradient of Mentzer et al. 2018.
"""

import torch

GRADIENTS = ("soft", "identity")


def spacing(levels: int) -> float:
    """Distance between neighbouring centres, Delta = 2 / (levels - 1), for levels >= 2."""
    if levels < 2:
        raise ValueError(f"levels: found {levels}, needs at least 2 (a code of one level is empty)")
    return 2.0 / (levels - 1)


def centres(levels: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """The ``levels`` reconstruction points, evenly spaced on [-1, 1]; shape (levels,)."""
    step = spacing(levels)
    return torch.arange(levels, device=device, dtype=torch.float32) * step - 1.0


def nearest(values: torch.Tensor, levels: int) -> torch.Tensor:
    """Index of the nearest centre, int64 in 0..levels-1, same shape as ``values``.

    Zhang prints round(x / Delta) * Delta, which is off the grid for an even number of levels (two
    levels become {-2, 0, 2}). Counting from the lowest centre is right for both parities. NaN has
    no nearest centre and counts as the lowest: it shows in the loss, not as an index out of range.
    """
    steps = torch.round((values + 1.0) / spacing(levels)).nan_to_num_(0.0)
    return steps.clamp_(0, levels - 1).long()


def dither_from_uniform(uniform: torch.Tensor, levels: int) -> torch.Tensor:
    """Numbers in [0, 1) to dither u ~ U[-Delta/2, Delta/2) (Zhang, eq. 22)."""
    return (uniform - 0.5) * spacing(levels)


def soft_assignment(values: torch.Tensor, levels: int, sigma: float) -> torch.Tensor:
    """Centres averaged with weights softmax(-sigma |value - centre|) (Le, eq. 2)."""
    points = centres(levels, values.device)
    weights = torch.softmax(-sigma * (values.unsqueeze(-1) - points).abs(), dim=-1)
    return weights @ points


def quantize(
    features: torch.Tensor,
    levels: int,
    dither: torch.Tensor | None = None,
    gradient: str = "soft",
    sigma: float = 1.0,
) -> torch.Tensor:
    """What the decoder sees: the nearest centre of f + u, less u. Hard forward, smooth backward.

    Args:
        features: encoder output f, shape (n, dim), in [-1, 1].
        levels: number of centres, at least 2.
        dither: u of the same shape, in [-Delta/2, Delta/2], known to both sides; None for none.
        gradient: ``soft`` lets the gradient of the soft assignment through (the papers' choice);
            ``identity`` lets it through unchanged. With dither the latter is exact: z - u is f plus
            uniform noise independent of f, so the derivative of the expected loss is the expected
            derivative, and the soft gradient is a shrunken version of it (mean factor .50 for
            3 levels at sigma = 1 and uniform f).
        sigma: sharpness of the soft assignment.

    Returns:
        Shape (n, dim). Without dither one of the centres; with it, f + U[-Delta/2, Delta/2].

    Raises:
        ValueError: for fewer than 2 levels or an unknown ``gradient``.
    """
    if gradient not in GRADIENTS:
        raise ValueError(f"gradient: found {gradient!r}, allowed are {', '.join(GRADIENTS)}")
    shifted = features if dither is None else features + dither
    with torch.no_grad():
        hard = centres(levels, features.device)[nearest(shifted, levels)]
    smooth = soft_assignment(shifted, levels, sigma) if gradient == "soft" else shifted
    # smooth - smooth.detach() is zero, so that the value is the centre to the last bit.
    coded = hard + (smooth - smooth.detach())
    return coded if dither is None else coded - dither
