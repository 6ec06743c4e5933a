"""A folder coded again by the script that needs Pillow alone."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from rdc.datasets import opening
from rdc.jpeg import export, recode, shipped, standard

TABLES = " ".join(["1"] * 128)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ORIENTATION = 0x0112


@pytest.fixture
def coded(tmp_path):
    """Codes the folder ``own`` with steps of 1; gives pictures by their path in ``out``."""
    (tmp_path / "own").mkdir()
    (tmp_path / "fine.qtables").write_text(TABLES)

    def code(status: int = 0, *options: str):
        words = [str(tmp_path / name) for name in ("fine.qtables", "own", "out")]
        assert recode.main([*words, *options]) == status
        return under(tmp_path / "out")

    return tmp_path / "own", code


def under(folder: Path) -> dict[str, Image.Image]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): Image.open(path) for path in files}


def noise(mode: str = "RGB", size: tuple[int, int] = (24, 16)) -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    return Image.fromarray(levels).convert(mode)


def with_colours(space: bytes) -> bytes:
    return SRGB[:16] + space + SRGB[20:]


def test_16_bits_are_scaled_as_datasets_are_and_unknown_ranges_left_out(coded, capsys):
    folder, code = coded
    ramp = np.linspace(0, 65535, 256 * 16).reshape(16, 256).astype(np.uint16)
    Image.fromarray(ramp).save(folder / "ramp.png")
    Image.fromarray(ramp.astype(np.float32) / 65535).save(folder / "float.tif")
    found = code(1)
    assert list(found) == ["ramp.jpg"]
    with Image.open(folder / "ramp.png") as picture:
        expected = np.asarray(opening.as_shown(picture), dtype=float)
    assert np.abs(np.asarray(found["ramp.jpg"]) - expected).max() <= 2
    assert "float.tif: left out (levels of mode F" in capsys.readouterr().err


def test_what_is_transparent_turns_white(coded):
    folder, code = coded
    Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(folder / "clear.png")
    Image.new("LA", (16, 16), (0, 0)).save(folder / "grey.png")
    Image.new("P", (16, 16)).save(folder / "palette.png", transparency=0)
    Image.new("RGB", (16, 16)).save(folder / "key.png", transparency=(0, 0, 0))
    found = code()
    assert len(found) == 4 and found["grey.jpg"].mode == "L"
    assert all((np.asarray(picture) == 255).all() for picture in found.values())


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "RGBX"])
def test_a_picture_of_any_mode_looks_as_before(coded, mode):
    folder, code = coded
    noise(mode).save(folder / "x.tif")
    with Image.open(folder / "x.tif") as picture:
        expected = np.asarray(picture.convert("RGB"), dtype=float)
    found = code(0, "--subsampling", "4:4:4")["x.jpg"]
    assert found.mode == ("L" if mode in "1L" else "RGB")
    assert np.abs(np.asarray(found.convert("RGB")) - expected).mean() < 2


def test_a_second_picture_of_one_name_keeps_its_suffix(coded, capsys):
    folder, code = coded
    Image.new("L", (16, 16), 10).save(folder / "x.png")
    Image.new("L", (16, 16), 200).save(folder / "x.tif")
    found = code()
    assert {name: np.asarray(image).mean() for name, image in found.items()} == {
        "x.jpg": 10,
        "x.tif.jpg": 200,
    }
    assert code().keys() == found.keys()
    said = capsys.readouterr()
    assert "x.tif.jpg: is there already" in said.err
    assert said.out.splitlines()[-1] == "0 pictures coded, 2 there already"


def test_names_are_the_pictures_own_whatever_lies_beside_them(coded):
    folder, code = coded
    for name in ("IMG_0.AAE", "IMG_0.HEIC", "IMG_0.txt", "A.jpg"):  # before the pictures, by name
        (folder / name).write_text("no picture")
    (folder / "dir.jpg").mkdir()
    for name in ("IMG_0.jpg", "IMG_1.png", "a.png", "dir.png", "dir.jpg/x.png", ".hidden.png"):
        noise().save(folder / name)
    found = code(1)  # for A.jpg
    assert sorted(found) == ["IMG_0.jpg", "IMG_1.jpg", "a.jpg", "dir.jpg/x.jpg", "dir.png.jpg"]


def test_no_two_pictures_become_one_file_where_capitals_do_not_count(coded):
    folder, code = coded
    names = (
        "A.JPG",
        "a.jpg",
        "a.png",
        "a.jpg.png",
        "\u00e9.png",
        "e\u0301.png",
        "D/b.png",
        "d/b.png",
    )
    for shade, name in enumerate(names):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), 30 * shade).save(folder / name)
    found = code()
    assert len({name.casefold() for name in found}) == len(names)
    assert sorted(np.asarray(p)[0, 0] for p in found.values()) == [
        30 * n for n in range(len(names))
    ]


@pytest.mark.parametrize(
    "mode, space, kept",
    [
        ("RGB", b"RGB ", True), ("RGB", b"GRAY", False), ("RGB", b"CMYK", False), ("RGB", b"Lab ", False),
        ("L", b"GRAY", True), ("L", b"RGB ", False), ("LA", b"GRAY", True), ("P", b"RGB ", True),
        ("CMYK", b"CMYK", False), ("CMYK", b"RGB ", False), ("LAB", b"RGB ", False), ("1", b"RGB ", False),
    ],
)  # fmt: skip
def test_a_profile_stays_only_where_it_is_of_the_pixels_written(coded, mode, space, kept):
    folder, code = coded
    suffix = "tif" if mode in ("CMYK", "LAB") else "png"
    noise(mode).save(folder / f"x.{suffix}", icc_profile=with_colours(space))
    noise(mode).save(folder / f"y.{suffix}", icc_profile=space)  # damaged
    found = code()
    assert found["x.jpg"].info.get("icc_profile") == (with_colours(space) if kept else None)
    assert "icc_profile" not in found["y.jpg"].info


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("turn", [1, 6, 7])
def test_a_turned_picture_is_shown_turned(coded, suffix, turn):
    folder, code = coded
    ramp = Image.fromarray(np.add.outer(np.arange(0, 160, 4), np.arange(60)).astype(np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    ramp.convert("RGB").save(folder / f"x.{suffix}", exif=exif)
    with Image.open(folder / f"x.{suffix}") as before:
        expected = np.asarray(ImageOps.exif_transpose(before).convert("L"), dtype=float)
    shown = np.asarray(ImageOps.exif_transpose(code()["x.jpg"]).convert("L"), dtype=float)
    assert shown.shape == expected.shape and np.abs(shown - expected).mean() < 3


def test_exif_that_no_segment_holds_leaves_its_orientation_and_damaged_exif_hurts_nothing(coded):
    folder, code = coded
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    noise().save(folder / "long.png", exif=exif.tobytes() + bytes(80_000))
    noise().save(folder / "odd.jpg", exif=b"Exif\0\0garbage")
    noise("P").save(folder / "told.gif", comment=b"x" * 70_000)
    found = code()
    assert found["long.jpg"].getexif()[ORIENTATION] == 6
    assert len(found) == 3 and found["odd.jpg"].size == noise().size


def test_what_cannot_be_coded_is_named_and_the_rest_is_coded(coded, capfd):
    folder, code = coded

    def png(width: int, height: int) -> bytes:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b""))
        coded = (
            struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
            for t, d in chunks
        )
        return b"\x89PNG\r\n\x1a\n" + b"".join(coded)

    stream = io.BytesIO()
    noise().save(stream, "PNG")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    bad = {"bomb.png": png(30_000, 30_000), "empty.jpg": b"", "cut.png": stream.getvalue()[:500],
           "eps.png": eps, "wide.png": png(70_000, 1)}  # fmt: skip
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    noise().save(folder / "good\x1b[31m.png")
    noise().save(folder / "two.tif", save_all=True, append_images=[noise()])
    assert len(code(1)) == 2
    said = capfd.readouterr()
    for name in bad:
        assert said.err.count(f"{name}: left out (") == 1
    assert "two.tif: the first of 2 frames" in said.err and "limit of 178956970" in said.err
    assert len(said.err.splitlines()) == len(bad) + 1 and "\x1b" not in said.err
    assert "2 pictures coded, 5 left out" in said.out
    code(1)
    assert "good\\x1b[31m.jpg: is there already" in capfd.readouterr().err


@pytest.mark.parametrize("out", ["own/out", "own/a/../b", "link/out", "aside"])
def test_files_made_are_not_read_again(coded, tmp_path, out):
    folder, _ = coded
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "aside").mkdir()
    (folder / "there").symlink_to(tmp_path / "aside")  # OUT seen from inside
    (folder / "round").symlink_to(folder)
    (folder / "a").mkdir()
    noise().save(folder / "a" / "x.png")
    words = [str(tmp_path / "fine.qtables"), str(tmp_path / "link"), str(tmp_path / out)]
    for _ in range(2):
        assert recode.main(words) == 0
        assert list(under((tmp_path / out).resolve())) == ["a/x.jpg"]


@pytest.mark.parametrize("out", ["own", "own/../own", "link", "."])
def test_a_folder_that_holds_the_pictures_is_refused(coded, tmp_path, out, capsys):
    folder, _ = coded
    (tmp_path / "link").symlink_to(folder)
    noise().save(folder / "x.png")
    assert recode.main([str(tmp_path / "fine.qtables"), str(folder), f"{tmp_path}/{out}"]) == 1
    assert "holds the pictures" in capsys.readouterr().err and len(list(folder.iterdir())) == 1


def test_a_linked_folder_is_read_once_by_its_own_name(coded, tmp_path):
    folder, code = coded
    (tmp_path / "elsewhere").mkdir()
    (folder / "z").mkdir()
    noise().save(tmp_path / "elsewhere" / "x.png")
    noise().save(folder / "z" / "y.png")
    (folder / "album").symlink_to(tmp_path / "elsewhere")
    (folder / "a").symlink_to(folder / "z")
    assert sorted(code()) == ["album/x.jpg", "z/y.jpg"]


def test_only_jpeg_beside_jpeg_is_called_a_saving(coded, capsys):
    folder, code = coded
    noise().save(folder / "x.png")
    noise(size=(96, 96)).save(folder / "y.jpg", quality=20)
    found = code()
    sizes = {name: (folder.parent / "out" / name).stat().st_size for name in found}
    before = (folder / "y.jpg").stat().st_size
    larger = 100 * (sizes["y.jpg"] / before - 1)
    assert capsys.readouterr().out.splitlines() == [
        "2 pictures coded",
        f"  1 from PNG: {(folder / 'x.png').stat().st_size / 1e3:.1f} kB of PNG read, "
        f"{sizes['x.jpg'] / 1e3:.1f} kB of JPEG written",
        f"  1 from JPEG: {before / 1e3:.1f} kB before, {sizes['y.jpg'] / 1e3:.1f} kB now, {larger:.1f} % larger",
    ]
    assert recode.compared("JPEG", 2, 4_000_000, 3_000_000) == (
        "2 from JPEG: 4.00 MB before, 3.00 MB now, 25.0 % smaller"
    )


def test_the_finest_steps_code_noise_too(coded):
    folder, code = coded
    noise(size=(512, 512)).save(folder / "x.png")
    found = np.asarray(code(0, "--subsampling", "4:4:4")["x.jpg"], dtype=float)
    assert np.abs(found - np.asarray(noise(size=(512, 512)))).mean() < 1


def test_grey_has_no_subsampling(coded):
    folder, code = coded
    noise("L").save(folder / "x.png")
    assert code()["x.jpg"].layer[0][1:3] == (1, 1)


def test_where_nothing_can_be_written_nothing_is_half_written(coded, monkeypatch, capsys):
    folder, code = coded
    noise().save(folder / "x.png")
    write_bytes = Path.write_bytes

    def full(path, content):
        write_bytes(path, content[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert code(1) == {}
    assert capsys.readouterr().err.endswith("x.jpg: cannot be written (No space left on device)\n")
    (folder.parent / "out").rmdir()
    (folder.parent / "out").write_text("a file")
    assert recode.main([str(folder.parent / name) for name in ("fine.qtables", "own", "out")]) == 1
    assert "cannot be written (" in capsys.readouterr().err


def test_tables_are_read_as_the_workflow_reads_them(tmp_path):
    for name in shipped.NAMES:
        path = shipped.FOLDER / f"{name}.qtables"
        steps = standard.scaled(standard.read_text(path), 50)
        np.testing.assert_array_equal(np.reshape(recode.read(path), (2, 8, 8)), steps)
    standard.save(standard.named("luo"), tmp_path / "luo_420.json")
    export.main(
        [str(tmp_path / name) for name in ("luo_420.json",)] + ["33", str(tmp_path / "q33")]
    )
    exported = np.reshape(recode.read(tmp_path / "q33"), (2, 8, 8))
    np.testing.assert_array_equal(exported, standard.named("luo").at(33))
    (tmp_path / "one").write_text("\ufeff# luma for both\n" + "16 " * 64)
    assert recode.read(tmp_path / "one") == [[16] * 64] * 2


@pytest.mark.parametrize(
    "content, said",
    [
        ("0 " * 64, "found 64 numbers, 0 among them"), ("16 " * 127 + "-3", "-3 among them"),
        ("nan " * 64, "nan among them"), ("1e999 " * 64, "inf among them"), ("16 " * 192, "found 192 numbers"),
        ("16 " * 63, "found 63 numbers"), ("", "found 0 numbers"), ("0x10 " * 64, "could not convert"),
        (b"\xff\xd8\xff\xe0" * 99, "decode"), ('{"qualities": [50]}', "rdc.jpeg.export"), (None, "no such file"),
    ],
)  # fmt: skip
def test_what_is_no_pair_of_tables_is_refused_in_one_line(tmp_path, content, said, capsys):
    path, pictures = tmp_path / "bad.json", tmp_path / "own"
    pictures.mkdir()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert recode.main([str(path), str(pictures), str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: ") and said in error and error.count("\n") == 1
    assert "64 or 128 numbers above 0" in error and not (tmp_path / "out").exists()


def test_a_folder_without_pictures_is_said(coded, capsys):
    folder, code = coded
    os.mkfifo(folder / "pipe.png")
    assert code(1) == {} and "own: found no picture" in capsys.readouterr().err


def test_what_is_no_picture_is_counted_and_a_picture_that_is_not_read_fails(coded, capsys):
    folder, code = coded
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    for name in ("a.heic", "b.DNG", "notes.txt"):
        (folder / name).write_bytes(b"no picture")
    (folder / "@eaDir").mkdir()
    Image.new("RGB", (8, 8)).save(folder / "@eaDir" / "thumb.png")
    assert list(code(1)) == ["a.jpg"]
    assert capsys.readouterr().out.startswith(
        "1 pictures coded, 2 left out, 1 files that are no pictures\n"
    )
