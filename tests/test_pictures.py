"""Colour pictures: kinds of files, splits, crops, and what is refused by name."""

import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from rdc.datasets import pictures
from rdc.datasets.sources import DataError


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def unlabelled(folder, part):
    return pictures.from_folder(folder, part, classes=False)


@pytest.fixture
def folder(tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.fromarray(noise(20, 30, 3)).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_class_folders_give_labels_and_two_parts(folder):
    tuned, measured = (pictures.from_folder(folder, part) for part in ("tuned", "measured"))
    for found in (tuned, measured):
        assert len(found) == 4 and found.classes == ("cats", "dogs")
        assert found.labels.tolist() == [0, 0, 1, 1]
        assert found.stacked().shape == (4, 20, 30, 3)
    assert set(tuned.names).isdisjoint(measured.names)


def test_parts_that_the_user_separated_are_kept(folder, tmp_path):
    root = tmp_path / "separate"
    for part in ("train", "val"):
        for name in ("cats", "dogs"):
            (root / part / name).mkdir(parents=True)
            Image.fromarray(noise(9, 9, 3)).save(root / part / name / "a.png")
    assert pictures.from_folder(root, "tuned").names == ["train/cats/a.png", "train/dogs/a.png"]
    assert pictures.from_folder(root, "measured").names == ["val/cats/a.png", "val/dogs/a.png"]
    shutil.rmtree(root / "val" / "dogs")
    (root / "val" / "birds").mkdir()
    for part in ("tuned", "measured"):
        with pytest.raises(DataError, match=r"train and val have .*: val has no dogs; each needs"):
            pictures.from_folder(root, part)
    (root / "val" / "dogs").mkdir()
    with pytest.raises(DataError, match=r"val and train have .*: train has no birds; each needs"):
        pictures.from_folder(root, "tuned")


def test_parts_may_be_of_pictures_without_classes(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        Image.fromarray(noise(9, 9, 3)).save(tmp_path / part / "a.png")
    (tmp_path / "train" / "2024").mkdir()
    Image.fromarray(noise(9, 9, 3)).save(tmp_path / "train" / "2024" / "b.png")
    assert unlabelled(tmp_path, "tuned").names == ["train/a.png", "train/2024/b.png"]
    assert unlabelled(tmp_path, "measured").names == ["test/a.png"]


def test_pictures_are_read_as_a_viewer_shows_them(tmp_path, capsys):
    """Turned as EXIF says, transparent on white, 16 bits scaled; levels of unknown range left out."""
    (tmp_path / "all").mkdir()
    turned = Image.new("RGB", (20, 10), "red")
    exif = Image.Exif()
    exif[0x0112] = 6  # a phone held upright
    turned.save(tmp_path / "all" / "a.jpg", exif=exif)
    glyph = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    glyph.putpixel((3, 3), (0, 0, 0, 255))
    glyph.save(tmp_path / "all" / "b.png")
    Image.fromarray(np.full((10, 10), 32896, np.uint16)).save(tmp_path / "all" / "c.png")
    Image.fromarray(np.full((10, 10), 0.5, np.float32)).save(tmp_path / "all" / "d.tif")
    shutil.copy(tmp_path / "all" / "b.png", tmp_path / "all" / "e.png")
    found = [unlabelled(tmp_path / "all", part) for part in ("tuned", "measured")]
    assert "d.tif (found levels of mode F, whose range is not known)" in capsys.readouterr().err
    shown = {
        name: image for part in found for name, image in zip(part.names, part.images, strict=True)
    }
    assert shown["a.jpg"].shape == (20, 10, 3)
    assert shown["b.png"][3, 3].tolist() == [0, 0, 0] and shown["b.png"][0, 0].tolist() == [255] * 3
    assert (shown["c.png"] == 128).all()


def test_notes_beside_pictures_do_not_count_where_every_second_is_measured(tmp_path):
    for number in range(4):
        Image.fromarray(noise(9, 9, 3)).save(tmp_path / f"IMG_{number}.jpg")
        (tmp_path / f"IMG_{number}.xmp").write_text("no picture")
    found = [unlabelled(tmp_path, part).names for part in ("tuned", "measured")]
    assert found == [["IMG_0.jpg", "IMG_2.jpg"], ["IMG_1.jpg", "IMG_3.jpg"]]


def test_shipped_photographs_come_in_the_order_asked_for():
    asked = ("rocket.jpg", "china.jpg")
    found = pictures.photographs(asked)
    assert found.names == list(asked)
    for name, image in zip(asked, found.images, strict=True):
        np.testing.assert_array_equal(image, pictures.photographs((name,)).images[0])
    with pytest.raises(DataError, match=r"found 'rockett\.jpg', allowed are"):
        pictures.photographs(("rockett.jpg",))


@pytest.mark.parametrize("at_most, kept", [(1, [1, 0]), (3, [2, 1]), (99, [2, 2])])
def test_at_most_so_many_are_taken_evenly_over_classes(at_most, kept, folder):
    found = pictures.from_folder(folder, "tuned", at_most=at_most)
    assert np.bincount(found.labels, minlength=2).tolist() == kept


def test_a_bad_file_is_named_and_loses_nothing_else(folder, capsys):
    (folder / "cats" / "notes.txt").write_text("no picture")
    (folder / "dogs" / "half.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    found = [pictures.from_folder(folder, part) for part in ("tuned", "measured")]
    assert sum(len(part) for part in found) == 8
    said = capsys.readouterr().err.splitlines()[0]
    assert said.startswith(f"{folder}: 2 left out: 1 no picture by suffix (.txt 1), 1 that cannot")
    assert "dogs/half.png (" in said


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "I;16"])
def test_other_modes_become_rgb(mode, tmp_path):
    name = "a.tif" if mode in ("CMYK", "I;16") else "a.png"
    if mode == "I;16":
        image = Image.fromarray(np.full((9, 9), 65535, dtype=np.uint16))
    else:
        image = Image.fromarray(noise(9, 9, 3)).convert(mode)
    for copy in ("", "z"):
        image.save(tmp_path / f"{copy}{name}")
    found = unlabelled(tmp_path, "tuned").images[0]
    assert found.shape == (9, 9, 3) and found.dtype == np.uint8
    assert mode != "I;16" or found.min() == 255


def test_a_class_of_one_picture_is_refused(folder):
    for number in range(3):
        (folder / "dogs" / f"{number}.png").unlink()
    with pytest.raises(DataError, match="dogs: found 1 picture, needs at least 2"):
        pictures.from_folder(folder, "tuned")


def test_missing_folders_and_empty_classes_are_named(folder):
    with pytest.raises(DataError, match="none: no such folder"):
        pictures.from_folder(folder / "none", "tuned")
    (folder / "birds").mkdir()
    with pytest.raises(DataError, match="birds: found no picture"):
        pictures.from_folder(folder, "tuned")


def test_pictures_of_another_size_are_named(folder):
    Image.fromarray(noise(5, 5, 3)).save(folder / "dogs" / "2.png")
    with pytest.raises(DataError, match=r"dogs/2\.png: found \(5, 5, 3\)"):
        pictures.from_folder(folder, "tuned").stacked()


def test_a_zip_file_is_read_by_folder_and_a_damaged_one_named(folder, tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for picture in sorted(folder.rglob("*.png")):
            archive.write(picture, f"set/train/{picture.parent.name}/{picture.name}")
    found = pictures.from_zip(path, "set/train")
    assert found.classes == ("cats", "dogs") and len(found) == 8
    with pytest.raises(DataError, match="no picture under set/test/"):
        pictures.from_zip(path, "set/test")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"all\.zip: is damaged"):
        pictures.from_zip(path, "set/train")


def test_pictures_fit_a_classifiers_input(folder):
    Image.fromarray(noise(50, 80, 3)).save(folder / "dogs" / "2.png")
    found = pictures.from_folder(folder, "tuned", square=pictures.Square(36, 32))
    assert found.stacked().shape == (4, 32, 32, 3)


def test_small_pictures_are_passed_over_by_crops_and_all_small_refused(folder):
    Image.fromarray(noise(64, 70, 3)).save(folder / "dogs" / "large.png")
    found = pictures.from_folder(folder, "tuned")
    crops = pictures.crops_of(found, 5, 48)
    assert crops.shape == (5, 48, 48, 3)
    with pytest.raises(DataError, match="no picture of 96 x 96 pixels or more among 5"):
        pictures.crops_of(found, 5, 96)


def test_crops_are_the_same_each_time_and_leave_out_what_is_measured_on():
    first, second = (pictures.random_crops(6, 48, seed=2) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    whole = pictures.photographs(("coffee.png",)).images[0]
    only = tuple(
        name.rsplit("/", 1)[-1]
        for _, name, _ in pictures.SHIPPED
        if not name.endswith("coffee.png")
    )
    crop = pictures.random_crops(1, min(whole.shape[:2]), without=only)[0]
    assert crop.shape == (400, 400, 3)
    assert abs(crop.mean() - whole.mean()) < 20
