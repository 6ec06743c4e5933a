"""Rows of reconstructions under the images they come from."""

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from rdc.figures import style

COLUMNS = 10


class Row(NamedTuple):
    """A codec's row: its label, and its file of saved reconstructions."""

    label: str
    path: Path


def grid(rows: list[Row], title: str) -> Figure:
    """The same images in each row, as each codec decodes them; framed where they are misread."""
    lines: list[tuple[str, np.ndarray, np.ndarray]] = []
    for row in rows:
        with np.load(row.path) as kept:
            if not lines:
                originals = kept["images"][:COLUMNS] / 255
                lines.append(("original", originals, np.zeros(len(originals), bool)))
            misread = kept["predicted"][:COLUMNS] != kept["labels"][:COLUMNS]
            lines.append((row.label, kept["reconstructions"][:COLUMNS] / 255, misread))
    columns = len(lines[0][1])
    figure, axes = plt.subplots(
        len(lines), columns, figsize=(0.62 * columns + 3.6, 0.66 * len(lines) + 0.5), squeeze=False
    )
    for line, (label, pictures, misread) in zip(axes, lines, strict=True):
        for ax, picture, wrong in zip(line, pictures, misread, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="none")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            for spine in ax.spines.values():
                spine.set(visible=bool(wrong), color=style.COLOURS[1], linewidth=2)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
    figure.suptitle(f"{title}; framed where the classifier reads another digit", fontsize=10)
    return figure
