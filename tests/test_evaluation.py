"""The evaluator on codecs whose numbers can be worked out by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from rdc import bitstream, config, evaluation
from rdc.datasets.images import Labelled
from rdc.networks import stored
from rdc.networks.codec import Codec
from rdc.networks.critics import critic_for

CPU = torch.device("cpu")
KEY = "0123456789abcdef"
SETTINGS = config.Evaluation(dithers=4, saved_images=2, sliced_projections=10)


def flat_images(greys, labels):
    """Images of one grey level each."""
    greys = np.array(greys, dtype=np.uint8)[:, None, None]
    return Labelled(np.tile(greys, (1, 28, 28)), np.array(labels, dtype=np.int64))


def bright_is_one(images):
    """A classifier of two classes: the probability of class 1 is the mean brightness."""
    bright = images.mean(dim=(1, 2, 3)).clamp(1e-6, 1 - 1e-6)
    return torch.stack([1 - bright, bright], dim=1).log()


def bright_is_zero(images):
    return bright_is_one(images).flip(1)


class Threshold:
    """One bit an image: brighter than 3 / 4 or not; shown as a grey of .75 or of .25."""

    dim, levels, dither, fingerprint = 1, 2, False, "threshold"

    def analyse(self, pixels):
        return pixels.mean(axis=(1, 2))[:, None] / 255

    def codes(self, features, numbers):
        return (features > 0.75).astype(np.int64)

    def reconstruct(self, codes, numbers):
        return np.tile(0.25 + 0.5 * codes[:, :, None], (1, 28, 28)).astype(np.float32)


class Dither:
    """Sends nothing and shows the dither itself, as a grey."""

    dim, levels, dither, fingerprint = 1, 2, True, "dither"

    def analyse(self, pixels):
        return np.zeros((len(pixels), 1))

    def codes(self, features, numbers):
        return np.zeros(features.shape, dtype=np.int64)

    def reconstruct(self, codes, numbers):
        return np.tile(numbers[:, :, None], (1, 28, 28))


FOUR = flat_images([0, 255, 153, 204], labels=[0, 1, 1, 1])


def evaluated(codec, splits=None, judge=bright_is_zero, **arguments):
    splits = splits or {"train": FOUR, "validation": FOUR[:2], "test": FOUR}
    readers = {"own": bright_is_one, "judge": judge}
    return evaluation.evaluate(codec, KEY, splits, readers, "own", SETTINGS, CPU, **arguments)


def test_a_threshold_measured_by_hand():
    """Greys 0, 1, .6, .8 are shown as .25, .75, .25, .75; two of four codes are 1, so each costs a
    bit, and the model fitted on the same four says so."""
    measured = evaluated(Threshold())
    row = measured.rows[-1]
    assert row["split"] == "test" and row["n_images"] == 4
    assert row["mse"] == pytest.approx((0.25**2 + 0.25**2 + 0.35**2 + 0.05**2) / 4, rel=1e-6)
    assert row["psnr"] == pytest.approx(-10 * math.log10(row["mse"]))
    assert row["accuracy"] == 0.75 and row["accuracy_judge"] == 0.25
    assert row["accuracy_clean"] == 1.0
    nll = -(3 * math.log(0.75) + math.log(0.25)) / 4
    assert row["nll_nats"] == pytest.approx(nll, rel=1e-6)
    assert row["entropy_bits"] == pytest.approx(1, rel=1e-4)
    assert row["coded_bits"] == 8 * (32 + 4) / 4  # the header and one word of 32 bits
    assert math.isnan(row["w1_critic"]) and math.isnan(row["w1_fresh"])
    np.testing.assert_allclose(measured.confusion["own"], [[1, 0], [1 / 3, 2 / 3]])
    np.testing.assert_allclose(measured.confusion["judge"], [[0, 1], [2 / 3, 1 / 3]])
    np.testing.assert_array_equal(measured.correct, [1, 1, 0, 1])
    expected = [0.25**2, 0.25**2, 0.35**2, 0.05**2]
    np.testing.assert_allclose(measured.errors, expected, rtol=1e-5)


def test_what_is_kept_to_be_looked_at():
    saved = evaluated(Threshold()).saved
    np.testing.assert_array_equal(saved["rows"], [0, 1])
    np.testing.assert_array_equal(saved["labels"], [0, 1])
    np.testing.assert_array_equal(saved["predicted"], [0, 1])
    np.testing.assert_array_equal(saved["images"], FOUR.images[:2])
    np.testing.assert_array_equal(saved["reconstructions"][:, 0, 0], [64, 191])


def test_the_entropy_model_is_fitted_on_all_of_train_and_on_nothing_else():
    """Half the train codes are 1, none of the test codes: each still costs the bit train says."""
    dark = flat_images([0, 20, 40], labels=[0, 0, 0])
    settings_ = config.Evaluation(train_images=1, sliced_projections=10)
    splits = {"train": FOUR, "validation": FOUR[:2], "test": dark}
    readers = {"own": bright_is_one, "judge": bright_is_one}
    measured = evaluation.evaluate(Threshold(), KEY, splits, readers, "own", settings_, CPU)
    assert [row["n_images"] for row in measured.rows] == [1, 2, 3]
    assert measured.rows[-1]["entropy_bits"] == pytest.approx(1, rel=1e-4)


def test_a_dithered_codec_is_the_mean_over_the_dithers():
    black = flat_images([0] * 5, labels=[1, 0, 1, 0, 1])
    measured = evaluated(Dither(), {"train": black, "validation": black, "test": black})
    shown = np.stack([bitstream.uniform(seed, 5, 1)[:, 0] for seed in range(4)]).astype(float)
    right = (shown > 0.5) == black.labels
    row = measured.rows[-1]
    assert row["mse"] == pytest.approx((shown**2).mean(), rel=1e-5)
    assert row["accuracy"] == pytest.approx(right.mean())
    assert row["accuracy_judge"] == pytest.approx(1 - right.mean())
    likelihoods = np.where(black.labels, shown, 1 - shown)
    assert row["nll_nats"] == pytest.approx(-np.log(likelihoods).mean(), rel=1e-4)
    np.testing.assert_allclose(measured.correct, right.mean(axis=0))
    np.testing.assert_allclose(measured.errors, (shown**2).mean(axis=0), rtol=1e-5)
    ones = [(shown[:, black.labels == label] > 0.5).mean() for label in (0, 1)]
    np.testing.assert_allclose(measured.confusion["own"], [[1 - share, share] for share in ones])
    assert 0 < right.mean() < 1


def test_a_stream_that_decodes_to_something_else_stops_the_evaluation(monkeypatch):
    monkeypatch.setattr(bitstream, "decode", lambda *arguments: (np.zeros((4, 1)), None))
    with pytest.raises(RuntimeError, match=f"codec {KEY}: a decoded stream differs"):
        evaluated(Threshold())


def test_a_classifier_without_images_of_a_class_has_an_empty_confusion_row():
    ones = flat_images([255, 0], labels=[1, 1])
    measured = evaluated(Threshold(), {"train": FOUR, "validation": ones, "test": ones})
    np.testing.assert_allclose(measured.confusion["own"], [[0, 0], [0.5, 0.5]])


def test_the_critics_gap():
    torch.manual_seed(0)
    critic = critic_for("pixels", 0.05).requires_grad_(False)
    measured = evaluated(Threshold(), critic=critic)
    scores = [
        critic(torch.tensor(greys).view(4, 1, 1, 1).expand(4, 1, 28, 28)).mean().item()
        for greys in ([0, 1, 0.6, 0.8], [0.25, 0.75, 0.25, 0.75])
    ]
    assert measured.rows[-1]["w1_critic"] == pytest.approx(scores[0] - scores[1], rel=1e-4)


@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=40), count=st.integers(1, 50))
@example(labels=[0, 0, 0, 1], count=4)  # a class that runs out
def test_saved_rows_are_the_first_of_each_class_and_balanced(labels, count):
    labels = np.array(labels)
    rows = evaluation.saved_rows(labels, count)
    assert len(set(rows.tolist())) == len(rows) == min(count, len(labels))
    taken = {label: (labels[rows] == label).sum() for label in np.unique(labels)}
    for label, number in taken.items():
        assert set(np.flatnonzero(labels == label)[:number]) <= set(rows)
        if number < (labels == label).sum():  # has more to give: no class has over one more
            assert max(taken.values()) <= number + 1


def test_saved_rows_take_classes_in_turn():
    labels = np.array([2, 2, 0, 1, 1, 0, 2, 0, 1])
    np.testing.assert_array_equal(evaluation.saved_rows(labels, 6), [2, 3, 0, 5, 4, 1])
    np.testing.assert_array_equal(evaluation.saved_rows(labels, 4), [2, 3, 0, 5])


@pytest.fixture
def codec():
    """A narrow codec whose batch norms have seen images, frozen."""
    torch.manual_seed(0)
    codec = Codec(2, 3, dither=False, width=0.1)
    for _ in range(5):
        codec(torch.rand(64, 1, 28, 28), torch.rand(64, 2))
    return codec.eval().requires_grad_(False)


def test_decoding_each_code_once_equals_decoding_each_image(codec):
    codes = np.random.default_rng(0).integers(0, 3, (50, 2))
    found = evaluation.LearnedCodec(codec, CPU).reconstruct(codes, None)
    points = np.linspace(-1, 1, 3)
    for code, image in zip(codes, found, strict=True):
        latent = torch.tensor(points[code][None], dtype=torch.float32)
        np.testing.assert_allclose(image, codec.decoder(latent)[0, 0].numpy(), atol=1e-6)


@pytest.mark.parametrize("dithered", [False, True])
def test_a_learned_codec_sends_what_it_was_trained_to_send(codec, dithered):
    """Analysis, codes and reconstruction together are the codec's forward pass."""
    codec.dither = dithered
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (40, 28, 28), dtype=np.uint8)
    numbers = rng.random((40, 2), dtype=np.float32) if dithered else None
    measured = evaluation.LearnedCodec(codec, CPU)
    codes = measured.codes(measured.analyse(pixels), numbers)
    assert codes.dtype == np.int64 and set(np.unique(codes)) <= {0, 1, 2}
    images = torch.from_numpy(pixels).unsqueeze(1) / 255
    uniform = torch.from_numpy(numbers if dithered else np.zeros((40, 2), dtype=np.float32))
    expected = codec(images, uniform).squeeze(1).numpy()
    np.testing.assert_allclose(measured.reconstruct(codes, numbers), expected, atol=1e-5)


def test_a_codecs_file_is_opened_to_be_measured(codec, tmp_path):
    stored.save_codec(codec, {"key": KEY}, tmp_path / "codec.safetensors")
    opened, note = evaluation.open_codec(tmp_path / "codec.safetensors", bright_is_one, CPU)
    assert isinstance(opened, evaluation.LearnedCodec)
    assert (opened.dim, opened.levels, opened.dither, note["key"]) == (2, 3, False, KEY)
