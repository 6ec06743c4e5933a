"""Worker: one matrix product with as many multiply-adds as a training step, again and again.

It says what the processor can do in fp32: no training step with this many multiply-adds gets there.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import torch

from bench.workers import serve

FORWARD = 28.3e6  # multiply-adds of the full-width codec for an image; backward costs twice that


def by_onednn(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """``left @ right.T`` by the library that convolves."""
    return torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")


def fastest(left: torch.Tensor, right: torch.Tensor) -> Callable:
    """The product that is fastest here.

    ``torch.mm`` calls MKL, which on processors that are not Intel's reaches half of what oneDNN does.
    """
    seconds = {}
    for product in (torch.mm, by_onednn):
        try:
            product(left, right)
        except (AttributeError, RuntimeError):  # a torch without oneDNN
            continue
        start = time.perf_counter()
        for _ in range(5):
            product(left, right)
        seconds[product] = time.perf_counter() - start
    return min(seconds, key=seconds.get)


def blocks(batch: int, repeats: int) -> Iterator[dict]:
    side = round((3 * FORWARD * batch) ** (1 / 3))
    left, right = torch.rand(side, side), torch.rand(side, side)
    product = fastest(left, right)
    while True:
        start = time.perf_counter()
        for _ in range(repeats):
            product(left, right)
        yield {"images": batch * repeats, "seconds": time.perf_counter() - start}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=20, help="products a block")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    serve(blocks(options.batch, options.repeats))
