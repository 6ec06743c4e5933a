"""Labelled images in memory, and their splits. All that a codec sees passes through here."""

import hashlib
from dataclasses import dataclass

import numpy as np

SPLITS = ("train", "validation", "test")


class DataError(RuntimeError):
    """Data that cannot be had or is not what it should be: names the file and the fault."""


@dataclass(frozen=True)
class Labelled:
    """Images (n, 28, 28) uint8 and labels (n,) int64, in 0..classes-1."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: slice) -> "Labelled":
        return Labelled(self.images[rows], self.labels[rows])


@dataclass(frozen=True)
class Prepared:
    """A dataset as prepared: the whole training set, the test set, and the classes' names."""

    train: Labelled
    test: Labelled
    classes: tuple[str, ...]

    def split(self, name: str, validation: int) -> Labelled:
        """One of ``SPLITS``; ``validation`` is the last images of the training set.

        Raises:
            DataError: where the training set is not larger than ``validation``.
        """
        if validation >= len(self.train):
            raise DataError(
                f"validation: found {validation}, needs fewer than the {len(self.train)} training "
                "images"
            )
        boundary = len(self.train) - validation
        parts = {
            "train": self.train[:boundary],
            "validation": self.train[boundary:],
            "test": self.test,
        }
        return parts[name]

    def checksum(self) -> str:
        """SHA-256 over all images and labels, 16 hex digits."""
        digest = hashlib.sha256()
        for part in (self.train, self.test):
            digest.update(np.ascontiguousarray(part.images).tobytes())
            digest.update(np.ascontiguousarray(part.labels).tobytes())
        return digest.hexdigest()[:16]
