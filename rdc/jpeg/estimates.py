"""Two estimates of a file's bytes beside the real ones, picture by picture (Luo, Fig 3)."""

import math
from collections.abc import Callable

import numpy as np
import torch

from rdc.datasets.pictures import Pictures
from rdc.jpeg import differentiable, factorized, optimization, rate, standard
from rdc.jpeg.factorized import Factorized

TABLES = "annex_k"
HEADER = {True: 193, False: 123}  # bytes beside scan and Huffman tables; colour, grey
MOST = 100  # pictures, as many as the paper's figure has
FITTED_AT = range(10, 91, 10)  # qualities that the entropy models are fitted on together


def chosen(pictures: Pictures) -> Pictures:
    """At most ``MOST`` of a study's pictures, evenly over their order."""
    return pictures.take(range(0, len(pictures), math.ceil(len(pictures) / MOST)))


def fitted(images: np.ndarray, subsampling: str) -> Factorized:
    """Luo's entropy models, fitted on images (n, h, w, 3) at all of ``FITTED_AT`` together."""
    counts = torch.zeros(factorized.KINDS, 2 * factorized.LARGEST + 1)
    blocks, _ = differentiable.transform(optimization.stacked(images), subsampling)
    for quality in FITTED_AT:
        _, codes = differentiable.quantize(blocks, _steps(quality))
        counts += factorized.histograms(codes, subsampling).sum(dim=0)
    return factorized.fit(counts)


def records(
    pictures: Pictures,
    qualities: list[int],
    subsampling: str,
    model: Factorized,
    report: Callable[[str], None] = lambda line: None,
) -> list[dict]:
    """One record per picture and quality, as the table ``jpeg_rate`` has them."""
    rows, tables = [], standard.named(TABLES)
    for name, image in zip(pictures.names, pictures.images, strict=True):
        blocks, _ = differentiable.transform(optimization.stacked(image[None]), subsampling)
        for quality in qualities:
            content = standard.encode(image, tables.at(quality), subsampling)
            quotients, codes = differentiable.quantize(blocks, _steps(quality))
            ours = sum(rate.run_length_bits(quotients, subsampling)).item() / 8
            theirs = factorized.estimated_bits(model, factorized.histograms(codes, subsampling))
            rows.append(
                {
                    "subsampling": subsampling,
                    "image": name,
                    "quality": quality,
                    "pixels": image.shape[0] * image.shape[1],
                    "bytes_file": len(content),
                    "bytes_run_length": ours + HEADER[image.ndim == 3],
                    "bytes_factorized": theirs.item() / 8,
                }
            )
        report(f"{name}: {len(qualities)} qualities")
    return rows


def _steps(quality: int) -> torch.Tensor:
    return differentiable.zigzag(torch.from_numpy(standard.named(TABLES).at(quality)).float())
