"""The expected objective against the plain one, code by code and draw by draw."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rdc import expectation, objective
from rdc.config import TERMS
from rdc.networks import quantizer
from rdc.networks.codec import Codec
from rdc.networks.critics import BANDS, critic_for

ALL = dict.fromkeys(TERMS, 1.0)


@pytest.fixture
def parts(classifier):
    """A codec in eval mode in double precision, images, labels, classifier, critics."""
    torch.manual_seed(0)
    codec = Codec(2, 3, False, 0.05).double().eval()
    critics = {band: critic_for(band, 0.1).double().requires_grad_(False) for band in BANDS}
    images = torch.rand(6, 1, 28, 28, dtype=torch.float64)
    return codec, images, torch.tensor([3, 1, 4, 1, 5, 9]), classifier.double(), critics


def encoder_that_says(features):
    class Fixed(torch.nn.Module):
        def forward(self, images):
            return features

    return Fixed()


def plain(codec, indices, images, labels, classifier, critics):
    """The terms for given codes, by ``rdc.objective``."""
    latent = quantizer.centres(codec.levels).double()[indices]
    batch = objective.Batch(images, codec.decoder(latent), labels, classifier, critics)
    return objective.weighted_sum(ALL, batch)[1]


@given(
    levels=st.integers(2, 5),
    features=st.lists(st.floats(-1, 1), min_size=3, max_size=3),
)
def test_random_rounding_keeps_the_mean_and_reaches_neighbours_only(levels, features):
    given_features = torch.tensor([features], dtype=torch.float64)
    likely = expectation.probabilities(given_features, levels)
    every = expectation.codewords(3, levels).double()
    assert likely.shape == (1, levels**3)
    torch.testing.assert_close(likely.sum(), torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(likely @ every, given_features, rtol=0, atol=1e-6)
    far = (every - given_features).abs().amax(dim=1) >= quantizer.spacing(levels) + 1e-6
    assert (likely[0, far] == 0).all()


def test_on_centres_it_is_the_plain_objective(parts):
    codec, *rest = parts
    indices = torch.tensor([[0, 0], [0, 1], [2, 1], [1, 1], [2, 2], [0, 0]])
    codec.encoder = encoder_that_says(quantizer.centres(3).double()[indices])
    _, found = expectation.weighted_sum(ALL, codec, *rest)
    wanted = plain(codec, indices, *rest)
    for term in TERMS:
        torch.testing.assert_close(found[term], wanted[term], msg=term)


def test_between_centres_it_is_the_mean_over_draws(parts):
    codec, *rest = parts
    features = torch.rand(6, 2, dtype=torch.float64) * 2 - 1
    codec.encoder = encoder_that_says(features)
    _, found = expectation.weighted_sum(ALL, codec, *rest)
    steps = (features + 1) / quantizer.spacing(3)
    draws = {term: [] for term in TERMS}
    for _ in range(3000):
        indices = (steps.floor() + (torch.rand(6, 2) < steps.frac())).long()
        for term, value in plain(codec, indices, *rest).items():
            draws[term].append(value)
    for term in TERMS:
        values = torch.stack(draws[term])
        error = (values.mean() - found[term]).abs()
        assert error < 5 * values.std() / 3000**0.5 + 1e-9, term


def test_the_slope_is_what_the_neighbour_costs_more(parts):
    codec, *rest = parts
    features = torch.full((6, 2), 0.3, dtype=torch.float64, requires_grad=True)
    codec.encoder = encoder_that_says(features)
    total, _ = expectation.weighted_sum({"mse": 1.0, "nll": 0.5}, codec, *rest)
    (slope,) = torch.autograd.grad(total, features)
    # The second feature's rounding is averaged over; the first one's slope is a difference.
    totals = []
    for end in (0.0, 1.0):
        moved = features.detach().clone()
        moved[:, 0] = end
        codec.encoder = encoder_that_says(moved)
        totals.append(expectation.weighted_sum({"mse": 1.0, "nll": 0.5}, codec, *rest)[0])
    torch.testing.assert_close(slope[:, 0].sum(), totals[1] - totals[0])
