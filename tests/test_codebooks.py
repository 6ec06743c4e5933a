"""Codebooks: k-means at mu 0, class-aware above it, and never with the labels."""

import numpy as np
import pytest
import torch

from rdc.datasets.images import Labelled
from rdc.limits import codebook_files, codebooks
from rdc.networks.weights import WeightsError

CPU = torch.device("cpu")


class Brightness(torch.nn.Module):
    """Reads class 1 the surer, the brighter the image."""

    def forward(self, images):
        score = 20 * (images.mean(dim=(1, 2, 3)) - 0.5)
        return torch.log_softmax(torch.stack([-score, score], dim=1), dim=1)


@pytest.fixture
def squares() -> Labelled:
    """Patches of two brightnesses whose patterns k-means would group otherwise."""
    generator = np.random.default_rng(0)
    left = generator.random(400) < 0.5
    bright = generator.random(400) < 0.5
    images = np.zeros((400, 4, 4))
    images[left, :, :2] = 200
    images[~left, :, 2:] = 200
    images += np.where(bright, 55, 0)[:, None, None] + generator.normal(0, 4, images.shape)
    return Labelled(images.clip(0, 255).astype(np.uint8), bright.astype(np.int64))


def mse_of(book, images, posteriors=None):
    chosen = book.codewords[book.assign(images, posteriors)]
    return float(((images - chosen) ** 2).mean())


def test_assignment_is_the_cheapest_by_brute_force(squares):
    images = codebooks.flat(squares.images)
    book, _ = codebooks.fit(squares, 4, 0.05, Brightness(), CPU, 0, 20, "soft")
    posteriors = codebooks.posteriors_of(images, Brightness(), CPU, "soft")
    cost = ((images[:, None] - book.codewords[None]) ** 2).mean(axis=2)
    cost = cost - 0.05 * posteriors @ book.log_likelihoods.T
    chosen = book.assign(images, posteriors)
    least = cost.min(axis=1)
    assert cost[np.arange(len(images)), chosen] == pytest.approx(least, abs=1e-6)


def test_without_mu_each_codeword_is_the_mean_of_its_images(squares):
    images = codebooks.flat(squares.images)
    book, _ = codebooks.fit(squares, 4, 0.0, Brightness(), CPU, 0, 100)
    chosen = book.assign(images, None)
    for k in range(4):
        assert book.codewords[k] == pytest.approx(images[chosen == k].mean(axis=0), abs=1e-3)


def test_labels_are_never_read(squares):
    shuffled = Labelled(squares.images, np.zeros_like(squares.labels))
    books = [codebooks.fit(s, 4, 0.02, Brightness(), CPU, 0, 20)[0] for s in (squares, shuffled)]
    assert np.array_equal(books[0].codewords, books[1].codewords)


def test_mu_buys_agreement_with_the_classifier_and_costs_error(squares):
    images = codebooks.flat(squares.images)
    decided = codebooks.posteriors_of(images, Brightness(), CPU, "decision")
    agreement, error = [], []
    for mu in (0.0, 0.5):
        book, _ = codebooks.fit(squares, 2, mu, Brightness(), CPU, 0, 50)
        read = book.log_likelihoods.argmax(axis=1)[book.assign(images, decided)]
        agreement.append((read == decided.argmax(axis=1)).mean())
        error.append(mse_of(book, images, decided))
    assert agreement[1] == 1.0 > agreement[0]
    assert error[1] > error[0]


def test_a_decision_is_one_class_and_a_soft_posterior_sums_to_one(squares):
    images = codebooks.flat(squares.images)
    decided = codebooks.posteriors_of(images, Brightness(), CPU, "decision")
    soft = codebooks.posteriors_of(images, Brightness(), CPU, "soft")
    assert set(np.unique(decided)) == {0.0, 1.0}
    assert soft.sum(axis=1) == pytest.approx(1.0)
    assert np.array_equal(decided.argmax(axis=1), soft.argmax(axis=1))


@pytest.mark.parametrize("mu", [0.0, 0.001])
def test_every_codeword_is_used_and_has_images(squares, mu):
    images = codebooks.flat(squares.images)
    book, _ = codebooks.fit(squares, 8, mu, Brightness(), CPU, 0, 50)
    posteriors = codebooks.posteriors_of(images, Brightness(), CPU, "decision")
    assert len(np.unique(book.assign(images, posteriors))) == 8


def test_too_few_images_are_refused(squares):
    with pytest.raises(ValueError, match="found 20 training images, needs at least 32"):
        codebooks.fit(squares[:20], 8, 0.0, Brightness(), CPU, 0, 5)


def test_a_codebook_survives_its_file(squares, tmp_path):
    book, _ = codebooks.fit(squares, 4, 0.02, Brightness(), CPU, 0, 5, "soft")
    codebook_files.save(book, {"key": "k"}, tmp_path / "book.safetensors")
    again, note = codebook_files.load(tmp_path / "book.safetensors")
    assert np.array_equal(again.codewords, book.codewords)
    assert np.array_equal(again.log_likelihoods, book.log_likelihoods)
    assert (again.mu, again.posterior, note["key"]) == (0.02, "soft", "k")
    with pytest.raises(WeightsError, match="no such"):
        codebook_files.load(tmp_path / "missing.safetensors")
