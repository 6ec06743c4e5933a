"""How much memory the jobs of a JPEG study ask for. No torch."""

from collections.abc import Sequence
from functools import cache

from rdc.datasets import opening
from rdc.jpeg.settings import Study, Tables

LEAST, BASE = 4000, 500  # MB: for libraries, classifiers, and pictures that stay in memory
# MB for each megapixel of a study's largest picture, as measured at 4:4:4, two threads at a time
# but for a gradient: files coded and decoded; coordinate descent; tables of each picture's own by
# gradient; estimates of the rate.
CODED, DESCENDED, OWN, ESTIMATED = 40, 170, 270, 145


def needed(study: Study, tables: Tables | None, files: Sequence[str]) -> int:
    """MB to measure one entry of ``jpeg.tables``, or, without one, to estimate rates.

    Args:
        files: the pictures of the study's own folder, whose headers are read.
    """
    each = ESTIMATED
    if tables is not None:
        each = OWN if tables.per_image else DESCENDED if tables.search else CODED
    small = study.folder is None or study.classifier is not None  # shipped, or what it reads
    return max(LEAST, round(BASE + each * (1 if small else _megapixels(tuple(files)))))


@cache
def _megapixels(files: tuple[str, ...]) -> float:
    return max(map(opening.pixels, files), default=0) / 1e6
