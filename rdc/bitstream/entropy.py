"""What a stream costs: the probability of each index, as integer frequencies, and the shared dither."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

DITHER_BINS = 16  # the model's resolution of the dither
CONTEXTS = 2**16  # at most so many contexts for one dimension; older indices are dropped
PRECISION = 2**16  # probabilities are whole multiples of about 1 / PRECISION
MOST_LEVELS = 2**16  # of one dimension: a codebook's codewords
MOST_DIMENSIONS = 1024


def uniform(seed: int, n: int, dim: int) -> np.ndarray:
    """The numbers that dither is made from: (n, dim) float32 in [0, 1), the same everywhere.

    Made from a counter-based generator's raw output, which NumPy promises never to change.
    """
    raw = np.random.Philox(key=seed).random_raw(n * dim)
    return ((raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)).reshape(n, dim)


@dataclass(frozen=True)
class EntropyModel:
    """P(index of dimension i | indices before it, dither of dimension i), as integer frequencies.

    ``tables[i]`` is (contexts, levels) int32. A context is the dither's bin together with the
    indices of the ``orders[i]`` dimensions before i.
    """

    levels: int
    bins: int  # 1 without dither
    orders: tuple[int, ...]
    tables: tuple[np.ndarray, ...]

    @classmethod
    def fit(cls, codes: np.ndarray, numbers: np.ndarray | None, levels: int) -> "EntropyModel":
        """Fits the model on training images.

        Each context's frequencies are interpolated with those of the context one index shorter, so
        that a context seen a few times (or never) falls back on what is known more surely.

        Args:
            codes: (n, dim) indices in 0..levels-1.
            numbers: (n, dim) in [0, 1), the dither's; None without dither.
        """
        bins = 1 if numbers is None else DITHER_BINS
        orders, tables = [], []
        for i in range(codes.shape[1]):
            order = order_of(i, levels, bins)
            probabilities = np.full((1, levels), 1 / levels)
            for shorter in range(-1, order + 1):
                contexts = _contexts(codes, numbers, i, shorter, levels, bins)
                size = 1 if shorter < 0 else bins * levels**shorter
                counts = np.zeros((size, levels))
                np.add.at(counts, (contexts, codes[:, i]), 1)
                # Contexts of one order are numbered so that those of the next follow in blocks.
                prior = np.repeat(probabilities, size // len(probabilities), axis=0)
                probabilities = (counts + levels * prior) / (
                    counts.sum(axis=1, keepdims=True) + levels
                )
            orders.append(order)
            tables.append(np.maximum(np.round(probabilities * PRECISION), 1).astype(np.int32))
        return cls(levels, bins, tuple(orders), tuple(tables))

    @cached_property
    def shares(self) -> tuple[np.ndarray, ...]:
        """The tables as probabilities, (contexts, levels) float32 whose rows sum to 1."""
        return tuple(
            (table / table.sum(axis=1, keepdims=True, dtype=np.int64)).astype(np.float32)
            for table in self.tables
        )

    def probabilities(self, i: int, codes: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """(n, levels) float32 for dimension i, given the dimensions before it and the dither."""
        contexts = _contexts(codes, numbers, i, self.orders[i], self.levels, self.bins)
        return self.shares[i][contexts]

    def in_batches(
        self, i: int, codes: np.ndarray, numbers: np.ndarray | None
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """The same, so many rows at a time that they take no more than 16 MiB."""
        size = max(1, 2**22 // self.levels)
        for start in range(0, len(codes), size):
            rows = slice(start, min(start + size, len(codes)))
            part = None if numbers is None else numbers[rows]
            yield rows, self.probabilities(i, codes[rows], part)

    def bits(self, codes: np.ndarray, numbers: np.ndarray | None) -> float:
        """Cross-entropy of these codes under the model, bits per image: what a stream must cost."""
        rows = np.arange(len(codes))
        total = sum(
            -np.log2(self.probabilities(i, codes, numbers)[rows, codes[:, i]].astype(float)).sum()
            for i in range(codes.shape[1])
        )
        return float(total / len(codes))

    def arrays(self) -> dict[str, np.ndarray]:
        """The tables by name, for saving."""
        return {f"table_{i}": table for i, table in enumerate(self.tables)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray], levels: int, bins: int) -> "EntropyModel":
        """The inverse of ``arrays``.

        Raises:
            ValueError: says which table cannot be one of a model of so many levels and bins.
        """
        shapes = shapes_of(len(arrays), levels, bins)
        for name, shape in shapes.items():
            if name not in arrays:
                raise ValueError(f"{name}: missing")
            table = arrays[name]
            if table.dtype != np.int32 or table.shape != shape:
                raise ValueError(
                    f"{name}: found {table.dtype} {table.shape}, needs int32 {shape} for "
                    f"{levels} levels and {bins} bins"
                )
            sums = table.sum(axis=1, dtype=np.int64)
            # Each frequency is rounded, or lifted to 1: a row's sum strays by no more than its length.
            if table.min() < 1 or abs(sums - PRECISION).max() > levels:
                raise ValueError(
                    f"{name}: found frequencies from {table.min()} and rows that sum to {sums.min()} "
                    f"to {sums.max()}, needs 1 or more and sums of about {PRECISION}"
                )
        orders = tuple(order_of(i, levels, bins) for i in range(len(shapes)))
        return cls(levels, bins, orders, tuple(arrays[name] for name in shapes))

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of all that it decides of a stream."""
        found = hashlib.sha256(f"{self.levels} {self.bins} {self.orders}".encode())
        for table in self.tables:
            found.update(table.astype("<i4").tobytes())
        return found.digest()

    @cached_property
    def range(self) -> tuple[float, float]:
        """No image costs fewer bits than the first number, or more than the second."""
        fewest = sum(-math.log2(shares.max()) for shares in self.shares)
        return fewest, sum(-math.log2(shares.min()) for shares in self.shares)


def order_of(i: int, levels: int, bins: int) -> int:
    """How many indices before dimension i count: as many as there are contexts for."""
    order, contexts = 0, bins
    while order < i and contexts * levels <= CONTEXTS:
        order, contexts = order + 1, contexts * levels
    return order


def shapes_of(dim: int, levels: int, bins: int) -> dict[str, tuple[int, int]]:
    """The shape of each table of a model, by name. Raises ValueError where there can be no such model."""
    if not 1 <= dim <= MOST_DIMENSIONS:
        raise ValueError(f"found {dim} tables, needs 1 to {MOST_DIMENSIONS}")
    if type(levels) is not int or not 2 <= levels <= MOST_LEVELS:
        raise ValueError(f"levels: found {levels!r:.40}, needs 2 to {MOST_LEVELS}")
    if type(bins) is not int or bins not in (1, DITHER_BINS):
        raise ValueError(f"bins: found {bins!r:.40}, needs 1 (no dither) or {DITHER_BINS}")
    return {f"table_{i}": (bins * levels ** order_of(i, levels, bins), levels) for i in range(dim)}


def _contexts(
    codes: np.ndarray,
    numbers: np.ndarray | None,
    i: int,
    order: int,
    levels: int,
    bins: int,
) -> np.ndarray:
    """The context's number for each image: dither's bin first, then the nearest index, and so on.

    Order -1 is no context at all, 0 the dither's bin alone.
    """
    contexts = np.zeros(len(codes), dtype=np.int64)
    if order < 0:
        return contexts
    if numbers is not None:
        contexts += np.minimum((numbers[:, i] * bins).astype(np.int64), bins - 1)
    for previous in range(i - 1, i - 1 - order, -1):
        contexts = contexts * levels + codes[:, previous]
    return contexts
