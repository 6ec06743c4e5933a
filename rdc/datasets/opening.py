"""The one way in which a user's pictures are opened: which formats, how large, what of them."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
LARGEST_PIXELS = 50_000_000  # of one picture
# What a picture's metadata lacks is no news to whoever runs a study.
warnings.filterwarnings("ignore", module=r"PIL\.")


class PictureError(ValueError):
    """A file that counts as no picture: says why, without its name."""


def opened(path: str | Path, at_least: int | None = None) -> Image.Image:
    """A picture of 8 bits as a viewer shows it (``as_shown``), the first where a file has several.

    What a file holds decides, not its name, but for TGA, which cannot be told from other bytes.
    Nothing is decoded of one above ``LARGEST_PIXELS``.

    Args:
        at_least: where a small version will do, so many pixels of its shorter side: large JPEG files
            are then decoded at a half, a quarter or an eighth of their size.

    Raises:
        PictureError: for whatever is no such picture, is damaged or too large.
    """
    try:
        with open(path, "rb") as stream, _identified(stream, path) as image:
            if at_least is not None:
                scale = at_least / min(image.size)
                image.draft(image.mode, (round(image.width * scale), round(image.height * scale)))
            image.load()
            return as_shown(image)
    except PictureError:
        raise
    except OSError as error:
        raise PictureError(error.strerror or str(error)) from None
    except Exception as error:  # Pillow raises many kinds for what is damaged
        raise PictureError(str(error) or type(error).__name__) from None


def frames(path: str | Path) -> bool:
    """Whether a picture moves or has pages, of which the first counts.

    What a camera adds to a JPEG file, a preview or a depth map, is no page.
    """
    try:
        with open(path, "rb") as stream, _identified(stream, path) as image:
            return image.format != "MPO" and getattr(image, "is_animated", False)
    except Exception:  # as above; whoever opens it says so
        return False


def pixels(path: str | Path) -> int:
    """How many a picture has, by its header; 0 where it would not be opened."""
    try:
        with open(path, "rb") as stream, _identified(stream, path) as image:
            return image.width * image.height
    except Exception:  # as above
        return 0


def _identified(stream, path: str | Path) -> Image.Image:
    """An open file as a picture, of which only the header is read."""
    formats = ("TGA",) if Path(path).suffix.lower() == ".tga" else FORMATS
    try:
        image = Image.open(stream, formats=formats)
    except UnidentifiedImageError:
        raise PictureError("no picture of a known format") from None
    except Image.DecompressionBombError:
        raise PictureError(f"more than {LARGEST_PIXELS / 1e6:.0f} million pixels") from None
    if not min(image.size):
        raise PictureError("no pixels")
    if image.width * image.height > LARGEST_PIXELS:
        raise PictureError(
            f"{image.width} x {image.height} pixels, more than {LARGEST_PIXELS / 1e6:.0f} million"
        )
    return image


def as_shown(image: Image.Image) -> Image.Image:
    """An image of 8 bits as a viewer shows it; the one that is given may be changed.

    Turned as its EXIF says, what is transparent laid over white, 16 bits scaled to 8 where Pillow would
    clip.

    Raises:
        PictureError: for levels of 32 bits or floating point, whose range no file says.
    """
    if image.mode in ("I", "F"):
        raise PictureError(f"found levels of mode {image.mode}, whose range is not known")
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I;16"):
        levels = np.round(np.arange(65536) * (255 / 65535)).astype(np.uint8)
        return Image.fromarray(levels[np.asarray(image)])
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image
