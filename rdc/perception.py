"""How far the distribution of reconstructions is from that of images: three estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import ot
import torch

from rdc.networks.critics import Critic, critic_loss

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH, RATE, BETAS, PENALTY = 64, 2e-4, (0.5, 0.9), 10.0  # as the papers train theirs
SCORED_AT_ONCE = 1000


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray, projections: int) -> float:
    """Sliced Wasserstein-1 between two sets of images (n, 28, 28), in units of a pixel vector's norm.

    The mean over random directions of the Wasserstein-1 distance between the projections (POT).
    """
    return float(
        ot.sliced_wasserstein_distance(
            real.reshape(len(real), -1).astype(np.float64),
            fake.reshape(len(fake), -1).astype(np.float64),
            n_projections=projections,
            p=1,
            seed=0,
        )
    )


def critic_gap(critic: Critic, real: np.ndarray, fake: np.ndarray, device: torch.device) -> float:
    """E h(x) - E h(xhat) under a critic, of images (n, 28, 28) in [0, 1].

    Under the critic of the codec's own training it is what the papers report, and it is biased: the
    codec was trained to please this very critic.
    """
    return _mean_score(critic, real, device) - _mean_score(critic, fake, device)


def fresh_critic_gap(
    real: np.ndarray,
    fake: np.ndarray,
    steps: int,
    width: float,
    device: torch.device,
    seed: int = 0,
) -> float:
    """The gap under a critic that the codec never met: trained on one half, measured on the other.

    Args:
        real, fake: images and reconstructions (n, 28, 28) in [0, 1], in no order that matters.
        steps: how long it trains, in batches of 64 with gradient penalty 10: the same for every
            codec, so that gaps can be compared. A critic's gap is a lower bound on Wasserstein-1
            as far as it is 1-Lipschitz; with few steps the bound is loose.
        width: channels as a fraction of the papers'.

    Raises:
        ValueError: for fewer than two batches of images.
    """
    if len(real) < 2 * BATCH:
        raise ValueError(f"found {len(real)} images, a fresh critic needs at least {2 * BATCH}")
    half = len(real) // 2
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        critic = Critic(width=width).to(device)
    optimizer = torch.optim.Adam(critic.parameters(), RATE, betas=BETAS)

    def batch(images: np.ndarray) -> torch.Tensor:
        rows = torch.randint(half, (BATCH,), generator=generator).numpy()
        return torch.from_numpy(images[rows]).unsqueeze(1).to(device)

    for _ in range(steps):
        mixing = torch.rand(BATCH, generator=generator).to(device)
        loss, _ = critic_loss(critic, batch(real), batch(fake), mixing, PENALTY)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return critic_gap(critic, real[half:], fake[half:], device)


def _mean_score(
    critic: Callable[[torch.Tensor], torch.Tensor], images: np.ndarray, device: torch.device
) -> float:
    with torch.no_grad():
        scores = [
            critic(torch.from_numpy(images[i : i + SCORED_AT_ONCE]).unsqueeze(1).to(device)).cpu()
            for i in range(0, len(images), SCORED_AT_ONCE)
        ]
    return torch.cat(scores).double().mean().item()
