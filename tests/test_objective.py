"""The terms of the objective against plain NumPy, and the critics' loss sample by sample."""

import numpy as np
import pytest
import pywt
import torch

from rdc import objective
from rdc.config import TERMS
from rdc.networks import haar
from rdc.networks.critics import BANDS, critic_for, critic_loss


@pytest.fixture
def batch(classifier):
    """Five images in double precision, reconstructions that want a gradient, a critic a band."""
    generator = torch.Generator().manual_seed(0)

    def images():
        return torch.rand(5, 1, 28, 28, generator=generator, dtype=torch.float64)

    torch.manual_seed(0)
    critics = {band: critic_for(band, 0.1).double().requires_grad_(False) for band in BANDS}
    return objective.Batch(
        images(),
        images().requires_grad_(),
        torch.tensor([3, 1, 4, 1, 5]),
        classifier.double(),
        critics,
    )


def reference(term, batch):
    """The term computed with NumPy and PyWavelets from what the networks put out."""
    images, shown = batch.images.numpy(), batch.reconstructions.detach().numpy()
    squares = (images - shown) ** 2
    if term == "mse":
        return squares.mean()
    if term == "sse":
        return squares.sum(axis=(1, 2, 3)).mean()
    if term == "nll":
        scores = batch.classifier(torch.from_numpy(shown)).numpy()
        return -np.mean([scores[i, label] for i, label in enumerate(batch.labels)])
    if term == "features":
        features = [batch.classifier.features(torch.from_numpy(x)).numpy() for x in (images, shown)]
        return ((features[0] - features[1]) ** 2).mean()
    band = term.removeprefix("w1_")
    if band != "pixels":
        approximation, details = pywt.dwt2(shown, "haar")
        shown = dict(zip(haar.BANDS, (approximation, *details), strict=True))[band]
    return -batch.critics[band](torch.from_numpy(shown)).numpy().mean()


def test_config_and_objective_know_the_same_terms():
    assert set(TERMS) == set(objective.FUNCTIONS)


@pytest.mark.parametrize("term", TERMS)
def test_a_term_equals_its_plain_computation(term, batch):
    found = objective.FUNCTIONS[term](batch)
    assert found.shape == ()
    assert found.item() == pytest.approx(reference(term, batch), rel=1e-10)


@pytest.mark.parametrize("term", TERMS)
def test_a_terms_gradient_is_its_slope_and_reaches_the_reconstructions_only(term, batch):
    total, _ = objective.weighted_sum({term: 2.0}, batch)
    total.backward()
    generator = torch.Generator().manual_seed(1)
    direction = torch.randn(batch.images.shape, generator=generator, dtype=torch.float64)
    values = []
    for step in (1e-6, -1e-6):
        moved = (batch.reconstructions + step * direction).detach()
        shifted = objective.Batch(
            batch.images, moved, batch.labels, batch.classifier, batch.critics
        )
        values.append(2.0 * objective.FUNCTIONS[term](shifted).item())
    slope = (values[0] - values[1]) / 2e-6
    assert slope != 0
    assert (batch.reconstructions.grad * direction).sum().item() == pytest.approx(slope, rel=1e-4)
    frozen = [batch.classifier, *batch.critics.values()]
    assert all(p.grad is None for network in frozen for p in network.parameters())
    assert batch.images.grad is None


def test_the_objective_is_the_weighted_sum(batch):
    weights = {"mse": 3.0, "nll": 0.5, "w1_hl": 0.25}
    total, values = objective.weighted_sum(weights, batch)
    expected = {term: reference(term, batch) for term in weights}
    assert {t: v.item() for t, v in values.items()} == pytest.approx(expected)
    assert total.item() == pytest.approx(sum(weights[term] * expected[term] for term in weights))
    assert not any(value.requires_grad for value in values.values())


def test_a_weight_of_zero_is_not_computed(batch, monkeypatch):
    def forbidden(batch):
        raise AssertionError("computed")

    monkeypatch.setitem(objective.FUNCTIONS, "nll", forbidden)
    monkeypatch.setitem(objective.FUNCTIONS, "w1_pixels", forbidden)
    weights = {"mse": 1.0, "nll": 0.0, "w1_pixels": 0.0}
    _, values = objective.weighted_sum(weights, batch)
    assert list(values) == ["mse"]
    assert objective.critic_bands(weights) == []


def test_critics_are_wanted_for_the_bands_with_a_weight():
    weights = {"mse": 1.0, "w1_pixels": 0.1, "w1_ll": 0.0, "w1_hh": 1.0}
    assert objective.critic_bands(weights) == ["pixels", "hh"]


@pytest.mark.parametrize("band, side", [("pixels", 28), ("lh", 14)])
def test_critic_loss_is_that_of_one_sample_after_the_other(band, side):
    torch.manual_seed(0)
    critic = critic_for(band, 0.1).double()
    real, fake = torch.rand(2, 6, 1, side, side, dtype=torch.float64)
    mixing = torch.rand(6, dtype=torch.float64)

    loss, estimate = critic_loss(critic, real, fake, mixing, penalty=10.0)

    gaps, penalties = [], []
    for x, y, share in zip(real, fake, mixing, strict=True):
        between = (share * x + (1 - share) * y).unsqueeze(0).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between)[0], between, create_graph=True)
        penalties.append((slope.square().sum().sqrt() - 1).square())
        gaps.append(critic(x.unsqueeze(0))[0] - critic(y.unsqueeze(0))[0])
    gap = sum(gaps) / 6
    expected = -gap + 10.0 * sum(penalties) / 6

    assert estimate.item() == pytest.approx(gap.item(), rel=1e-10)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-10)
    parameters = list(critic.parameters())
    found = torch.autograd.grad(loss, parameters, retain_graph=True)
    wanted = torch.autograd.grad(expected, parameters)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)
