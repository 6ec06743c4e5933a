"""What a config asks for: tables published, optimised or searched, and coders of each picture's own."""

from collections.abc import Callable

import numpy as np
import torch

from rdc.datasets.pictures import Pictures
from rdc.jpeg import adaptation, coders, measurement, optimization, readers, search, standard
from rdc.jpeg.measurement import Coder
from rdc.jpeg.optimization import Gathered, Pool
from rdc.jpeg.readers import Files
from rdc.jpeg.settings import Study, Tables
from rdc.jpeg.standard import TableSet

Report = Callable[[str], None]
MOST_LEVELS = 100_000_000  # of pictures that are kept as floats, in four or five copies
REFERENCE = ("annex_k", 50)  # whose mean file size a search's chosen tables come nearest to


def make(
    settings: Tables,
    study: Study,
    subsampling: str,
    files: Files,
    threads: int,
    report: Report = lambda line: None,
) -> TableSet:
    """The tables of one entry of ``jpeg.tables`` for a study.

    Raises:
        DataError, WeightsError: where pictures or classifiers are missing or damaged.
        TableError: where a published pair is not known.
    """
    if settings.shipped is not None:
        return standard.named(settings.shipped)
    if settings.search is not None:
        return _searched(settings, study, subsampling, files, threads, report)
    # By slope the loss is what is measured in the end; with a weight it is the paper's.
    by_slope = settings.rate_weight is None
    tuned_on = readers.tuned_on(study, files)
    if settings.objective == "rate_accuracy":
        classifier = readers.readers(study, files, tuned_on.classes, tunes=True)["classifier"]
        pool = _pool(tuned_on, subsampling)
        labels = torch.from_numpy(tuned_on.labels)
        loss = (optimization.misreading if by_slope else optimization.log_loss)(classifier, labels)
        whole = True
    else:
        crops = readers.crops(study, tuned_on, settings.crops, settings.side, settings.seed)
        pool = optimization.pool(crops, subsampling)
        loss = (optimization.log_distortion if by_slope else optimization.distortion)(pool.images)
        whole = study.dataset is not None
    chosen = _optimizer(settings, whole)
    return optimization.universal(standard.named(settings.start), pool, loss, chosen, report)


def _pool(tuned_on: Pictures, subsampling: str) -> Pool | Gathered:
    """All pictures as floats where these are few bytes, else a batch at a time."""
    tuned_on.check_one_size()
    levels = sum(int(np.prod(shape)) for shape in tuned_on.shapes)
    if levels > MOST_LEVELS:
        return Gathered(tuned_on.images, subsampling)
    return optimization.pool(tuned_on.stacked(), subsampling)


def coder(
    settings: Tables,
    start: TableSet | None,
    pictures: Pictures,
    classifiers: dict[str, torch.nn.Module],
    subsampling: str,
    threads: int,
    report: Report = lambda line: None,
) -> Coder:
    """How pictures are coded with one entry of ``jpeg.tables``.

    Args:
        start: the entry's own tables; of ``per_image``, those that it starts from.

    Raises:
        EncoderError: where another encoder is not there.
    """
    if settings.encoder is not None:
        return coders.other(settings.encoder, subsampling)
    if settings.search == "coordinate_descent":
        return adaptation.descended(start, subsampling)
    if not settings.per_image:
        return coders.scaled(start, subsampling)
    aim = (
        adaptation.classification(pictures.labels, classifiers["classifier"])
        if settings.objective == "rate_accuracy"
        else adaptation.distortion()
    )
    optimizer = _optimizer(settings, whole=True)
    return adaptation.adapted(pictures, start, subsampling, aim, optimizer, threads, report)


def _optimizer(settings: Tables, whole: bool) -> optimization.Settings:
    return optimization.Settings(
        qualities=settings.qualities,
        knots=tuple(settings.knots),
        steps=settings.steps,
        batch=settings.batch,
        lr=settings.lr,
        rounding=settings.rounding,
        rate_weight=settings.rate_weight,
        whole=whole,
        seed=settings.seed,
    )


def _searched(settings, study, subsampling, files, threads, report) -> TableSet:
    tuned_on = readers.tuned_on(study, files)
    classifier = readers.readers(study, files, tuned_on.classes)["classifier"]
    order = np.random.default_rng(settings.seed).permutation(len(tuned_on))

    def trial(tables: np.ndarray, count: int) -> tuple[float, float]:
        found = measurement.coded(
            tuned_on.take(order[:count]),
            lambda row, image: standard.encode(image, tables, subsampling),
            threads,
            {"classifier": classifier},
        )
        right = found.readings["correct"]
        return float(np.mean([s.file for s in found.sizes])), float(right.mean())

    front, points = search.sorted_random(
        trial,
        settings.candidates,
        settings.screened_on,
        min(settings.confirmed_on, len(tuned_on)),
        settings.seed,
        report,
    )
    size, _ = trial(standard.named(REFERENCE[0]).at(REFERENCE[1]), settings.screened_on)
    return search.as_table_set(front, points, size)
