"""Codes a folder of pictures again as JPEG with given quantization tables. Needs Pillow alone.

python recode.py TABLES.qtables PICTURES OUT [--subsampling 4:2:0]

TABLES is a file of 64 numbers each for luma and chroma, as ``cjpeg -qtables`` reads it, scaled
already. Every picture under PICTURES becomes OUT/<its path>.jpg; colour profiles and EXIF are kept.
Pictures that are JPEG files already lose a little each time: begin from originals where you can.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image

SUBSAMPLING = {"4:4:4": 0, "4:2:0": 2}  # Pillow's numbers


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--subsampling", choices=sorted(SUBSAMPLING), default="4:2:0")
    given = parser.parse_args(words)
    try:
        tables = read(given.tables)
    except (OSError, ValueError) as error:
        parser.error(f"{given.tables}: {error}")
    if not given.pictures.is_dir():
        parser.error(f"{given.pictures}: no such folder")
    done, before, after = 0, 0, 0
    for path in sorted(p for p in given.pictures.rglob("*") if p.is_file()):
        target = given.out / path.relative_to(given.pictures).with_suffix(".jpg")
        if target.exists():
            print(f"{target}: is there already, left as it is", file=sys.stderr)
            continue
        try:
            code(path, target, tables, given.subsampling)
        except Exception as error:  # Pillow raises many kinds for what is no picture
            print(f"{path}: left out ({error})", file=sys.stderr)
            continue
        done, before, after = done + 1, before + path.stat().st_size, after + target.stat().st_size
    share = f", {after / before:.1%} of the files read" if before else ""
    print(f"{done} pictures, {after} bytes{share}")
    return 0 if done else 1


def read(path: Path) -> list[list[int]]:
    """Luma's and chroma's 64 steps, row by row. Raises ValueError where these are none."""
    numbers = [int(w) for line in path.read_text().splitlines() for w in line.split("#")[0].split()]
    if len(numbers) not in (64, 128) or not all(1 <= number <= 255 for number in numbers):
        raise ValueError(f"found {len(numbers)} numbers, needs 64 or 128 of 1 to 255")
    return [numbers[:64], numbers[-64:]]


def code(path: Path, target: Path, tables: list[list[int]], subsampling: str) -> None:
    """Writes one picture, whole or not at all."""
    with Image.open(path) as image:
        kept = {key: image.info[key] for key in ("icc_profile", "exif") if key in image.info}
        grey = image.mode in ("L", "1")
        picture = image.convert("L" if grey else "RGB")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_suffix(".part")
    # Never with `quality`: what it does to given tables differs from one Pillow to the next.
    picture.save(
        scratch,
        "JPEG",
        qtables=tables[:1] if grey else tables,
        subsampling=SUBSAMPLING[subsampling],
        optimize=True,
        **kept,
    )
    scratch.replace(target)


if __name__ == "__main__":
    sys.exit(main())
