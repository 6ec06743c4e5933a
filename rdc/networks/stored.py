"""Trained networks as files, and back: codecs and critics."""

from pathlib import Path

import torch

from rdc.networks import weights
from rdc.networks.codec import Codec
from rdc.networks.critics import BANDS, Critic, critic_for

Device = torch.device | str
MOST_DIMENSIONS = 1024
MOST_LEVELS = 2**16  # of one dimension
WIDEST = 64.0  # of the papers


def save_codec(codec: Codec, note: dict, path: str | Path) -> None:
    """Writes a codec with what is needed to build it again, and a JSON-able note."""
    described = {"kind": "codec", "architecture": codec.architecture, **note}
    weights.save(codec.state_dict(), described, path)


def load_codec(path: str | Path, device: Device = "cpu") -> tuple[Codec, dict]:
    """A trained codec, frozen and in eval mode, and its note. Raises WeightsError otherwise."""
    tensors, note = weights.load(path, "codec", _layout_of_codec)
    codec = Codec(**note["architecture"])
    codec.load_state_dict(tensors)
    return codec.to(device).eval().requires_grad_(False), note


def _layout_of_codec(note: dict, shapes: weights.Shapes) -> dict[str, torch.Tensor]:
    found = note.get("architecture")
    names = {"dim", "levels", "dither", "width", "output_norm"}
    if not isinstance(found, dict) or found.keys() != names:
        raise ValueError(f"architecture: needs {', '.join(sorted(names))}, and nothing else")
    weights.whole(found, "dim", 1, MOST_DIMENSIONS)
    weights.whole(found, "levels", 2, MOST_LEVELS)
    weights.number(found, "width", 0, WIDEST)
    for name in ("dither", "output_norm"):
        if not isinstance(found[name], bool):
            raise ValueError(f"{name}: needs true or false")
    with torch.device("meta"):
        return Codec(**found).state_dict()


def save_critics(critics: dict[str, Critic], note: dict, path: str | Path) -> None:
    """Writes the critics of one codec, by band, with a JSON-able note."""
    tensors = {
        f"{band}.{name}": tensor
        for band, critic in critics.items()
        for name, tensor in critic.state_dict().items()
    }
    weights.save(tensors, {"kind": "critics", **note}, path)


def load_critic(path: str | Path, band: str, width: float, device: Device = "cpu") -> Critic | None:
    """One band's trained critic, frozen; None where there is no such file, or not of that band.

    Raises:
        WeightsError: damaged, or not critics of that width.
    """
    if not Path(path).exists():
        return None

    def layout(note: dict, shapes: weights.Shapes) -> dict[str, torch.Tensor]:
        bands = [held for held in BANDS if any(name.startswith(f"{held}.") for name in shapes)]
        if not bands:
            raise ValueError(f"found no critic of {', '.join(BANDS)}")
        with torch.device("meta"):
            return {
                f"{held}.{name}": tensor
                for held in bands
                for name, tensor in critic_for(held, width).state_dict().items()
            }

    tensors, _ = weights.load(path, "critics", layout)
    own = {
        name.removeprefix(f"{band}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{band}.")
    }
    if not own:
        return None
    critic = critic_for(band, width)
    critic.load_state_dict(own)
    return critic.to(device).eval().requires_grad_(False)
