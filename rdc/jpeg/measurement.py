"""Tables measured by real files: bytes from libjpeg-turbo, pixels as it decodes them, classifiers."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from rdc.datasets.pictures import Pictures
from rdc.jpeg import standard
from rdc.jpeg.standard import Sizes

# A picture's position and pixels to its file; and a quality to such an encoder.
Encode = Callable[[int, np.ndarray], bytes]
Coder = Callable[[int], Encode]

HIGHEST_PSNR = 100.0  # dB: one pixel in 150,000 off by one level
READ_AT_ONCE = 250  # images that a classifier gets in one batch
CHUNK = 64  # small images that a thread encodes without a break
STRIP = 256  # rows of a picture


@dataclass(frozen=True)
class Coded:
    """What pictures were after a round trip through real files, in the pictures' order."""

    sizes: list[Sizes]
    errors: np.ndarray  # (n,), see ``error``
    readings: dict[str, np.ndarray]  # as ``read`` has them


def coded(
    pictures: Pictures,
    encode: Encode,
    threads: int,
    readers: dict[str, torch.nn.Module] | None = None,
) -> Coded:
    """Encodes and decodes with ``threads`` at a time (libjpeg-turbo runs outside Python's lock).

    No more pictures are in memory than threads, and, where there are ``readers``, decoded ones than
    they get in one batch.
    """
    reading = bool(readers)

    def some(rows: range) -> list[tuple[Sizes, float, np.ndarray | None]]:
        found = []
        for row in rows:
            image = pictures.images[row]
            file = encode(row, image)
            decoded = standard.decode(file)
            sizes = standard.sizes(file)
            found.append((sizes, error(image, decoded), decoded if reading else None))
        return found

    count = len(pictures)
    size = CHUNK if count >= CHUNK * threads else 1  # few and large: one at a time
    sizes, errors, readings = [], [], []
    with ThreadPoolExecutor(threads) as workers:
        for first in range(0, count, READ_AT_ONCE):
            rows = range(first, min(first + READ_AT_ONCE, count))
            chunks = [rows[i : i + size] for i in range(0, len(rows), size)]
            done = [picture for part in workers.map(some, chunks) for picture in part]
            sizes += [picture[0] for picture in done]
            errors += [picture[1] for picture in done]
            labels = None if pictures.labels is None else pictures.labels[rows.start : rows.stop]
            readings.append(read(readers or {}, [picture[2] for picture in done], labels))
    joined = {name: np.concatenate([part[name] for part in readings]) for name in readings[0]}
    return Coded(sizes, np.array(errors), joined)


def error(image: np.ndarray, decoded: np.ndarray) -> float:
    """Mean squared error of a picture, of levels in [0, 1].

    Summed in whole numbers, a strip at a time: exact, and without a copy of 8 bytes a level.
    """
    total = 0
    for top in range(0, len(image), STRIP):
        strip = slice(top, top + STRIP)
        difference = np.subtract(decoded[strip], image[strip], dtype=np.int32)
        total += int(np.square(difference).sum(dtype=np.int64))
    return total / image.size / 255**2


def psnr(error: np.ndarray) -> np.ndarray:
    """dB, of levels in [0, 1]; at most ``HIGHEST_PSNR``.

    A picture of one level comes back without error, and one infinite number would leave no mean.
    """
    return -10 * np.log10(np.maximum(error, 10 ** (-HIGHEST_PSNR / 10)))


def log_probabilities(classifier: torch.nn.Module, images: list[np.ndarray]) -> torch.Tensor:
    """(n, classes) of pictures of one size, uint8, (h, w, 3) or (h, w)."""
    stacked = torch.from_numpy(np.stack(images))
    stacked = stacked[:, None] if stacked.ndim == 3 else stacked.permute(0, 3, 1, 2)
    with torch.no_grad():
        parts = [classifier(part.float() / 255) for part in stacked.split(READ_AT_ONCE)]
    return torch.cat(parts)


def records(
    pictures: Pictures,
    coder: Coder,
    qualities: Iterable[int],
    readers: dict[str, torch.nn.Module],
    threads: int,
    report: Callable[[str], None] = lambda line: None,
) -> list[dict]:
    """One record per picture and quality, as the table ``jpeg_images`` has them.

    Args:
        readers: ``classifier`` and ``judge``, or neither.
    """
    rows, shapes = [], pictures.shapes
    for quality in qualities:
        files = coded(pictures, coder(quality), threads, readers)
        levels = psnr(files.errors)
        for row, (shape, size) in enumerate(zip(shapes, files.sizes, strict=True)):
            rows.append(
                {
                    "image": pictures.names[row],
                    "quality": quality,
                    "pixels": shape[0] * shape[1],
                    "bytes_file": size.file,
                    "bytes_scan": size.scan,
                    "bytes_huffman_tables": size.huffman_tables,
                    "mse": float(files.errors[row]),
                    "psnr": float(levels[row]),
                    **{name: float(values[row]) for name, values in files.readings.items()},
                }
            )
        report(f"quality {quality}: {np.mean([s.file for s in files.sizes]):.0f} bytes a file")
    return rows


def read(readers: dict, decoded: list[np.ndarray], labels) -> dict[str, np.ndarray]:
    """Per image: nats and rightness by the classifier, rightness by the judge; NaN without them."""
    unread = np.full(len(decoded), np.nan)
    found = {"nll_nats": unread, "correct": unread, "correct_judge": unread}
    truth = None if labels is None else torch.from_numpy(labels)
    for name, reader in readers.items():
        scores = log_probabilities(reader, decoded)
        right = (scores.argmax(dim=1) == truth).double().numpy()
        if name == "judge":
            found["correct_judge"] = right
        else:
            found["correct"] = right
            found["nll_nats"] = -scores.gather(1, truth[:, None])[:, 0].double().numpy()
    return found


def summary(rows: list[dict], names: dict, objective: str, seed: int) -> list[dict]:
    """Means over images, as the table ``jpeg`` has them; bits per pixel are of all pixels together."""
    found = []
    for quality in sorted({row["quality"] for row in rows}):
        part = [row for row in rows if row["quality"] == quality]
        pixels = sum(row["pixels"] for row in part)
        bits = {
            name: 8 * sum(row[f"bytes_{name}"] for row in part) / pixels
            for name in ("file", "scan", "huffman_tables")
        }
        means = {
            name: float(np.mean([row[name] for row in part]))
            for name in ("psnr", "mse", "nll_nats", "correct", "correct_judge")
        }
        found.append(
            {
                **names,
                "quality": quality,
                "objective": objective,
                "bpp_file": bits["file"],
                "bpp_scan": bits["scan"],
                "bpp_scan_dht": bits["scan"] + bits["huffman_tables"],
                "psnr": means["psnr"],
                "mse": means["mse"],
                "nll_nats": means["nll_nats"],
                "accuracy": means["correct"],
                "accuracy_judge": means["correct_judge"],
                "n_images": len(part),
                "seed": seed,
            }
        )
    return found
