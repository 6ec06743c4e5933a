"""Codes a folder of pictures again as JPEG with given quantization tables. Needs Pillow alone.

python recode.py TABLES.qtables PICTURES OUT [--subsampling 4:2:0]

TABLES is a file of 64 numbers each for luma and chroma, as ``cjpeg -qtables`` reads it, scaled
already. Every picture under PICTURES becomes OUT/<its path>.jpg, a second one of that name
OUT/<its path and suffix>.jpg; colour profiles and EXIF are kept, what is transparent turns white.
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
    taken, done, before, after = set(), 0, 0, 0
    for path in sorted(p for p in given.pictures.rglob("*") if p.is_file()):
        inside = path.relative_to(given.pictures)
        target = given.out / inside.with_suffix(".jpg")
        if target in taken:
            target = given.out / inside.with_name(f"{inside.name}.jpg")
        taken.add(target)
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
        if image.mode == "CMYK":
            kept.pop("icc_profile", None)  # it is of inks
        picture = of_8_bits(image)
    grey = picture.mode == "L"
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


def of_8_bits(image: Image.Image) -> Image.Image:
    """Grey or RGB. Raises ValueError where a file does not say what its levels range over."""
    sixteen = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG")
    if sixteen:  # Pillow would clip
        return image.convert("I").point(lambda level: level * (255 / 65535) + 0.5).convert("L")
    if image.mode in ("I", "F"):
        raise ValueError(f"levels of mode {image.mode}, whose range is not known")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("L" if image.mode in ("L", "1") else "RGB")


if __name__ == "__main__":
    sys.exit(main())
