"""Writes a pair of quantization tables at any quality as text for ``cjpeg -qtables``.

python -m rdc.jpeg.export results/mine/jpeg/holiday/tuned_420.json 42 tuned_q42.qtables
"""

import argparse
from pathlib import Path

from rdc.jpeg import standard


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", type=Path, help="a set's file, such as tuned_420.json")
    parser.add_argument("quality", type=int, help="1 to 100, on this set's own scale")
    parser.add_argument("out", type=Path)
    given = parser.parse_args(words)
    if not 1 <= given.quality <= 100:
        parser.error(f"quality: found {given.quality}, allowed are 1 to 100")
    try:
        steps = standard.load(given.tables).at(given.quality)[:2]
        standard.write_text(steps, given.out, f"{given.tables.name} at quality {given.quality}")
    except (OSError, standard.TableError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
