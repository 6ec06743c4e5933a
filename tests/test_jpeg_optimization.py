"""Table optimization: it finds better tables, the same ones each time, and keeps its scale."""

import numpy as np
import pytest
import torch

from rdc.datasets import pictures
from rdc.jpeg import optimization, standard

CROPS = pictures.random_crops(48, 64, seed=1)
SHORT = optimization.Settings(steps=120, batch=12)


def tuned(settings, start="annex_k", crops=CROPS):
    data = optimization.pool(crops, "4:2:0")
    loss = optimization.log_distortion(data.images)
    return optimization.universal(standard.named(start), data, loss, settings)


def curve(tables, images, qualities=range(20, 91, 5)):
    """(bytes, PSNR) of real files, means over images, one row a quality."""
    points = []
    for quality in qualities:
        steps = tables.at(quality)
        files = [standard.encode(image, steps, "4:2:0") for image in images]
        errors = [
            ((standard.decode(file) - image.astype(float)) ** 2).mean()
            for file, image in zip(files, images, strict=True)
        ]
        points.append((np.mean([len(f) for f in files]), np.mean(-10 * np.log10(errors))))
    return np.array(points)


def test_a_short_run_from_annex_k_saves_bytes_on_other_crops():
    other = pictures.random_crops(16, 160, seed=99)
    before = curve(standard.named("annex_k"), other)
    after = curve(tuned(SHORT), other)
    at = np.linspace(max(before[0, 1], after[0, 1]), min(before[-1, 1], after[-1, 1]), 5)
    sizes = [np.interp(at, c[:, 1], np.log(c[:, 0])) for c in (before, after)]
    assert (sizes[1] - sizes[0]).mean() < np.log(0.92)


def test_the_same_seed_gives_the_same_tables():
    settings = optimization.Settings(steps=10, batch=4, knots=(20, 80))
    first, second = (tuned(settings, "ramp").bases for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 2, 8, 8)


def test_quality_keeps_its_scale():
    bases = tuned(SHORT).bases.reshape(1, 2, 64)[..., standard.ZIGZAG]
    scale = np.exp(np.log(bases[0, 0, : optimization.ANCHOR_STEPS]).mean())
    assert scale == pytest.approx(optimization.ANCHOR, rel=0.02)


def test_tables_for_a_classifier_follow_what_it_reads():
    """A classifier of the mean level alone needs no detail: AC steps grow, the DC step falls."""
    rng = np.random.default_rng(0)
    labels = torch.from_numpy(rng.integers(0, 2, 64))
    images = (
        rng.integers(0, 256, (64, 16, 16, 3)) * 0.5 + 60 + 8 * labels.numpy()[:, None, None, None]
    )

    class MeanLevel(torch.nn.Module):
        def forward(self, inputs):
            level = (inputs.mean(dim=(1, 2, 3)) * 255 - 128) * 2
            return torch.log_softmax(torch.stack([-level, level], dim=1), dim=1)

    data = optimization.pool(images.astype(np.uint8), "4:4:4")
    loss = optimization.misreading(MeanLevel(), labels)
    settings = optimization.Settings(steps=150, batch=32, whole=True, qualities=(10, 40), lr=0.05)
    tables = optimization.universal(standard.named("flat"), data, loss, settings).base(50)
    assert tables[0, 0, 0] < 0.8 * np.median(tables[0])


def test_misreading_minds_what_may_go_either_way():
    labels = torch.tensor([0, 0, 0])
    scores = torch.tensor([[0.0, 20.0], [0.0, 0.0], [20.0, 0.0]], requires_grad=True)
    loss = optimization.misreading(lambda images: torch.log_softmax(scores, dim=1), labels)
    values = loss(torch.zeros(3, 3, 8, 8), torch.arange(3))
    torch.testing.assert_close(values, torch.tensor([1.0, 0.5, 0.0]), atol=1e-6, rtol=0)
    values.sum().backward()
    pushed = scores.grad.abs().sum(dim=1)
    assert pushed[1] > 1e6 * pushed[0] and pushed[1] > 1e6 * pushed[2]


def test_at_fixed_weights_more_weight_of_the_bits_makes_larger_steps():
    """Luo, eq. 4: the scale is no longer held, and c_r moves the tables along the curve."""
    data = optimization.pool(CROPS, "4:2:0")
    loss = optimization.distortion(data.images)
    sizes = []
    for weight in (0.1, 1, 10):
        settings = optimization.Settings(
            steps=120, batch=12, rate_weight=weight, qualities=(40, 60)
        )
        tables = optimization.universal(standard.named("annex_k"), data, loss, settings)
        sizes.append(np.exp(np.log(tables.bases).mean()))
    assert sizes[0] * 1.5 < sizes[1] < sizes[2] / 1.5


def test_the_gradient_at_fixed_weights_is_that_of_the_papers_loss():
    data = optimization.pool(CROPS[:4], "4:2:0")
    loss, rows = optimization.distortion(data.images), torch.arange(4)
    settings = optimization.Settings(rate_weight=3.0)
    base = optimization._logarithms(standard.named("annex_k"), (50,))[0]
    gradient, bits, value = optimization._direction(base, 60, data, rows, loss, settings, None)
    leaf = base.clone().requires_grad_()
    all_bits, values = optimization._bits_and_loss(leaf, 60, data, rows, loss, settings)
    (3.0 * all_bits.mean() / 64 + values.mean()).backward()  # crops of 64 x 64: 64 blocks
    torch.testing.assert_close(gradient, leaf.grad, rtol=1e-4, atol=1e-5)
    assert bits == pytest.approx(all_bits.mean().item() / 64**2)
    assert value == pytest.approx(values.mean().item())


def test_pictures_gathered_step_by_step_give_the_same_tables():
    crops = pictures.random_crops(6, 32, seed=1)
    start, settings = standard.named("flat"), optimization.Settings(steps=3, batch=4)
    found = []
    for data in (optimization.pool(crops, "4:2:0"), optimization.Gathered(list(crops), "4:2:0")):
        loss = optimization.distortion(optimization.stacked(crops))
        found.append(optimization.universal(start, data, loss, settings).bases)
    np.testing.assert_array_equal(*found)
