"""Pictures that show what tables do (Luo, Figs 1, 5 and 8): as good in fewer bytes, read right again."""

import json
from pathlib import Path

import numpy as np
import torch

from rdc.atomic import replacing
from rdc.datasets.pictures import Pictures
from rdc.jpeg import measurement, standard
from rdc.jpeg.standard import TableSet

SHOWN = 4  # pictures
SIDE = 160  # of what is shown of a photograph, in pixels
REFERENCE_QUALITY = 50
SEARCHED = 400  # pictures with classes that are looked through


def chosen(
    pictures: Pictures,
    reference: TableSet,
    ours: TableSet,
    subsampling: str,
    classifier: torch.nn.Module | None,
) -> list[dict]:
    """Up to ``SHOWN`` examples: ``name`` and ``panels`` (original, reference, ours).

    Without a classifier ours has at least the reference's PSNR, in as few bytes as its qualities
    allow; with one it is read right, in no more bytes, where the reference is misread. A panel has
    ``pixels`` (uint8) and what it says: ``bytes`` and ``psnr`` of the file, or its ``reading`` and
    the ``probability`` given to it.
    """
    if classifier is None:
        rows = np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).astype(int)
        return [_as_good(pictures, row, reference, ours, subsampling) for row in rows]
    found = []
    for row in range(min(SEARCHED, len(pictures))):
        example = _put_right(pictures, row, reference, ours, subsampling, classifier)
        if example is not None:
            found.append(example)
        if len(found) == SHOWN:
            break
    return found


def save(examples: list[dict], path: str | Path) -> None:
    """Writes examples, whole or not at all, the same bytes each time."""
    pixels = {
        f"{number}_{position}": panel["pixels"]
        for number, example in enumerate(examples)
        for position, panel in enumerate(example["panels"])
    }
    words = [
        {
            "name": example["name"],
            "panels": [
                {key: value for key, value in panel.items() if key != "pixels"}
                for panel in example["panels"]
            ],
        }
        for example in examples
    ]
    with replacing(path) as scratch, open(scratch, "wb") as stream:
        np.savez(stream, words=np.array(json.dumps(words)), **pixels)


def load(path: str | Path) -> list[dict]:
    """What ``save`` wrote. Raises TableError naming a file that is anything else."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            examples = json.loads(str(arrays["words"]))
            for number, example in enumerate(examples):
                for position, panel in enumerate(example["panels"]):
                    panel["pixels"] = arrays[f"{number}_{position}"]
            return examples
    except (OSError, ValueError, KeyError) as error:
        raise standard.TableError(
            f"{path}: holds no examples ({error}); delete it and run again"
        ) from None


def _as_good(pictures, row, reference, ours, subsampling) -> dict:
    image = pictures.images[row]
    before = standard.encode(image, reference.at(REFERENCE_QUALITY), subsampling)
    wanted = _psnr(image, before)
    low, high = 1, 100
    while low < high:  # the lowest quality that is as good
        middle = (low + high) // 2
        file = standard.encode(image, ours.at(middle), subsampling)
        low, high = (low, middle) if _psnr(image, file) >= wanted else (middle + 1, high)
    after = standard.encode(image, ours.at(low), subsampling)
    window = _window(image)
    panels = [{"pixels": image[window], "bytes": None, "psnr": None}]
    for file in (before, after):
        shown = {"bytes": len(file), "psnr": float(_psnr(image, file))}
        panels.append({"pixels": standard.decode(file)[window], **shown})
    return {"name": pictures.names[row], "panels": panels}


def _window(image: np.ndarray) -> tuple[slice, slice]:
    """The square of ``SIDE`` with the most detail, on a coarse grid of positions."""
    tops = range(0, max(1, image.shape[0] - SIDE + 1), SIDE // 2)
    lefts = range(0, max(1, image.shape[1] - SIDE + 1), SIDE // 2)
    most, found = -1.0, (0, 0)
    for top in tops:  # a strip at a time: whole photographs are large as floats
        strip = image[top : top + SIDE + 1].astype(float)
        grey = strip.mean(axis=-1) if image.ndim == 3 else strip
        detail = np.abs(np.diff(grey, axis=0))[:, :-1] + np.abs(np.diff(grey, axis=1))[:-1]
        for left in lefts:
            here = detail[:, left : left + SIDE].sum()
            if here > most:
                most, found = here, (top, left)
    top, left = found
    return slice(top, top + SIDE), slice(left, left + SIDE)


def _put_right(pictures, row, reference, ours, subsampling, classifier) -> dict | None:
    image, label = pictures.images[row], int(pictures.labels[row])
    before = standard.encode(image, reference.at(REFERENCE_QUALITY), subsampling)
    if _reading(classifier, standard.decode(before))[0] == label:
        return None
    for quality in range(90, 10, -4):
        after = standard.encode(image, ours.at(quality), subsampling)
        if len(after) <= len(before):
            break
    else:
        return None
    if _reading(classifier, standard.decode(after))[0] != label:
        return None
    panels = []
    for file in (None, before, after):
        pixels = image if file is None else standard.decode(file)
        reading, probability = _reading(classifier, pixels)
        panels.append(
            {
                "pixels": pixels,
                "bytes": None if file is None else len(file),
                "reading": pictures.classes[reading],
                "probability": probability,
            }
        )
    return {"name": pictures.names[row], "panels": panels}


def _reading(classifier, pixels) -> tuple[int, float]:
    scores = measurement.log_probabilities(classifier, [pixels])[0]
    return int(scores.argmax()), float(scores.max().exp())


def _psnr(image: np.ndarray, file: bytes) -> float:
    return measurement.psnr(np.array([measurement.error(image, standard.decode(file))]))[0]
