"""What may be a name: names are joined into paths, whether a config or a table brings them."""

import re

# Letters of any script, digits and _ first, then - and . too: no folder, no flag, nothing hidden.
NAME = re.compile(r"\w[\w.-]{0,63}")
# A cell's has its settings in it, as in rdc_lam=1e-3_dim=3_levels=4_dither=yes_recipe=ours_seed=0.
CELL = re.compile(r"\w[\w.=+-]{0,199}")


def shortened(text: str, most: int = 200) -> str:
    """One line to print: what a file says may be of any length, and may hold what moves a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * most]).split())
    return line if len(line) <= most else f"{line[: most - 4]} ..."


def shown(value: object, most: int = 80) -> str:
    """A value as a message prints it. A whole number of thousands of digits has no text in Python."""
    try:
        return shortened(repr(value), most)
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} that is too large to print"
