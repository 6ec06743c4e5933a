"""What the page carries of JPEG studies: curves, tables at each quality, and real files to look at."""

import numpy as np
import pandas as pd

from rdc import intervals
from rdc.figures import jpeg_sets
from rdc.jpeg import curves, samples
from rdc.jpeg.standard import TableSet
from rdc.report.numbers import encoded, shorts

MEANS = ("bpp_file", "bpp_scan_dht", "psnr", "mse")
DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}


def payload(
    frames: dict[str, pd.DataFrame],
    sets: dict[tuple[str, str, str], TableSet],
    studies: dict[str, dict],
) -> list[dict]:
    """One entry for each study and subsampling.

    Args:
        frames: ``jpeg``, ``jpeg_images`` and ``jpeg_samples``.
        sets: (study, tables, "420" or "444") to the tables.
        studies: of each study its ``reference``, the tables that savings are counted from, and its
            ``ablation``, the tables that are variations on others.
    """
    found = []
    for (study, subsampling), rows in frames["jpeg"].groupby(["study", "subsampling"], sort=False):
        pictures = _of(frames["jpeg_images"], study, subsampling)
        crops = _of(frames["jpeg_samples"], study, subsampling)
        names = list(pictures.tables.unique())
        reference = studies[study]["reference"]
        reference = reference if reference in names else names[0]
        sampling = subsampling.replace(":", "")
        own_sets = {name: sets.get((study, name, sampling)) for name in names}
        found.append(
            {
                "study": study,
                "subsampling": subsampling,
                "dataset": rows.dataset.iloc[0],
                "pictures": int(rows.n_images.max()),
                "classes": bool(rows.accuracy.notna().any()),
                "reference": reference,
                "ablation": list(studies[study]["ablation"]),
                "crops": _originals(crops),
                "tables": _tables(rows, pictures, crops, own_sets, reference),
            }
        )
    return sorted(found, key=lambda entry: entry["classes"])  # photographs first


def _of(frame: pd.DataFrame, study: str, subsampling: str) -> pd.DataFrame:
    return frame[(frame.study == study) & (frame.subsampling == subsampling)]


def _originals(crops: pd.DataFrame) -> list[dict]:
    first = crops.drop_duplicates("image")
    return [{"name": row.image, "png": encoded(row.original)} for row in first.itertuples()]


def _tables(rows, pictures, crops, sets, reference: str) -> list[dict]:
    by_name = dict(iter(pictures.groupby("tables", sort=False)))
    found = []
    for name, (colour, line) in jpeg_sets.looks(by_name).items():
        own = rows[rows.tables == name].sort_values("quality")
        entry = {
            "name": name,
            "title": jpeg_sets.title(name).replace("$", ""),  # names may hold mathematics
            "colour": colour,
            "dash": DASHES[line],
            "quality": own.quality.tolist(),
            **{column: shorts(own[column]) for column in MEANS},
            "steps": _steps(sets[name], own.quality),
            "files": _files(crops[crops.tables == name]),
        }
        for column in ("accuracy", "accuracy_judge"):
            if own[column].notna().any():
                entry[column] = [
                    shorts((share, *intervals.of_share(share, n)))
                    for share, n in zip(own[column], own.n_images, strict=True)
                ]
        if name != reference:
            entry |= _against(by_name[name], by_name[reference], own.accuracy.notna().any())
        found.append(entry)
    return found


def _steps(tables: TableSet | None, qualities) -> dict[int, list]:
    """The integer tables, one for each component of their own, at qualities that have files."""
    if tables is None:
        return {}
    chosen = samples.chosen(list(qualities))
    return {int(q): tables.at(int(q)).reshape(-1, 64).tolist() for q in chosen}


def _files(crops: pd.DataFrame) -> dict[int, list[str]]:
    """Quality to its JPEG files, in the order of the crops."""
    return {
        int(quality): [encoded(file) for file in part.file]
        for quality, part in crops.groupby("quality", sort=True)
    }


def _against(ours: pd.DataFrame, reference: pd.DataFrame, classes: bool) -> dict[str, dict]:
    """Bytes saved at equal PSNR, points gained at equal bits, with intervals over pictures."""
    ours_curve, other = (curves.curve(part, "psnr", "file") for part in (ours, reference))
    saved = curves.bytes_saved(ours_curve, other)
    found = {"saving": _band(saved.score, saved)}
    if classes:
        for score, key in (("correct", "gain"), ("correct_judge", "gain_judge")):
            if ours[score].isna().any():  # a study without a judge
                continue
            mine, theirs = (curves.curve(part, score, "scan_dht") for part in (ours, reference))
            gained = curves.points_gained(mine, theirs)
            found[key] = _band(gained.bits, gained)
    return found


def _band(at, values: pd.DataFrame) -> dict[str, list]:
    known = values.value.notna().to_numpy()
    return {
        "at": shorts(np.asarray(at)[known]),
        **{name: shorts(values[name][known]) for name in ("value", "low", "high")},
    }
