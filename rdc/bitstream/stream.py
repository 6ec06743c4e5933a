"""Code vectors to real bytes and back: a shared dither, an entropy model, and a range coder.

A stream is a header (magic, the codec's key, number of images, dither seed, CRC-32 of all the rest;
24 bytes) and one range-coded payload for all images. The entropy model travels with the weights.
"""

import struct
import zlib
from dataclasses import dataclass

import constriction
import numpy as np

MAGIC = b"RDC1"
HEADER = struct.Struct(">4s8sIII")  # magic, key, images, dither seed, checksum
BEFORE_CHECKSUM = HEADER.size - 4
DITHER_BINS = 16  # the model's resolution of the dither
CONTEXTS = 2**16  # at most so many contexts for one dimension; older indices are dropped
PRECISION = 2**16  # probabilities are whole multiples of about 1 / PRECISION


class StreamError(ValueError):
    """A stream that is damaged, cut short, or another codec's."""


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
            order = i
            while order > 0 and bins * levels**order > CONTEXTS:
                order -= 1
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

    def probabilities(self, i: int, codes: np.ndarray, numbers: np.ndarray | None) -> np.ndarray:
        """(n, levels) float32 for dimension i, given the dimensions before it and the dither."""
        contexts = _contexts(codes, numbers, i, self.orders[i], self.levels, self.bins)
        table = self.tables[i].astype(np.float64)
        return (table / table.sum(axis=1, keepdims=True)).astype(np.float32)[contexts]

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
        """The inverse of ``arrays``."""
        tables = tuple(arrays[f"table_{i}"] for i in range(len(arrays)))
        orders = []
        for table in tables:
            order, contexts = 0, bins
            while contexts < len(table):
                order, contexts = order + 1, contexts * levels
            orders.append(order)
        return cls(levels, bins, tuple(orders), tables)


def encode(codes: np.ndarray, model: EntropyModel, key: str, seed: int | None = None) -> bytes:
    """The stream of some images' code vectors.

    Args:
        codes: (n, dim) indices.
        key: the codec's, 16 hex digits; a decoder refuses another's stream.
        seed: of the dither that the codes were made with; None without dither.

    Raises:
        ValueError: a seed for a model without dither, or none for one with it; codes of another shape.
    """
    if (seed is None) != (model.bins == 1):
        raise ValueError(
            f"seed: found {seed}, but the model was fitted with dither: {model.bins > 1}"
        )
    if codes.ndim != 2 or codes.shape[1] != len(model.tables):
        raise ValueError(f"codes: found {codes.shape}, needs (n, {len(model.tables)})")
    n, dim = codes.shape
    numbers = None if seed is None else uniform(seed, n, dim)
    encoder = constriction.stream.queue.RangeEncoder()
    family = constriction.stream.model.Categorical(perfect=False)
    for i in range(dim):  # dimension by dimension, so that a decoder knows the ones before
        symbols = np.ascontiguousarray(codes[:, i], dtype=np.int32)
        encoder.encode(symbols, family, model.probabilities(i, codes, numbers))
    payload = encoder.get_compressed().astype("<u4").tobytes()
    fields = (MAGIC, bytes.fromhex(key), n, seed or 0)
    checksum = _checksum(HEADER.pack(*fields, 0) + payload)
    return HEADER.pack(*fields, checksum) + payload


def decode(stream: bytes, model: EntropyModel, key: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Code vectors (n, dim) int64 and the dither's numbers (n, dim), None without dither.

    Raises:
        StreamError: for a stream of another codec, a damaged one, or no stream at all.
    """
    if len(stream) < HEADER.size or stream[:4] != MAGIC:
        raise StreamError(f"not a stream of this project: it does not begin with {MAGIC.decode()}")
    _, stored, n, seed, checksum = HEADER.unpack_from(stream)
    if stored.hex() != key:
        raise StreamError(f"this stream was made by the codec {stored.hex()}, not by {key}")
    payload = stream[HEADER.size :]
    if _checksum(stream) != checksum:
        raise StreamError("the stream is damaged or cut short: its checksum does not fit")
    dim = len(model.tables)
    numbers = None if model.bins == 1 else uniform(seed, n, dim)
    decoder = constriction.stream.queue.RangeDecoder(
        np.frombuffer(payload, dtype="<u4").astype(np.uint32)
    )
    family = constriction.stream.model.Categorical(perfect=False)
    codes = np.zeros((n, dim), dtype=np.int64)
    for i in range(dim):
        codes[:, i] = decoder.decode(family, model.probabilities(i, codes, numbers))
    return codes, numbers


def _checksum(stream: bytes) -> int:
    """CRC-32 of a stream without its own checksum."""
    return zlib.crc32(stream[HEADER.size :], zlib.crc32(stream[:BEFORE_CHECKSUM]))


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
