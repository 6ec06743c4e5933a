"""Streams: what goes in comes out, costs what the model says, and is refused when damaged."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdc.bitstream import EntropyModel, StreamError, decode, encode, uniform
from rdc.bitstream.entropy import DITHER_BINS
from rdc.bitstream.stream import HEADER

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"


def sources(n, dim, levels, seed):
    """Code vectors with some structure: each index leans towards the one before."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, levels, (n, dim))
    for i in range(1, dim):
        codes[:, i] = np.where(rng.random(n) < 0.7, codes[:, i - 1], codes[:, i])
    return codes


def fitted(n=500, dim=3, levels=3, seed=0, dithered=False):
    """Codes, the dither's numbers and a model fitted on them."""
    codes = sources(n, dim, levels, seed)
    numbers = uniform(seed, n, dim) if dithered else None
    return codes, numbers, EntropyModel.fit(codes, numbers, levels)


@given(
    n=st.integers(1, 80),
    dim=st.integers(1, 5),
    levels=st.integers(2, 9),
    source=st.integers(0, 2**16),
    seed=st.none() | st.integers(0, 2**32 - 1),
)
@settings(max_examples=150)
def test_streams_come_back(n, dim, levels, source, seed):
    """Of other images than those that the model was fitted on."""
    model = fitted(30, dim, levels, source, dithered=seed is not None)[2]
    codes = sources(n, dim, levels, source + 1)
    received, numbers = decode(encode(codes, model, KEY, seed), model, KEY)
    np.testing.assert_array_equal(received, codes)
    if seed is None:
        assert numbers is None
    else:
        np.testing.assert_array_equal(numbers, uniform(seed, n, dim))


def explicit_bits(codes, numbers, training, training_numbers, levels):
    """Cross-entropy per image from counts of contexts in a dictionary, interpolated by hand."""
    counts = Counter()
    for row, image in enumerate(training):
        for i in range(len(image)):
            for context in contexts(image, i, training_numbers, row):
                counts[i, context] += 1
                counts[i, context, image[i]] += 1
    total = 0.0
    for row, image in enumerate(codes):
        for i, symbol in enumerate(image):
            probability = 1 / levels
            for context in contexts(image, i, numbers, row):
                seen = counts[i, context, symbol]
                probability = (seen + levels * probability) / (counts[i, context] + levels)
            total -= np.log2(probability)
    return total / len(codes)


def contexts(image, i, numbers, row):
    """From none at all, by the dither's bin, to all indices before, the nearest first."""
    place = 0 if numbers is None else int(numbers[row, i] * DITHER_BINS)
    yield ()
    for length in range(i + 1):
        yield (place, *image[i - length : i][::-1])


@pytest.mark.parametrize("dithered", [False, True])
@pytest.mark.parametrize("dim, levels", [(1, 2), (3, 3), (2, 5)])
def test_bits_are_the_cross_entropy_of_the_interpolated_counts(dithered, dim, levels):
    training, training_numbers, model = fitted(300, dim, levels, 0, dithered)
    codes, numbers, _ = fitted(100, dim, levels, 1, dithered)
    expected = explicit_bits(codes, numbers, training, training_numbers, levels)
    assert model.bits(codes, numbers) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("dithered", [False, True])
@pytest.mark.parametrize("dim, levels, n", [(3, 3, 2000), (1, 2, 50), (4, 5, 500)])
def test_streams_are_as_long_as_the_bits_say(dithered, dim, levels, n):
    """Within two of the range coder's 32-bit words, and half a percent for its own precision."""
    codes, numbers, model = fitted(n, dim, levels, 3, dithered)
    stream = encode(codes, model, KEY, 3 if dithered else None)
    expected = model.bits(codes, numbers) * n
    assert 8 * (len(stream) - HEADER.size) == pytest.approx(expected, abs=64 + 0.005 * expected)


def test_a_source_that_leans_costs_less_than_its_nominal_rate():
    codes, _, model = fitted(5000)
    assert model.bits(codes, None) < 0.8 * 3 * np.log2(3)


@given(
    dim=st.integers(1, 4),
    levels=st.integers(2, 6),
    source=st.integers(0, 2**16),
    dithered=st.booleans(),
)
def test_probabilities_are_positive_and_sum_to_one_where_nothing_was_seen(
    dim, levels, source, dithered
):
    """The model has met one code vector, often; it is asked about random ones."""
    training = np.zeros((5000, dim), dtype=np.int64)
    numbers = uniform(1, 5000, dim) if dithered else None
    model = EntropyModel.fit(training, numbers, levels)
    asked = sources(50, dim, levels, source)
    numbers = uniform(2, 50, dim) if dithered else None
    for i in range(dim):
        found = model.probabilities(i, asked, numbers)
        assert found.shape == (50, levels)
        assert (found > 0).all()
        np.testing.assert_allclose(found.sum(axis=1, dtype=float), 1, atol=1e-6)


def test_the_oldest_indices_are_dropped_where_contexts_would_be_too_many():
    codes, _, model = fitted(50, 3, 256, 0, dithered=True)
    assert model.orders == (0, 1, 1)
    received, _ = decode(encode(codes, model, KEY, 0), model, KEY)
    np.testing.assert_array_equal(received, codes)


@pytest.mark.parametrize("dithered", [False, True])
def test_a_model_comes_back_from_its_arrays(dithered):
    model = fitted(dim=4, dithered=dithered)[2]
    again = EntropyModel.from_arrays(model.arrays(), model.levels, model.bins)
    assert (again.levels, again.bins, again.orders) == (model.levels, model.bins, model.orders)
    for one, other in zip(again.tables, model.tables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_codes_of_another_shape_are_refused():
    codes = np.zeros((4, 3), dtype=int)
    model = EntropyModel.fit(codes, None, 3)
    with pytest.raises(ValueError, match=r"codes: found \(4, 2\), needs \(n, 3\)"):
        encode(codes[:, :2], model, "0" * 16)


@pytest.mark.parametrize("fault, codes", [("found 0 images", np.zeros((0, 3), dtype=int)),
                                          ("found 2796203 images", np.broadcast_to(0, (2796203, 3))),
                                          ("found indices from 0 to 3", np.array([[0, 3, 3]])),
                                          ("found indices from -1 to 0", np.array([[0, -1, -1]]))])  # fmt: skip
def test_what_no_stream_can_hold_is_not_encoded(fault, codes):
    with pytest.raises(ValueError, match=fault):
        encode(codes, fitted()[2], KEY)


def test_the_header_has_32_bytes_eight_more_than_before():
    """So that all of MNIST's test images cost .0064 bits an image more than in RDC1."""
    codes, _, model = fitted()
    stream = encode(codes[:1], model, KEY)
    assert HEADER.size == 32 and len(stream) == 32 + 4  # and one word of 32 bits


def test_streams_of_before_are_read():
    """Written by the code of November 2026, without and with dither."""
    codes = np.array([[0, 1], [2, 1], [1, 1], [0, 0], [2, 2], [1, 0]] * 5)
    plain = "524443310123456789abcdef0000001e00000000e23da12d894eec44312e14d21b5128b9"
    received, numbers = decode(bytes.fromhex(plain), EntropyModel.fit(codes, None, 3), KEY)
    np.testing.assert_array_equal(received, codes)
    assert numbers is None
    dithered = "524443310123456789abcdef0000001e00000007f055f319a2e7a53e9e6f7af09554ecdc03959f1d"
    model = EntropyModel.fit(codes, uniform(3, 30, 2), 3)
    received, numbers = decode(bytes.fromhex(dithered), model, KEY)
    np.testing.assert_array_equal(received, codes)
    np.testing.assert_array_equal(numbers, uniform(7, 30, 2))


def test_a_codec_of_the_same_settings_and_other_weights_is_another_codec():
    """Decoder or entropy model: with one key, as 1 and 2 threads give, its streams are refused."""
    codes, _, model = fitted(40)
    stream = encode(codes, model, KEY, decoder="one")
    np.testing.assert_array_equal(decode(stream, model, KEY, "one")[0], codes)
    table = model.tables[0].copy()
    table[0, 0] += 1
    other = EntropyModel(model.levels, model.bins, model.orders, (table, *model.tables[1:]))
    for model_, decoder in ((model, "other"), (other, "one")):
        with pytest.raises(
            StreamError, match=f"another codec: .* same settings .{KEY}., but of other"
        ):
            decode(stream, model_, KEY, decoder)


def test_truncated_streams_are_refused():
    codes, _, model = fitted(40)
    stream = encode(codes, model, KEY)
    for length in range(len(stream)):
        with pytest.raises(StreamError):
            decode(stream[:length], model, KEY)
    with pytest.raises(StreamError):
        decode(stream + b"\0", model, KEY)


def flips(stream, places):
    for place in places:
        for bit in range(8):
            damaged = bytearray(stream)
            damaged[place] ^= 1 << bit
            yield bytes(damaged)


def test_any_flipped_bit_is_refused():
    codes, _, model = fitted(40, dithered=True)
    stream = encode(codes, model, KEY, 7)
    for damaged in flips(stream, [*range(len(stream))]):
        with pytest.raises(StreamError):
            decode(damaged, model, KEY)


def test_another_codecs_stream_is_refused_by_name():
    codes, _, model = fitted(40)
    with pytest.raises(StreamError, match=f"made by the codec {OTHER}, not by {KEY}"):
        decode(encode(codes, model, OTHER), model, KEY)


@pytest.mark.parametrize("stream", [b"", b"RDC1", b"\x89PNG" + bytes(40)])
def test_what_is_no_stream_is_refused(stream):
    with pytest.raises(StreamError, match=r"does not begin with RDC2|not whole"):
        decode(stream, fitted()[2], KEY)


def test_the_dithers_numbers_are_the_same_everywhere():
    """Pinned, as multiples of 2 ** -24: streams that were written must stay readable.

    The values are those of Philox4x64-10 (Salmon et al. 2011) worked out apart from NumPy: the high
    24 bits of its first block with counter 1 and the seed as key.
    """
    pinned = {
        (0, 2, 2): [[193_722, 4_052_523], [1_869_415, 9_469_306]],
        (7, 1, 3): [[14_630_964, 4_955_408, 7_048_069]],
    }
    for (seed, n, dim), expected in pinned.items():
        found = uniform(seed, n, dim)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found * np.float32(2**24), expected)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 50), dim=st.integers(1, 5))
def test_the_dithers_numbers_lie_in_the_unit_interval(seed, n, dim):
    numbers = uniform(seed, n, dim)
    assert numbers.shape == (n, dim)
    assert ((numbers >= 0) & (numbers < 1)).all()


def test_the_dithers_numbers_fill_the_unit_interval():
    counts, _ = np.histogram(uniform(5, 20_000, 2), bins=20, range=(0, 1))
    assert abs(counts - 2000).max() < 5 * np.sqrt(2000)
