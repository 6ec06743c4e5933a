"""Worker: blocks of training steps by the public code's loop."""

import argparse
import time
from collections.abc import Iterator

import torch

from bench import mnist, public_code
from bench.workers import serve

FOREVER = 10**6  # epochs


def blocks(steps: int) -> Iterator[dict]:
    epochs, images_before = public_code.train(mnist.folder(), FOREVER, max_steps=steps), 0
    while True:
        start = time.perf_counter()  # the loop's own clock runs on while it waits its turn
        _, _, _, images, _ = next(epochs)
        yield {"images": images - images_before, "seconds": time.perf_counter() - start}
        images_before = images


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20, help="training steps a block")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    serve(blocks(options.steps))
