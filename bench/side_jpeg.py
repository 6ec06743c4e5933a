"""Worker: blocks of JPEG round trips with the gradient of the squared error to the tables."""

import argparse
import time
from collections.abc import Callable, Iterator

import torch

from bench.workers import serve
from rdc.datasets.pictures import random_crops

COUNT, SIDE, QUALITY = 8, 256, 50


def kornia_codec(images: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    from kornia.enhance import JPEGCodecDifferentiable

    quality = torch.tensor([float(QUALITY)])

    def squared_error(tables: torch.Tensor) -> torch.Tensor:
        codec = JPEGCodecDifferentiable(tables[0], tables[1])
        return ((codec(images / 255, quality) * 255 - images) ** 2).mean()

    return squared_error


def our_codec(images: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    from rdc.jpeg import differentiable

    def squared_error(tables: torch.Tensor) -> torch.Tensor:
        steps = differentiable.scaled_tables(
            differentiable.zigzag(tables), QUALITY, "straight_through"
        )
        blocks, size = differentiable.transform(images)
        _, codes = differentiable.quantize(blocks, steps, "cubic")
        return ((differentiable.reconstruct(codes, steps, size) - images) ** 2).mean()

    return squared_error


def blocks(squared_error: Callable[[torch.Tensor], torch.Tensor], steps: int) -> Iterator[dict]:
    tables = torch.full((2, 8, 8), 16.0, requires_grad=True)
    while True:
        start = time.perf_counter()
        for _ in range(steps):
            (gradient,) = torch.autograd.grad(squared_error(tables), tables)
            if not torch.isfinite(gradient).all():
                raise RuntimeError("the gradient is not finite")
        pixels = steps * COUNT * SIDE * SIDE
        yield {"images": pixels / 1e6, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", choices=("kornia", "ours"), required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    crops = torch.from_numpy(random_crops(COUNT, SIDE)).permute(0, 3, 1, 2).float().contiguous()
    codec = {"kornia": kornia_codec, "ours": our_codec}[options.codec](crops)
    serve(blocks(codec, options.steps))
