"""Luo, Figs 1, 5 and 8: pictures as good in fewer bytes, and pictures that are read right again."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from rdc.figures import style


def draw(examples: list[tuple[str, list[dict]]], headings: list[tuple[str, str]]) -> Figure:
    """One row an example.

    Args:
        examples: of each study (as it is called) its examples, see ``jpeg.examples.chosen``.
        headings: of each study what the reference's and the tuned tables are called.
    """
    rows = [
        (study, names, example)
        for (study, found), names in zip(examples, headings, strict=True)
        for example in found
    ]
    if not rows:
        return style.empty("No tuned tables to show examples of in this run.")
    figure, panels = plt.subplots(
        len(rows), 3, figsize=(7.6, 2.62 * len(rows)), squeeze=False, layout="constrained"
    )
    for axes, (study, names, example) in zip(panels, rows, strict=True):
        for axis, panel, heading in zip(axes, example["panels"], ("original", *names), strict=True):
            axis.imshow(panel["pixels"], interpolation="none")  # its own pixels in the SVG
            axis.set(xticks=[], yticks=[])
            axis.grid(False)
            axis.set_title(f"{heading}\n{_said(panel, example['panels'])}", fontsize=8)
        name = example["name"].rsplit("/", 1)[-1]
        axes[0].set_ylabel(f"{study}\n{name}", fontsize=7)
    return figure


def _said(panel: dict, panels: list[dict]) -> str:
    """A panel's second line: bytes and PSNR, or what it is read as."""
    before = panels[1]["bytes"]
    if panel["bytes"] is None:
        size = ""
    elif panel is panels[1]:
        size = f"{before:,} bytes".replace(",", " ")
    else:
        size = f"{panel['bytes'] / before - 1:+.1%} bytes"
    if "reading" in panel:
        reading = f"read as {panel['reading']} ({panel['probability']:.0%})"
        return f"{size}; {reading}" if size else reading
    return f"{size}, {panel['psnr']:.2f} dB" if size else " "
