"""Codes images with a trained cell of a finished run, as real bits, and decodes them again.

python -m rdc.bitstream encode RUN CELL IMAGES STREAM [--seed 0]
python -m rdc.bitstream decode RUN CELL STREAM FOLDER

RUN is a run's folder (results/demo), CELL a cell's name in it, with its study in front where two
studies have one of that name (a shell pattern will do where one cell fits it). IMAGES is a folder of
pictures of any size, which are brought to 28 x 28 grey, or a prepared dataset (.npz: its test images).
Decoding writes 28 x 28 PNGs. A stream says which codec made it: any other refuses it, and so does the
same cell trained again to other weights, as another machine or number of threads does.
"""

import argparse
import sys
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rdc import bitstream, evaluation, tables
from rdc.atomic import replacing
from rdc.bitstream import EntropyModel, StreamError, model_files
from rdc.bitstream.stream import has_fingerprint, read
from rdc.datasets import images
from rdc.datasets.sources import DataError
from rdc.fitting.files import CODEC
from rdc.measurement import ENTROPY
from rdc.networks import classifier_files, weights
from rdc.store import Store


class CellError(ValueError):
    """A cell that a run does not have, or whose files are not there, or images that are none."""


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m rdc.bitstream", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    encoding = commands.add_parser("encode", help="images to a stream")
    decoding = commands.add_parser("decode", help="a stream to images")
    for command in (encoding, decoding):
        command.add_argument("run", type=Path)
        command.add_argument("cell")
    encoding.add_argument("images", type=Path)
    encoding.add_argument("stream", type=Path)
    encoding.add_argument("--seed", type=int, default=0, help="of the dither, 0 to 2**32 - 1")
    decoding.add_argument("stream", type=Path)
    decoding.add_argument("folder", type=Path)
    given = parser.parse_args(words)
    if given.command == "encode" and not 0 <= given.seed < 2**32:
        parser.error(f"--seed: found {given.seed}, needs 0 to 2**32 - 1")
    try:
        return _encode(given) if given.command == "encode" else _decode(given)
    except (
        CellError,
        StreamError,
        DataError,
        weights.WeightsError,
        tables.TableError,
        OSError,
    ) as error:
        print(f"{parser.prog} {given.command}: {error}", file=sys.stderr)
        return 1


def _encode(given) -> int:
    codec, model, key = open_cell(given.run, given.cell)
    pixels = _images(given.images)
    seed = given.seed if codec.dither else None
    numbers = None if seed is None else bitstream.uniform(seed, len(pixels), codec.dim)
    codes = codec.codes(codec.analyse(pixels), numbers)
    try:
        stream = bitstream.encode(codes, model, key, seed, codec.fingerprint)
    except ValueError as error:
        raise CellError(f"{given.images}: {error}") from None
    with replacing(given.stream) as scratch:
        scratch.write_bytes(stream)
    print(
        f"{given.stream}: {len(pixels)} images in {len(stream)} bytes, "
        f"{8 * len(stream) / len(pixels):.2f} bits an image, header and all"
    )
    return 0


def _decode(given) -> int:
    codec, model, key = open_cell(given.run, given.cell)
    try:
        stream = read(given.stream)
        codes, numbers = bitstream.decode(stream, model, key, codec.fingerprint)
    except StreamError as error:
        raise StreamError(f"{given.stream}: {error}") from None
    if not has_fingerprint(stream):
        print(
            f"{given.stream}: written before streams said which weights made them; only the key was compared",
            file=sys.stderr,
        )
    given.folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(codes), evaluation.BATCH):
        rows = slice(start, start + evaluation.BATCH)
        pixels = codec.reconstruct(codes[rows], None if numbers is None else numbers[rows])
        if not np.isfinite(pixels).all():
            raise CellError(f"{given.run}: the decoder of {given.cell} gives NaN; it is damaged")
        for number, image in enumerate(np.round(pixels * 255).astype(np.uint8), start=start):
            with replacing(given.folder / f"{number:05d}.png") as scratch:
                Image.fromarray(image).save(scratch, "PNG")
    print(f"{given.folder}: {len(codes)} images")
    return 0


def open_cell(run: Path, name: str) -> tuple[evaluation.Measured, EntropyModel, str]:
    """A trained cell of a finished run: its codec, its entropy model, and its key.

    Raises:
        CellError: where no cell, or more than one, has that name or fits that pattern.
        WeightsError, TableError: where a file of the run is missing or damaged.
    """
    cells = tables.read("cells", run / "tables" / "cells.parquet")
    cells = cells[cells.split == "test"]
    full = cells.study + "/" + cells.cell
    fits = [
        fnmatchcase(f, name) or fnmatchcase(c, name) for f, c in zip(full, cells.cell, strict=True)
    ]
    if sum(fits) != 1:
        shown = list(full[fits] if any(fits) else full)
        more = ", ..." if len(shown) > 8 else ""
        raise CellError(
            f"{run}: found {sum(fits)} cells {name!r}, needs one; "
            f"{'these fit' if any(fits) else 'there are'}: {', '.join(shown[:8])}{more}"
        )
    row = cells[fits].iloc[0]
    classifier = run / "classifiers" / row.dataset / f"{row.classifier}.safetensors"
    path = _file(run / "codecs" / row.study, row.cell, CODEC)
    codec, note = evaluation.open_codec(
        path, classifier_files.load(classifier), torch.device("cpu")
    )
    if Store(run / "store").disowns(note["key"], CODEC, path):
        raise CellError(
            f"{path}: damaged, it is not what the run's store was given; delete the folder it is in and run "
            "again: the cell is trained anew"
        )
    fitted = _file(run / "measured" / row.study, row.cell, ENTROPY)
    model, key = model_files.load(fitted)
    if key != note["key"]:
        raise CellError(
            f"{run}: the entropy model of {row.cell} belongs to other weights; run again"
        )
    if (len(model.tables), model.levels, model.bins > 1) != (codec.dim, codec.levels, codec.dither):
        raise CellError(f"{fitted}: no entropy model of {path}, whose codes have another shape")
    return codec, model, key


def _file(folder: Path, cell: str, kind: str) -> Path:
    found = sorted(folder.glob(f"*/{escape(cell)}.{kind}"))
    if not found:
        raise CellError(
            f"{folder}: holds no {cell}.{kind}; run the workflow, or pull its artifacts"
        )
    return found[0]


def _images(path: Path) -> np.ndarray:
    """(n, 28, 28) uint8."""
    if path.is_dir():
        return np.stack(images.images_in(path))
    if path.suffix != ".npz":
        raise CellError(f"{path}: needs a folder of pictures, or a prepared dataset (.npz)")
    return images.load(path).test.images


if __name__ == "__main__":
    sys.exit(main())
