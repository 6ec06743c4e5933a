"""Makes the tables that a config asks for: published, optimised or searched."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from rdc.jpeg import measurement, optimization, readers, search, standard
from rdc.jpeg.settings import Study, Tables
from rdc.jpeg.standard import TableSet

Report = Callable[[str], None]
REFERENCE = ("annex_k", 50)  # whose mean file size a search's chosen tables come nearest to


def make(
    settings: Tables,
    study: Study,
    subsampling: str,
    data: str | Path,
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
        return _searched(settings, study, subsampling, data, threads, report)
    if settings.objective == "rate_accuracy":
        return _for_a_classifier(settings, study, subsampling, data, report)
    crops = readers.crops(study, settings.crops, settings.side, settings.seed, data)
    pool = optimization.pool(crops, subsampling)
    loss = optimization.log_distortion(pool.images)
    return _optimised(settings, pool, loss, False, report)


def _for_a_classifier(settings, study, subsampling, data, report) -> TableSet:
    tuned_on = readers.tuned_on(study, data)
    pool = optimization.pool(tuned_on.stacked(), subsampling)
    classifier = readers.classifier(study.classifier, data)
    loss = optimization.misreading(classifier, torch.from_numpy(tuned_on.labels))
    return _optimised(settings, pool, loss, True, report)


def _optimised(settings, pool, loss, whole, report) -> TableSet:
    chosen = optimization.Settings(
        qualities=settings.qualities,
        knots=tuple(settings.knots),
        steps=settings.steps,
        batch=settings.batch,
        lr=settings.lr,
        rounding=settings.rounding,
        whole=whole,
        seed=settings.seed,
    )
    return optimization.universal(standard.named(settings.start), pool, loss, chosen, report)


def _searched(settings, study, subsampling, data, threads, report) -> TableSet:
    tuned_on = readers.tuned_on(study, data)
    classifier = readers.classifier(study.classifier, data)
    order = np.random.default_rng(settings.seed).permutation(len(tuned_on))

    def trial(tables: np.ndarray, count: int) -> tuple[float, float]:
        chosen = tuned_on.take(order[:count])
        files = measurement.coded(chosen.images, tables, subsampling, threads)
        scores = measurement.log_probabilities(classifier, files.decoded)
        right = scores.argmax(dim=1) == torch.from_numpy(chosen.labels)
        return float(np.mean([s.file for s in files.sizes])), right.double().mean().item()

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
