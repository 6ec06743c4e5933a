"""Ways to code a picture at a quality: scaled tables, tables of its own, other encoders."""

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pyjpegli
from PIL import Image

from rdc.jpeg import standard
from rdc.jpeg.measurement import Coder, Encode
from rdc.jpeg.standard import TableSet

WEBP_METHOD = 6  # libwebp's slowest and best


class EncoderError(RuntimeError):
    """Another encoder that is missing or failed: names it and what it said."""


def scaled(tables: TableSet, subsampling: str) -> Coder:
    """One set of tables for all pictures."""

    def at(quality: int) -> Encode:
        steps = tables.at(quality)
        return lambda row, image: standard.encode(image, steps, subsampling)

    return at


def other(encoder: str, subsampling: str) -> Coder:
    """Another encoder: ``webp`` (libwebp), ``jpegli``, both 4:2:0, or ``sjpeg``, a program on the PATH.

    jpegli chooses tables, and what to round up or down, for the eye. Of sjpeg only the tables are
    taken, which it fits to every picture, and libjpeg-turbo codes with them (Luo, Section 4.2).

    Raises:
        EncoderError: where the program is not on the PATH, and, of jpegli, without subsampling (here)
            or for a grey picture (then).
    """
    if encoder == "webp":
        return lambda quality: lambda row, image: _webp(image, quality)
    if encoder == "jpegli":
        if subsampling != "4:2:0":
            raise EncoderError(f"jpegli: found {subsampling}, codes 4:2:0 alone")
        return lambda quality: lambda row, image: _jpegli(image, quality)
    if shutil.which(encoder) is None:
        raise EncoderError(f"{encoder}: not on the PATH; install it, or leave its tables out")

    def at(quality: int) -> Encode:
        sampling = "-" + subsampling.replace(":", "")
        command = [encoder, "{in}", "-o", "{out}", "-q", str(quality), sampling]
        return lambda row, image: standard.encode(
            image, standard.tables_of(_program(command, image)), subsampling
        )

    return at


def _jpegli(image: np.ndarray, quality: int) -> bytes:
    if image.ndim != 3:
        raise EncoderError("jpegli: found a grey picture, codes colour alone")
    height, width, _ = image.shape
    return pyjpegli.encode(np.ascontiguousarray(image), width, height, quality=quality)


def _webp(image: np.ndarray, quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "WEBP", quality=quality, method=WEBP_METHOD)
    return stream.getvalue()


def _program(command: list[str], image: np.ndarray) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        places = {"{in}": str(Path(scratch) / "in.png"), "{out}": str(Path(scratch) / "out.jpg")}
        Image.fromarray(image).save(places["{in}"])
        done = subprocess.run(
            [places.get(word, word) for word in command], capture_output=True, text=True
        )
        if done.returncode != 0 or not Path(places["{out}"]).is_file():
            said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            raise EncoderError(f"{command[0]}: failed with code {done.returncode}: {said[-1]}")
        return Path(places["{out}"]).read_bytes()
