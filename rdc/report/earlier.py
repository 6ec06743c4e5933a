"""What the page of a run shows already, of cells and JPEG files that lie on another machine.

A run's rows are in git. Its reconstructions and the rows of single JPEG files are not, but a page that
was committed shows ten reconstructions of every cell, and the curves that were drawn from those rows.
"""

import base64
import gzip
import io
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from rdc.report.codecs import Images

PACKED = re.compile(r'id="packed-data">([^<]+)<')


class PageError(ValueError):
    """A page that cannot be read: names the file."""


def data(page: Path) -> dict:
    """What the page's script draws, as ``page.data`` made it; empty where there is no page yet.

    Raises:
        PageError: the file is no page of ours, or damaged.
    """
    if not page.is_file():
        return {}
    try:
        content = PACKED.search(page.read_text(encoding="utf-8"))[1]
        return json.loads(gzip.decompress(base64.b64decode(content)))
    except (TypeError, ValueError, EOFError, OSError) as error:
        raise PageError(f"{page}: not a page of this project, or damaged ({error})") from None


def pictures(shown: dict, keys: dict[tuple[str, str], str], folder: Path) -> Images:
    """Writes each cell's pictures to a file in ``folder/{study}/{batch}``, as an evaluation does.

    Of what an evaluation keeps they have the first pictures alone, and in place of the errors of all
    images the interval of their mean, ``mse_interval``, where the page has it.

    Args:
        shown: a page's data.
        keys: the key of each cell, by study and name; nothing is taken of a cell under another one.
    """
    found = {}
    codecs = shown.get("codecs") or {"points": []}
    for point in codecs["points"]:
        for cell in point["cells"]:
            name = point["study"], cell["name"]
            if "png" not in cell or keys.get(name) != cell["key"]:
                continue
            original = codecs["originals"][cell["originals"]]
            batch = Path(cell["file"]).parent.name
            target = folder / point["study"] / batch / f"{cell['name']}.images.npz"
            target.parent.mkdir(parents=True, exist_ok=True)
            kept = {
                "images": _cut(original["png"], original["size"]),
                "labels": np.array(original["labels"]),
                "reconstructions": _cut(cell["png"], original["size"]),
                "predicted": np.array(cell["read"]),
            }
            _, low, high = point["mse"]
            if len(point["cells"]) == 1 and low is not None:
                kept["mse_interval"] = np.array([low, high])
            np.savez(target, **kept)
            found[name] = target
    return found


def _cut(png: str, size: list[int]) -> np.ndarray:
    """A strip of pictures side by side as (n, h, w)."""
    strip = np.array(Image.open(io.BytesIO(base64.b64decode(png))))
    return np.stack(np.split(strip, strip.shape[1] // size[1], axis=1))
