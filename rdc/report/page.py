"""Puts the page together: its text by a template, its pictures by scripts from the data inside it."""

import base64
import gzip
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import pandas as pd
import plotly

from rdc import claims, tables
from rdc.atomic import replacing
from rdc.jpeg.standard import TableSet
from rdc.report import codecs, costs, gallery, jpeg
from rdc.report.codecs import Images
from rdc.report.numbers import short

HERE = Path(__file__).parent
# The page's own scripts, in the order they run; later ones use what earlier ones define.
SCRIPTS = ("base", "detail", "planes", "space", "jpeg", "ledger", "start")
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
SIGNS = dict(zip(tables.VERDICTS, ("✓", "✗", "–"), strict=True))
CELLS = ("cells", "confusion", "curves", "costs", "classifiers")  # tables of a run with codecs
JPEG = ("jpeg", "jpeg_images", "jpeg_samples")  # ... with JPEG studies


@dataclass(frozen=True)
class Run:
    """What a page is made from.

    ``frames`` holds tables by name: all of ``CELLS``, all of ``JPEG`` or both, and ``claims`` if
    there are any; ``images`` the saved reconstructions by (study, cell); ``figures`` each still
    figure's SVG by name; ``sets`` quantization tables by (study, tables, "420" or "444");
    ``studies`` of each JPEG study its ``reference``, the tables that savings
    are counted from, and its ``ablation``, variations on others; ``arguments`` what
    ``snakemake`` is told to be given this run; ``published`` the folder of the papers' points, None where the data is not theirs;
    ``benchmarks`` Snakemake's folder of them; ``earlier`` the data of a page before this one, whose
    JPEG curves stay where ``jpeg_images`` is not there.
    """

    name: str
    frames: dict[str, pd.DataFrame]
    images: Images = field(default_factory=dict)
    figures: dict[str, Path] = field(default_factory=dict)
    sets: dict[tuple[str, str, str], TableSet] = field(default_factory=dict)
    studies: dict[str, dict] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    published: Path | None = None
    benchmarks: Path | None = None
    versions: dict[str, str] = field(default_factory=dict)
    earlier: dict = field(default_factory=dict)

    @property
    def has_codecs(self) -> bool:
        return "cells" in self.frames

    @property
    def has_jpeg(self) -> bool:
        return "jpeg" in self.frames


def write(run: Run, path: str | Path) -> None:
    """Writes the page: one file, everything inside, nothing fetched."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["spoken"] = costs.spoken
    figures = gallery.payload(run.figures)
    content = environment.get_template("page.html.j2").render(
        run=run,
        facts=facts(run),
        claims=_claims(run),
        counts=claims.counts(run.frames["claims"]) if "claims" in run.frames else {},
        figures=figures,
        trained=costs.cells(run.frames["costs"]) if run.has_codecs else [],
        stages=costs.stages(run.benchmarks) if run.benchmarks else [],
        classifiers=run.frames["classifiers"].itertuples() if run.has_codecs else [],
        style=jinja2.utils.markupsafe.Markup((HERE / "page.css").read_text()),
        script=jinja2.utils.markupsafe.Markup(
            "\n".join((HERE / f"{name}.js").read_text() for name in SCRIPTS)
        ),
        packed={
            "plotly": packed(PLOTLY.read_text(encoding="utf-8")),
            "data": packed(json.dumps(data(run), ensure_ascii=False, allow_nan=False)),
            "drawings": packed(json.dumps({f["name"]: f["svg"] for f in figures})),
        },
    )
    with replacing(path) as scratch:
        scratch.write_text(content, encoding="utf-8")


def packed(text: str) -> str:
    """Text for the page's script to unpack: gzip, base64. The same bytes for the same text."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def data(run: Run) -> dict:
    """What the page's script draws."""
    found: dict = {"run": run.name, "codecs": None, "jpeg": []}
    if run.has_codecs:
        clean = run.frames["classifiers"]
        clean = clean[clean.split == "test"]
        found["codecs"] = codecs.payload(run.frames, run.images, run.arguments) | {
            "published": codecs.published(run.published) if run.published else [],
            "clean": {
                dataset: {row.classifier: short(row.accuracy) for row in own.itertuples()}
                for dataset, own in clean.groupby("dataset")
            },
        }
    if "jpeg_images" in run.frames:
        found["jpeg"] = jpeg.payload(run.frames, run.sets, run.studies)
    elif run.has_jpeg:
        found["jpeg"] = run.earlier["jpeg"]
    return found


def facts(run: Run) -> list[tuple[str, str]]:
    """What was run, as (name, value)."""
    found = [("run", run.name)]
    if run.has_codecs:
        cells, cost = run.frames["cells"], costs.once(run.frames["costs"])
        devices = ", ".join(sorted(set(cost.device)))
        found += [
            ("codecs", str(len(cost))),
            ("images", ", ".join(sorted(set(cells.dataset)))),
            ("training", f"{costs.spoken(cost.train_seconds.sum())} on {devices}"),
            ("measuring", costs.spoken(cost.evaluate_seconds.sum())),
        ]
    if run.has_jpeg:
        files = int(run.frames["jpeg"].n_images.sum())
        found.append(("JPEG files measured", f"{files:,}".replace(",", " ")))
    if run.has_codecs:
        found.append(("training code", ", ".join(sorted(set(cells.code_key)))))
    if run.versions:
        found.append(("versions", ", ".join(f"{n} {v}" for n, v in run.versions.items())))
    return found


def _claims(run: Run) -> list[dict]:
    if "claims" not in run.frames:
        return []
    return [
        {
            **row._asdict(),
            "sign": SIGNS[row.verdict],
            "order": tables.VERDICTS.index(row.verdict),
            "number": short(row.measured),
            "measured": _measured(row),
            "shown": row.figure if row.figure in run.figures else None,
        }
        for row in run.frames["claims"].itertuples()
    ]


def _measured(row) -> str:
    if math.isnan(row.measured):
        return ""
    text = f"{row.measured:.4g}"
    return text if math.isnan(row.low) else f"{text} ({row.low:.4g} to {row.high:.4g})"
