"""What one codec costs and what it keeps: rate, distortion, classification, perception.

Every codec of every paper is measured here and nowhere else. Reconstructions are made from decoded
streams, so that no number can rest on bits that were not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from rdc import bitstream, perception
from rdc.bitstream import EntropyModel
from rdc.limits import codebook_files, codebooks
from rdc.networks import quantizer, stored, weights

if TYPE_CHECKING:
    from rdc import config
    from rdc.datasets.labelled import Labelled
    from rdc.networks.classifiers import Classifier
    from rdc.networks.codec import Codec
    from rdc.networks.critics import Critic

BATCH = 1000


class Measured(Protocol):
    """What the evaluator asks of a codec."""

    dim: int
    levels: int
    dither: bool
    fingerprint: str  # of all that turns indices into images

    def analyse(self, pixels: np.ndarray) -> np.ndarray:
        """Images (n, 28, 28) uint8 to what is quantized, (n, dim)."""

    def codes(self, features: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """To the indices that are sent, (n, dim) int64."""

    def reconstruct(self, codes: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """Received indices to images (n, 28, 28) float32 in [0, 1]."""


class LearnedCodec:
    """A trained autoencoder as the evaluator sees it."""

    def __init__(self, codec: Codec, device: torch.device):
        self.codec, self.device = codec, device
        self.dim, self.levels, self.dither = codec.dim, codec.levels, codec.dither
        self.fingerprint = weights.fingerprint(codec.decoder.state_dict(), codec.architecture)

    def analyse(self, pixels: np.ndarray) -> np.ndarray:
        return _in_batches(lambda rows: self.codec.encoder(_images(pixels[rows], self.device)),
                           len(pixels))  # fmt: skip

    def codes(self, features: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        return self.codec.codes(torch.from_numpy(features), self._dither(numbers)).numpy()

    def reconstruct(self, codes: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        if numbers is None:  # at most levels ** dim different images: decode each one once
            unique, which = np.unique(codes, axis=0, return_inverse=True)
            return self._decode(unique, None)[which.reshape(-1)]
        return self._decode(codes, self._dither(numbers))

    def _decode(self, codes: np.ndarray, dither: torch.Tensor | None) -> np.ndarray:
        sent = torch.from_numpy(codes)

        def decode(rows: slice) -> torch.Tensor:
            noise = None if dither is None else dither[rows].to(self.device)
            return self.codec.reconstruct(sent[rows].to(self.device), noise).squeeze(1)

        return _in_batches(decode, len(codes))

    def _dither(self, numbers: np.ndarray | None) -> torch.Tensor | None:
        if numbers is None:
            return None
        return quantizer.dither_from_uniform(torch.from_numpy(numbers), self.levels)


class CodebookCodec:
    """A vector quantizer as the evaluator sees it: one symbol an image, of as many as codewords."""

    dim, dither = 1, False

    def __init__(self, book: codebooks.Codebook, classifier: Classifier, device: torch.device):
        self.book, self.classifier, self.device = book, classifier, device
        self.levels = len(book.codewords)
        self.fingerprint = weights.fingerprint({"codewords": torch.from_numpy(book.codewords)}, {})

    def analyse(self, pixels: np.ndarray) -> np.ndarray:
        images = codebooks.flat(pixels)
        posteriors = None
        if self.book.mu > 0:
            posteriors = codebooks.posteriors_of(
                images, self.classifier, self.device, self.book.posterior
            )
        return self.book.assign(images, posteriors)[:, None]

    def codes(self, features: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        return features

    def reconstruct(self, codes: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        side = int(self.book.codewords.shape[1] ** 0.5)
        return self.book.codewords[codes[:, 0]].reshape(-1, side, side)


def open_codec(
    path: Path, classifier: Classifier, device: torch.device
) -> tuple[LearnedCodec | CodebookCodec, dict]:
    """A trained codec of either kind, ready to be measured, and its file's note.

    Args:
        classifier: what a class-aware codebook's encoder reads its input with.

    Raises:
        WeightsError: missing, damaged, neither kind, or without a cell's key in its note.
    """
    noted = weights.note(path)
    weights.key_in(noted, path)
    if noted.get("kind") == "codebook":
        book, note = codebook_files.load(path)
        return CodebookCodec(book, classifier, device), note
    trained, note = stored.load_codec(path, device)
    return LearnedCodec(trained, device), note


@dataclass(frozen=True)
class Evaluation:
    """Measurements of one codec.

    ``rows`` has one record a split with the columns of ``rdc.tables.Cells`` that are measured;
    ``confusion`` the share of each label (row) read as each class (column) on the test set, by
    reader;
    ``correct`` and ``errors`` are per test image (share of dithers read right; squared error), for
    paired comparisons; ``saved`` are test images kept to be looked at, by index.
    """

    rows: list[dict]
    confusion: dict[str, np.ndarray]
    correct: np.ndarray
    errors: np.ndarray
    saved: dict[str, np.ndarray]
    entropy_model: EntropyModel


def evaluate(
    codec: Measured,
    key: str,
    splits: dict[str, Labelled],
    readers: dict[str, Classifier],
    own: str,
    settings: config.Evaluation,
    device: torch.device,
    critic: Critic | None = None,
    fresh_width: float | None = None,
) -> Evaluation:
    """Measures a codec on every split.

    Args:
        codec: what to measure.
        key: the codec's, for its streams.
        splits: ``train``, ``validation`` and ``test``. The entropy model is fitted on all of train;
            the row of train is measured on its first images (``settings.train_images``).
        readers: classifiers in eval mode, on ``device``; the ``judge`` among them.
        own: the name of the one that the codec was trained against.
        critic: the pixel critic of the codec's own training, for ``w1_critic``; None for NaN.
        fresh_width: of the fresh critic that ``w1_fresh`` of the test split comes from; None for NaN.

    Raises:
        RuntimeError: where a decoded stream is not what was encoded.
    """
    model = _fit_entropy_model(codec, splits["train"], settings)
    rows = []
    for name, split in splits.items():
        part = split[: settings.train_images] if name == "train" else split
        # The test split is read by all, the others by the two that a row needs.
        asked = readers if name == "test" else {n: readers[n] for n in (own, "judge")}
        passes = _passes(codec, key, model, part, asked, own, settings, device)
        real, fake = _floats(part.images), passes[0].reconstructions
        count = min(settings.sliced_images, len(part))
        mse = float(np.mean([p.errors.mean() for p in passes]))
        clean = _read(readers[own], real, device)
        rows.append(
            {
                "split": name,
                "entropy_bits": float(np.mean([p.entropy_bits for p in passes])),
                "coded_bits": float(np.mean([p.coded_bits for p in passes])),
                "mse": mse,
                "psnr": float(-10 * np.log10(max(mse, 1e-12))),
                "nll_nats": float(np.mean([p.nll for p in passes])),
                "accuracy": float(np.mean([p.correct.mean() for p in passes])),
                "accuracy_judge": float(np.mean([p.correct_judge.mean() for p in passes])),
                "w1_critic": (
                    perception.critic_gap(critic, real, fake, device) if critic else float("nan")
                ),
                "w1_fresh": (
                    perception.fresh_critic_gap(
                        real, fake, settings.fresh_critic_steps, fresh_width, device
                    )
                    if fresh_width and name == "test"
                    else float("nan")
                ),
                "sliced_w1": perception.sliced_wasserstein(
                    real[:count], fake[:count], settings.sliced_projections
                ),
                "n_images": len(part),
                "accuracy_clean": float((clean.argmax(axis=1) == part.labels).mean()),
            }
        )
    test, chosen = splits["test"], saved_rows(splits["test"].labels, settings.saved_images)
    return Evaluation(
        rows=rows,
        confusion={  # the last split is the test set
            reader: np.mean([p.confusion[reader] for p in passes], axis=0) for reader in readers
        },
        correct=np.stack([p.correct for p in passes]).mean(axis=0, dtype=np.float32),
        errors=np.stack([p.errors for p in passes]).mean(axis=0, dtype=np.float32),
        saved={
            "rows": chosen,
            "labels": test.labels[chosen],
            "images": test.images[chosen],
            "reconstructions": np.round(fake[chosen] * 255).astype(np.uint8),
            "predicted": passes[0].predicted[chosen],
        },
        entropy_model=model,
    )


@dataclass(frozen=True)
class _Pass:
    """One split under one dither, everything by image."""

    reconstructions: np.ndarray
    entropy_bits: float
    coded_bits: float
    errors: np.ndarray
    nll: float
    predicted: np.ndarray
    correct: np.ndarray
    correct_judge: np.ndarray
    confusion: dict[str, np.ndarray]


def _passes(codec, key, model, split, readers, own, settings, device) -> list[_Pass]:
    features = codec.analyse(split.images)
    originals, labels = _floats(split.images), split.labels
    passes = []
    for seed in range(settings.dithers) if codec.dither else [None]:
        numbers = None if seed is None else bitstream.uniform(seed, len(split), codec.dim)
        codes = codec.codes(features, numbers)
        stream = bitstream.encode(codes, model, key, seed, codec.fingerprint)
        received, numbers = bitstream.decode(stream, model, key, codec.fingerprint)
        if not np.array_equal(received, codes):
            raise RuntimeError(f"codec {key}: a decoded stream differs from what was encoded")
        reconstructions = codec.reconstruct(received, numbers)
        read = {name: _read(reader, reconstructions, device) for name, reader in readers.items()}
        scores, predicted = read[own], read[own].argmax(axis=1)
        passes.append(
            _Pass(
                reconstructions=reconstructions,
                entropy_bits=model.bits(codes, numbers),
                coded_bits=8 * len(stream) / len(split),
                errors=((reconstructions - originals) ** 2).mean(axis=(1, 2)),
                nll=float(-scores[np.arange(len(labels)), labels].mean()),
                predicted=predicted,
                correct=predicted == labels,
                correct_judge=read["judge"].argmax(axis=1) == labels,
                confusion={name: _confusion(labels, found) for name, found in read.items()},
            )
        )
    return passes


def _confusion(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    counts = np.zeros((scores.shape[1], scores.shape[1]))
    np.add.at(counts, (labels, scores.argmax(axis=1)), 1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def saved_rows(labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of the first images of each class in turn, ``count`` in all: the same for every cell."""
    classes = np.unique(labels)
    order = [np.flatnonzero(labels == label) for label in classes]
    turns = max(len(own) for own in order)
    rows = [own[turn] for turn in range(turns) for own in order if turn < len(own)]
    return np.array(rows[:count])


def _fit_entropy_model(codec: Measured, train: Labelled, settings) -> EntropyModel:
    features = codec.analyse(train.images)
    if not codec.dither:
        return EntropyModel.fit(codec.codes(features, None), None, codec.levels)
    # Other dithers than those that are measured with: the model must not have met them.
    seeds = range(1000, 1000 + settings.dithers)
    numbers = [bitstream.uniform(seed, len(train), codec.dim) for seed in seeds]
    codes = [codec.codes(features, n) for n in numbers]
    return EntropyModel.fit(np.concatenate(codes), np.concatenate(numbers), codec.levels)


def _read(classifier: Classifier, images: np.ndarray, device: torch.device) -> np.ndarray:
    """Log-probabilities (n, classes)."""
    return _in_batches(lambda rows: classifier(_tensor(images[rows], device)), len(images))


def _in_batches(function, n: int) -> np.ndarray:
    with torch.no_grad():
        parts = [function(slice(i, min(i + BATCH, n))).cpu() for i in range(0, n, BATCH)]
    return torch.cat(parts).numpy()


def _images(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(pixels).to(device).unsqueeze(1).float() / 255


def _floats(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 255


def _tensor(images: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(images).to(device).unsqueeze(1)
