"""A page of realistic size from rows made by hand, and what is packed inside a page."""

import base64
import gzip
import io
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sandbox import ROOT

from rdc.datasets.pictures import Pictures
from rdc.figures import style
from rdc.jpeg import samples, standard
from rdc.report import gallery, page

RATES = {(3, 2): 3.0, (3, 3): 4.754888, (3, 4): 6.0, (4, 4): 8.0, (6, 4): 12.0}
BOOKS = ("vq", "class_vq")
TABLES = ("annex_k", "flat", "luo", "ramp", "robidoux", "klein", "watson")
QUALITIES = [10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95]


def unpacked(path: Path, name: str):
    """JSON that a page carries: ``data`` or ``drawings``."""
    text = re.search(rf'id="packed-{name}">([^<]+)<', path.read_text())[1]
    return json.loads(gzip.decompress(base64.b64decode(text)))


def realistic(folder: Path) -> page.Run:
    """Some 150 cells of three studies, JPEG tables on 24 pictures, a ledger and all figures."""
    rows = list(_cells())
    cells = pd.DataFrame(rows)
    names = cells[["study", "cell"]]
    frames = {
        "cells": cells,
        "confusion": _confusion(names),
        "curves": _curves(names),
        "costs": cells[["study", "cell", "cell_key"]].assign(
            train_seconds=600.0, evaluate_seconds=30.0, device="cpu"
        ),
        "classifiers": _classifiers(),
        "claims": _claims(),
        **jpeg_frames(),
    }
    return page.Run(
        name="made",
        frames=frames,
        images=_images(folder, cells),
        figures=_figures(folder),
        sets={("kodak", name, "420"): standard.named(name) for name in TABLES},
        studies={"kodak": {"reference": "annex_k", "ablation": ["watson"]}},
        arguments=["--configfile", "config/mnist.yaml"],
        published=ROOT / "config" / "published",
    )


def _cells():
    methods = [m for m in style.METHOD_NAMES if m != "class_vq_soft"]
    grid = itertools.product(methods, [0.005, 0.015], RATES.items())
    for number, (method, lam, ((dim, levels), rate)) in enumerate(grid):
        for seed in range(3 if (method, lam, levels) == ("rdc", 0.015, 3) else 1):
            study = "le" if method.startswith(("na", "only", "deep")) else "zhang"
            book = method in BOOKS
            yield {
                "run": "made", "dataset": "mnist", "split": "test", "study": study, "method": method,
                "recipe": "lloyd" if book else "ours", "lam": lam, "dim": dim, "levels": levels,
                "dither": not book and number % 5 > 0, "seed": seed, "rate_bits": rate,
                "entropy_bits": rate - 0.1, "coded_bits": rate - 0.05, "classifier": "zhang",
                "weights": json.dumps({"mse": 1.0, "nll": lam}), "encoder_from": None,
                "cell": f"{method}_lam={lam}_dim={dim}_levels={levels}_seed={seed}",
                "cell_key": f"{number:016x}", "code_key": "made", "width": 1.0, "epochs": 30,
                "steps": 30000, "n_images": 10000, "accuracy_clean": 0.99,
                "mse": 0.07 - 0.004 * rate + 0.0004 * number % 0.01 + 0.0003 * seed, "psnr": 14.0,
                "nll_nats": 2 / rate + lam, "accuracy": 0.7 + 0.02 * rate + 0.0005 * (number % 40),
                "accuracy_judge": 0.69 + 0.02 * rate, "sliced_w1": 0.05, "w1_critic": np.nan,
                "w1_fresh": np.nan, "precision": "bfloat16",
            }  # fmt: skip


def _confusion(names: pd.DataFrame) -> pd.DataFrame:
    pairs = pd.DataFrame(
        [
            (reader, i, j)
            for reader in ("zhang", "le", "judge")
            for i in range(10)
            for j in range(10)
        ],
        columns=["classifier", "label", "predicted"],
    )
    found = names.merge(pairs, how="cross")
    return found.assign(share=np.where(found.label == found.predicted, 0.91, 0.01), n_images=1000)


def _curves(names: pd.DataFrame) -> pd.DataFrame:
    each = pd.DataFrame(
        [(split, term, epoch, 0.1 / epoch + 0.04)
         for split, term, epoch in itertools.product(
             ("train", "validation"), ("mse", "nll", "accuracy"), range(1, 31))],
        columns=["split", "term", "epoch", "value"],
    )  # fmt: skip
    return names.merge(each, how="cross")


def _classifiers() -> pd.DataFrame:
    return pd.DataFrame(
        {"run": "made", "dataset": "mnist", "classifier": name, "split": "test", "accuracy": 0.99,
         "nll_nats": 0.03, "n_images": 10000, "epochs": 20, "parameters": 100000}
        for name in ("zhang", "le", "judge")
    )  # fmt: skip


def _claims() -> pd.DataFrame:
    verdicts = ("reproduced", "not reproduced", "not testable at this scale")
    return pd.DataFrame(
        {"paper": ("zhang", "le", "luo")[i % 3], "claim": f"claim {i}", "where": f"Section {i}",
         "published": "98.7 %", "measured": np.nan if i % 7 == 6 else (37 * i) % 60 / 10, "low": np.nan,
         "high": np.nan, "tolerance": "≥ 1", "verdict": verdicts[i % 2 if i < 20 else 2],
         "note": "made by hand", "figure": "zhang_plane" if i % 2 else None}
        for i in range(60)
    )  # fmt: skip


def _images(folder: Path, cells: pd.DataFrame) -> dict:
    """Noise, which no compression makes small; every third digit is misread."""
    generator = np.random.default_rng(0)
    originals, labels = generator.integers(0, 256, (20, 28, 28), dtype=np.uint8), np.arange(20) % 10
    found = {}
    for row in cells.itertuples():
        path = folder / "measured" / row.study / f"batch_{row.method}" / f"{row.cell}.images.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, images=originals, labels=labels, rows=np.arange(20),
                 reconstructions=generator.integers(0, 256, (20, 28, 28), dtype=np.uint8),
                 predicted=np.where(labels % 3 == 2, 0, labels), correct=np.ones(1000),
                 errors=generator.uniform(0, 0.1, 1000))  # fmt: skip
        found[row.study, row.cell] = path
    return found


def _figures(folder: Path) -> dict[str, Path]:
    generator, found = np.random.default_rng(0), {}
    for caption in sorted(gallery.CAPTIONS.glob("*.rst")):
        path = " ".join(f"L {x:.3f} {y:.3f}" for x, y in generator.uniform(0, 400, (7000, 2)))
        found[caption.stem] = folder / f"{caption.stem}.svg"
        found[caption.stem].write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="400" viewBox="0 0 400 400">'
            f'<path d="M 0 0 {path}" fill="none" stroke="#0072B2" stroke-width=".2"/></svg>'
        )
    return found


def jpeg_frames() -> dict[str, pd.DataFrame]:
    generator = np.random.default_rng(0)
    coarse = Image.fromarray(generator.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    picture = np.asarray(coarse.resize((256, 256), Image.Resampling.BICUBIC))
    images, kept = [], []
    for index, name in enumerate(TABLES):
        key = {"run": "made", "study": "kodak", "tables": name, "subsampling": "4:2:0"}
        for quality, number in itertools.product(QUALITIES, range(24)):
            size = int(1000 * (1 + quality / 10) * (1 + 0.01 * index))
            images.append({**key, "image": f"kodim{number}", "quality": quality, "pixels": 65536,
                           "bytes_file": size, "bytes_scan": size - 300, "bytes_huffman_tables": 100,
                           "mse": 0.01 / quality, "psnr": 26 + quality / 6 + 0.1 * number,
                           "nll_nats": np.nan, "correct": np.nan, "correct_judge": np.nan})  # fmt: skip
        pictures = Pictures([picture, picture[::-1].copy()], ["one", "two"])
        kept += [{**key, **row} for row in
                 samples.records(pictures, standard.named(name), QUALITIES, "4:2:0")]  # fmt: skip
    frame = pd.DataFrame(images)
    means = frame.groupby(
        ["run", "study", "tables", "subsampling", "quality"], as_index=False, sort=False
    )
    rows = means.agg(psnr=("psnr", "mean"), mse=("mse", "mean"), n_images=("psnr", "size"),
                     size=("bytes_file", "sum"), pixels=("pixels", "sum"))  # fmt: skip
    bits = 8 * rows["size"] / rows.pixels
    rows = rows.assign(dataset="kodak", bpp_file=bits, bpp_scan=0.9 * bits, bpp_scan_dht=0.95 * bits,
                       accuracy=np.nan, accuracy_judge=np.nan, nll_nats=np.nan)  # fmt: skip
    return {"jpeg": rows, "jpeg_images": frame, "jpeg_samples": pd.DataFrame(kept)}


def png_size(content: str) -> tuple[int, int]:
    """Width and height of a picture that a page carries."""
    return Image.open(io.BytesIO(base64.b64decode(content))).size
