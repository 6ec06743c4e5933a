"""Code vectors to real bytes and back: an entropy model, a range coder, and a header that is checked.

A stream is a header of 32 bytes and one range-coded payload for all images, in little-endian words of
32 bits. The header, big-endian: ``RDC2``; the codec's key (8 bytes); the first 4 bytes of the SHA-256 of
what decides the decoding (key, decoder, entropy model); number of images; dither seed; CRC-32 of the
indices as 16-bit numbers, dimension by dimension; CRC-32 of all the rest. The entropy model travels with
the weights.

Streams written before, ``RDC1``, have neither digest nor the indices' checksum (24 bytes): they are read.

A stream is decoded only as far as its length can pay for, and counts only where encoding what came out
gives the same bytes again, so that no two streams of one codec decode to the same images.
"""

import hashlib
import struct
import zlib
from pathlib import Path

import constriction
import numpy as np

from rdc.bitstream.entropy import EntropyModel, uniform

HEADER = struct.Struct(">4s8s4sIIII")  # magic, key, digest, images, dither seed, checksums
HEADER_1 = struct.Struct(">4s8sIII")  # magic, key, images, dither seed, checksum
FAMILY = constriction.stream.model.Categorical(
    perfect=False
)  # each image's probabilities are given with it
MAGIC, MAGIC_1 = b"RDC2", b"RDC1"
MOST_IMAGES = 2**20
MOST_INDICES = 2**23  # images times dimensions
MOST_BYTES = 2**25  # more than so many indices can take, at 24 bits each


class StreamError(ValueError):
    """A stream that is damaged, cut short, forged, or another codec's."""


def read(path: Path) -> bytes:
    """A file's bytes. Raises StreamError where they are more than a stream can have."""
    if path.exists() and not path.is_file():
        raise StreamError("no stream of this project: it is no file")
    with open(path, "rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise StreamError(f"no stream of this project: it is longer than {MOST_BYTES} bytes")
    return content


def encode(
    codes: np.ndarray, model: EntropyModel, key: str, seed: int | None = None, decoder: str = ""
) -> bytes:
    """The stream of some images' code vectors.

    Args:
        codes: (n, dim) indices, ``n`` from 1 to ``MOST_IMAGES`` and n dim up to ``MOST_INDICES``.
        key: the codec's, 16 hex digits.
        seed: of the dither that the codes were made with; None without dither.
        decoder: a fingerprint of what turns indices into images; a decoder refuses another's stream.

    Raises:
        ValueError: a seed for a model without dither, or none for one with it; codes of another shape,
            or too many; an index that is no level.
    """
    if (seed is None) != (model.bins == 1):
        raise ValueError(
            f"seed: found {seed}, but the model was fitted with dither: {model.bins > 1}"
        )
    if codes.ndim != 2 or codes.shape[1] != len(model.tables):
        raise ValueError(f"codes: found {codes.shape}, needs (n, {len(model.tables)})")
    n, dim = codes.shape
    if not 1 <= n <= _most_images(dim):
        raise ValueError(f"codes: found {n} images, needs 1 to {_most_images(dim)} in one stream")
    if codes.min() < 0 or codes.max() >= model.levels:
        raise ValueError(
            f"codes: found indices from {codes.min()} to {codes.max()}, needs 0 to {model.levels - 1}"
        )
    payload = _payload(codes, model, None if seed is None else uniform(seed, n, dim))
    digest = _digest(model, key, decoder)
    fields = (MAGIC, bytes.fromhex(key), digest, n, seed or 0, _checksum_of_codes(codes))
    return _sealed(HEADER, fields, payload)


def decode(
    stream: bytes, model: EntropyModel, key: str, decoder: str = ""
) -> tuple[np.ndarray, np.ndarray | None]:
    """Code vectors (n, dim) int64 and the dither's numbers (n, dim), None without dither.

    Raises:
        StreamError: for a stream of another codec, a damaged or forged one, or no stream at all.
    """
    form = {MAGIC: HEADER, MAGIC_1: HEADER_1}.get(stream[:4])
    if form is None:
        raise StreamError(
            f"not a stream of this project: it does not begin with {MAGIC.decode()} (or RDC1)"
        )
    if len(stream) < form.size:
        raise StreamError("the stream is damaged or cut short: its header is not whole")
    _, stored, *digests, checksum = form.unpack_from(stream)
    payload = stream[form.size :]
    if _checksum(stream[: form.size - 4], payload) != checksum:
        raise StreamError("the stream is damaged or cut short: its checksum does not fit")
    if stored.hex() != key:
        raise StreamError(
            f"this stream belongs to another codec: it was made by the codec {stored.hex()}, not by {key}"
        )
    if form is HEADER:
        digest, n, seed, content = digests
        if digest != _digest(model, key, decoder):
            raise StreamError(
                f"this stream belongs to another codec: it was made by one of the same settings ({key}), "
                "but of other weights or another entropy model, trained again with other threads or on "
                "another machine; decode it with the run that it was made with"
            )
    else:
        (n, seed), content = digests, None
    codes, numbers = _decoded(payload, model, n, seed)
    if content is not None and _checksum_of_codes(codes) != content:
        raise StreamError(
            "the stream is damaged or forged: what it decodes to is not what was encoded"
        )
    return codes, numbers


def has_fingerprint(stream: bytes) -> bool:
    """Whether it says what its codec is, and not only how that was trained."""
    return stream[:4] != MAGIC_1


def _decoded(
    payload: bytes, model: EntropyModel, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """What a payload holds. Raises StreamError for one that no encoder writes."""
    dim, (fewest, most) = len(model.tables), model.range
    if not 1 <= n <= _most_images(dim):
        raise StreamError(
            f"the stream is forged: it claims {n} images, a stream of this codec has 1 to "
            f"{_most_images(dim)}"
        )
    # The coder rounds probabilities to 24 bits, and ends with up to two words that say little.
    if len(payload) % 4 or not 0.99 * n * fewest - 64 <= 8 * len(payload) <= 1.01 * n * most + 64:
        raise StreamError(
            f"the stream is damaged or forged: {n} images cannot take {len(payload)} bytes"
        )
    if model.bins == 1 and seed:
        raise StreamError(
            f"the stream is forged: it has a dither's seed, {seed}, for a codec without"
        )
    numbers = None if model.bins == 1 else uniform(seed, n, dim)
    words = np.frombuffer(payload, dtype="<u4").astype(np.uint32)
    decoder = constriction.stream.queue.RangeDecoder(words)
    codes = np.zeros((n, dim), dtype=np.int64)
    try:
        for i in range(dim):
            if len(model.shares[i]) == 1:
                codes[:, i] = decoder.decode(_alone(model.shares[i][0]), n)
                continue
            for rows, probabilities in model.in_batches(i, codes, numbers):
                codes[rows, i] = decoder.decode(FAMILY, probabilities)
    except AssertionError:  # so the coder calls words that it never writes
        raise StreamError(
            "the stream is damaged or forged: its payload is none that an encoder writes"
        ) from None
    if _payload(codes, model, numbers) != payload:
        raise StreamError(
            f"the stream is damaged or forged: its payload is not that of the {n} images that it claims"
        )
    return codes, numbers


def _payload(codes: np.ndarray, model: EntropyModel, numbers: np.ndarray | None) -> bytes:
    encoder = constriction.stream.queue.RangeEncoder()
    # Dimension by dimension, so that a decoder knows the ones before.
    for i in range(codes.shape[1]):
        symbols = codes[:, i].astype(np.int32)
        if len(model.shares[i]) == 1:
            encoder.encode(symbols, _alone(model.shares[i][0]))
            continue
        for rows, probabilities in model.in_batches(i, codes, numbers):
            encoder.encode(symbols[rows], FAMILY, probabilities)
    return encoder.get_compressed().astype("<u4").tobytes()


def _alone(shares: np.ndarray) -> constriction.stream.model.Categorical:
    """One context for all images: the same intervals, worked out once (a codebook has 65,536)."""
    return constriction.stream.model.Categorical(shares, perfect=False)


def _most_images(dim: int) -> int:
    return min(MOST_IMAGES, MOST_INDICES // dim)


def _digest(model: EntropyModel, key: str, decoder: str) -> bytes:
    return hashlib.sha256(f"{key} {decoder} ".encode() + model.digest).digest()[:4]


def _checksum_of_codes(codes: np.ndarray) -> int:
    return zlib.crc32(codes.T.astype("<u2").tobytes())


def _sealed(form: struct.Struct, fields: tuple, payload: bytes) -> bytes:
    before = form.pack(*fields, 0)[:-4]
    return before + _checksum(before, payload).to_bytes(4, "big") + payload


def _checksum(before: bytes, payload: bytes) -> int:
    """CRC-32 of a stream without its own checksum."""
    return zlib.crc32(payload, zlib.crc32(before))
