"""Streams from strangers: damaged ones are refused, forged ones refused or what they say they are."""

import struct
import zlib
from collections import Counter
from typing import NamedTuple

import constriction
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdc.bitstream import EntropyModel, StreamError, decode, encode, uniform
from rdc.bitstream.stream import HEADER, HEADER_1, MOST_BYTES, MOST_IMAGES, read

KEY, DECODER = "0123456789abcdef", "weights"
AT_ONCE = 20  # damages that one example of hypothesis stands for


class Case(NamedTuple):
    stream: bytes
    model: EntropyModel


def old(stream: bytes) -> bytes:
    """The same as it was written before there were digests."""
    _, key, _, n, seed, _, _ = HEADER.unpack_from(stream)
    return sealed(HEADER_1, (b"RDC1", key, n, seed), stream[HEADER.size :])


def sealed(form: struct.Struct, fields: tuple, payload: bytes) -> bytes:
    """A stream whose last checksum fits."""
    before = form.pack(*fields, 0)[:-4]
    return before + zlib.crc32(before + payload).to_bytes(4, "big") + payload


def cases() -> list[Case]:
    """With and without dither, a codebook's one index of many, and an encoder that says the same of most."""
    rng, found = np.random.default_rng(0), []
    for n, dim, levels, dithered in [(60, 3, 3, False), (40, 2, 5, True), (50, 1, 64, False)]:
        codes = rng.integers(0, levels, (n, dim))
        numbers = uniform(1, n, dim) if dithered else None
        found.append((codes, EntropyModel.fit(codes, numbers, levels), 7 if dithered else None))
    rare = np.zeros((5000, 2), dtype=np.int64)
    rare[::1000] = 1
    found.append((rare[:1500], EntropyModel.fit(rare, None, 2), None))
    return [Case(encode(codes, model, KEY, seed, DECODER), model) for codes, model, seed in found]


CASES = [*cases(), *(Case(old(case.stream), case.model) for case in cases()[:2])]


def outcome(stream: bytes, case: Case) -> str:
    """``refused``, in one sentence, or ``read``: then it is what an encoder makes of what was read.

    Any other error is a failure of the test that asks.
    """
    try:
        codes, numbers = decode(stream, case.model, KEY, DECODER)
    except StreamError as error:
        assert str(error) and "\n" not in str(error) and len(str(error)) < 300
        return "refused"
    n, dim = codes.shape
    assert n >= 1 and dim == len(case.model.tables)
    seed = (
        HEADER_1.unpack_from(stream)[3] if stream[:4] == b"RDC1" else HEADER.unpack_from(stream)[4]
    )
    again = encode(codes, case.model, KEY, None if numbers is None else seed, DECODER)
    assert stream == (old(again) if stream[:4] == b"RDC1" else again)
    return "read"


places = st.integers(0, 2**16)
damages = st.one_of(
    st.tuples(st.just("flip"), places, st.integers(1, 255)),
    st.tuples(st.just("cut"), places, st.integers(1, 12)),
    st.tuples(st.just("end"), places, st.just(0)),
    st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=12)),
    st.tuples(st.just("swap"), places, st.integers(1, 8)),
)


def damaged(stream: bytes, kind: str, place: int, by) -> bytes:
    place %= len(stream)
    if kind == "flip":
        return stream[:place] + bytes([stream[place] ^ by]) + stream[place + 1 :]
    if kind == "cut":
        return stream[:place] + stream[place + by :]
    if kind == "end":
        return stream[:place]
    if kind == "insert":
        return stream[:place] + by + stream[place:]
    one, other = stream[place : place + by], stream[place + by : place + 2 * by]
    return stream[:place] + other + one + stream[place + 2 * by :]


several_damages = st.lists(
    st.lists(damages, min_size=1, max_size=3), min_size=AT_ONCE, max_size=AT_ONCE
)


def test_damaged_streams_are_refused():
    """Flipped, cut, grown or with parts exchanged; read only where that changed nothing."""
    seen = Counter()

    @given(case=st.sampled_from(CASES), several=several_damages)
    @settings(max_examples=160)
    def tried(case, several):
        for damages in several:
            stream = case.stream
            for damage in damages:
                stream = damaged(stream, *damage) if stream else stream
            found = outcome(stream, case)
            assert found == "refused" or stream == case.stream
            seen[found] += 1

    tried()
    print("damaged streams:", dict(seen))
    assert seen.total() >= 3000


numbers_of_images = st.one_of(
    st.integers(-3, 3).map(lambda more: ("more", more)),
    st.sampled_from([0, 1, 2**31, 2**32 - 1, MOST_IMAGES, MOST_IMAGES + 1]).map(
        lambda n: ("all", n)
    ),
    st.integers(0, 3000).map(lambda n: ("all", n)),
)
payloads = st.one_of(
    st.just(("keep", b"")),
    st.binary(min_size=0, max_size=3).map(lambda words: ("only", words)),
    st.binary(min_size=1, max_size=80).map(lambda words: ("only", words)),
    st.integers(1, 3).map(lambda count: ("less", bytes(4 * count))),
    st.sampled_from([bytes(4), bytes(8), b"\xff" * 4, b"\0\0\0\x80", b"\1"]).map(
        lambda w: ("and", w)
    ),
    st.tuples(places, st.integers(0, 255)).map(lambda change: ("set", change)),
)


def forged(case: Case, images, payload, seed: int | None, key: bytes | None, digest: bytes | None):
    """The stream with other fields, and all its checksums right."""
    form = HEADER_1 if case.stream[:4] == b"RDC1" else HEADER
    fields = list(form.unpack_from(case.stream)[:-1])
    body, (kind, by) = case.stream[form.size :], payload
    if kind == "set":
        place = by[0] % len(body)
        body = body[:place] + bytes([by[1]]) + body[place + 1 :]
    else:
        body = {"keep": body, "only": by, "less": body[: -len(by) or None], "and": body + by}[kind]
    at = 3 if form is HEADER else 2
    n = max(0, fields[at] + images[1]) if images[0] == "more" else images[1]
    fields[at] = n
    fields[at + 1] = fields[at + 1] if seed is None else seed
    fields[1] = fields[1] if key is None else key
    if form is HEADER:
        fields[2] = fields[2] if digest is None else digest
        fields[5] = checksum_of_codes(case.model, body, n, fields[4])
    return sealed(form, tuple(fields), body)


def checksum_of_codes(model: EntropyModel, body: bytes, n: int, seed: int) -> int:
    """Of what these bytes decode to, unchecked; 0 where that is nothing, or too much for a test."""
    if n > 5000 or len(body) % 4:
        return 0
    dim = len(model.tables)
    numbers = None if model.bins == 1 else uniform(seed, n, dim)
    coder = constriction.stream.queue.RangeDecoder(np.frombuffer(body, "<u4").astype(np.uint32))
    family = constriction.stream.model.Categorical(perfect=False)
    codes = np.zeros((n, dim), dtype=np.int64)
    try:
        for i in range(dim):
            codes[:, i] = coder.decode(family, model.probabilities(i, codes, numbers))
    except AssertionError:
        return 0
    return zlib.crc32(codes.T.astype("<u2").tobytes())


rarely = st.sampled_from([False] * 3 + [True])
forgeries = st.tuples(
    numbers_of_images,
    payloads,
    st.none() | st.integers(0, 2**32 - 1),
    rarely.flatmap(lambda wanted: st.binary(min_size=8, max_size=8) if wanted else st.none()),
    rarely.flatmap(lambda wanted: st.binary(min_size=4, max_size=4) if wanted else st.none()),
)


def test_forged_streams_are_refused_or_are_what_they_say():
    seen = Counter()

    @given(
        case=st.sampled_from(CASES),
        several=st.lists(forgeries, min_size=AT_ONCE, max_size=AT_ONCE),
    )
    @settings(max_examples=60)
    def tried(case, several):
        for fields in several:
            seen[outcome(forged(case, *fields), case)] += 1

    tried()
    print("forged streams:", dict(seen))
    assert seen.total() >= 500
    assert seen["refused"] and seen["read"]


REFUSED = "cannot take|is not that of|none that an encoder writes"
SAME, KEPT = ("more", 0), ("keep", b"")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "images, payload, said",
    [
        (("all", 2**32 - 1), KEPT, "it claims 4294967295 images"),
        (("all", 0), KEPT, "it claims 0 images"),
        (("all", MOST_IMAGES), KEPT, REFUSED),
        (SAME, ("only", b"\1"), "cannot take 1 bytes"),
        (SAME, ("only", b""), REFUSED),
        (SAME, ("and", bytes(4)), REFUSED),
        (SAME, ("and", b"\xff" * 400), REFUSED),
    ],
)
def test_what_a_forged_header_claims_is_held_against_the_payload(case, images, payload, said):
    with pytest.raises(StreamError, match=said):
        decode(forged(case, images, payload, None, None, None), case.model, KEY, DECODER)


@pytest.mark.parametrize("case", CASES[:4])
@pytest.mark.parametrize("more", [-1, 1])
def test_one_image_more_or_fewer_is_refused(case, more):
    """Where the payload would do for them, as it may with so little in an image, the indices do not."""
    fields = list(HEADER.unpack_from(case.stream)[:-1])
    fields[3] += more
    with pytest.raises(StreamError, match=f"{REFUSED}|not what was encoded"):
        decode(sealed(HEADER, tuple(fields), case.stream[HEADER.size :]), case.model, KEY, DECODER)


def test_a_payload_that_decodes_to_other_indices_is_refused():
    """As tables or arithmetic other than the encoder's would give."""
    stream = CASES[0].stream
    fields = list(HEADER.unpack_from(stream)[:-1])
    fields[5] ^= 1
    with pytest.raises(StreamError, match="what it decodes to is not what was encoded"):
        decode(sealed(HEADER, tuple(fields), stream[HEADER.size :]), CASES[0].model, KEY, DECODER)


def test_a_file_longer_than_any_stream_is_not_read_whole(tmp_path):
    with open(tmp_path / "long.rdc", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(StreamError, match=f"longer than {MOST_BYTES} bytes"):
        read(tmp_path / "long.rdc")
