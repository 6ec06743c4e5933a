"""Codes a folder of pictures again as JPEG with given quantization tables. Needs Pillow alone.

python recode.py TABLES.qtables PICTURES OUT [--subsampling 4:2:0]

TABLES is a text of 64 steps each for luma and chroma, as ``cjpeg -qtables`` reads it, scaled already;
fractions are rounded, and steps above 255 become 255. Every picture under PICTURES becomes OUT/<its
path>.jpg, a second one of that name OUT/<its path and suffix>.jpg; hidden files, devices' own folders and what
lies in OUT are not read, what is there already stays. EXIF is kept and pixels are not turned; a colour profile is kept
where it fits what is written; what is transparent turns white; of several frames the first counts; above
178,956,970 pixels, Pillow's limit, a picture is left out. JPEG files lose a little each time: begin from
originals where you can. Exit 1 where a picture was left out.
"""

import argparse
import contextlib
import io
import math
import os
import sys
import unicodedata
import warnings
from collections import defaultdict
from pathlib import Path

from PIL import Image, ImageFile

SUBSAMPLING = {"4:4:4": 0, "4:2:0": 2}  # Pillow's numbers
# By name, so that no other program is called: for EPS, Pillow would run Ghostscript.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "GIF", "BMP", "PPM", "TGA")
Image.init()
READ = [name for name in FORMATS if name in Image.OPEN]
# Suffixes of pictures that are not read: their names are told, and count as left out.
UNREAD = {
    ".arw", ".cr2", ".cr3", ".dng", ".eps", ".heic", ".heif", ".ico", ".jxl", ".nef", ".orf", ".psd", ".raf",
    ".rw2", ".svg",
}  # fmt: skip
# Folders that storage devices and archivers make, of thumbnails and deleted files.
MACHINES = {
    "@eadir", "@__thumb", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "__macosx", "lost+found",
    "system volume information",
}  # fmt: skip
SEGMENT, SIDE = 65533, 65500  # bytes of a segment and pixels of a side that JPEG files can have
ORIENTATION = 0x0112  # in EXIF


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("tables", "pictures", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--subsampling", choices=sorted(SUBSAMPLING), default="4:2:0")
    given = parser.parse_args(words)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of odd metadata
            return code_all(given.pictures, given.out, read(given.tables), given.subsampling)
    except (OSError, ValueError) as error:
        say(f"error: {error}")
    except KeyboardInterrupt:
        say("stopped; what is written is whole, and the same command goes on")
    return 1


def read(path: Path) -> list[list[int]]:
    """Luma's and chroma's 64 steps, row by row. Raises ValueError where these are none."""
    try:
        if not path.is_file():
            raise ValueError("no such file")
        with path.open("rb") as stream:
            lines = stream.read(1_000_000).decode("utf-8-sig").splitlines()
        numbers = [float(word) for line in lines for word in line.split("#")[0].split()]
        bad = [f", {number:g} among them" for number in numbers if not 0 < number < math.inf]
        if len(numbers) not in (64, 128) or bad:
            raise ValueError(f"found {len(numbers)} numbers{''.join(bad[:1])}")
    except (OSError, ValueError) as error:
        needed = "needs a text of 64 or 128 numbers above 0, steps for luma and chroma"
        if path.suffix == ".json":  # a set of the workflow's, for all qualities
            needed += f"; write one by python -m rdc.jpeg.export {path} 75 q75.qtables"
        raise ValueError(f"{path}: {error}; {needed}") from None
    # As the workflow rounds and clips what it scales.
    steps = [min(max(math.floor(number + 0.5), 1), 255) for number in numbers]
    return [steps[:64], steps[-64:]]


def code_all(pictures: Path, out: Path, tables: list[list[int]], subsampling: str) -> int:
    """Codes every picture and says what became of them; gives the exit status."""
    if not pictures.is_dir():
        raise ValueError(f"{pictures}: no such folder of pictures")
    if out.resolve() in (pictures.resolve(), *pictures.resolve().parents):
        raise ValueError(f"{out}: holds the pictures, and would be read again; name another folder")
    targets, failed, others = named(listed(pictures, out.resolve()), pictures)
    sizes, there = defaultdict(list), 0  # of each format: bytes read and written
    for path, inside in targets.items():
        target = out / inside
        if os.path.lexists(target):
            say(f"{target}: is there already, left as it is")
            there += 1
            continue
        try:
            kind, content = coded(path, tables, subsampling)
        except Exception as error:  # Pillow raises many kinds for a damaged picture
            say(f"{path}: left out ({error})")
            failed += 1
            continue
        write(content, target)
        sizes[kind].append((path.stat().st_size, len(content)))
    if not targets and not failed:
        raise ValueError(f"{pictures}: found no picture")
    done = sum(map(len, sizes.values()))
    counts = (
        (there, "there already"),
        (failed, "left out"),
        (others, "files that are no pictures"),
    )
    print(", ".join([f"{done} pictures coded", *(f"{n} {what}" for n, what in counts if n)]))
    for kind, pairs in sizes.items():
        print("  " + compared(kind, len(pairs), *map(sum, zip(*pairs, strict=True))))
    return 1 if failed else 0


def compared(kind: str, count: int, *sizes: int) -> str:
    """Bytes read beside bytes written. Only JPEG beside JPEG is a saving."""
    old, new = (f"{n / 1e6:.2f} MB" if n >= 1e6 else f"{n / 1e3:.1f} kB" for n in sizes)
    if kind != "JPEG":
        return f"{count} from {kind}: {old} of {kind} read, {new} of JPEG written"
    less = 100 - 100 * sizes[1] / sizes[0]
    change = f"{abs(less):.1f} % {'smaller' if less > 0 else 'larger'}"
    return f"{count} from JPEG: {old} before, {new} now, {change}"


def listed(pictures: Path, out: Path) -> list[Path]:
    """Files by name, no hidden ones, each folder once (links last), without those of ``out``."""
    files, seen, folders, links = [], {out}, [pictures], []
    while folders or links:
        folder = (folders or links).pop()
        if folder.resolve() in seen:
            continue
        seen.add(folder.resolve())
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name.casefold() in MACHINES:
                continue
            if path.is_dir():
                (links if path.is_symlink() else folders).append(path)
            elif path.is_file() and out not in path.resolve().parents:
                files.append(path)
    return sorted(files)


def named(files: list[Path], pictures: Path) -> tuple[dict[Path, Path], int, int]:
    """Each picture's path below OUT, which no other file takes; how many cannot be opened; other files."""

    def folded(path: Path) -> str:  # capitals, and ways to write an accent, do not count everywhere
        return unicodedata.normalize("NFC", path.as_posix()).casefold()

    found, failed, others = {}, 0, 0
    for path in files:
        try:
            Image.open(path, formats=READ).close()
            found[path] = path.relative_to(pictures)
        except Exception as error:
            say(f"{path}: left out ({error})")
            suffix = path.suffix.lower()
            picture = Image.EXTENSION.get(suffix) in FORMATS or suffix in UNREAD
            failed, others = failed + picture, others + (not picture)
    taken = {folded(parent) for inside in found.values() for parent in inside.parents}
    for path, inside in found.items():
        found[path] = inside.with_name(f"{inside.stem}.jpg")
        while folded(found[path]) in taken:
            inside = found[path] = inside.with_name(f"{inside.name}.jpg")
        taken.add(folded(found[path]))
    return found, failed, others


def coded(path: Path, tables: list[list[int]], subsampling: str) -> tuple[str, bytes]:
    """A picture's format, and its JPEG file."""
    with Image.open(path, formats=READ) as image:
        if (frames := getattr(image, "n_frames", 1)) > 1:
            say(f"{path}: the first of {frames} frames")
        image.load()
        kept, picture = metadata(image), of_8_bits(image)
    if max(picture.size) > SIDE:
        raise ValueError(f"{picture.width} x {picture.height} pixels; JPEG allows {SIDE} a side")
    grey, profile = picture.mode == "L", image.info.get("icc_profile") or b""
    whole = image.mode not in ("CMYK", "LAB") and profile[36:40] == b"acsp"
    if whole and profile[16:20] == (b"GRAY" if grey else b"RGB "):  # the colours that it is of
        kept["icc_profile"] = profile
    # The whole file has to fit, which fine steps make larger than Pillow expects.
    ImageFile.MAXBLOCK = 4 * picture.width * picture.height + len(profile) + 2**20
    sampling = 0 if grey else SUBSAMPLING[subsampling]
    kept |= {"qtables": tables[:1] if grey else tables, "subsampling": sampling}
    stream = io.BytesIO()
    # Never with `quality`: what it does to given tables differs from one Pillow to the next.
    picture.save(stream, "JPEG", optimize=True, **kept)
    return image.format, stream.getvalue()


def metadata(image: Image.Image) -> dict[str, bytes]:
    """EXIF and a JPEG file's comment; of EXIF that is too long or elsewhere, only the orientation."""
    exif = image.info.get("exif") or b""
    if exif:  # WebP's does not begin so
        exif = b"Exif\0\0" + exif.removeprefix(b"Exif\0\0")
    exif = exif if len(exif) <= SEGMENT else b""
    if not exif and (turn := image.getexif().get(ORIENTATION)) in range(2, 9):
        only = Image.Exif()
        only[ORIENTATION] = turn
        exif = only.tobytes()
    comment = image.info.get("comment") if image.format in ("JPEG", "MPO") else None
    return {"exif": exif, "comment": comment or b""}


def of_8_bits(image: Image.Image) -> Image.Image:
    """Grey or RGB. Raises ValueError where a file does not say what its levels range over."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        # Pillow would clip.
        return image.convert("I").point(lambda level: level * (255 / 65535) + 0.5).convert("L")
    if image.mode in ("I", "F"):
        raise ValueError(f"levels of mode {image.mode}, whose range is not known")
    mode = "L" if image.mode in ("L", "LA", "La", "1") else "RGB"
    if image.mode in ("La", "RGBa"):  # multiplied by their opacity already
        image = image.convert(image.mode.upper())
    if image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)


def write(content: bytes, target: Path) -> None:
    """Writes a file whole or not at all. Raises ValueError where that cannot be."""
    scratch = target.parent / f".recode-{os.getpid()}.part"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(content)
        scratch.replace(target)
    except OSError as error:
        raise ValueError(f"{target}: cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink()


def say(line: str) -> None:
    """On stderr; names may hold what would command a terminal."""
    print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
