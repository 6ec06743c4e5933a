"""A folder coded again by the script that needs Pillow alone."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from rdc.datasets import opening
from rdc.jpeg import recode

TABLES = " ".join(["1"] * 128)


@pytest.fixture
def coded(tmp_path):
    """Codes the folder ``own`` with steps of 1; gives a picture's pixels by its path in ``out``."""
    (tmp_path / "own").mkdir()
    (tmp_path / "fine.qtables").write_text(TABLES)

    def code():
        recode.main([str(tmp_path / name) for name in ("fine.qtables", "own", "out")])
        return {path.name: Image.open(path) for path in (tmp_path / "out").iterdir()}

    return tmp_path / "own", code


def test_16_bits_are_scaled_as_datasets_are_and_unknown_ranges_left_out(coded, capsys):
    folder, code = coded
    ramp = np.linspace(0, 65535, 256 * 16).reshape(16, 256).astype(np.uint16)
    Image.fromarray(ramp).save(folder / "ramp.png")
    Image.fromarray(ramp.astype(np.float32) / 65535).save(folder / "float.tif")
    found = code()
    assert list(found) == ["ramp.jpg"]
    with Image.open(folder / "ramp.png") as picture:
        expected = np.asarray(opening.as_shown(picture), dtype=float)
    assert np.abs(np.asarray(found["ramp.jpg"]) - expected).max() <= 2
    assert "float.tif: left out (levels of mode F" in capsys.readouterr().err


def test_what_is_transparent_turns_white(coded):
    folder, code = coded
    Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(folder / "clear.png")
    assert (np.asarray(code()["clear.jpg"]) == 255).all()


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
    assert "x.tif.jpg: is there already" in capsys.readouterr().err


def test_a_profile_of_inks_does_not_stay_with_rgb(coded):
    folder, code = coded
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    inks = profile[:16] + b"CMYK" + profile[20:]
    Image.new("CMYK", (16, 16)).save(folder / "inks.jpg", icc_profile=inks)
    Image.new("RGB", (16, 16)).save(folder / "light.jpg", icc_profile=profile)
    found = code()
    assert found["inks.jpg"].mode == "RGB" and "icc_profile" not in found["inks.jpg"].info
    assert found["light.jpg"].info["icc_profile"] == profile
