"""The page that a run ends in: what was run, verdicts, figures and tables, in one offline file."""

import math
import re
from pathlib import Path

import jinja2
import pandas as pd

from rdc import claims, tables
from rdc.atomic import replacing

SIGNS = dict(zip(tables.VERDICTS, ("✓", "✗", "–"), strict=True))
CAPTIONS = {
    "atlas_planes": "Every codec of this run at its rate. The codebooks (grey) have no network "
    "between the bits and the picture; shaded is where a codec would beat them.",
    "atlas_rates": "Every codec against the bits that its code really needs. Dashed: k-means; solid: the "
    "best class-aware codebook of each rate.",
    "atlas_jpeg": "Real JPEG files of the same images. JPEG's header is left out, its Huffman tables are "
    "counted or not; the codecs' decoders are shipped apart.",
    "le_haar": "Le, Fig 3. The Haar transform that Le's critics look at: a coarser image and three kinds "
    "of edges.",
    "le_table3": "Le, Table 3, ours beside theirs. The judge never met a codec.",
    "le_plane": "Le, Table 3 as a picture. Dotted lines join a published point to ours of the same name.",
    "le_classes": "Per class: what share of a digit's images is still read as it, and what share of "
    "what is read as it is right.",
    "limits_bernoulli": "What no codec can beat, for a source of two classes: which constraint binds "
    "where, and the rate. Eq. 9 as printed drops to zero beyond D2; the truth does not, unless a "
    "constant reconstruction meets E.",
    "limits_binary": "Two cases known before: Blau and Michaeli's rate-distortion-perception of one bit, "
    "and a bit whose label is noisy.",
    "limits_gaussian": "The same for a jointly Gaussian source and label, classification measured by "
    "the label's remaining entropy. The published D(C, R) lets distortion fall as C tightens; the "
    "codecs that would do so need more rate than R.",
    "luo_distortion": "Luo, Fig 4. Real JPEG files with tables of several makes. Right: bytes saved at the "
    "same PSNR, with 95 % intervals over pictures. The flat table shows how much of the published gain "
    "is the absence of visual weighting.",
    "luo_accuracy": "Luo, Figs 7, 9 and 10. What a classifier still reads right, against the bits of scan "
    "and Huffman tables; right: points gained over the reference at the same bits, with 95 % intervals "
    "over pictures. The judge's network never took part.",
    "luo_rate": "Luo, Fig 3. Bits estimated from the codes against those of real files with Annex K's "
    "tables, qualities 10 to 90. A high correlation hides a bias: the line is where both are equal.",
    "luo_savings": "Every set of tables against every other by Bjontegaard's average, with 95 % intervals "
    "over pictures. Orange: the row is better than the column.",
    "luo_ablation": "Luo, Fig 11. Variations (dashed) of how tables are tuned: the weight of the rate, and "
    "how rounding passes gradients.",
    "luo_examples": "Luo, Figs 1, 5 and 8. As good in fewer bytes; and, where pictures have classes, read right "
    "in no more bytes.",
    "luo_tables": "Luo, Table 1. Steps of each pair at quality 50: light is coarse. Low frequencies lie top "
    "left.",
    "nguyen_classification": "Nguyen, Figs 4a and 4b. Filled is ours, hollow is published.",
    "nguyen_universal": "Nguyen, Fig 6. A universal codec keeps another codec's encoder and trains a new "
    "decoder: how much worse is it than one trained as a whole? Black edges: end to end.",
    "nguyen_perception": "Nguyen, Fig 5. The same for perception, measured three ways; the papers "
    "measure it by the critic that the codec was trained to please.",
    "nguyen_reconstructions": "Nguyen, Fig 7. The same ten test images, decoded by each codec.",
    "nguyen_critics": "What the training critic says of Wasserstein-1, beside a fresh critic with the "
    "same budget for every codec.",
    "zhang_losses": "Zhang, Fig 1. Both losses over training. Each colour is one reading of the "
    "paper's λ; a codec that only has to please its classifier may let distortion go.",
    "zhang_reconstructions": "Zhang, Fig 2. The same ten test images, decoded by codecs of growing λ.",
    "zhang_plane": "Zhang, Fig 3a. Each point is a codec, its colour the rate. Bars are 95 % "
    "intervals over seeds where there are several. Dashed: what k-means reaches at that rate.",
    "zhang_space": "Zhang, Fig 3b. Rate, distortion and classification loss in three dimensions.",
    "zhang_rates": "Distortion and accuracy against the bits that the code really needs. Dotted "
    "lines are read by the judge: where they fall away, the codec only pleases its own classifier.",
}
CELL_COLUMNS = {  # column of the table: title, format (None for text)
    "study": ("Study", None),
    "method": ("Method", None),
    "lam": ("λ", "g"),
    "dim": ("dim", "d"),
    "levels": ("levels", "d"),
    "seed": ("Seed", "d"),
    "epochs": ("Epochs", "d"),
    "rate_bits": ("Rate, bits", ".2f"),
    "entropy_bits": ("Entropy, bits", ".2f"),
    "coded_bits": ("Coded, bits", ".2f"),
    "mse": ("MSE", ".4f"),
    "psnr": ("PSNR, dB", ".2f"),
    "nll_nats": ("NLL, nats", ".3f"),
    "accuracy": ("Accuracy", ".2%"),
    "accuracy_judge": ("Judge", ".2%"),
    "sliced_w1": ("Sliced W1", ".4f"),
}


def write(
    run: str,
    frames: dict[str, pd.DataFrame],
    figures: dict[str, Path],
    facts: list[tuple[str, str]],
    path: str | Path,
) -> None:
    """Writes the report.

    Args:
        frames: the tables ``cells``, ``classifiers``, ``costs`` and ``claims``.
        figures: name to its SVG, in the order shown.
        facts: what was run, as (name, value).
        path: the HTML file; everything is inside, nothing is fetched.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True
    )
    test = frames["cells"][frames["cells"].split == "test"]
    page = environment.get_template("report.html.j2").render(
        run=run,
        facts=facts,
        verdict_line=verdict_line(frames["claims"]),
        claims=[
            row._asdict() | {"sign": SIGNS[row.verdict], "measured": _number(row)}
            for row in frames["claims"].itertuples()
        ],
        figures=[
            {"name": name, "svg": _inline(svg, name), "caption": CAPTIONS.get(name, name)}
            for name, svg in figures.items()
        ],
        cell_columns=[
            {"title": title, "number": form is not None} for title, form in CELL_COLUMNS.values()
        ],
        cells=[
            [formatted(row[column], form) for column, (_, form) in CELL_COLUMNS.items()]
            for row in test.to_dict("records")
        ],
        classifiers=frames["classifiers"].itertuples(),
    )
    with replacing(path) as scratch:
        scratch.write_text(page, encoding="utf-8")


def facts_of(run: str, frames: dict[str, pd.DataFrame], versions: dict[str, str]) -> list:
    """What was run, as (name, value)."""
    cells, costs = frames["cells"], frames["costs"]
    return [
        ("run", run),
        ("cells", str(len(costs))),
        ("datasets", ", ".join(sorted(set(cells.dataset)))),
        (
            "training",
            f"{costs.train_seconds.sum() / 60:.1f} minutes on {', '.join(set(costs.device))}",
        ),
        ("measuring", f"{costs.evaluate_seconds.sum() / 60:.1f} minutes"),
        ("training code", ", ".join(sorted(set(cells.code_key)))),
        ("versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]


def verdict_line(ledger: pd.DataFrame) -> str:
    """``2 reproduced, 1 not reproduced, ...``"""
    counted = claims.counts(ledger)
    return ", ".join(f"{count} {verdict}" for verdict, count in counted.items()) + "."


def formatted(value, form: str | None) -> str:
    """A table's value as people read it; nothing for a missing one."""
    if form is None:
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        return ""
    return format(value, form)


def _number(row) -> str:
    if math.isnan(row.measured):
        return ""
    text = f"{row.measured:.4g}"
    return text if math.isnan(row.low) else f"{text} ({row.low:.4g} to {row.high:.4g})"


def _inline(svg: Path, name: str) -> "jinja2.utils.markupsafe.Markup":
    """A figure's drawing for the page: ids made its own, so that figures do not share clip paths."""
    text = Path(svg).read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    return jinja2.utils.markupsafe.Markup(text)


def summary(run: str, frames: dict[str, pd.DataFrame], path: str) -> str:
    """The main results for the terminal: each rate's best codecs, verdicts, and where to look."""
    cells = frames["cells"]
    chosen = cells[cells.split == "validation"].sort_values("mse")
    names = chosen.groupby(["study", "method", "rate_bits"], sort=True).head(1)
    keys = ["study", "cell"]
    best = cells[cells.split == "test"].merge(names[keys], on=keys).sort_values(
        ["study", "rate_bits", "method"]
    )  # fmt: skip
    lines = [
        f"Run {run}: {len(frames['costs'])} cells. Lowest validation MSE of each method and rate, "
        "on test images:",
        f"  {'study':8} {'method':14} {'bits':>6} {'λ':>7} {'MSE':>8} {'accuracy':>9} {'judge':>8}",
    ]
    for row in best.itertuples():
        lam = formatted(row.lam, "g")
        lines.append(
            f"  {row.study:8} {row.method:14} {row.rate_bits:6.2f} {lam:>7} {row.mse:8.4f} "
            f"{row.accuracy:9.2%} {row.accuracy_judge:8.2%}"
        )
    lines += [f"Claims: {verdict_line(frames['claims'])}", f"Open {path}"]
    return "\n".join(lines)
