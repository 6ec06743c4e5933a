"""Worker: blocks of training steps by ``rdc.loop``, as every cell of the library is trained.

A block is an epoch over a subset of MNIST. Its seconds are the loop's own: gathering and scaling
batches included, reading the files and looking at validation images not (as on the public side).
"""

import argparse
from collections.abc import Iterator

import torch

from bench import mnist
from bench.our_cell import cell
from bench.workers import serve
from rdc import loop
from rdc.allocator import keep_freed_memory
from rdc.config import Recipe
from rdc.networks.classifiers import ZhangClassifier

FOREVER = 10**6  # epochs


def blocks(batch: int, steps: int, precision: str, critic: bool) -> Iterator[dict]:
    recipe = Recipe(
        epochs=FOREVER, batch=batch, betas=(0.9, 0.95), gradient="identity", precision=precision
    )
    subset, glance = mnist.prepared().train[: batch * steps], mnist.prepared().test[:2]
    run = loop._Run(
        cell(recipe, critic=critic),
        subset,
        glance,
        ZhangClassifier().eval(),
        torch.device("cpu"),
        None,
    )
    before = 0.0
    for _ in run.epochs():
        yield {"images": batch * steps, "seconds": run.trained.seconds - before}
        before = run.trained.seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20, help="training steps a block")
    parser.add_argument("--precision", default="bfloat16", help="asked for, of the decoder")
    parser.add_argument("--critic", type=int, default=0, help="1: every other step is a critic's")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    serve(blocks(options.batch, options.steps, options.precision, bool(options.critic)))
