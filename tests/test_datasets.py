"""Datasets: from the original files, or a user's folder, to arrays, and the faults on the way."""

import gzip
import re
import struct

import numpy as np
import pytest
from PIL import Image

from rdc.datasets import images, opening
from rdc.datasets.images import Labelled, Prepared
from rdc.datasets.sources import DataError


def prepared(n=10, seed=0):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n + 4, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 3, n + 4)
    everything = Labelled(pixels, labels)
    return Prepared(everything[:n], everything[n:], ("a", "b", "c"))


def assert_equal(first, second):
    assert first.classes == second.classes
    for one, other in ((first.train, second.train), (first.test, second.test)):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_digits_are_brought_to_mnists_format(digits):
    assert len(digits.train) == 1437 and len(digits.test) == 360
    assert digits.classes == tuple("0123456789")
    for part in (digits.train, digits.test):
        assert part.images.shape == (len(part), 28, 28) and part.images.dtype == np.uint8
        assert part.labels.dtype == np.int64 and set(part.labels) == set(range(10))
        frame = part.images.copy()
        frame[:, 4:24, 4:24] = 0
        assert not frame.any()
        assert part.images.max() == 255
    assert digits.train.labels[:5].tolist() == [0, 1, 2, 3, 4]


def test_splits_share_the_training_set_without_overlap():
    data = prepared()
    np.testing.assert_array_equal(data.split("train", 3).images, data.train.images[:7])
    np.testing.assert_array_equal(data.split("validation", 3).images, data.train.images[7:])
    np.testing.assert_array_equal(data.split("validation", 3).labels, data.train.labels[7:])
    np.testing.assert_array_equal(data.split("test", 3).images, data.test.images)
    with pytest.raises(DataError, match="validation: found 10, needs fewer than the 10 training"):
        data.split("train", 10)


def test_the_checksum_sees_every_pixel_and_label():
    found = prepared().checksum()
    assert found == prepared().checksum() and re.fullmatch("[0-9a-f]{16}", found)
    for part in ("train", "test"):
        for array in ("images", "labels"):
            changed = prepared()
            values = getattr(getattr(changed, part), array)
            values[(-1,) * values.ndim] ^= 1
            assert changed.checksum() != found


def test_a_saved_dataset_comes_back_and_has_the_same_bytes_twice(tmp_path):
    images.save(prepared(), tmp_path / "first.npz")
    images.save(prepared(), tmp_path / "second.npz")
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()
    assert_equal(images.load(tmp_path / "first.npz"), prepared())


@pytest.mark.parametrize("kept", [0, 0.01, 0.5, 0.999])
def test_a_truncated_dataset_is_refused(kept, tmp_path):
    path = tmp_path / "digits.npz"
    images.save(prepared(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match=r"digits\.npz: is damaged, .*delete it and run again"):
        images.load(path)


def test_missing_and_foreign_datasets_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.npz: no such prepared dataset"):
        images.load(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", numbers=np.zeros(3))
    with pytest.raises(DataError, match=r"other\.npz: is damaged"):
        images.load(tmp_path / "other.npz")


# MNIST's own files


def idx(array):
    """An array as MNIST's files hold it."""
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes())


@pytest.fixture
def mnist(tmp_path):
    """A folder with MNIST's four files, of 5 and 3 images."""
    data = prepared(n=5)
    for prefix, part in (("train", data.train), ("t10k", data.test[:3])):
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(idx(part.images))
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(idx(part.labels))
    return tmp_path


TRAIN_IMAGES, TEST_LABELS = "train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"


def test_mnists_files_are_read(mnist):
    data, expected = images.prepare_mnist(mnist), prepared(n=5)
    assert data.classes == tuple("0123456789")
    np.testing.assert_array_equal(data.train.images, expected.train.images)
    np.testing.assert_array_equal(data.train.labels, expected.train.labels)
    np.testing.assert_array_equal(data.test.images, expected.test.images[:3])
    assert data.test.labels.dtype == np.int64


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(idx(np.zeros((5, 28, 28)))[:-9], id="truncated gzip"),
        pytest.param(b"<html>not found</html>", id="no gzip"),
        pytest.param(gzip.compress(gzip.decompress(idx(np.zeros((5, 28, 28))))[:-1]), id="short"),
        pytest.param(gzip.compress(bytes(2000)), id="no IDX"),
        pytest.param(idx(np.zeros(2000)), id="labels for images"),
        pytest.param(b"", id="empty file"),
        pytest.param(gzip.compress(b""), id="empty gzip"),
        pytest.param(idx(np.zeros(5)), id="few labels for images"),
        pytest.param(
            idx(np.zeros((5, 28, 28)))[:12] + b"\xff" * 40 + idx(np.zeros((5, 28, 28)))[52:],
            id="damaged gzip",
        ),
    ],
)
def test_a_damaged_or_foreign_idx_file_is_refused_by_name(content, mnist):
    (mnist / TRAIN_IMAGES).write_bytes(content)
    with pytest.raises(DataError, match=TRAIN_IMAGES):
        images.prepare_mnist(mnist)


def test_a_missing_idx_file_is_named(mnist):
    (mnist / TEST_LABELS).unlink()
    with pytest.raises(DataError, match=f"{TEST_LABELS}: no such file"):
        images.prepare_mnist(mnist)


def test_images_and_labels_of_different_number_are_refused(mnist):
    (mnist / TEST_LABELS).write_bytes(idx(np.zeros(2)))
    with pytest.raises(DataError, match="t10k"):
        images.prepare_mnist(mnist)


def test_images_of_another_size_are_refused(mnist):
    (mnist / TRAIN_IMAGES).write_bytes(idx(np.zeros((5, 32, 32))))
    with pytest.raises(DataError, match=TRAIN_IMAGES):
        images.prepare_mnist(mnist)


# A user's folder


def write_grey(path, level, size=(28, 28)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, level).save(path)


def write_classes(folder, **levels):
    """A folder a class with one flat image for each of its grey levels."""
    for name, greys in levels.items():
        for number, level in enumerate(greys):
            write_grey(folder / name / f"{number:03d}.png", level)


def greys(part):
    """The mean grey of each image, with its label, in a fixed order."""
    pairs = zip(part.labels, part.images, strict=True)
    return sorted((int(label), int(image.mean())) for label, image in pairs)


def test_every_sixth_image_of_a_class_is_for_testing(tmp_path):
    write_classes(tmp_path, cat=range(0, 80, 10), dog=range(100, 170, 10))
    data = images.prepare_folder(tmp_path)
    assert data.classes == ("cat", "dog")
    assert greys(data.test) == [(0, 0), (0, 60), (1, 100), (1, 160)]
    assert greys(data.train) == [(0, g) for g in (10, 20, 30, 40, 50, 70)] + [
        (1, g) for g in (110, 120, 130, 140, 150)
    ]
    assert_equal(data, images.prepare_folder(tmp_path))


def test_classes_are_mixed_so_that_the_last_images_hold_both(tmp_path):
    write_classes(tmp_path, cat=range(60), dog=range(100, 160))
    validation = images.prepare_folder(tmp_path).split("validation", 20)
    assert set(validation.labels) == {0, 1}


def test_a_folder_with_train_and_test_keeps_them_apart(tmp_path):
    write_classes(tmp_path / "train", cat=[10, 20], dog=[100])
    write_classes(tmp_path / "test", cat=[30], dog=[110])
    data = images.prepare_folder(tmp_path)
    assert greys(data.train) == [(0, 10), (0, 20), (1, 100)]
    assert greys(data.test) == [(0, 30), (1, 110)]


def test_any_size_and_format_becomes_28_by_28_grey(tmp_path):
    """Grey is .299 R + .587 G + .114 B; 16 bits are scaled, not clipped."""
    folder = tmp_path / "cat"
    write_grey(folder / "a-grey.png", 100, (40, 30))
    Image.new("RGB", (28, 28), (255, 0, 0)).save(folder / "b-rgb.png")
    Image.new("RGBA", (50, 60), (0, 255, 0, 255)).save(folder / "c-rgba.png")
    Image.fromarray(np.full((30, 30), 180 * 257, dtype=np.uint16)).save(folder / "d-sixteen.png")
    Image.new("RGB", (30, 30), (0, 0, 255)).quantize(4).save(folder / "e-palette.png")
    write_grey(folder / "f-tiny.png", 200, (3, 5))
    write_grey(folder / "g-dot.bmp", 210, (1, 1))
    Image.new("1", (9, 9), 1).save(folder / "h-bits.png")
    found = images.images_in(folder)
    assert all(image.shape == (28, 28) and image.dtype == np.uint8 for image in found)
    assert [set(np.unique(image)) for image in found] == [
        {level} for level in (100, 76, 150, 180, 29, 200, 210, 255)
    ]


def test_the_central_square_is_kept(tmp_path):
    wide = np.zeros((28, 68), dtype=np.uint8)
    wide[:, 20:48] = np.arange(28) * 9
    write_classes(tmp_path, dog=[0, 0])
    (tmp_path / "cat").mkdir()
    Image.fromarray(wide).save(tmp_path / "cat" / "wide.png")
    Image.fromarray(wide.T.copy()).save(tmp_path / "cat" / "high.png")
    high, broad = images.images_in(tmp_path / "cat")
    np.testing.assert_array_equal(broad, wide[:, 20:48])
    np.testing.assert_array_equal(high, wide[:, 20:48].T)


@pytest.mark.parametrize("content", [b"notes", b""], ids=["text", "empty"])
def test_a_file_that_is_no_image_is_left_out_and_said(content, tmp_path, capsys):
    write_classes(tmp_path, cat=[10, 20], dog=[100, 110])
    (tmp_path / "cat" / "notes.txt").write_bytes(content)
    (tmp_path / "cat" / ".hidden").write_bytes(b"counted alone")
    (tmp_path / "cat" / "noname").write_bytes(content)
    data = images.prepare_folder(tmp_path)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"{tmp_path}: 3 left out: 1 no picture by suffix (.txt 1), 1 hidden, "
        "1 that cannot be read: cat/noname (no picture of a known format)"
    )
    assert greys(data.train) == [(0, 20), (1, 110)]


def test_a_truncated_image_is_left_out_by_name_and_moves_no_other(tmp_path, capsys):
    write_classes(tmp_path, cat=[10, 20], dog=[100, 110])
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    path = tmp_path / "cat" / "000a.png"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:800])
    data = images.prepare_folder(tmp_path)
    assert "1 left out: 1 that cannot be read: cat/000a.png (" in capsys.readouterr().err
    assert greys(data.test) == [(0, 10), (1, 100)] and greys(data.train) == [(0, 20), (1, 110)]


# For these Pillow raises neither an OSError nor its own UnidentifiedImageError.
@pytest.mark.parametrize(
    "content",
    [b"P6 3\xcf 20 255\n" + bytes(1800), b"P6 20000 20000 255\n" + bytes(100)],
    ids=["bad number", "huge"],
)
def test_an_image_with_a_nonsensical_header_is_left_out_too(content, tmp_path, capsys):
    write_classes(tmp_path, cat=[10, 20], dog=[100, 110])
    (tmp_path / "cat" / "zz.ppm").write_bytes(content)
    images.prepare_folder(tmp_path)
    assert "1 that cannot be read: cat/zz.ppm (" in capsys.readouterr().err


@pytest.mark.parametrize(
    "layout, message",
    [
        ({"cat": [1, 2, 3]}, r"found 1 class folder\(s\), needs at least 2"),
        ({}, r"found 0 class folder\(s\), needs at least 2"),
        ({"cat": [1, 2, 3], "dog": [4]}, r"dog: found 1 image\(s\), needs at least 2"),
        ({"cat": [1, 2, 3], "dog": []}, "dog: found no picture"),
    ],
    ids=["one class", "none", "one image", "no image"],
)
def test_a_folder_with_too_little_in_it_is_refused(layout, message, tmp_path):
    for name in layout:
        (tmp_path / name).mkdir()
    write_classes(tmp_path, **layout)
    with pytest.raises(DataError, match=message):
        images.prepare_folder(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        images.prepare_folder(tmp_path / "nowhere")


def test_train_and_test_with_different_classes_are_refused(tmp_path):
    write_classes(tmp_path / "train", cat=[1], dog=[2])
    write_classes(tmp_path / "test", cat=[1], cow=[2])
    with pytest.raises(DataError, match="different class folders: test has no dog; each needs"):
        images.prepare_folder(tmp_path)


@pytest.mark.parametrize(
    "training, testing",
    [("train", "val"), ("Train", "Test"), ("training", "validation"), ("TRAIN", "valid")],
)
def test_parts_are_found_by_any_usual_name(training, testing, tmp_path):
    write_classes(tmp_path / training, cat=[10, 20], dog=[100])
    write_classes(tmp_path / testing, cat=[30], dog=[110])
    data = images.prepare_folder(tmp_path)
    assert greys(data.train) == [(0, 10), (0, 20), (1, 100)]
    assert greys(data.test) == [(0, 30), (1, 110)]


def test_images_for_validation_beside_a_test_set_end_the_training_set(tmp_path, capsys):
    write_classes(tmp_path / "train", cat=[10, 20, 30], dog=[100, 105])
    write_classes(tmp_path / "val", cat=[40], dog=[110])
    write_classes(tmp_path / "test", cat=[50], dog=[120])
    data = images.prepare_folder(tmp_path)
    assert greys(data.split("validation", 2)) == [(0, 40), (1, 110)]
    assert len(data.split("train", 2)) == 5 and greys(data.test) == [(0, 50), (1, 120)]
    assert "its 2 images for validation end the training set" in capsys.readouterr().err


def test_large_jpeg_files_are_decoded_small_and_look_the_same(tmp_path, monkeypatch):
    """At an eighth of 3,200 x 2,400 pixels: the 28 x 28 image differs by a rounding."""
    gradient = np.add.outer(np.linspace(0, 120, 2400), np.linspace(0, 120, 3200))
    Image.fromarray(gradient.astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    (small,) = images.images_in(tmp_path)
    assert opening.opened(tmp_path / "a.jpg", at_least=images.DRAFT_SIDE).size == (400, 300)
    monkeypatch.setattr(images, "DRAFT_SIDE", None)
    (whole,) = images.images_in(tmp_path)
    assert np.abs(small.astype(int) - whole).max() <= 1


def test_prepare_takes_a_source_or_a_folder(digits, mnist, tmp_path_factory):
    assert_equal(images.prepare("digits", None, "unused"), digits)
    data = tmp_path_factory.mktemp("data")
    (data / "mnist").symlink_to(mnist)
    assert_equal(images.prepare("mnist", None, data), images.prepare_mnist(mnist))
    folder = tmp_path_factory.mktemp("own")
    write_classes(folder, cat=[10, 20], dog=[100, 110])
    assert_equal(images.prepare(None, folder, "unused"), images.prepare_folder(folder))


def test_a_class_whose_only_image_for_testing_is_damaged_is_told_so(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(6):
            Image.new("L", (9, 9), 40 * number).save(tmp_path / name / f"{number}.png")
    (tmp_path / "a" / "0.png").write_bytes(b"damaged")
    with pytest.raises(
        DataError, match=r"class a has no image for testing: of the 1 .* \(a/0.png\)"
    ):
        images.prepare_folder(tmp_path)
