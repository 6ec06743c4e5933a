"""The claims ledger: what the papers say, what our tables say, and the verdict.

Each claim of ``config/claims.yaml`` names one of ``QUERIES``, a function to a number
(``rdc.queries``: a module for each paper, and ``theory`` for what needs no run); the number is held
against its tolerance.
"""

import inspect
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rdc import config_files, tables
from rdc.messages import nearest
from rdc.queries import common, le, luo, nguyen, theory, zhang
from rdc.queries.common import Measured, Run, Untestable

PAPERS = (zhang, le, nguyen, luo)
QUERIES = dict(item for module in (common, *PAPERS, theory) for item in module.QUERIES.items())


class ClaimError(ValueError):
    """A ledger that cannot be read: names the claim and the fault."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Needs(_Part):
    """What a run must have for a claim to be tested: the data and the paper's epochs."""

    dataset: str | None = None
    epochs: Annotated[int, Field(ge=1)] | None = None


class Accept(_Part):
    """The interval in which a measured number reproduces a claim."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Accept":
        if self.at_least is None and self.at_most is None:
            raise ValueError("needs at_least, at_most, or both")
        return self

    def __str__(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"{self.at_least:g} to {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"

    def holds(self, value: float) -> bool:
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        return low <= value <= high


class Claim(_Part):
    """One entry of the ledger."""

    paper: str  # ``ours`` for what no paper says
    study: str | None = None  # whose cells it is measured on; None: the paper's
    claim: str
    where: str
    published: str
    needs: Needs = Needs()
    figure: str | None = None  # the figure that shows it, such as zhang_plane
    query: dict
    accept: Accept
    percent: bool = False  # the query's share is told, and accepted, in percent or points

    @property
    def measured_in(self) -> str:
        return self.study or self.paper


def read(path: str | Path) -> list[Claim]:
    """The ledger. Raises ClaimError, naming the file, the claim and the key at fault."""
    try:
        entries = config_files.plain(path)
    except config_files.ConfigError as error:
        raise ClaimError(str(error)) from None
    if not isinstance(entries, list):
        raise ClaimError(f"{path}: found no list of claims")
    claims = []
    for entry in entries:
        name = entry.get("claim", entry) if isinstance(entry, dict) else entry
        try:
            claim = Claim.model_validate(entry)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise ClaimError(f"{path}: {name!r}: {where}: {fault['msg']}") from None
        if claim.query.get("name") not in QUERIES:
            raise ClaimError(
                f"{path}: {name!r}: query.name: found {claim.query.get('name')!r}, allowed are "
                + ", ".join(QUERIES)
            )
        signature, arguments = inspect.signature(QUERIES[claim.query["name"]]), _arguments(claim)
        if unknown := sorted(arguments.keys() - signature.parameters.keys()):
            allowed = list(signature.parameters)[1:]  # but the run
            raise ClaimError(
                f"{path}: {name!r}: query: found {unknown[0]!r}{nearest(unknown[0], allowed)}"
            )
        try:
            signature.bind(None, **arguments)
        except TypeError as error:
            raise ClaimError(f"{path}: {name!r}: query {claim.query['name']}: {error}") from None
        claims.append(claim)
    return claims


def of_studies(claims: list[Claim], studies: Collection[str]) -> list[Claim]:
    """Those measured in one of a run's studies; ``luo`` stands for JPEG's."""
    return [claim for claim in claims if claim.measured_in in studies]


def verdicts(claims: list[Claim], run: Run) -> list[dict]:
    """One record a claim, with the columns of ``rdc.tables.Claims``."""
    return [_verdict(claim, run) for claim in claims]


def _verdict(claim: Claim, run: Run) -> dict:
    record = {
        "paper": claim.paper,
        "claim": claim.claim,
        "where": claim.where,
        "published": claim.published,
        "tolerance": str(claim.accept),
        "figure": claim.figure,
    }
    nothing = {"measured": np.nan, "low": np.nan, "high": np.nan}
    untestable = "not testable at this scale"
    try:
        measured = QUERIES[claim.query["name"]](_for_study(run, claim), **_arguments(claim))
    except Untestable as reason:
        return {**record, **nothing, "verdict": untestable, "note": str(reason)}
    if claim.percent:
        ends = {end: 100 * getattr(measured, end) for end in ("value", "low", "high")}
        measured = replace(measured, **ends)
    record |= {"measured": measured.value, "low": measured.low, "high": measured.high}
    lacking = _lacking(claim, run, measured)
    if lacking:
        return {**record, "verdict": untestable, "note": f"{lacking}; {measured.note}"}
    verdict = "reproduced" if claim.accept.holds(measured.value) else "not reproduced"
    return {**record, "verdict": verdict, "note": measured.note + _reserves(claim, measured)}


def _arguments(claim: Claim) -> dict:
    return {key: value for key, value in claim.query.items() if key != "name"}


def _reserves(claim: Claim, measured: Measured) -> str:
    """What a verdict leaves open: a shorter training, an interval on both sides of the limit."""
    reserves = ""
    if claim.needs.epochs and measured.epochs and measured.epochs < claim.needs.epochs:
        reserves += f"; {measured.epochs} of the paper's {claim.needs.epochs} epochs"
    ends = [end for end in (measured.low, measured.high) if np.isfinite(end)]
    if len({claim.accept.holds(end) for end in (*ends, measured.value)}) > 1:
        reserves += "; its interval reaches across the limit"
    return reserves


def _for_study(run: Run, claim: Claim) -> Run:
    """The run's rows of the claim's study, and the classifiers of its data."""
    cells = run.cells[(run.cells.study == claim.measured_in) & (run.cells.split == "test")]
    curves = run.curves[run.curves.study == claim.measured_in]
    classifiers = run.classifiers
    if claim.measured_in in run.datasets:
        classifiers = classifiers[classifiers.dataset == run.datasets[claim.measured_in]]
    return replace(run, cells=cells, curves=curves, classifiers=classifiers)


def _lacking(claim: Claim, run: Run, measured: Measured) -> str:
    needs, dataset = claim.needs, run.datasets.get(claim.measured_in)
    if needs.dataset is not None and run.sources.get(dataset) != needs.dataset:
        return f"study {claim.measured_in} is not on the paper's data ({needs.dataset})"
    if needs.epochs and measured.epochs is not None and measured.epochs < needs.epochs / 2:
        return f"{measured.epochs} epochs of the paper's {needs.epochs}"
    return ""


def counts(frame: pd.DataFrame) -> dict[str, int]:
    """How many of the papers' claims have each verdict; this project's own rows are not among them."""
    theirs = frame[frame.paper != "ours"]
    return {v: int((theirs.verdict == v).sum()) for v in tables.VERDICTS}
