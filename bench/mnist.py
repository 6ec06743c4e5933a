"""MNIST for the benchmarks: the four original files in ``data/mnist``, checked."""

from functools import cache
from pathlib import Path

from rdc.datasets import images, sources

FOLDER = Path(__file__).resolve().parents[1] / "data" / "mnist"


@cache
def folder() -> Path:
    """The folder of the four files, fetched (from RDC_MIRROR or the network) where missing."""
    for file in sources.SOURCES["mnist"].files:
        sources.fetch("mnist", file.name, FOLDER / file.name)
    return FOLDER


@cache
def prepared() -> images.Prepared:
    """60,000 training and 10,000 test images."""
    return images.prepare_mnist(folder())
