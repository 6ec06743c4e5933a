"""The codec in torch against the real one, and its gradients."""

import os

import numpy as np
import pytest
import torch
from scipy.fft import dctn

from rdc.datasets import pictures, sources
from rdc.jpeg import differentiable, standard

PHOTOGRAPHS = pictures.random_crops(4, 96, seed=3)


def pixels(image):
    stacked = torch.from_numpy(np.ascontiguousarray(image)).float()
    return stacked[None, None] if stacked.ndim == 2 else stacked.permute(2, 0, 1)[None]


def difference(image, quality, subsampling):
    """Mean absolute difference from what libjpeg-turbo decodes, in grey levels."""
    tables = standard.named("annex_k").at(quality)
    real = standard.decode(standard.encode(image, tables, subsampling))
    ours = differentiable.roundtrip(pixels(image), torch.from_numpy(tables).float(), subsampling)
    ours = ours[0, 0] if image.ndim == 2 else ours[0].permute(1, 2, 0)
    return np.abs(ours.numpy() - real).mean()


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
@pytest.mark.parametrize("quality", [10, 50, 75, 95])
def test_hard_pixels_are_the_real_codecs(quality, subsampling):
    for photograph in PHOTOGRAPHS:
        for image in (photograph, photograph[:57, :83], photograph[:33, :64]):
            assert difference(image, quality, subsampling) <= 0.4
    assert difference(PHOTOGRAPHS[0][:3, :5], quality, subsampling) <= 1  # under a block


@pytest.mark.parametrize("width", [1, 2, 3, 4, 6, 10, 14, 18, 50])
@pytest.mark.parametrize("height", [3, 20, 50])
def test_pictures_of_loud_colours_and_any_size_are_the_real_codecs(height, width):
    """Chroma at the edges: what libjpeg repeats there, and does not interpolate under three pixels."""
    generator = np.random.default_rng(1)
    for quality in (50, 75, 95):
        found = []
        for _ in range(4):  # in a picture so small one code to either side of a half is a level
            coarse = generator.integers(0, 256, (-(-height // 2), -(-width // 2), 3), np.uint8)
            image = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
            found.append(difference(image, quality, "4:2:0"))
        assert np.median(found) <= 1


def test_grey_pixels_are_the_real_codecs():
    assert difference(PHOTOGRAPHS[0][..., 1], 75, "4:4:4") <= 0.25


@pytest.mark.slow
@pytest.mark.mirror
def test_hard_pixels_are_the_real_codecs_over_kodak(tmp_path):
    if not os.environ.get(sources.MIRROR):
        pytest.skip("RDC_MIRROR is not set: no Kodak pictures to test on")
    kodak = pictures.from_zip(sources.fetch("kodak", "kodak.zip", tmp_path / "kodak.zip"), "kodak")
    for number, image in enumerate(kodak.images):
        odd = image[: -(1 + number % 7), : -(1 + number % 5)]
        for subsampling in ("4:2:0", "4:4:4"):
            for quality in (10, 30, 50, 75, 90, 95):
                assert difference(image, quality, subsampling) <= 0.3
                assert difference(odd, quality, subsampling) <= 0.3


def test_coefficients_are_scipys_dct_in_zigzag_order():
    image = np.random.default_rng(0).integers(0, 256, (1, 1, 16, 24))
    blocks, _ = differentiable.transform(torch.from_numpy(image).float())
    expected = dctn(image[0, 0, 8:, 8:16] - 128.0, norm="ortho").ravel()[standard.ZIGZAG]
    np.testing.assert_allclose(blocks.luma[0, 1, 1], expected, atol=1 / 16 + 1e-3)


def test_tables_of_each_image_act_on_it_alone():
    images = torch.cat([pixels(photograph) for photograph in PHOTOGRAPHS[:2]])
    blocks, size = differentiable.transform(images)
    tables = torch.tensor([2.0, 60.0])[:, None, None].expand(2, 2, 64)
    _, codes = differentiable.quantize(blocks, tables)
    together = differentiable.reconstruct(codes, tables, size, whole=True)
    for row, step in enumerate((2.0, 60.0)):
        alone = differentiable.roundtrip(images[row : row + 1], torch.full((2, 8, 8), step))
        torch.testing.assert_close(together[row : row + 1], alone, atol=1.0, rtol=0)


@pytest.mark.parametrize("rounding", ["straight_through", "boundary"])
def test_soft_roundings_give_whole_codes_like_the_hard_one(rounding):
    values = torch.linspace(-3, 3, 241, requires_grad=True)
    hard = differentiable.rounded(values, "hard")
    assert torch.equal(differentiable.rounded(values, rounding), hard)


def test_the_cubic_rounding_is_luos_polynomial():
    values = torch.tensor([0.3, -1.4, 2.0])
    torch.testing.assert_close(
        differentiable.rounded(values, "cubic"), torch.tensor([0.027, -1.064, 2.0])
    )


def test_the_boundary_slope_of_one_step_integrates_to_one():
    values = torch.linspace(0, 1, 100_001)
    assert differentiable.threshold_slope(values).mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("quality", [15, 40, 80])
def test_the_boundary_gradient_of_distortion_is_nearer_than_straight_through(quality):
    """Of a whole scaled pair: over many coefficients the hard codec's error is smooth in the scale."""
    images = torch.cat([pixels(photograph) for photograph in PHOTOGRAPHS])
    blocks, size = differentiable.transform(images)
    start = differentiable.zigzag(torch.from_numpy(standard.named("ramp").base(50)).float())
    scale = standard.scale_percent(quality) / 100

    def error(log_scale, rounding):
        tables = start * scale * torch.exp(log_scale)
        _, codes = differentiable.quantize(blocks, tables, rounding)
        return ((differentiable.reconstruct(codes, tables, size) - images) ** 2).mean()

    step = torch.tensor(0.1)
    numeric = (error(step, "hard") - error(-step, "hard")) / (2 * step)
    excess = {}
    for rounding in ("boundary", "straight_through"):
        at = torch.zeros((), requires_grad=True)
        (gradient,) = torch.autograd.grad(error(at, rounding), at)
        excess[rounding] = (gradient / numeric).item() - 1
    assert abs(excess["boundary"]) < min(0.5, abs(excess["straight_through"]))


def test_tables_are_scaled_as_the_standard_does_at_every_quality():
    steps = np.arange(1, 256).reshape(-1, 1)
    for quality in range(1, 101):
        found = differentiable.scaled_tables(torch.from_numpy(steps).float(), quality)
        np.testing.assert_array_equal(found.numpy(), standard.scaled(steps, quality))


def test_images_of_whole_numbers_are_refused():
    with pytest.raises(TypeError, match=r"images: found torch\.uint8, needs floating point"):
        differentiable.transform(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


def test_unknown_settings_are_named():
    with pytest.raises(standard.TableError, match="4:2:2"):
        differentiable.transform(torch.zeros(1, 3, 8, 8), "4:2:2")
    with pytest.raises(standard.TableError, match="soft"):
        differentiable.rounded(torch.zeros(1), "soft")
