"""Worker: blocks of critic and generator steps as the public code writes them (uRDP, WGAN-GP).

One batch for the critic, the next for encoder and decoder; gradient penalty by a double backward
through the critic; everything eager and in float32. Shares no code with ``rdc``.
"""

import argparse
import time
from collections.abc import Iterator

import torch
from torch import nn

from bench import mnist
from bench.public_code import Decoder, Encoder, loaders
from bench.workers import serve

LAM, PENALTY, DIM, LEVELS = 0.015, 10.0, 3, 3


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, 64, 5, stride=2, padding=2), nn.LeakyReLU(),
            nn.Conv2d(64, 128, 5, stride=2, padding=2), nn.LeakyReLU(),
            nn.Conv2d(128, 256, 5, stride=2, padding=2), nn.LeakyReLU(),
        )  # fmt: skip
        self.output = nn.Linear(4096, 1)

    def forward(self, x):
        return self.output(self.main(x).view(-1, 4096)).view(-1)


def gradient_penalty(x, y, critic):
    alpha = torch.rand(x.size(0), 1, 1, 1)
    between = (x + alpha * (y - x)).requires_grad_()
    scores = critic(between)
    gradient = torch.autograd.grad(
        scores, between, torch.ones_like(scores), create_graph=True, retain_graph=True
    )[0]
    return ((gradient.view(x.size(0), -1).norm(dim=1) - 1) ** 2).mean()


def blocks(pairs: int) -> Iterator[dict]:
    encoder, decoder, critic = Encoder(DIM, LEVELS), Decoder(DIM), Critic()
    rates = ((encoder, 0.01), (decoder, 0.01), (critic, 2e-4))
    optimizers = [torch.optim.Adam(m.parameters(), lr=r, betas=(0.5, 0.9)) for m, r in rates]
    alpha, criterion = 2 / (LEVELS - 1), nn.MSELoss()
    loader, _ = loaders(mnist.folder())
    batches = iter(loader)
    while True:
        start, images = time.perf_counter(), 0
        for step in range(2 * pairs):
            try:
                x, _ = next(batches)
            except StopIteration:
                batches = iter(loader)
                x, _ = next(batches)
            for optimizer in optimizers:
                optimizer.zero_grad()
            u = (torch.rand(x.size(0), DIM) - 0.5) * alpha
            shown = decoder(encoder(x, u), u)
            if step % 2 == 0:
                loss = critic(shown.detach()).mean() - critic(x).mean()
                loss = loss + PENALTY * gradient_penalty(x, shown.detach(), critic)
                loss.backward()
                optimizers[2].step()
            else:
                loss = criterion(x, shown) - LAM * critic(shown).mean()
                loss.backward()
                optimizers[0].step()
                optimizers[1].step()
            images += x.size(0)
        yield {"images": images, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8, help="pairs of steps a block")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    serve(blocks(options.steps))
