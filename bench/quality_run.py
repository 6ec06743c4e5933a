"""Trains our codec to the public run's quality in as little time as we know how, and records it.

The same codec on the same 60,000 images as ``public_code.py``; what differs is the recipe: one cycle
of the learning rate over two passes, the dithered quantizer's exact gradient, and a decoder that
trains in bfloat16.

    python -m bench.quality_run --out bench/quality_run.csv
"""

import argparse
import csv
import time

import torch

from bench import mnist
from bench.our_cell import cell
from rdc import loop
from rdc.allocator import keep_freed_memory
from rdc.config import Recipe
from rdc.datasets.images import Labelled
from rdc.networks.classifiers import ZhangClassifier
from rdc.networks.codec import Codec

RECIPE = Recipe(
    epochs=2,
    batch=64,
    lr=0.008,
    betas=(0.9, 0.95),
    schedule="one_cycle",
    warmup=0.1,
    gradient="identity",
    precision="bfloat16",
)
DITHERS = 4


def test_mse(codec: Codec, test: Labelled) -> float:
    """Mean over the test images and several dithers, in eval mode."""
    codec.eval()
    images = loop.Images(test, torch.device("cpu"))
    generator = torch.Generator().manual_seed(1)
    total = 0.0
    with torch.no_grad():
        for _ in range(DITHERS):
            for start in range(0, len(images), 1000):
                pixels, _ = images[start : start + 1000]
                uniform = torch.rand(len(pixels), codec.dim, generator=generator)
                total += (codec(pixels, uniform) - pixels).square().mean((1, 2, 3)).sum().item()
    return total / DITHERS / len(images)


def train(seed: int) -> tuple[float, float, int, float]:
    """Seconds and CPU seconds of training, images seen, and the test MSE afterwards."""
    data = mnist.prepared()
    cpu = time.process_time()
    trained = loop.train(
        cell(RECIPE, seed),
        data.train,
        data.test[:2],  # looked at, once, by the loop: decides nothing
        ZhangClassifier().eval(),
        torch.device("cpu"),
    )
    cpu = time.process_time() - cpu
    return trained.seconds, cpu, trained.steps * RECIPE.batch, test_mse(trained.codec, data.test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=2, help="runs, from seed 0 on")
    parser.add_argument("--out", required=True, help="CSV to write, a line a run")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    with open(args.out, "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["seed", "seconds", "cpu_seconds", "images", "test_mse"])
        for seed in range(args.seeds):
            writer.writerow([seed, *(f"{value:.6g}" for value in train(seed))])
            stream.flush()


if __name__ == "__main__":
    main()
