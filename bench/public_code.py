"""The training loop of the field's public code, written as that code writes it.

Follows uRDP (Zhang, Qian, Chen, Khisti 2021, commit 34a726d) for distortion alone: torchvision's
MNIST through Resize and ToTensor in a DataLoader, eager fp32, Adam with two optimizers, lr .01
divided by 5 at epoch 20, batch 64, dithered 3 x 3 quantizer (4.755 bits), fresh dither at test.
Generator steps only: at weight 0 the critic changes nothing, so leaving it out favours this side.
Kept apart from ``rdc`` on purpose: a benchmark that shared its code would measure nothing.

    python -m bench.public_code --data data/mnist --epochs 30 --out bench/public_code.csv
"""

import argparse
import csv
import gzip
import itertools
import shutil
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

import rdc.torchvision_compat  # noqa: F401

# isort: split
from torchvision import datasets, transforms


class Quantizer(nn.Module):
    def __init__(self, levels, sigma=1.0):
        super().__init__()
        self.register_buffer("centers", torch.linspace(-1, 1, levels))
        self.sigma = sigma

    def forward(self, x):
        distance = torch.abs(x.unsqueeze(-1) - self.centers)
        soft = (torch.softmax(-self.sigma * distance, dim=-1) * self.centers).sum(-1)
        hard = self.centers[distance.argmin(dim=-1)]
        soft.data = hard
        return soft


class Encoder(nn.Module):
    def __init__(self, dim, levels, width=1):
        super().__init__()
        widths = [784] + [int(c * width) for c in (512, 256, 128, 128)]
        layers = []
        for a, b in itertools.pairwise(widths):
            layers += [nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU()]
        layers += [nn.Linear(widths[-1], dim), nn.BatchNorm1d(dim), nn.Tanh()]
        self.main = nn.Sequential(*layers)
        self.quantizer = Quantizer(levels)

    def forward(self, x, u):
        return self.quantizer(self.main(x.view(-1, 784)) + u)


class Decoder(nn.Module):
    def __init__(self, dim, width=1):
        super().__init__()
        c32, c64, c128, c512 = (int(c * width) for c in (32, 64, 128, 512))
        self.expand = nn.Sequential(
            nn.Linear(dim, c128), nn.BatchNorm1d(c128), nn.LeakyReLU(),
            nn.Linear(c128, c512), nn.BatchNorm1d(c512), nn.LeakyReLU(),
        )  # fmt: skip
        self.deconvolve = nn.Sequential(
            nn.ConvTranspose2d(c32, c64, 5, 2), nn.BatchNorm2d(c64), nn.LeakyReLU(),
            nn.ConvTranspose2d(c64, c128, 5, 2), nn.BatchNorm2d(c128), nn.LeakyReLU(),
            nn.ConvTranspose2d(c128, 1, 4, 1), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, z, u):
        h = self.expand(z - u)
        return self.deconvolve(h.view(len(h), -1, 4, 4))


def loaders(folder, batch=64):
    """torchvision wants its own folder layout and unpacked files: lay them out in a scratch one."""
    transform = transforms.Compose([transforms.Resize(28), transforms.ToTensor()])
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for packed in Path(folder).glob("*-ubyte.gz"):
            with gzip.open(packed) as source, open(raw / packed.stem, "wb") as target:
                shutil.copyfileobj(source, target)
        train = datasets.MNIST(root, train=True, transform=transform)  # read whole into memory
        test = datasets.MNIST(root, train=False, transform=transform)
    return (
        torch.utils.data.DataLoader(train, batch_size=batch, shuffle=True),
        torch.utils.data.DataLoader(test, batch_size=2000),
    )


def train(folder, epochs, dim=3, levels=3, lr=0.01, max_steps=None):
    """Yields (epoch, seconds so far, CPU seconds so far, images so far, test MSE) per epoch."""
    train_loader, test_loader = loaders(folder)
    encoder, decoder = Encoder(dim, levels), Decoder(dim)
    alpha = 2 / (levels - 1)
    optimizers = [
        torch.optim.Adam(m.parameters(), lr=lr, betas=(0.5, 0.9)) for m in (encoder, decoder)
    ]
    schedulers = [
        torch.optim.lr_scheduler.LambdaLR(o, lambda e: 1 if e < 20 else 1 / 5) for o in optimizers
    ]
    criterion = nn.MSELoss()
    start, cpu_start, images = time.perf_counter(), time.process_time(), 0
    for epoch in range(1, epochs + 1):
        for x, _ in itertools.islice(train_loader, max_steps):
            for optimizer in optimizers:
                optimizer.zero_grad()
            u = (torch.rand(x.size(0), dim) - 0.5) * alpha
            loss = criterion(x, decoder(encoder(x, u), u))
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            images += x.size(0)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
        if max_steps is not None:
            yield epoch, seconds, cpu, images, float("nan")
            continue
        with torch.no_grad():
            encoder.eval(), decoder.eval()
            total = 0.0
            for x, _ in test_loader:
                u = (torch.rand(x.size(0), dim) - 0.5) * alpha
                total += criterion(decoder(encoder(x, u), u), x).item() * x.size(0)
            encoder.train(), decoder.train()
        yield epoch, seconds, cpu, images, total / len(test_loader.dataset)
        for scheduler in schedulers:
            scheduler.step()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder with MNIST's four .gz files")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, help="stop each epoch after this many steps (timing)")
    parser.add_argument("--out", required=True, help="CSV to write, a line an epoch")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with open(args.out, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["epoch", "seconds", "cpu_seconds", "images", "test_mse"])
        for row in train(args.data, args.epochs, max_steps=args.steps):
            writer.writerow([row[0], *(f"{v:.6g}" for v in row[1:])])
            stream.flush()


if __name__ == "__main__":
    main()
