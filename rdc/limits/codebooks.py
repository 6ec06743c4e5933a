"""Vector quantizers at the codecs' rates: the achievable reference that learned codecs are held to.

A codebook of K = levels ** dim images costs the same bits as a codec of that rate, and has no
network between the bits and the picture. ``vq`` minimises squared error alone (k-means);
``class_vq`` adds mu times what the classifier would lose: both are the atlas's one objective, with
the codebook as the part that moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.cluster import KMeans

if TYPE_CHECKING:
    from rdc.datasets.labelled import Labelled
    from rdc.networks.classifiers import Classifier

READINGS = ("decision", "soft")
IMAGES_PER_CODEWORD = 4  # fewer, and the codebook is the training set


@dataclass(frozen=True)
class Codebook:
    """Codewords, and what their assignment costs.

    ``codewords`` is (K, pixels) float32 in [0, 1]; ``log_likelihoods`` (K, classes), the
    classifier's log-probabilities of each codeword; ``mu`` weighs them against mean squared error.
    ``posterior`` says how the encoder reads its input (``READINGS``).
    """

    codewords: np.ndarray
    log_likelihoods: np.ndarray
    mu: float
    posterior: str = "decision"

    def assign(self, images: np.ndarray, posteriors: np.ndarray | None) -> np.ndarray:
        """The cheapest codeword of each image, (n,) int64.

        Squared error per pixel plus mu times the codeword's expected negative log-likelihood under
        what the classifier makes of the *input*: the encoder reads no label.

        Args:
            images: (n, pixels) float32 in [0, 1].
            posteriors: (n, classes), from ``posteriors_of``; unused (and may be None) where mu is 0.
        """
        return _costs(self, images, posteriors)[0]


def fit(
    training: Labelled,
    size: int,
    mu: float,
    classifier: Classifier,
    device: torch.device,
    seed: int,
    iterations: int,
    posterior: str = "decision",
) -> tuple[Codebook, list[dict]]:
    """Fits a codebook by Lloyd's iteration on squared error + mu times NLL.

    Assign each image to its cheapest codeword, move each codeword to its images' mean, repeat until
    no image changes its codeword. At mu = 0 this is k-means. Above, it starts from k-means within
    each class that the classifier reads (labels are never used). The mean is not the minimiser of
    the NLL part, so the cost may rise again: the best codebook met is kept.

    Args:
        training: images (n, 28, 28) uint8; their labels are not read.
        size: K, number of codewords.
        mu: weight of the NLL in nats against mean squared error per pixel, 0 or more.
        iterations: at most so many.
        posterior: one of ``READINGS``.

    Returns:
        The codebook, and its mean cost by iteration: ``epoch``, ``split``, ``term``, ``value``.

    Raises:
        ValueError: with fewer than 4 training images a codeword.
    """
    if len(training) < IMAGES_PER_CODEWORD * size:
        raise ValueError(
            f"a codebook of {size}: found {len(training)} training images, needs at least "
            f"{IMAGES_PER_CODEWORD * size} ({IMAGES_PER_CODEWORD} a codeword)"
        )
    images = flat(training.images)
    posteriors = posteriors_of(images, classifier, device, posterior)
    if mu == 0:
        codewords = _kmeans(images, size, seed, iterations)
        book = Codebook(codewords, _read(codewords, classifier, device), 0.0, posterior)
        _, errors, _ = _costs(book, images, None)
        return book, [_curve(1, "mse", errors.mean())]
    codewords = _start(images, posteriors.argmax(axis=1), size, seed)
    best = book = Codebook(codewords, _read(codewords, classifier, device), mu, posterior)
    best_cost, curves, previous = np.inf, [], None
    for iteration in range(1, iterations + 1):
        nearest, errors, losses = _costs(book, images, posteriors)
        cost = errors.mean() + mu * losses.mean()
        curves += [_curve(iteration, "mse", errors.mean()), _curve(iteration, "nll", losses.mean())]
        if cost < best_cost:
            best, best_cost = book, cost
        if previous is not None and np.array_equal(nearest, previous):
            break
        previous = nearest
        codewords = _means(images, nearest, codewords, errors + mu * losses)
        book = Codebook(codewords, _read(codewords, classifier, device), mu, posterior)
    return best, curves


def flat(pixels: np.ndarray) -> np.ndarray:
    """Images (n, h, w) uint8 to (n, pixels) float32 in [0, 1]."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / 255


def posteriors_of(
    images: np.ndarray, classifier: Classifier, device: torch.device, posterior: str
) -> np.ndarray:
    """What the classifier makes of images (n, pixels): (n, classes), rows that sum to 1.

    ``soft`` is its probabilities; ``decision`` puts all on the likeliest class. With soft ones it
    pays to keep codewords between two classes for images that might be either, which lowers NLL and
    costs accuracy: .7 points on MNIST at 27 codewords.
    """
    scores = _read(images, classifier, device)
    if posterior == "decision":
        return np.eye(scores.shape[1], dtype=np.float32)[scores.argmax(axis=1)]
    return np.exp(scores)


def _read(images: np.ndarray, classifier: Classifier, device: torch.device) -> np.ndarray:
    side = int(images.shape[1] ** 0.5)
    shaped = torch.from_numpy(images).view(-1, 1, side, side)
    with torch.no_grad():
        return torch.cat([classifier(part.to(device)).cpu() for part in shaped.split(2000)]).numpy()


def _costs(
    book: Codebook, images: np.ndarray, posteriors: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per image: the cheapest codeword, its squared error per pixel, and its NLL (nats)."""
    nearest = np.empty(len(images), dtype=np.int64)
    errors, losses = np.empty(len(images)), np.zeros(len(images))
    norms = (book.codewords**2).sum(axis=1)
    for start in range(0, len(images), 5000):
        rows = slice(start, start + 5000)
        part = images[rows]
        # ||x - c||^2 expanded, so that the work is one matrix product.
        error = (part**2).sum(axis=1)[:, None] - 2 * part @ book.codewords.T + norms
        error = np.maximum(error, 0) / images.shape[1]
        cost, loss = error, None
        if posteriors is not None and book.mu > 0:
            loss = -posteriors[rows] @ book.log_likelihoods.T
            cost = error + book.mu * loss
        best = cost.argmin(axis=1)
        index = np.arange(len(best))
        nearest[rows], errors[rows] = best, error[index, best]
        if loss is not None:
            losses[rows] = loss[index, best]
    return nearest, errors, losses


def _kmeans(images: np.ndarray, size: int, seed: int, iterations: int) -> np.ndarray:
    fitted = KMeans(size, n_init=1, max_iter=iterations, random_state=seed).fit(images)
    return fitted.cluster_centers_.astype(np.float32)


def _start(images: np.ndarray, classes: np.ndarray, size: int, seed: int) -> np.ndarray:
    """K-means within each class, with codewords shared out by the squared error that they remove."""
    present = [images[classes == c] for c in np.unique(classes)]
    present = [members for members in present if len(members) >= IMAGES_PER_CODEWORD]
    if size < len(present):  # fewer codewords than classes: the largest classes have one each
        present = sorted(present, key=len, reverse=True)[:size]
    spread = np.array([((members - members.mean(axis=0)) ** 2).sum() for members in present])
    counts = np.ones(len(present), dtype=int)
    for _ in range(size - counts.sum()):
        # One more codeword where it removes most: error falls about as K ** (-2 / intrinsic dim).
        gains = spread * (counts ** (-0.2) - (counts + 1.0) ** (-0.2))
        room = np.array([len(members) for members in present]) >= IMAGES_PER_CODEWORD * (counts + 1)
        counts[np.where(room, gains, -np.inf).argmax()] += 1
    return np.concatenate(
        [_kmeans(m, int(k), seed, 50) for m, k in zip(present, counts, strict=True)]
    )


def _means(
    images: np.ndarray, nearest: np.ndarray, codewords: np.ndarray, costs: np.ndarray
) -> np.ndarray:
    """Each codeword moved to its images' mean; one without images to the costliest image."""
    counts = np.bincount(nearest, minlength=len(codewords))
    sums = np.zeros(codewords.shape)
    order = np.argsort(nearest, kind="stable")
    used = np.flatnonzero(counts)
    starts = np.cumsum(counts)[used] - counts[used]
    sums[used] = np.add.reduceat(images[order], starts, axis=0)
    moved = codewords.copy()
    moved[used] = (sums[used] / counts[used, None]).astype(np.float32)
    empty = np.flatnonzero(counts == 0)
    moved[empty] = images[np.argsort(-costs)[: len(empty)]]
    return moved


def _curve(iteration: int, term: str, value: float) -> dict:
    return {"epoch": iteration, "split": "train", "term": term, "value": float(value)}
