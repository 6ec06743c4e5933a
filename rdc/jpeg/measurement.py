"""Tables measured by real files: bytes from libjpeg-turbo, pixels as it decodes them, classifiers."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from rdc.datasets.pictures import Pictures
from rdc.jpeg import standard
from rdc.jpeg.standard import Sizes, TableSet

READ_AT_ONCE = 250  # images that a classifier gets in one batch
CHUNK = 64  # small images that a thread encodes without a break


@dataclass(frozen=True)
class Coded:
    """Pictures after a round trip through real files, in the pictures' order."""

    sizes: list[Sizes]
    decoded: list[np.ndarray]


def coded(images: list[np.ndarray], tables: np.ndarray, subsampling: str, threads: int) -> Coded:
    """Encodes and decodes with ``threads`` at a time (libjpeg-turbo runs outside Python's lock)."""

    def one(image: np.ndarray) -> tuple[Sizes, np.ndarray]:
        content = standard.encode(image, tables, subsampling)
        return standard.sizes(content), standard.decode(content)

    with ThreadPoolExecutor(threads) as workers:
        chunks = [images[i : i + CHUNK] for i in range(0, len(images), CHUNK)]
        if len(images) < CHUNK * threads:  # few and large: one at a time
            chunks = [[image] for image in images]
        done = [
            pair for part in workers.map(lambda c: [one(i) for i in c], chunks) for pair in part
        ]
    return Coded([sizes for sizes, _ in done], [pixels for _, pixels in done])


def log_probabilities(classifier: torch.nn.Module, images: list[np.ndarray]) -> torch.Tensor:
    """(n, classes) of pictures of one size, uint8."""
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    with torch.no_grad():
        parts = [classifier(part.float() / 255) for part in stacked.split(READ_AT_ONCE)]
    return torch.cat(parts)


def records(
    pictures: Pictures,
    tables: TableSet,
    qualities: Iterable[int],
    subsampling: str,
    readers: dict[str, torch.nn.Module],
    threads: int,
    report: Callable[[str], None] = lambda line: None,
) -> list[dict]:
    """One record per picture and quality, as the table ``jpeg_images`` has them.

    Args:
        readers: ``classifier`` and ``judge``, or neither.
    """
    rows = []
    for quality in qualities:
        steps = tables.at(quality)
        files = coded(pictures.images, steps, subsampling, threads)
        right = _read(readers, files.decoded, pictures.labels)
        for row, (image, size) in enumerate(zip(pictures.images, files.sizes, strict=True)):
            pixels = image.shape[0] * image.shape[1]
            error = float(np.mean((files.decoded[row].astype(np.float64) - image) ** 2)) / 255**2
            rows.append(
                {
                    "image": pictures.names[row],
                    "quality": quality,
                    "pixels": pixels,
                    "bytes_file": size.file,
                    "bytes_scan": size.scan,
                    "bytes_huffman_tables": size.huffman_tables,
                    "mse": error,
                    "psnr": float(-10 * np.log10(error)) if error else float("inf"),
                    **{name: float(values[row]) for name, values in right.items()},
                }
            )
        report(f"quality {quality}: {np.mean([s.file for s in files.sizes]):.0f} bytes a file")
    return rows


def _read(readers, decoded, labels) -> dict[str, np.ndarray]:
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
