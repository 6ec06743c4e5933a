"""Tables of each picture's own, at each quality: by gradient (Luo, eq. 3), or as SJPEG finds them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from rdc.datasets.pictures import Pictures
from rdc.jpeg import coders, differentiable, measurement, optimization, standard
from rdc.jpeg.measurement import Coded, Coder, Encode
from rdc.jpeg.standard import ZIGZAG, TableSet

LADDER = (
    4, 7, 10, 13, 16, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 84, 88, 91, 93, 95, 97,
)  # fmt: skip
PIXELS_AT_ONCE = 2_500_000  # of pictures whose tables are tuned side by side
# SJPEG: how far a step may go from where it begins, luma and chroma; the three lowest stay.
FURTHEST = ((-10, 10), (-10, 1))
KEPT = 3
SLOPE_WEIGHTS = np.exp(-0.5 * (np.arange(-10, 11) / 3) ** 2)


class Aim(NamedTuple):
    """What tables of each picture's own are tuned for."""

    score: Callable[[Coded], np.ndarray]  # of coded pictures, one each, higher is better
    # Images (n, h, w[, 3]) and their rows to the loss that training minimises, minus the score.
    loss_of: Callable[[np.ndarray, np.ndarray], optimization.Loss]
    readers: dict[str, torch.nn.Module]  # that must have read what is scored


def descended(tables: TableSet, subsampling: str) -> Coder:
    """D + lambda R, step by step, as SJPEG lowers it (Luo, Section 4.2, "Comparison with SJPEG").

    Of every coefficient's own histogram: D is the squared error, R the bits of the amplitudes, lambda
    the slope of both around the table that the picture begins with; each step then takes its best.
    """

    def at(quality: int) -> Encode:
        start = tables.at(quality)
        return lambda row, image: standard.encode(
            image, coordinate_descent(image, start, subsampling), subsampling
        )

    return at


def coordinate_descent(image: np.ndarray, start: np.ndarray, subsampling: str) -> np.ndarray:
    """Integer tables (2, 8, 8) for one picture, from those it would have otherwise."""
    blocks, _ = differentiable.transform(optimization.stacked(image[None]), subsampling)
    found = np.array(start)
    for channel, plane in enumerate(blocks.planes()):
        levels = plane.reshape(-1, 64).abs().numpy()
        steps = found[channel].reshape(64)[ZIGZAG]
        natural = np.empty(64, dtype=int)
        natural[ZIGZAG] = _descended_channel(levels, steps, FURTHEST[channel])
        found[channel] = natural.reshape(8, 8)
    return found


def _descended_channel(levels: np.ndarray, steps: np.ndarray, furthest: tuple) -> np.ndarray:
    changes = np.arange(-10, 11)
    error, bits = np.full((2, len(changes), 64), np.inf)
    for row, change in enumerate(changes):
        tried = np.clip(steps + change, 1, standard.LARGEST)
        codes = np.floor(levels / tried + 0.5)
        error[row] = ((levels - codes * tried) ** 2).sum(axis=0)
        bits[row] = np.ceil(np.log2(codes + 1)).sum(axis=0)
    weights = SLOPE_WEIGHTS / SLOPE_WEIGHTS.sum()
    centred = (weights * (changes - weights @ changes))[:, None]
    lost, saved = (centred * error)[:, KEPT:].sum(), -(centred * bits)[:, KEPT:].sum()
    if lost <= 0 or saved <= 0:
        return steps
    cost = error + lost / saved * bits
    cost[(changes < furthest[0]) | (changes > furthest[1])] = np.inf
    chosen = np.clip(steps + changes[cost.argmin(axis=0)], 1, standard.LARGEST)
    chosen[:KEPT] = steps[:KEPT]
    return chosen


def adapted(
    pictures: Pictures,
    start: TableSet,
    subsampling: str,
    aim: Aim,
    settings: optimization.Settings,
    threads: int,
    report: Callable[[str], None] = lambda line: None,
) -> Coder:
    """Tables by gradient for each picture and quality, at one slope of score against bits for all.

    The slope is that of the mean curve of ``start`` at the quality asked for. First each picture
    takes the quality of ``start`` that is best for it at this slope, then its steps move by gradient;
    real files decide whether they stay there.
    """
    pixels = np.array([height * width for height, width, *_ in pictures.shapes])
    bits, scores = np.empty((2, len(pictures), len(LADDER)))
    for column, quality in enumerate(LADDER):
        encode = coders.scaled(start, subsampling)(quality)
        files = measurement.coded(pictures, encode, threads, aim.readers)
        bits[:, column] = [8 * size.file for size in files.sizes] / pixels
        scores[:, column] = aim.score(files)
    report(f"{len(pictures)} pictures at {len(LADDER)} qualities of the tables they start from")

    def at(quality: int) -> Encode:
        slope = slope_at(bits.mean(axis=0), scores.mean(axis=0), quality)
        best = (scores - slope * bits).argmax(axis=1)
        before = np.stack([start.at(LADDER[column]) for column in best])
        tables = _tuned(pictures, before, subsampling, aim.loss_of, slope, settings)
        files = measurement.coded(pictures, _each(tables, subsampling), threads, aim.readers)
        reached = aim.score(files) - slope * 8 * np.array([s.file for s in files.sizes]) / pixels
        rows = np.arange(len(pictures))
        better = reached > scores[rows, best] - slope * bits[rows, best]
        report(
            f"quality {quality}: {slope:.3g} a bit per pixel; starts from qualities "
            f"{LADDER[best.min()]} to {LADDER[best.max()]}; gradient helped {better.mean():.0%}"
        )
        return _each(np.where(better[:, None, None, None], tables, before), subsampling)

    return at


def slope_at(bits: np.ndarray, scores: np.ndarray, quality: int) -> float:
    """Score per bit of a mean curve over ``LADDER`` at a quality; 0 where it does not rise."""
    apart = np.concatenate([[True], np.diff(bits) > 0])  # steps may be clipped alike
    slopes = np.gradient(scores[apart], bits[apart])
    return max(0.0, float(np.interp(quality, np.array(LADDER)[apart], slopes)))


def distortion() -> Aim:
    """PSNR in dB, and its loss."""

    def loss_of(images: np.ndarray, rows: np.ndarray) -> optimization.Loss:
        loss = optimization.log_distortion(optimization.stacked(images))
        return lambda reconstructions, own: 10 / np.log(10) * loss(reconstructions, own)

    return Aim(lambda files: measurement.psnr(files.errors), loss_of, {})


def classification(labels: np.ndarray, classifier: torch.nn.Module) -> Aim:
    """Minus the negative log-likelihood of the true label in nats, and its loss: an oracle."""

    def loss_of(images: np.ndarray, rows: np.ndarray) -> optimization.Loss:
        return optimization.log_loss(classifier, torch.from_numpy(labels[rows]))

    return Aim(lambda files: -files.readings["nll_nats"], loss_of, {"classifier": classifier})


def _tuned(pictures, before, subsampling, loss_of, slope, settings) -> np.ndarray:
    """Tables of each picture's own by gradient, pictures of one size side by side."""
    found = before.copy()
    shapes = pictures.shapes
    for shape in dict.fromkeys(shapes):
        rows = np.array([row for row, other in enumerate(shapes) if other == shape])
        size = max(1, PIXELS_AT_ONCE // (shape[0] * shape[1]))
        for some in np.array_split(rows, -(-len(rows) // size)):
            images = np.stack([pictures.images[row] for row in some])
            data = optimization.pool(images, subsampling)
            loss = loss_of(images, some)
            found[some] = optimization.per_image(before[some], data, loss, slope, settings)
    return found


def _each(tables: np.ndarray, subsampling: str) -> Encode:
    return lambda row, image: standard.encode(image, tables[row], subsampling)
