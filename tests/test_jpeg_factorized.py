"""Luo's entropy model: densities that add up, and the fewest bits that they can give."""

import numpy as np
import pytest
import torch

from rdc.datasets import pictures
from rdc.jpeg import differentiable, estimates, factorized, standard


def laplacian(scale: float) -> torch.Tensor:
    values = torch.arange(-factorized.LARGEST, factorized.LARGEST + 1.0)
    weights = torch.exp(-values.abs() / scale)
    return 1000 * weights / weights.sum()


def test_a_fitted_density_comes_near_the_entropy_and_adds_up():
    counts = torch.stack([laplacian(scale) for scale in (1.0, 3.0, 10.0, 30.0)])
    model = factorized.fit(counts, steps=800)
    for kind in range(factorized.KINDS):
        share = counts[kind] / counts[kind].sum()
        entropy = -(share * torch.log2(share.clamp(min=1e-30))).sum().item()
        values = torch.arange(-factorized.LARGEST, factorized.LARGEST + 1.0).expand(4, -1)
        bits = model(values)[kind]
        assert (2**-bits).sum().item() <= 1.01
        assert entropy - 1e-3 <= (share * bits).sum().item() <= entropy + 0.35


def test_histograms_count_differences_of_dc_and_codes_of_ac():
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 16, 32))
    blocks, _ = differentiable.transform(torch.from_numpy(image).float(), "4:4:4")
    _, codes = differentiable.quantize(blocks, torch.full((2, 64), 16.0))
    counts = factorized.histograms(codes, "4:4:4")
    middle = factorized.LARGEST
    assert counts.shape == (1, 4, 2 * middle + 1)
    assert counts.sum(dim=2).tolist() == [[8, 8 * 63, 16, 16 * 63]]
    zeros = (codes.luma[..., 1:] == 0).sum()
    assert counts[0, 1, middle] == zeros
    first = int(codes.luma[0, 0, 0, 0])
    assert counts[0, 0, middle + first] >= 1


def test_ours_is_nearer_to_real_bytes_than_the_papers():
    crops = pictures.random_crops(12, 96, seed=7)
    model = estimates.fitted(pictures.random_crops(60, 96, seed=8), "4:2:0")
    some = pictures.Pictures(list(crops), [str(i) for i in range(len(crops))])
    rows = estimates.records(some, [20, 50, 80], "4:2:0", model)
    real = np.array([row["bytes_file"] for row in rows])
    ours, theirs = (
        np.array([row[f"bytes_{name}"] for row in rows]) for name in ("run_length", "factorized")
    )
    assert np.abs(ours / real - 1).mean() < 0.01
    assert np.corrcoef(ours, real)[0, 1] > 0.9995
    assert np.corrcoef(theirs, real)[0, 1] > 0.9
    assert np.abs(ours / real - 1).mean() < np.abs(theirs / real - 1).mean()
    assert rows[0]["bytes_file"] == len(
        standard.encode(crops[0], standard.named("annex_k").at(20), "4:2:0")
    )


def test_rates_of_grey_pictures_are_refused_nowhere():
    grey = torch.zeros(2, 1, 16, 16)
    blocks, _ = differentiable.transform(grey)
    _, codes = differentiable.quantize(blocks, torch.full((2, 64), 16.0))
    counts = factorized.histograms(codes, "4:2:0")
    assert counts[:, 2:].sum() == 0 and counts[0, 0].sum() == pytest.approx(4)
