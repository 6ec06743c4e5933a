"""Trained networks as files, and back: codecs and critics."""

from pathlib import Path

import torch

from rdc.networks import weights
from rdc.networks.codec import Codec
from rdc.networks.critics import Critic, critic_for

Device = torch.device | str


def save_codec(codec: Codec, note: dict, path: str | Path) -> None:
    """Writes a codec with what is needed to build it again, and a JSON-able note."""
    described = {"kind": "codec", "architecture": codec.architecture, **note}
    weights.save(codec.state_dict(), described, path)


def load_codec(path: str | Path, device: Device = "cpu") -> tuple[Codec, dict]:
    """A trained codec, frozen and in eval mode, and its note. Raises WeightsError otherwise."""
    tensors, note = weights.load(path, kind="codec")
    codec = Codec(**note["architecture"])
    codec.load_state_dict(tensors)
    return codec.to(device).eval().requires_grad_(False), note


def save_critics(critics: dict[str, Critic], note: dict, path: str | Path) -> None:
    """Writes the critics of one codec, by band, with a JSON-able note."""
    tensors = {
        f"{band}.{name}": tensor
        for band, critic in critics.items()
        for name, tensor in critic.state_dict().items()
    }
    weights.save(tensors, {"kind": "critics", **note}, path)


def load_critic(path: str | Path, band: str, width: float, device: Device = "cpu") -> Critic | None:
    """One band's trained critic, frozen; None where there is no such file, or not of that band."""
    if not Path(path).is_file():
        return None
    tensors, _ = weights.load(path, kind="critics")
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
