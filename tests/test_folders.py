"""No picture lost in silence, in any layout of folders; none counted twice, no walk without end."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdc import torchvision_compat  # noqa: F401, before torchvision
from rdc.datasets import below, folders
from rdc.datasets.labelled import DataError
from rdc.datasets.left_out import LeftOut


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))


def of_parts(root, classes=False, at_most=None):
    """Names by part, and what is said of the others."""
    parts, left_out = folders.parts_of(root, at_most, classes)
    return {p: [str(f.relative_to(root)) for f in found.files] for p, found in parts.items()}, str(
        left_out
    )


def everything(root, classes=False):
    found, said = of_parts(root, classes)
    assert not set(found["tuned"]) & set(found["measured"])
    return sorted(found["tuned"] + found["measured"]), said


# Photographs: every picture below


@pytest.mark.parametrize(
    "names",
    [
        ["a.jpg", "b.JPG", "x/c.png", "y/d.png"],  # at the top and in two folders
        ["edited/a.jpg", "edited/b.jpg", "edited/c.jpg"],
        ["2023/01/a.jpg", "2023/02/b.jpg", "2024/01/a.jpg", "2024/c.jpg"],
        ["a/1.jpg", "b/1.jpg", "c/1.jpg", "d/1.jpg"],  # each alone in its folder
        ["a.jpg", "train/b.jpg"],
        ["val/a.jpg", "other/b.jpg"],
        ["deep/" * 30 + "a.jpg", "b.jpg"],
        ["'a b'.jpg", 'a"b.jpg', "ä ö\u200b.jpg", "a\nb.jpg", "*?[x].jpg", "-rf.jpg", "%s.jpg"],
    ],
)
def test_every_picture_below_counts(names, tmp_path):
    touch(tmp_path, *names)
    found, said = everything(tmp_path)
    assert found == sorted(names) and said == ""
    parts, _ = of_parts(tmp_path)
    assert abs(len(parts["tuned"]) - len(parts["measured"])) <= 2


def test_what_is_no_picture_is_counted_by_its_kind(tmp_path):
    touch(
        tmp_path, "a.jpg", "sub/b.jpg", "Thumbs.db", ".DS_Store", "sub/._b.jpg", "a.xmp", "sub/b.xmp",
        "b.AAE", "notes.txt", ".thumbnails/c.jpg", "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg",
        "sub/__MACOSX/._b.jpg", "movie.MOV",
    )  # fmt: skip
    os.mkfifo(tmp_path / "pipe.jpg")
    os.symlink("nowhere", tmp_path / "lost.jpg")
    os.symlink("circle.jpg", tmp_path / "circle.jpg")
    found, said = everything(tmp_path)
    assert found == ["a.jpg", "sub/b.jpg"]
    assert said.startswith("14 left out: 6 no pictures by suffix (")
    for part in (
        ".xmp 2", ".db 1", ".aae 1", ".txt 1", ".mov 1", "3 hidden", "lost.jpg", "pipe.jpg",
        "made by storage devices or archivers: @eaDir, sub/__MACOSX", "circle.jpg",
    ):  # fmt: skip
        assert part in said


def test_links_never_count_twice_and_never_without_end(tmp_path):
    root = tmp_path / "root"
    touch(root, "a/1.jpg", "a/2.jpg", "b/3.jpg")
    touch(tmp_path, "outside/4.jpg", "outside/deep/5.jpg")
    for name, target in {
        "a/loop": "..", "self": ".", "a/up": "../..", "a/twin": "../b", "0first": "b",
        "out": "../outside", "out2": "../outside", "b/deep": "../../outside/deep",
        "same.jpg": "a/1.jpg", "far.jpg": "../outside/4.jpg",
    }.items():  # fmt: skip
        os.symlink(target, root / name)
    touch(tmp_path, "store/6.jpg")
    os.symlink(tmp_path / "store" / "6.jpg", root / "6.jpg")  # as git-annex and DVC have them
    os.symlink(root, tmp_path / "outside" / "back")
    found, said = everything(root)
    contents = sorted((root / name).read_text() for name in found)
    assert contents == sorted(
        ["a/1.jpg", "a/2.jpg", "b/3.jpg", "outside/4.jpg", "outside/deep/5.jpg", "store/6.jpg"]
    )
    assert {"a/1.jpg", "a/2.jpg", "b/3.jpg"} <= set(found)  # those that are no links
    assert "that count under another name" in said


def test_what_cannot_be_listed_or_named_is_said(tmp_path, monkeypatch):
    touch(tmp_path, "a.jpg", "b.jpg", "locked/c.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg")).write_bytes(b"")
    scandir = os.scandir

    def refusing(folder):
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(below.os, "scandir", refusing)
    found, said = everything(tmp_path)
    assert found == ["a.jpg", "b.jpg"]
    assert "1 that cannot be read: locked (Permission denied)" in said
    assert r"1 whose names are not UTF-8: '\udcff.jpg'" in said
    with pytest.raises(DataError, match=r"locked: cannot be read \(Permission denied\)"):
        folders.listed(tmp_path / "locked", "tuned", classes=False)


def test_parts_by_folder_move_nothing_that_is_elsewhere(tmp_path):
    touch(tmp_path, *(f"{year}/{n}.jpg" for year in (1, 2, 3) for n in range(3)), "4/only.jpg")
    before, _ = of_parts(tmp_path)
    touch(tmp_path, "1/0a.jpg")
    after, _ = of_parts(tmp_path)
    for part in before:
        kept = [[name for name in found[part] if name[0] != "1"] for found in (before, after)]
        assert kept[0] == kept[1]


def test_nothing_to_tune_or_measure_is_refused(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match=r"found no picture \(1 left out: 1 no picture by suffix"):
        of_parts(tmp_path)
    touch(tmp_path, "a.jpg")
    with pytest.raises(DataError, match="found 1 picture, needs at least 2: one to measure on"):
        of_parts(tmp_path)


# Class folders: as ImageFolder


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["cat", "Dog", "a b", "10", "9"]),
        st.sets(st.sampled_from(["1.png", "B.JPG", "x/1.png", "x/2.png", "x-y.png", "x y/z/3.jpg"]),
                min_size=2),
        min_size=2,
    )
)  # fmt: skip
def test_classes_files_and_their_order_are_image_folders(tmp_path_factory, layout):
    root = tmp_path_factory.mktemp("classes")
    for name, files in layout.items():
        touch(root / name, *files)
    from torchvision.datasets import ImageFolder

    theirs = ImageFolder(root)
    found = folders.found_in(root, classes=True)
    assert list(found.classes) == theirs.classes
    ours = [
        (str(path), label) for label, group in enumerate(found.parts["whole"]) for path in group
    ]
    assert ours == theirs.samples


def test_a_class_folder_with_folders_inside_keeps_all_its_pictures(tmp_path):
    touch(tmp_path, *(f"cats/{day}/{n}.jpg" for day in "abcd" for n in range(25)), "cats/x.jpg")
    touch(tmp_path, "dogs/1.jpg", "dogs/2.jpg", "loose.jpg", "@eaDir/cats.jpg")
    os.symlink(".", tmp_path / "loop")
    os.symlink("cats", tmp_path / "alias")
    found, said = everything(tmp_path, classes=True)
    assert len(found) == 103 and sum(name.startswith("cats") for name in found) == 101
    assert folders.listed(tmp_path, "tuned").classes == ("cats", "dogs")
    assert said.startswith("4 left out: ") and "1 in no class folder: loose.jpg" in said


@pytest.mark.parametrize(
    "names, message",
    [
        (["cats/1.jpg", "cats/2.jpg"], "found 1 class folder.*; if the classes are inside cats, give"),
        (["1.jpg", "2.jpg"], "found 0 class folder"),
        (["cats/1.jpg", "cats/2.jpg", "dogs/1.jpg"], "dogs: found 1 picture"),
        (["cats/1.jpg", "dogs/a.txt"], r"dogs: found no picture \(1 left out: 1 no picture by suf"),
        (["val/a/1.jpg", "test/a/1.jpg"], "found val and test without train"),
        (["train/a/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], "found val and valid, which are names"),
        (["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/b/1.txt"], "val/b: found no picture"),
        (
            ["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg"],
            "val: found 1 class folder",
        ),
        (
            [f"{p}/{c}/1.jpg" for p, cs in (("Train", "abc"), ("Val", "ab")) for c in cs],
            "Train and Val have different class folders: Val has no c; each needs all of them",
        ),
        (
            [f"{p}/{c}/1.jpg" for p, cs in (("train", "ab"), ("val", "abc")) for c in cs],
            "train has no c",
        ),
    ],
)  # fmt: skip
def test_a_layout_without_its_classes_is_told(names, message, tmp_path):
    touch(tmp_path, *names)
    with pytest.raises(DataError, match=message):
        of_parts(tmp_path, classes=True)


def test_of_three_parts_a_jpeg_study_measures_on_validation_and_says_so(tmp_path):
    touch(
        tmp_path, *(f"{p}/{c}/1.jpg" for p in ("train", "VAL", "test") for c in "ab"), "train/x.jpg"
    )
    for classes in (True, False):
        found, said = of_parts(tmp_path, classes)
        assert found["measured"] == ["VAL/a/1.jpg", "VAL/b/1.jpg"]
        assert "2 not in train or VAL: test/a/1.jpg, test/b/1.jpg" in said
        assert ("train/x.jpg" in found["tuned"]) is not classes
        assert ("1 in no class folder: train/x.jpg" in said) is classes


def test_a_test_set_whose_classes_are_secret_is_left_out(tmp_path):
    touch(tmp_path, *(f"{p}/{c}/1.jpg" for p in ("train", "val") for c in "ab"), "test/1.jpg")
    found = folders.found_in(tmp_path, classes=True)
    assert set(found.parts) == {"training", "validation"}
    assert "1 not in train or val: test/1.jpg" in str(found.left_out)


def test_long_lists_are_counted_and_cut_short():
    left_out = LeftOut()
    for number in range(12):
        left_out.name("that cannot be read", f"{number}.jpg")
        left_out.suffixes[f".x{number}"] += 1
    assert str(left_out) == (
        "24 left out: 12 no pictures by suffix (.x0 1, .x1 1, .x2 1, .x3 1, .x4 1, ...), "
        "12 that cannot be read: 0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg, ..."
    )
    assert len(left_out.lines()) == 12
