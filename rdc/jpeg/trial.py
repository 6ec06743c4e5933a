"""A classifier of pictures is tried before it is used, and what is wrong with it named."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from rdc.jpeg.confinement import is_of_memory

SIDES = (32, 64, 96, 128, 160, 192, 224, 227, 240, 256, 260, 288, 299, 300, 320, 336, 380, 384,
         448, 456, 480, 512, 518, 528, 600, 28, 48, 16, 8)  # fmt: skip
BATCHES = (2, 4, 8, 16, 32, 64)
EXPORT = "torch.onnx.export(model.eval(), torch.rand(2, 3, side, side), 'model.onnx')"


class Unfit(ValueError):
    """A classifier that cannot be used: says why, and what to do."""


@dataclass(frozen=True)
class Findings:
    """What a trial found.

    ``batch``: pictures that it takes at once, None where that is any number; ``outputs``: how many;
    ``probabilities``: whether they sum to one; ``sloped``: whether a gradient reaches the picture,
    None where this process could not tell.
    """

    batch: int | None
    outputs: int
    probabilities: bool
    sloped: bool | None


def batched(network: nn.Module, pictures: torch.Tensor, batch: int | None) -> torch.Tensor:
    """A network's outputs of pictures (n, ...), given to it ``batch`` at a time.

    What is missing to a batch is filled with zeros, whose outputs are dropped.
    """
    if batch is None:
        return network(pictures.clone())  # some write into what they are given
    outputs = []
    for part in pictures.clone().split(batch):
        missing = batch - len(part)
        filled = F.pad(part, (0, 0) * (part.ndim - 1) + (0, missing))
        found = network(filled)
        outputs.append(found[: len(part)] if isinstance(found, torch.Tensor) else found)
    return torch.cat(outputs) if all(isinstance(o, torch.Tensor) for o in outputs) else outputs[0]


def trial(network: nn.Module, pictures: torch.Tensor, declared: int | None = None) -> Findings:
    """Runs a frozen network as it will be used later.

    Args:
        pictures: two of them, normalised, (2, 3, side, side).
        declared: the pictures at once that its file says it takes, if it says a number.

    Raises:
        Unfit: it does not run, or its outputs cannot be used.
    """
    batch = _fixed(network, pictures, declared)
    scores = batched(network, pictures, batch)
    _has_scores(scores, len(pictures))
    # At once as many as it is not known to take: of a batch of two baked in, three.
    several = torch.cat([pictures, pictures[:1]]) if batch == 2 else pictures
    whole, apart = _attempt(network, several), batched(network, several, batch)
    if isinstance(whole, torch.Tensor) and whole.shape == apart.shape:
        if _alike(whole, apart, 2e-2):
            batch = None
        elif declared is None and _alike(scores, batched(network, pictures, batch)):
            raise Unfit(
                "reads a picture otherwise beside others than alone: it was exported in training mode; "
                f"export it again after model.eval(): {EXPORT}"
            )
    if not _alike(scores, batched(network, pictures, batch)):
        raise Unfit(
            "found other outputs of the same picture at a second call: dropout or another draw is on; "
            f"export it again after model.eval(): {EXPORT}"
        )
    if not torch.isfinite(scores).all():
        raise Unfit("found outputs that are no numbers (NaN or infinite) of noise")
    return Findings(
        batch, scores.shape[1], _are_probabilities(network, pictures, scores, batch),
        slopes(network, pictures, batch),
    )  # fmt: skip


def _fixed(network, pictures, declared: int | None) -> int:
    """Pictures at once with which it runs: as declared, or one, or a number that was traced."""
    one = declared or 1
    try:
        batched(network, pictures[:1], one)
        return one
    except Exception as error:  # networks fail in many ways
        if is_of_memory(error):
            raise
        for batch in BATCHES:
            if isinstance(_attempt(network, pictures[:1].repeat(batch, 1, 1, 1)), torch.Tensor):
                return batch
        raise Unfit(_cause(network, pictures.shape[-1], error)) from None


def _cause(network, side: int, error: Exception) -> str:
    """Why a network does not run on pictures (n, 3, side, side), by trying other inputs."""
    runs = lambda *shape, kind=torch.float32: (  # noqa: E731
        _attempt(network, torch.rand(shape).mul(255).to(kind) if kind == torch.uint8
                 else torch.rand(shape).to(kind)) is not None
    )  # fmt: skip
    needs = f"needs pictures (n, 3, {side}, {side}), float32"
    if runs(1, 3, side, side, kind=torch.float16):
        return f"takes half precision (float16) alone, {needs}; export it after model.float()"
    if runs(1, 3, side, side, kind=torch.float64):
        return f"takes double precision (float64) alone, {needs}; export it after model.float()"
    if runs(1, 3, side, side, kind=torch.uint8):
        return (
            f"takes whole numbers (uint8) alone, {needs} from 0 to 1; export it without that step"
        )
    if runs(1, 1, side, side):
        return (
            f"takes pictures of one channel (grey), {needs}; export a module that makes them grey "
            "itself: model(x.mean(1, keepdim=True))"
        )
    if runs(1, side, side, 3):
        return (
            f"takes channels last (n, {side}, {side}, 3), {needs}; export a module that turns them: "
            "model(x.permute(0, 2, 3, 1))"
        )
    if runs(3, side, side):
        return f"takes one picture without a batch (3, {side}, {side}), {needs}; export it with a batch"
    for other in sorted(SIDES, key=lambda other: abs(other - side)):
        if other != side and runs(1, 3, other, other):
            return (
                f"does not run on pictures of {side} x {side} but on those of {other} x {other}: set "
                f"'side' to its input size (side: {other})"
            )
    return (
        f"cannot read pictures (n, 3, {side}, {side}): {first_line(error)}; if it takes another size, "
        "set 'side' to it"
    )


def _attempt(network, pictures):
    try:
        with torch.no_grad():
            return network(pictures.clone())
    except Exception:  # it does not run on those: all that is asked
        return None


def _has_scores(scores, count: int) -> None:
    if isinstance(scores, dict):
        keys = ", ".join(map(repr, list(scores)[:4]))
        raise Unfit(
            f"returns a dictionary ({keys}), needs one tensor (n, classes); export a module that returns "
            f"one of them: model(x)[{next(iter(scores), '')!r}]"
        )
    if isinstance(scores, (tuple, list)):
        raise Unfit(
            f"returns {len(scores)} outputs ({type(scores).__name__}), needs one tensor (n, classes); "
            "export a module that returns one of them: model(x)[0]"
        )
    if not isinstance(scores, torch.Tensor):
        raise Unfit(f"returns {type(scores).__name__}, needs one tensor (n, classes)")
    if not scores.is_floating_point():
        raise Unfit(
            f"returns whole numbers ({scores.dtype}), as an arg-max does; export the scores before it"
        )
    if scores.ndim != 2 or len(scores) != count:
        squeezed = scores.ndim == 4 and scores.shape[2:] == (1, 1)
        hint = "; export a module that returns model(x).flatten(1)" if squeezed else ""
        raise Unfit(
            f"found outputs {tuple(scores.shape)} of {count} pictures, needs (n, classes){hint}"
        )


def _are_probabilities(network, pictures, scores, batch) -> bool:
    """Whether outputs sum to one. Raises Unfit where they lie in [0, 1] whatever they are given,
    and do not."""
    if (scores < 0).any() or (scores > 1).any():
        return False
    if torch.allclose(scores.sum(1), torch.ones(()), atol=1e-3):
        return scores.shape[1] > 1
    if (scores == 0).any():  # of no sigmoid; an untrained network may give nothing else
        return False
    bounded = True
    for factor in (-1000.0, -30.0, 30.0, 1000.0):
        found = batched(network, pictures * factor, batch)
        bounded &= bool(((found >= 0) & (found <= 1)).all())
    if bounded and scores.shape[1] > 1:
        raise Unfit(
            f"found outputs between 0 and 1 that do not sum to 1 ({_shown(scores[0])}), as of a sigmoid for "
            "each: export the scores before the sigmoid, or with a softmax"
        )
    return False


def slopes(network, pictures, batch) -> bool | None:
    """Whether a gradient of the outputs reaches the pictures."""
    with torch.enable_grad():
        images = pictures.clone().requires_grad_(True)
        weights = torch.linspace(-1, 1, steps=2**16)
        try:
            found = batched(network, images, batch)
            (slope,) = torch.autograd.grad((found * weights[: found.shape[1]]).sum(), images)
        except RuntimeError as error:
            if "fork" in str(error):  # gradients were taken before this process was forked
                return None
            if is_of_memory(error):
                raise
            return False
    return bool(torch.isfinite(slope).all() and slope.abs().sum() > 0)


def _alike(first: torch.Tensor, second: torch.Tensor, share: float = 1e-3) -> bool:
    """The same but for rounding, of which networks that were stretched have more."""
    scale = first.nan_to_num().abs().max().item()
    return torch.allclose(first, second, rtol=1e-3, atol=1e-5 + share * scale, equal_nan=True)


def _shown(row: torch.Tensor) -> str:
    return ", ".join(f"{value:.2f}" for value in row[:3].tolist())


def first_line(error: Exception) -> str:
    """What an error says in one line; TorchScript's own reason comes last."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    for line in reversed(lines):
        if line.startswith(("RuntimeError:", "builtins.")):
            return line[:300]
    return lines[0][:300] if lines else type(error).__name__
