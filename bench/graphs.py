"""On a GPU: a training step replayed as one CUDA graph beside the same step launched kernel by kernel.

    python -m bench.graphs

Prints milliseconds a step (medians of three blocks) at full width, by kind of cell of config/paper.yaml.
Not a part of ``bench/run.py``, whose table is of machines without a GPU.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from rdc import cells, config, loop
from rdc.cells import Cell
from rdc.datasets.labelled import Labelled
from rdc.networks.classifiers import ZhangClassifier

CELLS = (
    "zhang/rdc_lam=0.005_dim=3_levels=3_dither=yes_recipe=zhang_seed=0",
    "nguyen/rdp_lam=0.015_dim=3_levels=3_dither=yes_recipe=nguyen_seed=0",
    "le/na2_dim=4_levels=4_dither=yes_recipe=le_seed=0",
    "zhang/rdc_lam=0.002_dim=4_levels=4_dither=no_recipe=expected_warped_seed=0",
    "zhang/rdc_lam=0.01_dim=6_levels=4_dither=no_recipe=expected12_warped_seed=0",
)
IMAGES, BLOCKS, SECONDS = 5000, 3, 0.5


def launched(step: Callable, example: tuple, state: Callable) -> Callable:
    """In place of ``rdc.capture.captured``: the step as it is."""
    return step


def milliseconds(step: Callable, inputs: tuple[torch.Tensor, torch.Tensor]) -> float:
    def block(count: int) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            step(*inputs)
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / count

    count = max(5, round(SECONDS / block(5)))
    return 1000 * median(block(count) for _ in range(BLOCKS))


def of_cell(cell: Cell, images: Labelled, device: torch.device) -> dict[tuple[str, str], float]:
    """Milliseconds by step (``codec``, ``critic``) and way (``graph``, ``kernels``)."""
    reader = ZhangClassifier().to(device).eval().requires_grad_(False)
    batch = cell.training.batch
    inputs = (
        torch.randint(len(images), (batch,), device=device),
        torch.rand(batch, cell.dim + 1, device=device),
    )
    found = {}
    captured = loop.captured
    for way, capture in (("graph", captured), ("kernels", launched)):
        loop.captured = capture
        run = loop._Run(cell, images, images[:100], reader, device, None)
        for name, step in (("codec", run.codec_step), ("critic", run.critic_step)):
            if step is not None:
                found[name, way] = milliseconds(step, inputs)
    loop.captured = captured
    return found


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("error: found no GPU, which this measures")
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (IMAGES, 28, 28), dtype=np.uint8)
    images = Labelled(pixels, random.integers(0, 10, IMAGES))
    known = {f"{c.study}/{c.name}": c for c in cells.expand(config.load("config/paper.yaml"))}
    print(torch.cuda.get_device_name(), torch.__version__)
    for name in CELLS:
        found = of_cell(known[name], images, torch.device("cuda"))
        for step in dict.fromkeys(step for step, _ in found):
            graph, kernels = found[step, "graph"], found[step, "kernels"]
            print(
                f"{name} {step}: {graph:.2f} ms, kernel by kernel {kernels:.2f} ({kernels / graph:.1f} x)"
            )


if __name__ == "__main__":
    main()
