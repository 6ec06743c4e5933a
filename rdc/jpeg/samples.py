"""Crops of pictures as real files, kept to be looked at beside the tables that made them."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from rdc.datasets.pictures import Pictures
from rdc.jpeg import standard
from rdc.jpeg.standard import TableSet

SIDE = 128  # of a crop of a large picture, pixels
LARGE, SMALL = 2, 8  # how many crops of large pictures, how many pictures that are small
QUALITIES = 9  # at most


def chosen(qualities: Sequence[int], count: int = QUALITIES) -> list[int]:
    """At most ``count`` of the qualities, from the lowest to the highest, evenly."""
    ordered = sorted(set(qualities))
    if len(ordered) <= count:
        return ordered
    return [ordered[i] for i in np.linspace(0, len(ordered) - 1, count).round().astype(int)]


def records(
    pictures: Pictures, tables: TableSet, qualities: Sequence[int], subsampling: str
) -> list[dict]:
    """One record per crop and quality: what the table ``jpeg_samples`` has of files.

    The middle of the first large pictures, or the first small ones whole: the same for all tables.
    """
    large = min(pictures.shapes[0][:2]) > SIDE
    count = min(len(pictures), LARGE if large else SMALL)
    rows = []
    for row, name in enumerate(pictures.names[:count]):
        crop = _middle(pictures.images[row])
        original = _png(crop)
        for quality in chosen(qualities):
            file = standard.encode(crop, tables.at(quality), subsampling)
            rows.append({"image": name, "quality": quality, "file": file, "original": original})
    return rows


def _middle(picture: np.ndarray) -> np.ndarray:
    """The central square of at most SIDE pixels."""
    top, left = (max(0, (length - SIDE) // 2) for length in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + SIDE, left : left + SIDE])


def _png(crop: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(crop).save(stream, "PNG", optimize=True)
    return stream.getvalue()
