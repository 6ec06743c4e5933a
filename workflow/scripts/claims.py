"""Holds the papers' claims against this run's tables."""

from pathlib import Path

from rdc import claims, joblog, reconstructions, tables
from rdc.queries.common import Run

report = joblog.start(snakemake.log[0], expected=(claims.ClaimError, tables.TableError))
run = Run(
    *(tables.read(name, snakemake.input[name]) for name in ("cells", "curves", "classifiers")),
    datasets=snakemake.params.datasets,
    sources=snakemake.params.sources,
    images=reconstructions.saved_by_study(snakemake.input.measured),
    jpeg={Path(path).stem: tables.read(Path(path).stem, path) for path in snakemake.input.jpeg},
)
ledger = claims.read(snakemake.input.ledger)
studied = claims.of_studies(ledger, snakemake.params.papers)
frame = tables.write("claims", claims.verdicts(studied, run), snakemake.output.claims)
report(", ".join(f"{count} {verdict}" for verdict, count in claims.counts(frame).items()))
