"""Numbers and pictures as the page carries them: few digits, no NaN, pictures as base64."""

import base64
import io
import math
from collections.abc import Iterable

import numpy as np
from PIL import Image

DIGITS = 5  # significant ones; intervals are wider than what they leave out


def short(value: float | None) -> float | None:
    """A number of few digits; None for what JSON cannot hold."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")


def shorts(values: Iterable[float]) -> list[float | None]:
    return [short(value) for value in values]


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def strip(pictures: np.ndarray) -> str:
    """Pictures (n, h, w) uint8 side by side as one PNG, base64."""
    stream = io.BytesIO()
    Image.fromarray(np.hstack(list(pictures))).save(stream, "PNG", optimize=True)
    return encoded(stream.getvalue())
