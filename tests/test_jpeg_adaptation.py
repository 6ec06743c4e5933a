"""Tables of each picture's own, and other encoders: better on what they aim at, real files throughout."""

import io
import stat

import numpy as np
import pytest
import torch
from PIL import Image

from rdc.datasets import pictures
from rdc.jpeg import (
    adaptation,
    coders,
    differentiable,
    measurement,
    optimization,
    standard,
    tuning,
)
from rdc.jpeg.settings import Tables

IMAGES = [*pictures.random_crops(3, 96, seed=12), *pictures.random_crops(2, 64, seed=13)]
CROPS = pictures.Pictures(IMAGES, [str(n) for n in range(5)])
FLAT = standard.named("flat")


def reached(coder, quality):
    """Mean bits per pixel and mean PSNR."""
    files = measurement.coded(CROPS, coder(quality), threads=1)
    bits = [
        8 * s.file / (i.shape[0] * i.shape[1]) for s, i in zip(files.sizes, IMAGES, strict=True)
    ]
    return np.mean(bits), measurement.psnr(files.errors).mean()


def test_tables_of_each_pictures_own_beat_those_they_start_from():
    settings = optimization.Settings(steps=12, lr=0.04, whole=True)
    coder = adaptation.adapted(CROPS, FLAT, "4:2:0", adaptation.distortion(), settings, threads=1)
    before = [reached(coders.scaled(FLAT, "4:2:0"), q) for q in adaptation.LADDER]
    bits, psnr = reached(coder, 35)
    assert (
        psnr
        > np.interp(np.log(bits), *np.log([b for b, _ in before])[None], [p for _, p in before])
        + 0.1
    )


def test_for_a_classifier_the_true_label_is_what_they_aim_at():
    """A reader of brightness: a picture's own tables trade bits for score no worse than any of the
    ladder they start from, at the slope asked for."""

    class Brightness(torch.nn.Module):
        def forward(self, images):
            level = 40 * (images.mean(dim=(1, 2, 3)) - 0.4)
            return torch.log_softmax(torch.stack([-level, level], dim=1), dim=1)

    images = list(pictures.random_crops(6, 32, seed=3))
    known = pictures.Pictures(
        images, list("abcdef"), np.array([0, 1, 0, 1, 0, 1]), ("dark", "bright")
    )
    aim = adaptation.classification(known.labels, Brightness())
    settings = optimization.Settings(steps=4, lr=0.05, whole=True)
    coder = adaptation.adapted(known, FLAT, "4:2:0", aim, settings, threads=1)

    def scored(encode):
        files = measurement.coded(known, encode, 1, aim.readers)
        return aim.score(files), np.array([8 * s.file / 32**2 for s in files.sizes])

    plain = [scored(coders.scaled(FLAT, "4:2:0")(quality)) for quality in adaptation.LADDER]
    mean = np.array([(bits.mean(), value.mean()) for value, bits in plain])
    slope = adaptation.slope_at(*mean.T, 10)
    own_value, own_bits = scored(coder(10))
    assert slope > 0
    for value, bits in plain:
        assert (own_value - slope * own_bits >= value - slope * bits - 1e-9).all()


def test_coordinate_descent_lowers_its_own_cost_and_keeps_within_reach():
    start = standard.named("annex_k").at(60)
    found = adaptation.coordinate_descent(IMAGES[0], start, "4:2:0")
    assert found.shape == (2, 8, 8) and found.min() >= 1
    change = found - start
    assert np.abs(change[0]).max() <= 10 and change[1].max() <= 1 and change.any()
    for row, column in ((0, 0), (0, 1), (1, 0)):
        assert (change[:, row, column] == 0).all()
    # D + lambda R of each luma coefficient at every step within reach: it has the least.
    blocks, _ = differentiable.transform(optimization.stacked(IMAGES[0][None]), "4:2:0")
    levels = blocks.planes()[0].reshape(-1, 64).abs().numpy()
    reach = np.arange(-10, 11)
    steps = np.clip(start[0].reshape(64)[standard.ZIGZAG] + reach[:, None], 1, 255)
    codes = np.floor(levels / steps[:, None] + 0.5)  # (reach, blocks, 64)
    error = ((levels - codes * steps[:, None]) ** 2).sum(axis=1)
    bits = np.where(codes > 0, np.floor(np.log2(np.maximum(codes, 1))) + 1, 0).sum(axis=1)
    near = np.exp(-0.25 * (reach / 3) ** 2)  # the root of a Gaussian weight
    risen, fallen = (np.polyfit(reach, v[:, 3:].sum(axis=1), 1, w=near)[0] for v in (error, bits))
    cost = error - risen / fallen * bits
    chosen = cost[change[0].reshape(64)[standard.ZIGZAG] + 10, np.arange(64)]
    np.testing.assert_allclose(chosen[3:], cost.min(axis=0)[3:], rtol=1e-6)


def test_webp_files_are_counted_whole_and_decoded():
    encode = coders.other("webp", "4:2:0")(50)
    files = measurement.coded(CROPS, encode, 1)
    assert all(s.scan == s.file - standard.WEBP_HEADER for s in files.sizes)
    assert (
        reached(coders.other("webp", "4:2:0"), 80)[1]
        > reached(coders.other("webp", "4:2:0"), 20)[1]
    )


def test_jpegli_writes_jpeg_files_of_colour_at_half_the_chroma():
    encode = coders.other("jpegli", "4:2:0")
    file = encode(75)(0, IMAGES[0])
    image = Image.open(io.BytesIO(file))
    assert image.format == "JPEG" and [part[1:3] for part in image.layer] == [
        (2, 2),
        (1, 1),
        (1, 1),
    ]
    assert standard.decode(file).shape == IMAGES[0].shape
    assert reached(encode, 80)[1] > reached(encode, 20)[1]
    with pytest.raises(coders.EncoderError, match="found 4:4:4, codes 4:2:0 alone"):
        coders.other("jpegli", "4:4:4")
    with pytest.raises(coders.EncoderError, match="grey"):
        encode(75)(0, IMAGES[0][..., 0])


def test_a_program_that_is_missing_or_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(coders.EncoderError, match="sjpeg: not on the PATH"):
        coders.other("sjpeg", "4:2:0")
    program = tmp_path / "sjpeg"
    program.write_text("#!/bin/sh\necho no memory >&2\nexit 3\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    with pytest.raises(coders.EncoderError, match="sjpeg: failed with code 3: no memory"):
        coders.other("sjpeg", "4:2:0")(50)(0, IMAGES[0])


def test_of_sjpeg_only_the_tables_are_taken(tmp_path, monkeypatch):
    """A stand-in that writes a file with Luo's tables: the real encoder must use these."""
    tables = standard.named("luo").at(70)
    (tmp_path / "made.jpg").write_bytes(standard.encode(IMAGES[0], tables, "4:4:4"))
    program = tmp_path / "sjpeg"
    program.write_text(f'#!/bin/sh\n/bin/cp {tmp_path}/made.jpg "$3"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    file = coders.other("sjpeg", "4:2:0")(70)(0, IMAGES[0])
    assert file == standard.encode(IMAGES[0], tables, "4:2:0")
    np.testing.assert_array_equal(standard.tables_of(file), tables)


def test_progressive_files_are_counted_over_all_their_scans():
    import io

    from PIL import Image

    streams = {}
    for progressive in (False, True):
        stream = io.BytesIO()
        Image.fromarray(IMAGES[0]).save(
            stream, "JPEG", quality=80, progressive=progressive, optimize=True
        )
        streams[progressive] = standard.sizes(stream.getvalue())
    for size in streams.values():
        assert 0 < size.file - size.scan - size.huffman_tables < 700
    assert abs(streams[True].scan - streams[False].scan) < 0.2 * streams[False].scan


@pytest.mark.parametrize(
    "settings", [{"search": "coordinate_descent"}, {"encoder": "webp"}, {"shipped": "flat"}]
)
def test_every_way_of_a_config_gives_a_coder(settings):
    start = None if "encoder" in settings else FLAT
    coder = tuning.coder(Tables(**settings), start, CROPS, {}, "4:2:0", 1)
    assert standard.decode(coder(60)(0, IMAGES[0])).shape == IMAGES[0].shape
    assert (measurement.coded(CROPS, coder(60), 1).errors < 0.01).all()
