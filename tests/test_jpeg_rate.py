"""Estimated bits against real files, and their gradient against finite differences."""

import numpy as np
import pytest
import torch

from rdc.datasets import pictures
from rdc.jpeg import differentiable, rate, standard

PHOTOGRAPHS = pictures.random_crops(8, 96, seed=4)
HEADER = 193  # bytes of a colour file beside its scan and Huffman tables


def bits(images, tables, subsampling="4:2:0", whole=True):
    stacked = torch.from_numpy(np.ascontiguousarray(images)).float()
    stacked = stacked[:, None] if stacked.ndim == 3 else stacked.permute(0, 3, 1, 2)
    blocks, _ = differentiable.transform(stacked, subsampling)
    steps = differentiable.zigzag(torch.from_numpy(tables).float())
    return rate.run_length_bits(differentiable.quantize(blocks, steps)[0], subsampling, whole)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("quality", [10, 50, 90])
@pytest.mark.parametrize("name", ["annex_k", "flat"])
def test_bits_are_those_of_the_real_file(name, quality, subsampling):
    tables = standard.named(name).at(quality)
    estimate = bits(PHOTOGRAPHS, tables, subsampling)
    for row, image in enumerate(PHOTOGRAPHS):
        real = standard.sizes(standard.encode(image, tables, subsampling))
        assert estimate.scan[row].item() / 8 == pytest.approx(real.scan, rel=0.015)
        assert estimate.huffman_tables[row].item() / 8 == pytest.approx(real.huffman_tables, abs=3)
        assert real.file == real.scan + real.huffman_tables + HEADER


@pytest.mark.parametrize("quality", [10, 50, 90])
@pytest.mark.parametrize("side", [8, 24, 40, 72])
def test_blocks_beyond_the_edge_of_a_picture_are_counted(side, quality):
    """Of an odd number of blocks across, 4:2:0 codes one more; in a small picture that is much."""
    tables = standard.named("annex_k").at(quality)
    images = PHOTOGRAPHS[:, :side, :side]
    estimate = bits(images, tables)
    real = [standard.sizes(standard.encode(image, tables, "4:2:0")).scan for image in images]
    assert estimate.scan.sum().item() / 8 == pytest.approx(sum(real), rel=0.03, abs=len(images))


def test_bits_of_grey_images_are_those_of_the_real_file():
    tables = standard.named("annex_k").at(50)
    grey = PHOTOGRAPHS[..., 1]
    estimate = bits(grey, tables)
    for row, image in enumerate(grey):
        real = standard.sizes(standard.encode(image, tables, "4:4:4"))
        assert estimate.scan[row].item() / 8 == pytest.approx(real.scan, rel=0.015)


def test_lengths_are_an_optimal_prefix_code():
    counts = np.zeros(256)
    counts[[3, 7, 9, 200, 255]] = [50, 20, 20, 9, 1]
    lengths = rate._huffman(counts)
    used = lengths[counts > 0]
    assert (2.0**-used).sum() < 1  # one code is left over
    entropy = -(counts[counts > 0] / 100 * np.log2(counts[counts > 0] / 100)).sum()
    assert entropy <= (counts * lengths).sum() / 100 <= entropy + 1


def test_luma_blocks_of_420_follow_in_units_of_two_by_two():
    assert rate._mcu_order(2, 4).tolist() == [0, 1, 4, 5, 2, 3, 6, 7]
    assert sorted(rate._mcu_order(3, 5).tolist()) == list(range(15))


@pytest.mark.parametrize("quality", [15, 40, 80])
def test_the_gradient_follows_finite_differences_of_the_hard_count(quality):
    images = torch.from_numpy(pictures.random_crops(32, 96, seed=5)).permute(0, 3, 1, 2).float()
    blocks, _ = differentiable.transform(images)
    start = differentiable.zigzag(torch.from_numpy(standard.named("ramp").base(50)).float())
    start = start * standard.scale_percent(quality) / 100

    def count(log_scale):
        quotients, _ = differentiable.quantize(blocks, start * torch.exp(log_scale))
        return rate.run_length_bits(quotients, "4:2:0", whole=False).scan.sum()

    at = torch.zeros((), requires_grad=True)
    (ours,) = torch.autograd.grad(count(at), at)
    step = torch.tensor(0.05)
    numeric = (count(step) - count(-step)) / (2 * step)
    assert ours.item() == pytest.approx(numeric.item(), rel=0.15)


def test_crops_of_larger_images_bear_no_huffman_tables():
    estimate = bits(PHOTOGRAPHS, standard.named("flat").at(50), whole=False)
    assert not estimate.huffman_tables.any()
