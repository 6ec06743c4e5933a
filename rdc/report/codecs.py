"""What the page carries of codecs: points with intervals, the cells behind them, published points."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rdc import intervals
from rdc.figures import published as papers
from rdc.figures import style
from rdc.readings import read_right
from rdc.report.numbers import short, shorts, strip

SYMBOLS = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down",
           "P": "cross"}  # fmt: skip
BOOK_SYMBOLS = dict(zip(style.CODEBOOKS, ("x", "star", "hexagram"), strict=True))
SHOWN = 10  # pictures of each cell
# What makes a point: cells that are alike but for the seed.
POINT = ["dataset", "study", "method", "recipe", "dim", "levels", "lam", "dither", "encoder_from"]
PLAIN = ("entropy_bits", "coded_bits", "psnr", "sliced_w1", "w1_critic", "w1_fresh")

Images = dict[tuple[str, str], Path]  # (study, cell) to its file of saved reconstructions


def payload(frames: dict[str, pd.DataFrame], images: Images, arguments: Sequence[str]) -> dict:
    """Everything of codecs that the page's script draws.

    Args:
        frames: ``cells``, ``confusion``, ``curves`` and ``costs``.
        images: files in ``<results>/measured/{study}/{batch}``; cells without one show no pictures.
        arguments: what ``snakemake`` is told to be given this run, for the commands that rebuild cells.
    """
    test = frames["cells"][frames["cells"].split == "test"]
    right = _right_by_reader(frames["confusion"])
    originals: dict[str, dict] = {}
    points = []
    for number, (_, group) in enumerate(test.groupby(POINT, dropna=False, sort=False)):
        group = group.sort_values("seed")
        points.append(_point(number, group, right, images))
        points[-1]["cells"] = [
            _cell(row, frames, images.get((row.study, row.cell)), originals, arguments)
            for row in group.itertuples()
        ]
    return {
        "methods": _methods(test.method.unique()),
        "readers": sorted(set(frames["confusion"].classifier) - {"judge"}),
        "points": points,
        "originals": originals,
    }


def published(folder: Path) -> list[dict]:
    """The papers' own points on MNIST, None where a paper says nothing."""
    points = papers.points(folder)
    return points.astype(object).where(points.notna(), None).to_dict("records")


def _methods(names) -> dict[str, dict]:
    """Each method's name, colour and symbol, those of codebooks grey and last."""
    looks = style.looks(set(names) - set(style.CODEBOOKS))
    found = {
        method: {
            "name": style.method_name(method),
            "colour": look["color"],
            "symbol": SYMBOLS[look["marker"]],
            "book": False,
        }
        for method, look in looks.items()
    }
    for method in style.CODEBOOKS:
        if method in names:
            found[method] = {"name": style.method_name(method), "colour": style.REFERENCE,
                             "symbol": BOOK_SYMBOLS[method], "book": True}  # fmt: skip
    return found


def _right_by_reader(confusion: pd.DataFrame) -> dict[tuple, dict[str, float]]:
    """(study, cell) to the share of test images that each classifier reads right."""
    found: dict[tuple, dict[str, float]] = {}
    for (study, cell, reader), share in read_right(confusion).items():
        found.setdefault((study, cell), {})[reader] = share
    return found


def _point(number: int, group: pd.DataFrame, right: dict, images: Images) -> dict:
    """One point of the planes. Measured values are [mean, low, high], the ends None if unknown."""
    first = group.iloc[0]
    return {
        "id": number,
        **{name: first[name] for name in ("dataset", "study", "method", "recipe", "classifier")},
        **{name: int(first[name]) for name in ("dim", "levels", "epochs", "steps", "n_images")},
        "lam": short(first.lam),
        "width": short(first.width),
        "dither": bool(first.dither),
        "rate": round(float(first.rate_bits), 3),
        "weights": json.loads(first.weights),
        "encoder_from": first.encoder_from if isinstance(first.encoder_from, str) else None,
        "clean": short(first.accuracy_clean),
        "mse": _mse(group, images),
        "nll": shorts(intervals.over_seeds(group.nll_nats)),
        "accuracy": _accuracies(group, right),
        **{name: shorts(intervals.over_seeds(group[name])) for name in PLAIN},
    }


def _mse(group: pd.DataFrame, images: Images) -> list:
    """Over seeds where there are several, else over the test images of the one cell."""
    mean, low, high = intervals.over_seeds(group.mse)
    path = images.get((group.study.iloc[0], group.cell.iloc[0]))
    if len(group) == 1 and path is not None:
        with np.load(path) as saved:
            if "errors" in saved:
                low, high = intervals.of_mean(saved["errors"])
            elif "mse_interval" in saved:  # of a page before this one
                low, high = saved["mse_interval"]
    return shorts((mean, low, high))


def _accuracies(group: pd.DataFrame, right: dict) -> dict[str, list]:
    """By the codec's own classifier, by the judge, and by each classifier by name."""
    keys = list(zip(group.study, group.cell, strict=True))
    shares = {"own": group.accuracy.to_numpy(), "judge": group.accuracy_judge.to_numpy()}
    if all(key in right for key in keys):
        shares |= {
            name: np.array([right[key][name] for key in keys])
            for name in right[keys[0]]
            if name != "judge"
        }
    found = {}
    for reader, values in shares.items():
        mean, low, high = intervals.over_seeds(values)
        if len(values) == 1:
            low, high = intervals.of_share(mean, int(group.n_images.iloc[0]))
        found[reader] = shorts((mean, low, high))
    return found


def _cell(row, frames: dict, path: Path | None, originals: dict, arguments: Sequence[str]) -> dict:
    """One trained cell: its pictures, curves, files, cost and the command that rebuilds it."""
    costs = frames["costs"]
    cost = costs[(costs.study == row.study) & (costs.cell == row.cell)]
    cell = {
        "name": row.cell,
        "seed": int(row.seed),
        "key": row.cell_key,
        "precision": found if isinstance(found := row.precision, str) else None,
        "curves": _curves(frames["curves"], row.study, row.cell),
        "train_seconds": short(cost.train_seconds.iloc[0]) if len(cost) else None,
        "device": cost.device.iloc[0] if len(cost) else None,
    }
    return (
        cell if path is None else cell | _pictures(path, originals) | _files(path, row, arguments)
    )


def _curves(curves: pd.DataFrame, study: str, cell: str) -> dict[str, dict[str, list]]:
    """Term to split to [epochs, values]."""
    own = curves[(curves.study == study) & (curves.cell == cell)]
    found: dict[str, dict[str, list]] = {}
    for (term, split), part in own.groupby(["term", "split"], sort=True):
        part = part.sort_values("epoch")
        found.setdefault(term, {})[split] = [part.epoch.tolist(), shorts(part.value)]
    return found


def _pictures(path: Path, originals: dict) -> dict:
    with np.load(path) as saved:
        kept = {name: saved[name][:SHOWN] for name in ("labels", "images", "predicted")}
        decoded = saved["reconstructions"][:SHOWN]
    shown = strip(kept["images"])
    known = next((name for name, o in originals.items() if o["png"] == shown), None)
    if known is None:
        known = str(len(originals))
        originals[known] = {"png": shown, "labels": kept["labels"].tolist(),
                            "size": list(kept["images"].shape[1:])}  # fmt: skip
    return {"originals": known, "png": strip(decoded), "read": kept["predicted"].tolist()}


def _files(path: Path, row, arguments: Sequence[str]) -> dict:
    """Where its weights lie, and the command that makes them again, from the checkout's root."""
    measured, results = path.parent, path.parents[3]  # results/{run}/measured/{study}/{batch}
    if results.is_absolute():  # put together elsewhere than where it was run
        results = Path("results") / row.run
    target = results / "measured" / row.study / measured.name
    weights = results / "codecs" / row.study / measured.name / f"{row.cell}.codec.safetensors"
    command = ["snakemake", "--cores", "all", str(target), *arguments]
    return {"file": str(weights), "command": shlex.join(command)}
