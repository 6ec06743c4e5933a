"""How a user's pictures are opened: allowed formats, one limit of pixels, the first frame."""

import struct
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from rdc.datasets import below, catalogue, images, opening, pictures
from rdc.datasets.labelled import DataError
from rdc.jpeg import memory
from rdc.jpeg.settings import Study, Tables

# Pillow's own warning, which the module keeps from users and pytest shows again.
pytestmark = pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
SUFFIXES = {
    "AVIF": ".avif", "BMP": ".bmp", "DIB": ".dib", "GIF": ".gif", "JPEG": ".jpg", "JPEG2000": ".jp2",
    "PNG": ".png", "PPM": ".ppm", "TIFF": ".tif", "WEBP": ".webp",
}  # fmt: skip


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("form", [*opening.FORMATS, "TGA"])
def test_every_allowed_format_is_opened_by_what_the_file_holds(form, tmp_path):
    suffix = SUFFIXES.get(form, ".tga")
    assert suffix in below.PICTURES
    path = tmp_path / f"a{suffix}"
    Image.fromarray(noise(20, 30, 3)).save(path, form)
    assert opening.opened(path).size == (30, 20) and not opening.frames(path)
    if form != "TGA":  # a wrong suffix does not matter
        assert opening.opened(path.rename(tmp_path / "a.png")).size == (30, 20)


@pytest.mark.parametrize("form", ["EPS", "PDF", "ICO", "PCX", "SGI", "TGA"])
def test_no_other_format_is_opened_under_an_allowed_name(form, tmp_path, monkeypatch):
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: pytest.fail("Ghostscript ran"))
    path = tmp_path / "a.png"
    Image.fromarray(noise(20, 30, 3)).save(path, form)
    with pytest.raises(opening.PictureError, match="no picture of a known format"):
        opening.opened(path)


def png_header(width, height):
    """A PNG that says so much of itself and holds nothing."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize("side", [7072, 13_300, 100_000])
def test_too_many_pixels_are_refused_before_they_are_decoded(side, tmp_path, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda image: pytest.fail("decoded"))
    (tmp_path / "a.png").write_bytes(png_header(side, side))
    with pytest.raises(opening.PictureError, match="more than 50 million"):
        opening.opened(tmp_path / "a.png")


@pytest.mark.parametrize("way", ["class folders", "encode", "JPEG study"])
def test_all_ways_in_refuse_the_same_files_by_name(way, tmp_path, capsys):
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(4):
            Image.fromarray(noise(9, 9, 3)).save(tmp_path / name / f"{number}.png")
    (tmp_path / "cats" / "huge.png").write_bytes(png_header(13_300, 13_300))
    Image.fromarray(noise(9, 9, 3)).save(tmp_path / "cats" / "drawing.png", "EPS")
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "dogs" / "moving.gif", save_all=True, append_images=frames[1:])
    if way == "class folders":
        images.prepare_folder(tmp_path)
    elif way == "encode":
        assert len(images.images_in(tmp_path)) == 9
    else:
        pictures.from_folder(tmp_path, "tuned")
    assert capsys.readouterr().err == (
        f"{tmp_path}: 2 left out: 2 that cannot be read: cats/drawing.png (no picture of a known "
        "format), cats/huge.png (13300 x 13300 pixels, more than 50 million); of 1 with several "
        "frames or pages the first counts: dogs/moving.gif\n"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"\0" * 5000,
        b"\xff\xd8\xff\xe0" + bytes(50),
        png_header(0, 9),
        png_header(9, 9),
    ],
    ids=["empty", "text", "zeros", "cut JPEG", "no pixels", "no data"],
)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tga", ".tif", ""])
def test_whatever_is_no_picture_has_one_error(content, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(opening.PictureError) as told:
        opening.opened(path)
    assert str(told.value) and str(path) not in str(told.value) and not opening.frames(path)


# A catalogue of what counts


def test_a_catalogue_comes_back_and_pictures_of_it_are_read_when_asked_for(tmp_path):
    for number in range(4):
        Image.fromarray(noise(20 + number, 30, 3)).save(tmp_path / f"{number}.png")
    (tmp_path / "1a.png").write_bytes(b"broken")
    found = catalogue.made(tmp_path, classes=False)
    catalogue.save(found, tmp_path / "list.json")
    assert catalogue.load(tmp_path / "list.json") == found
    whole, known = (
        pictures.from_folder(tmp_path, "measured", classes=False, known=k) for k in (None, found)
    )
    assert known.names == whole.names == ["1.png", "2.png"]  # 1a.png moves no other
    assert known.shapes == [image.shape for image in whole.images] == [(21, 30, 3), (22, 30, 3)]
    np.testing.assert_array_equal(known.take([1]).images[0], noise(22, 30, 3))
    Image.fromarray(noise(9, 9, 3)).save(tmp_path / "2.png")
    (tmp_path / "1.png").unlink()
    again = pictures.from_folder(tmp_path, "measured", classes=False, known=found)
    with pytest.raises(DataError, match=r"1\.png: cannot be read any more \(No such file"):
        again.images[0]
    with pytest.raises(DataError, match=r"2\.png: has changed since"):
        again.images[1]


def test_no_more_than_a_share_of_the_pictures_stays_in_memory(tmp_path, monkeypatch):
    for number in range(8):
        Image.fromarray(noise(10, 10, 3)).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(catalogue, "KEPT", 700)
    found = pictures.from_folder(tmp_path, "tuned", classes=False)
    assert len(list(found.images)) == 4 and list(found.images.kept) == [0, 1]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"parts": {"tuned": 1}, "left_out": ""}'])
def test_a_damaged_catalogue_is_told(content, tmp_path):
    (tmp_path / "list.json").write_text(content)
    with pytest.raises(DataError, match=r"list\.json: is no list of pictures"):
        catalogue.load(tmp_path / "list.json")


def test_jobs_ask_for_what_the_largest_picture_needs(tmp_path):
    for name, side in (("a", 7000), ("b", 100), ("c", 50_000)):  # the last one is left out
        (tmp_path / f"{name}.png").write_bytes(png_header(side, side))
    files = [str(path) for path in tmp_path.iterdir()]
    study = Study(folder=tmp_path, tables="annex_k", qualities=50)
    own = Tables(objective="rate_distortion", per_image=True)
    assert memory.needed(study, own, files) == 500 + 270 * 49
    assert memory.needed(study, None, files) == 500 + 145 * 49
    assert memory.needed(study, Tables(shipped="annex_k"), files) == 4000
    for other in (
        Study(pictures="kodak", tables="annex_k", qualities=50),
        Study(folder=tmp_path, tables="annex_k", qualities=50, classifier="mine"),
    ):
        assert memory.needed(other, own, files) == 4000
