"""Tables, quality, text files and the real encoder."""

import io
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rdc.jpeg import export, shipped, standard


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_annex_k_is_what_pillow_writes_at_every_quality():
    image = Image.fromarray(noise(16, 16, 3))
    for quality in (1, 10, 33, 50, 75, 90, 100):
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=quality)
        written = Image.open(stream).quantization
        ours = standard.named("annex_k").at(quality)
        for number in (0, 1):
            np.testing.assert_array_equal(ours[number].ravel(), written[number])


def test_a_file_with_annex_k_is_byte_for_byte_pillows_own():
    pixels = noise(37, 51, 3)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=75, subsampling=2, optimize=True)
    ours = standard.encode(pixels, standard.named("annex_k").at(75), "4:2:0")
    assert ours == stream.getvalue()


@given(st.floats(1, 100), st.integers(0, 2**32 - 1))
def test_scaled_tables_are_whole_in_range_and_fall_with_quality(quality, seed):
    tables = np.random.default_rng(seed).uniform(0.5, 400, (2, 8, 8))
    steps = standard.scaled(tables, quality)
    assert steps.dtype.kind == "i"
    assert steps.min() >= 1 and steps.max() <= 255
    assert (standard.scaled(tables, min(100, quality + 5)) <= steps).all()


@pytest.mark.parametrize("quality", [0, 0.5, 101, float("nan")])
def test_a_quality_out_of_range_is_named(quality):
    with pytest.raises(standard.TableError, match="needs 1 to 100"):
        standard.scaled(np.ones((2, 8, 8)), quality)


def test_every_shipped_pair_reads_and_an_unknown_name_lists_them():
    for name in shipped.NAMES:
        assert standard.named(name).at(50).shape == (2, 8, 8)
    with pytest.raises(standard.TableError, match="annex_k, flat"):
        standard.named("annexk")


def test_tables_between_knots_are_geometric_means():
    bases = np.stack([np.full((2, 8, 8), 10.0), np.full((2, 8, 8), 40.0)])
    tables = standard.TableSet((20, 60), bases)
    np.testing.assert_allclose(tables.base(40), 20)
    np.testing.assert_allclose(tables.base(5), 10)
    np.testing.assert_allclose(tables.base(95), 40)


def test_text_files_come_back_and_bad_ones_name_the_file(tmp_path):
    tables = standard.named("annex_k").at(30)
    standard.write_text(tables, tmp_path / "a.qtables", "Annex K\nat 30")
    np.testing.assert_array_equal(standard.read_text(tmp_path / "a.qtables"), tables)
    for content in ("1 2 3", "", "x " * 64, "0 " * 64, "nan " * 64):
        (tmp_path / "bad.qtables").write_text(content)
        with pytest.raises(standard.TableError, match=r"bad\.qtables"):
            standard.read_text(tmp_path / "bad.qtables")
    with pytest.raises(standard.TableError, match=r"none\.qtables"):
        standard.read_text(tmp_path / "none.qtables")


@pytest.mark.parametrize("shape", [(8, 8), (3, 5), (33, 17, 3), (1, 1, 3)])
@pytest.mark.parametrize("optimize", [True, False])
def test_the_parts_of_a_file_are_counted_by_its_markers(shape, optimize):
    tables = standard.named("flat").at(50)
    content = standard.encode(noise(*shape), tables, "4:2:0", optimize)
    sizes = standard.sizes(content)
    assert sizes.file == len(content)
    assert content.count(b"\xff\xda") == 1
    start = content.index(b"\xff\xda")
    header = 2 + int.from_bytes(content[start + 2 : start + 4], "big")
    assert sizes.scan == len(content) - start - header - 2
    assert optimize or sizes.huffman_tables == (432 if len(shape) == 3 else 216)


@pytest.mark.parametrize(
    "content, message",
    [
        ('{"qualities": [50], "bases": [%s]}' % [[[1.0] * 8] * 8], "shape"),
        ('{"qualities": [50], "bases": [%s]}' % [[[float("nan")] * 8] * 8] * 2, "no table set"),
        ('{"qualities": [50], "bases": %s}' % [[[[-1] * 8] * 8] * 2], "steps that are not above 0"),
        ('{"qualities": [80, 20], "bases": %s}' % ([[[[1] * 8] * 8] * 2] * 2), "do not rise"),
    ],
)
def test_a_damaged_table_set_is_named(content, message, tmp_path):
    path = tmp_path / "tuned_420.json"
    path.write_text(content)
    with pytest.raises(standard.TableError, match=r"tuned_420\.json: is no table set") as raised:
        standard.load(path)
    assert message in str(raised.value)


def test_a_set_may_have_three_tables_as_a_random_search_has(tmp_path):
    bases = np.arange(1, 193, dtype=float).reshape(1, 3, 8, 8)
    standard.save(standard.TableSet((50,), bases), tmp_path / "drawn_420.json")
    np.testing.assert_array_equal(standard.load(tmp_path / "drawn_420.json").bases, bases)


def test_tables_that_no_baseline_file_can_have_are_refused():
    image, tables = np.zeros((8, 8, 3), np.uint8), standard.named("flat").at(50)
    for step in (0, 256, 1.5):
        with pytest.raises(standard.TableError, match="whole numbers of 1 to 255"):
            standard.encode(image, np.where(np.arange(8) == 3, step, tables), "4:2:0")
    with pytest.raises(standard.TableError, match="subsampling: found '4:2:2', allowed are"):
        standard.encode(image, tables, "4:2:2")
    with pytest.raises(standard.TableError, match="steps that are no numbers"):
        standard.scaled(np.full((2, 8, 8), np.nan), 50)


def test_the_zigzag_begins_and_ends_as_the_standard_draws_it():
    assert standard.ZIGZAG[:10].tolist() == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]
    assert standard.ZIGZAG[-3:].tolist() == [55, 62, 63]
    assert sorted(standard.ZIGZAG) == list(range(64))


def test_cjpeg_writes_the_same_bytes_with_an_exported_table(tmp_path):
    if shutil.which("cjpeg") is None:
        pytest.skip("no cjpeg here (Debian: libjpeg-turbo-progs)")
    pixels = noise(48, 80, 3)
    Image.fromarray(pixels).save(tmp_path / "a.ppm")
    tables = standard.named("ramp").at(70)
    standard.write_text(tables, tmp_path / "a.qtables", "ramp at 70")
    done = subprocess.run(
        [
            "cjpeg",
            "-quality",
            "50",
            "-optimize",
            "-sample",
            "2x2",
            "-qtables",
            "a.qtables",
            "a.ppm",
        ],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert done.stdout == standard.encode(pixels, tables, "4:2:0")


def test_a_pair_at_any_quality_is_exported_and_faults_are_named(tmp_path, capsys):
    standard.save(standard.named("ramp"), tmp_path / "ramp_420.json")
    out = tmp_path / "ramp_q42.qtables"
    export.main([str(tmp_path / "ramp_420.json"), "42", str(out)])
    np.testing.assert_array_equal(standard.read_text(out), standard.named("ramp").at(42))
    for words, fault in (
        (
            [str(tmp_path / "ramp_420.json"), "0", str(out)],
            "quality: found 0, allowed are 1 to 100",
        ),
        ([str(tmp_path / "none.json"), "42", str(out)], "none.json: is no table set"),
    ):
        with pytest.raises(SystemExit):
            export.main(words)
        assert fault in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(512, 512, 3), (700, 300)])
def test_noise_at_the_finest_steps_is_coded(shape):
    """Its file is larger than the buffer that Pillow reckons with."""
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    file = standard.encode(noise, np.ones((2, 8, 8), dtype=int), "4:4:4")
    assert np.abs(standard.decode(file).astype(int) - noise).mean() < 1
