"""A run that is still going on: whatever parts are finished, put together.

    python -m rdc.so_far results/mnist
    python -m rdc.so_far results/mnist --config config/mnist.yaml
    python -m rdc.so_far results/mnist --config config/mnist.yaml --left

A long run is worth looking at, and committing, as its rows come. The first writes the tables; with its
config the ledger, the figures and the page are written too, and rows of cells that the config has no
longer, or that older code or settings made, are left out. A checkout on a new machine goes on from the
rows that were committed: those whose key this machine would give as well stay, without their cells being
trained anew, and ``--left`` names the targets of all others for Snakemake. A cell that another study has a
row of, which is to say one of the same key, has that row. Pictures stay as the page shows them, and so do
JPEG's curves, figures and claims where the rows of single files are not here.
Snakemake's own gathering waits for every part and then writes the same files anew.
"""

import argparse
import sys
import tempfile
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from rdc import claims, tables, training
from rdc.cells import batches, expand
from rdc.config import Config, ConfigError, parse
from rdc.datasets.labelled import DataError
from rdc.figures import atlas, le, limits, luo, nguyen, pictures, published, style, zhang
from rdc.jpeg import savings, standard
from rdc.networks.weights import WeightsError
from rdc.queries.common import Run
from rdc.report import earlier, page

LEDGER, PUBLISHED = Path("config/claims.yaml"), Path("config/published")
FIGURES = {
    "atlas": atlas.NAMES,
    "zhang": zhang.NAMES,
    "le": le.NAMES,
    "nguyen": nguyen.NAMES,
    "luo": (*luo.NAMES, "examples"),
    "limits": limits.NAMES,
}
OF_CELLS = ("cells", "confusion", "costs", "curves")
Name = tuple[str, str]  # of a cell: its study and its name there
TABLES = {"le": "le-table3.csv", "nguyen": "nguyen-figures.csv"}  # of the papers' points


def gather(folder: Path, due: dict[Name, str] | None = None) -> dict[str, int]:
    """Writes ``folder/tables`` from ``folder/parts``; returns the rows of each table written.

    Args:
        due: each cell's key by study and name. Rows of cells without it are left out, and those with it
            that the tables hold already, and no part does, stay; a cell without rows has those of the
            same cell in another study. None for the parts' rows alone.

    Raises:
        TableError: names a part or a table that is damaged.
    """
    counts: dict[str, int] = {}
    measured: set[Name] = set()
    staying: set[Name] = set()
    for parts in sorted((folder / "parts").iterdir(), key=lambda path: path.name != "cells"):
        found = [tables.read(parts.name, path) for path in sorted(parts.rglob("*.parquet"))]
        if found:
            target = folder / "tables" / f"{parts.name}.parquet"
            frame = pd.concat(found, ignore_index=True)
            if due is not None and parts.name in OF_CELLS:
                kept = tables.read(parts.name, target) if target.exists() else frame.iloc[:0]
                if parts.name == "cells":
                    measured = _with_key(frame, due)
                    staying = _with_key(kept, due) - measured
                frame = pd.concat([_of(frame, measured), _of(kept, staying)], ignore_index=True)
                shared = _shared(measured | staying, due)
                own = [
                    _of(frame, {other}).assign(study=study) for (study, _), other in shared.items()
                ]
                frame = _in_order(pd.concat([frame, *own], ignore_index=True), due)
            counts[parts.name] = len(tables.write(parts.name, frame, target))
            if parts.name == "jpeg_images":
                target = folder / "tables" / "jpeg_savings.parquet"
                counts["jpeg_savings"] = len(
                    tables.write("jpeg_savings", savings.records(frame), target)
                )
    return counts


def _with_key(rows: pd.DataFrame, due: dict[Name, str]) -> set[Name]:
    """Study and name of those cells that were trained under the key that is due."""
    named = zip(rows.study, rows.cell, rows.cell_key, strict=True)
    return {(study, cell) for study, cell, key in named if due.get((study, cell)) == key}


def _shared(having: Collection[Name], keys: dict[Name, str]) -> dict[Name, Name]:
    """Cells that have nothing yet, each to the same cell of another study that has: one key, one codec."""
    same = {(keys[name], name[1]): name for name in having if name in keys}
    wanted = {name: (key, name[1]) for name, key in keys.items() if name not in having}
    return {name: same[codec] for name, codec in wanted.items() if codec in same}


def _of(rows: pd.DataFrame, cells: set[Name]) -> pd.DataFrame:
    return rows[[name in cells for name in zip(rows.study, rows.cell, strict=True)]]


def _in_order(rows: pd.DataFrame, due: dict[Name, str]) -> pd.DataFrame:
    """In the order in which Snakemake gathers them."""
    places = {name: place for place, name in enumerate(due)}
    of_rows = [places[name] for name in zip(rows.study, rows.cell, strict=True)]
    return rows.iloc[np.argsort(of_rows, kind="stable")].reset_index(drop=True)


def _due(config: Config, folder: Path) -> dict[Name, str]:
    """The key of each cell whose data and classifier are there, in the order of the batches.

    Raises:
        DataError, WeightsError: where they are not there for a cell that has rows: those would be lost.
    """
    cells, due = expand(config), {}
    path = folder / "tables" / "cells.parquet"
    rows = tables.read("cells", path) if path.exists() else pd.DataFrame(columns=["study", "cell"])
    with_rows = set(zip(rows.study, rows.cell, strict=True))
    for members in batches(config).values():
        for cell in members:
            name = cell.study, cell.name
            try:
                due[name] = training.key_of(cell, cells, training.Folder(folder))
            except (DataError, WeightsError):
                if name in with_rows:
                    raise
    return due


def left(folder: Path, config: Config) -> list[Path]:
    """What Snakemake has to make for every cell to have a row: parts of batches that lack one.

    Raises:
        DataError, WeightsError: where data or a classifier is not there, so that cells have no key yet.
        TableError: where the table of cells is damaged.
    """
    cells = expand(config)
    due = {(c.study, c.name): training.key_of(c, cells, training.Folder(folder)) for c in cells}
    path = folder / "tables" / "cells.parquet"
    measured = _with_key(tables.read("cells", path), due) if path.exists() else set()
    measured |= _shared(measured, due).keys()
    return [
        folder / "parts" / "cells" / study / f"{batch}.parquet"
        for (study, batch), members in batches(config).items()
        if not measured.issuperset((cell.study, cell.name) for cell in members)
    ]


def collect(folder: Path, config: Config, config_file: Path, scratch: Path) -> page.Run:
    """What a page can be made from now; writes the ledger where there are codecs, and the figures.

    Args:
        folder: a run's folder with its tables gathered.
        config_file: the config's path, for the commands that the page shows.
        scratch: an empty folder, for pictures that only the page before this one has.

    Raises:
        TableError, ClaimError, PageError: where a table, the ledger or the page before is damaged.
    """
    shown = earlier.data(folder / "report.html")
    frames = {
        path.stem: tables.read(path.stem, path)
        for path in sorted((folder / "tables").glob("*.parquet"))
        if path.stem in (*page.CELLS, *page.JPEG)
    }
    if not frames.keys() >= {*page.CELLS}:
        frames = {name: frame for name, frame in frames.items() if name not in page.CELLS}
    if "jpeg_images" not in frames and not shown.get("jpeg"):
        frames = {name: frame for name, frame in frames.items() if name not in page.JPEG}
    images = pictures.saved_by_study(sorted(folder.glob("measured/*/*")))
    sources = {name: dataset.source for name, dataset in config.datasets.items()}
    if "cells" in frames:
        rows = frames["cells"]
        keys = dict(zip(zip(rows.study, rows.cell, strict=True), rows.cell_key, strict=True))
        images = earlier.pictures(shown, keys, scratch) | images
        images |= {name: images[other] for name, other in _shared(images, keys).items()}
        frames["claims"] = _ledger(folder, frames, config, sources, images)
    found = page.Run(
        name=config.run,
        frames=frames,
        images=images,
        sets=standard.load_all(sorted(folder.glob("jpeg/*/*.json"))),
        studies=config.jpeg.compared(),
        config=str(config_file),
        published=PUBLISHED if "mnist" in sources.values() else None,
        benchmarks=Path("benchmarks") / config.run,
        earlier=shown,
    )
    return replace(found, figures=_figures(folder, found))


def _figures(folder: Path, run: page.Run) -> dict[str, Path]:
    """Draws what the tables allow; returns each figure's SVG by name, those drawn before among them."""
    figures = {}
    if run.has_codecs:
        figures |= _of_codecs(run)
    if "jpeg_images" in run.frames:
        frames = {"jpeg": run.frames["jpeg"], "images": run.frames["jpeg_images"]}
        for name in ("rate", "savings"):
            path = folder / "tables" / f"jpeg_{name}.parquet"
            if path.exists():
                frames[name] = tables.read(f"jpeg_{name}", path)
        for name in luo.NAMES:
            if name not in ("rate", "savings") or name in frames:
                figures[f"luo_{name}"] = partial(luo.draw, name, frames, run.sets, run.studies)
    path = folder / "tables" / "limits.parquet"
    if path.exists():
        computed = tables.read("limits", path)
        figures |= {f"limits_{name}": partial(limits.draw, name, computed) for name in limits.NAMES}
    for name, draw in figures.items():
        style.write(draw(), *(folder / "figures" / f"{name}.{kind}" for kind in ("svg", "png")))
    names = [f"{paper}_{name}" for paper, own in FIGURES.items() for name in own]
    paths = {name: folder / "figures" / f"{name}.svg" for name in names}
    return {name: path for name, path in paths.items() if path.exists()}


def _of_codecs(run: page.Run) -> dict[str, partial]:
    cells, confusion = run.frames["cells"], run.frames["confusion"]
    jpeg = run.frames.get("jpeg")
    theirs = published.points(run.published) if run.published else None
    found = {
        f"atlas_{name}": partial(atlas.draw, name, cells, confusion, jpeg, theirs)
        for name in atlas.NAMES
    }
    for paper in (zhang, le, nguyen):
        study = paper.__name__.rpartition(".")[2]
        images = {cell: path for (own, cell), path in run.images.items() if own == study}
        own = {name: run.frames[name] for name in ("cells", "curves", "confusion")}
        own = {name: frame[frame.study == study] for name, frame in own.items()}
        if own["cells"].empty or not images:
            continue
        given = {zhang: (own, images)}
        if paper is not zhang:
            theirs = pd.read_csv(PUBLISHED / TABLES[study])
            theirs = theirs if run.published else theirs.iloc[:0]
            given |= {le: (own, theirs, images), nguyen: (own["cells"], theirs, images)}
        for name in paper.NAMES:
            found[f"{study}_{name}"] = partial(paper.draw, name, *given[paper])
    return found


def _ledger(folder, frames, config, sources, images) -> pd.DataFrame:
    path = folder / "tables" / "jpeg_rate.parquet"
    jpeg = {"jpeg_rate": tables.read("jpeg_rate", path)} if path.exists() else {}
    if "jpeg_images" in frames:
        jpeg["jpeg_images"] = frames["jpeg_images"]
    run = Run(
        frames["cells"],
        frames["curves"],
        frames["classifiers"],
        sources=sources,
        images=images,
        jpeg=jpeg,
    )
    papers = {*config.studies, *(["luo"] if "jpeg" in frames else [])}
    studied = claims.of_studies(claims.read(LEDGER), papers)
    found = claims.verdicts(studied, run)
    target = folder / "tables" / "claims.parquet"
    if "jpeg" in frames and "jpeg_images" not in frames and target.exists():
        found = _with_jpegs(found, studied, tables.read("claims", target))
    return tables.write("claims", found, target)


def _with_jpegs(found: list[dict], studied: list[claims.Claim], before: pd.DataFrame) -> list[dict]:
    """A ledger with the rows on JPEG as they were judged before, where the claim is still the same."""

    def said(row: dict) -> tuple:
        return row["paper"], row["claim"], row["tolerance"]

    judged = {said(row): row for row in before.to_dict("records")}
    return [
        judged.get(said(row), row) if claim.measured_in == "luo" else row
        for claim, row in zip(studied, found, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a run's folder, such as results/mnist")
    parser.add_argument(
        "--config", type=Path, help="its config: writes the ledger, the figures and the page too"
    )
    parser.add_argument(
        "--left", action="store_true", help="only name the targets of cells that have no row yet"
    )
    asked = parser.parse_args()
    if asked.left and asked.config is None:
        parser.error("--left needs --config")
    try:
        config = parse(yaml.safe_load(asked.config.read_text())) if asked.config else None
        if asked.left:
            print(*left(asked.folder, config), sep="\n")
        else:
            _put_together(asked.folder, config, asked.config)
    except (DataError, WeightsError) as error:
        sys.exit(
            f"error: {error}\nA cell's key needs its data and its classifier; make them first, naming the "
            f"missing file: snakemake --cores all FILE --configfile {asked.config}"
        )
    except (
        OSError,
        ConfigError,
        claims.ClaimError,
        tables.TableError,
        standard.TableError,
        earlier.PageError,
    ) as error:
        sys.exit(f"error: {error}")


def _put_together(folder: Path, config: Config | None, config_file: Path | None) -> None:
    if not (folder / "parts").is_dir():
        sys.exit(f"error: {folder}/parts: no such folder; has this run measured anything yet?")
    due = _due(config, folder) if config else None
    for table, count in gather(folder, due).items():
        print(f"{folder}/tables/{table}.parquet: {count} rows")
    if config is not None:
        with tempfile.TemporaryDirectory() as scratch:
            run = collect(folder, config, config_file, Path(scratch))
            page.write(run, folder / "report.html")
        print(page.summary(run, f"{folder}/report.html"))


if __name__ == "__main__":
    main()
