"""The ledger, the figures and what else the page of a run under way shows."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from rdc import claims, reconstructions, tables
from rdc.config import Config
from rdc.figures import atlas, le, limits, luo, nguyen, published, style, zhang
from rdc.jpeg import standard
from rdc.queries.common import Run
from rdc.report import earlier, page
from rdc.so_far.rows import shared

LEDGER, PUBLISHED = Path("config/claims.yaml"), Path("config/published")
FIGURES = {
    "atlas": atlas.NAMES,
    "zhang": zhang.NAMES,
    "le": le.NAMES,
    "nguyen": nguyen.NAMES,
    "luo": (*luo.NAMES, "examples"),
    "limits": limits.NAMES,
}
TABLES = {"le": "le-table3.csv", "nguyen": "nguyen-figures.csv"}  # of the papers' points


def collect(folder: Path, config: Config, arguments: list[str], scratch: Path) -> page.Run:
    """What a page can be made from now; writes the ledger where there are codecs, and the figures.

    Args:
        folder: a run's folder with its tables gathered.
        arguments: what ``snakemake`` is told to be given this run, for the commands that the page shows.
        scratch: an empty folder, for pictures that only the page before this one has.

    Raises:
        TableError, ClaimError, PageError: where a table, the ledger or the page before is damaged.
    """
    shown = earlier.data(folder / "report.html")
    frames = {
        path.stem: tables.read(path.stem, path)
        for path in sorted((folder / "tables").glob("*.parquet"))
        if path.stem in (*page.CELLS, *page.JPEG, "jpeg_savings")
    }
    if not frames.keys() >= {*page.CELLS}:
        frames = {name: frame for name, frame in frames.items() if name not in page.CELLS}
    if "jpeg_images" not in frames and not shown.get("jpeg"):
        frames = {name: frame for name, frame in frames.items() if name not in page.JPEG}
    images = reconstructions.saved_by_study(sorted(folder.glob("measured/*/*")))
    on_mnist = set(filter(config.on_mnist, config.studies))
    if "cells" in frames:
        rows = frames["cells"]
        keys = dict(zip(zip(rows.study, rows.cell, strict=True), rows.cell_key, strict=True))
        images = earlier.pictures(shown, keys, scratch) | images
        images |= {name: images[other] for name, other in shared(images, keys).items()}
        frames["claims"] = _ledger(folder, frames, config, images)
    found = page.Run(
        name=config.run,
        frames=frames,
        images=images,
        sets=standard.load_all(sorted(folder.glob("jpeg/*/*.json"))),
        studies=config.jpeg.compared(),
        arguments=arguments,
        published=PUBLISHED if on_mnist else None,
        benchmarks=Path("benchmarks") / config.run,
        earlier=shown,
    )
    return replace(found, figures=_figures(folder, found, on_mnist))


def _figures(folder: Path, run: page.Run, on_mnist: set[str]) -> dict[str, Path]:
    """Draws what the tables allow; returns each figure's SVG by name, those drawn before among them."""
    figures = {}
    if run.has_codecs:
        figures |= _of_codecs(run, on_mnist)
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


def _of_codecs(run: page.Run, on_mnist: set[str]) -> dict[str, partial]:
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
            theirs = theirs if study in on_mnist else theirs.iloc[:0]
            given |= {le: (own, theirs, images), nguyen: (own["cells"], theirs, images)}
        for name in paper.NAMES:
            found[f"{study}_{name}"] = partial(paper.draw, name, *given[paper])
    return found


def _ledger(folder, frames, config, images) -> pd.DataFrame:
    path = folder / "tables" / "jpeg_rate.parquet"
    jpeg = {"jpeg_rate": tables.read("jpeg_rate", path)} if path.exists() else {}
    if "jpeg_images" in frames:
        jpeg["jpeg_images"] = frames["jpeg_images"]
    run = Run(
        frames["cells"],
        frames["curves"],
        frames["classifiers"],
        datasets={name: study.dataset for name, study in config.studies.items()},
        sources={name: dataset.source for name, dataset in config.datasets.items()},
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
