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
