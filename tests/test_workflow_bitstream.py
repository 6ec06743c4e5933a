"""``python -m rdc.bitstream`` on a finished run: images to bytes and back, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.torch import load_file
from sandbox import Sandbox

from rdc.datasets import images
from rdc.networks import weights

pytestmark = [pytest.mark.slow, pytest.mark.workflow]
RUN = "results/tiny"
DITHERED = "rdc_lam=0.01_dim=2_levels=3*"
BOOK = "zhang/vq*"


@pytest.fixture(scope="module")
def finished(read_digits, tmp_path_factory) -> Sandbox:
    sandbox = read_digits.copy(tmp_path_factory.mktemp("bits"))
    done = sandbox.snakemake(f"{RUN}/tables/cells.parquet")
    assert done.returncode == 0, done.stdout + done.stderr
    return sandbox


def bits(sandbox: Sandbox, *words: str):
    return sandbox.run("-m", "rdc.bitstream", *words)


@pytest.mark.parametrize("cell", [DITHERED, BOOK])
def test_a_file_of_test_images_has_the_rows_bits_and_error(cell, finished):
    dataset = f"{RUN}/datasets/digits.npz"
    coded = bits(finished, "encode", RUN, cell, dataset, "test.rdc")
    assert coded.returncode == 0, coded.stderr
    decoded = bits(finished, "decode", RUN, cell, "test.rdc", "decoded")
    assert decoded.returncode == 0, decoded.stderr
    originals = images.load(finished.folder / dataset).test.images
    files = sorted((finished.folder / "decoded").glob("*.png"))
    pixels = np.stack([np.asarray(Image.open(file)) for file in files])
    assert pixels.shape == originals.shape
    rows = pd.read_parquet(finished.results / "tables" / "cells.parquet")
    kept = rows.cell.str.startswith(cell.removeprefix("zhang/").rstrip("*")) & (
        rows.split == "test"
    )
    row = rows[kept].iloc[0]
    size = (finished.folder / "test.rdc").stat().st_size
    assert 8 * size / len(originals) == pytest.approx(row.coded_bits, rel=0.02)
    error = np.mean((pixels / 255.0 - originals / 255.0) ** 2)
    assert error == pytest.approx(row.mse, rel=0.05)


def test_every_cell_has_a_card_with_its_numbers(finished):
    rows = pd.read_parquet(finished.results / "tables" / "cells.parquet")
    for row in rows[rows.split == "test"].itertuples():
        text = next((finished.results / "measured").rglob(f"{row.cell}.card.md")).read_text()
        assert text.startswith(f"# {row.study}/{row.cell}\n")
        assert f"| MSE per pixel, levels in [0, 1] | {row.mse:.5f} |" in text
        assert f"`{row.cell_key}`" in text
        assert ("codebook of 4 codewords" in text) == (row.method == "vq")


def test_a_folder_of_pictures_of_any_size_is_coded_and_bad_files_are_named(finished):
    folder = finished.folder / "pictures"
    folder.mkdir()
    Image.new("RGB", (50, 40), "white").save(folder / "a.png")
    Image.new("L", (28, 28)).save(folder / "b.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / "c.png").write_bytes(b"damaged")
    coded = bits(finished, "encode", RUN, DITHERED, "pictures", "own.rdc", "--seed", "7")
    assert coded.returncode == 0 and "2 images in" in coded.stdout
    assert (
        "2 left out: 1 no picture by suffix (.txt 1), 1 that cannot be read: c.png" in coded.stderr
    )
    assert bits(finished, "decode", RUN, DITHERED, "own.rdc", "own").returncode == 0
    assert len(list((finished.folder / "own").glob("*.png"))) == 2
    odd = bits(finished, "encode", RUN, DITHERED, "pictures", "odd.rdc", "--seed", "-1")
    assert odd.returncode == 2 and "--seed: found -1, needs 0 to 2**32 - 1" in odd.stderr


def test_the_same_cell_trained_to_other_weights_is_another_codec(finished):
    """As another number of threads, or another machine, trains it: the key is the same."""
    dataset = f"{RUN}/datasets/digits.npz"
    assert bits(finished, "encode", RUN, DITHERED, dataset, "here.rdc").returncode == 0
    (file,) = (finished.results / "codecs").rglob(f"{DITHERED}.codec.safetensors")
    tensors, note = load_file(file), weights.note(file)
    content = file.read_bytes()
    tensors["decoder.expand.0.bias"][0] += 1e-6
    weights.save(tensors, note, file)
    store = finished.results / "store"
    store.rename(store.with_name("away"))  # it knows its own weights
    try:
        other = bits(finished, "decode", RUN, DITHERED, "here.rdc", "elsewhere")
    finally:
        store.with_name("away").rename(store)
    assert other.returncode == 1 and "of the same settings" in other.stderr, other.stderr
    mixed = bits(finished, "decode", RUN, DITHERED, "here.rdc", "elsewhere")
    assert mixed.returncode == 1 and "it is not what the run's store was given" in mixed.stderr
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    damaged = bits(finished, "decode", RUN, DITHERED, "here.rdc", "elsewhere")
    assert damaged.returncode == 1 and "its checksum does not fit" in damaged.stderr
    assert len((other.stderr + mixed.stderr + damaged.stderr).splitlines()) == 3
    file.write_bytes(content)
    assert not (finished.folder / "elsewhere").exists()


def test_another_cells_stream_a_damaged_one_and_an_unknown_cell_are_refused(finished):
    dataset = f"{RUN}/datasets/digits.npz"
    assert bits(finished, "encode", RUN, DITHERED, dataset, "one.rdc").returncode == 0
    other = bits(finished, "decode", RUN, BOOK, "one.rdc", "none")
    assert other.returncode == 1
    assert "one.rdc: this stream belongs to another codec" in other.stderr
    path = finished.folder / "one.rdc"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    damaged = bits(finished, "decode", RUN, DITHERED, "one.rdc", "none")
    assert damaged.returncode == 1 and "damaged or cut short" in damaged.stderr
    assert not (finished.folder / "none").exists()
    many = bits(finished, "decode", RUN, "rdc*", "one.rdc", "none")
    assert (
        many.returncode == 1
        and "found 4 cells 'rdc*', needs one; these fit: zhang/rdc" in many.stderr
    )
