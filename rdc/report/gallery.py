"""The still figures, each with its caption; Snakemake's own report shows the same captions."""

from pathlib import Path

CAPTIONS = Path(__file__).parent.parent / "figures" / "captions"
PAPERS = {
    "atlas": "All papers",
    "zhang": "Zhang",
    "le": "Le",
    "nguyen": "Nguyen",
    "luo": "Luo",
    "limits": "Limits",
}


def payload(figures: dict[str, Path]) -> list[dict]:
    """Figures in the order of ``PAPERS``: name, paper, caption and the drawing's text.

    Args:
        figures: name, such as zhang_plane, to its SVG.
    """
    order = list(PAPERS)
    return [
        {
            "name": name,
            "paper": PAPERS[name.partition("_")[0]],
            "caption": caption(name),
            "svg": figures[name].read_text(encoding="utf-8"),
        }
        for name in sorted(figures, key=lambda name: order.index(name.partition("_")[0]))
    ]


def caption(name: str) -> str:
    """What one figure shows, in a sentence or two."""
    return " ".join((CAPTIONS / f"{name}.rst").read_text(encoding="utf-8").split())
