"""The grid: which cells a config asks for, what names them, and which are trained together.

A cell is one codec to be trained: everything that decides its weights. No torch in here.
"""

import difflib
import hashlib
import itertools
import json
import math
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase

from rdc.config import Config, ConfigError, EncoderFrom, Grid, Method, Recipe, Study
from rdc.names import CELL

MOST_CELLS = 10_000  # ten times paper.yaml's
MOST_CODEWORDS = 2**16  # of a codebook
MOST_NAME = 180  # bytes; with a batch's parts and a file's ending a name has 255
MOST_CODES = 4096  # that a step may decode: 12 bits, some 6 GB of memory at full width


@dataclass(frozen=True)
class Cell:
    """One codec of one study.

    ``weights`` are the objective's (term, weight) pairs with lambda filled in; ``lam`` is lambda as
    the user wrote it, None where the method has none; ``encoder_from`` names the cell of the same
    study whose encoder is kept frozen.
    """

    study: str
    dataset: str
    validation: int
    classifier: str
    method: str
    weights: tuple[tuple[str, float], ...]
    lam: str | None
    dim: int
    levels: int
    dither: bool
    seed: int
    width: float
    output_norm: bool
    recipe: str
    training: Recipe
    encoder_from: str | None = None
    frozen_batch_norm: str = "eval"
    tier: int = 1
    moves: str = "networks"
    posterior: str = "decision"

    @property
    def name(self) -> str:
        """Names the cell within its study, and its files."""
        parts = [self.method]
        if self.lam is not None:
            parts.append(f"lam={self.lam}")
        parts += [f"dim={self.dim}", f"levels={self.levels}"]
        parts += [f"dither={'yes' if self.dither else 'no'}", f"recipe={self.recipe}"]
        return "_".join([*parts, f"seed={self.seed}"])

    @property
    def rate_bits(self) -> float:
        """Nominal rate, dim * log2(levels), bits per image."""
        return self.dim * math.log2(self.levels)

    def weight(self, term: str) -> float:
        return dict(self.weights).get(term, 0.0)

    def settings(self) -> dict:
        """All that decides the trained weights, as JSON would hold it; names and tier do not.

        ``encoder_from`` is left to the caller, who knows that cell's key.
        """
        if self.moves == "codebook":
            return {
                "moves": self.moves,
                "validation": self.validation,
                "weights": sorted(self.weights),
                "codewords": self.levels**self.dim,
                "posterior": self.posterior,
                "seed": self.seed,
                "iterations": self.training.epochs,
            }
        return {
            "validation": self.validation,
            "weights": sorted(self.weights),
            "dim": self.dim,
            "levels": self.levels,
            "dither": self.dither,
            "seed": self.seed,
            "width": self.width,
            "output_norm": self.output_norm,
            "training": self.training.model_dump(mode="json"),
            "frozen_batch_norm": self.frozen_batch_norm if self.encoder_from else None,
        }

    def trained_in(self, precision: str) -> "Cell":
        """The cell as one processor or another trains it; its names stay."""
        return replace(self, training=self.training.model_copy(update={"precision": precision}))

    def matches(self, pattern: str) -> bool:
        """Whether a shell pattern fits the name, with or without the study in front."""
        return fnmatchcase(self.name, pattern) or fnmatchcase(f"{self.study}/{self.name}", pattern)


def as_json(cell: Cell) -> dict:
    """The cell as plain data, as Snakemake's params hold it."""
    return {**asdict(cell), "training": cell.training.model_dump(mode="json")}


def from_json(content: dict) -> Cell:
    """The inverse of ``as_json``."""
    pairs = tuple((term, weight) for term, weight in content["weights"])
    training = Recipe.model_validate(content["training"])
    return Cell(**{**content, "weights": pairs, "training": training})


def key(cell: Cell, evidence: dict) -> str:
    """16 hex digits that change whenever the cell's weights could.

    Args:
        cell: its settings count, its names do not: two studies that ask for the same codec share it.
        evidence: what else decides the weights, JSON-able: checksums of the data and the
            classifier, hash of the training code, versions, the frozen encoder's key.
    """
    return digest({"settings": cell.settings(), "evidence": evidence})


def digest(content: dict | list) -> str:
    """16 hex digits of a hash of JSON-able content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def expand(config: Config) -> list[Cell]:
    """Every cell of a config, lower tiers first, otherwise in the order written.

    Raises:
        ConfigError: where there are too many, a universal cell's encoder cell is missing or has another shape, or two
            grids give one name to different cells.
    """
    _check_number(config)
    found: dict[tuple[str, str], Cell] = {}
    for study_name, study in config.studies.items():
        for grid_name, grid in study.grids.items():
            for cell in _cells_of(config, study_name, study, grid):
                known = found.get((cell.study, cell.name))
                if known is None:
                    found[cell.study, cell.name] = cell
                elif replace(known, tier=cell.tier) != cell:
                    raise ConfigError(
                        f"studies.{study_name}.grids.{grid_name}: the cell {cell.name} is already "
                        "there with other settings"
                    )
                elif cell.tier < known.tier:
                    found[cell.study, cell.name] = cell
    for cell in found.values():
        _check_encoder(cell, found)
    return sorted(found.values(), key=lambda cell: (cell.tier, cell.encoder_from is not None))


def select(cells: list[Cell], pattern: str) -> list[Cell]:
    """The cells that a shell pattern fits. Raises ConfigError where it fits none."""
    if not cells:
        raise ConfigError("cells: found none, the config has no studies of codecs")
    chosen = [cell for cell in cells if cell.matches(pattern)]
    if not chosen:
        raise ConfigError(
            f"cells: found {pattern!r}, which fits none of {len(cells)}; a name looks like "
            f"{cells[0].name}"
        )
    return chosen


def batches(config: Config) -> dict[tuple[str, str], list[Cell]]:
    """Cells that one process trains one after the other, by (study, batch name).

    A batch holds the lambdas and seeds of one method at one rate, ``cells_per_job`` at a time: an
    edited lambda touches its own batch only, and a new one at the end of the list the last.
    """
    groups: dict[tuple, list[Cell]] = {}
    for cell in expand(config):
        group = (
            cell.study,
            cell.tier,
            cell.method,
            cell.dim,
            cell.levels,
            cell.dither,
            cell.recipe,
        )
        groups.setdefault(group, []).append(cell)
    named = {}
    for (study, tier, method, dim, levels, dither, recipe), cells in groups.items():
        size = config.cells_per_job
        chunks = [cells[i : i + size] for i in range(0, len(cells), size)]
        for index, chunk in enumerate(chunks):
            name = (
                f"{method}_dim={dim}_levels={levels}_dither={'yes' if dither else 'no'}"
                f"_recipe={recipe}_tier={tier}_part={index}"
            )
            named[study, name] = chunk
    return named


def _check_number(config: Config) -> None:
    """Counts the cells before any is made."""
    counts = {
        f"studies.{study_name}.grids.{name}": sum(
            len(grid.lam) if config.methods[method].uses_lam else 1 for method in grid.methods
        )
        * len(grid.dim)
        * len(grid.levels)
        * len(grid.dither)
        * len(grid.seeds)
        * len(grid.recipe)
        for study_name, study in config.studies.items()
        for name, grid in study.grids.items()
    }
    if sum(counts.values()) > MOST_CELLS:
        largest = max(counts, key=counts.__getitem__)
        raise ConfigError(
            f"{largest}: found {counts[largest]:,} cells of {sum(counts.values()):,} in all, at most "
            f"{MOST_CELLS:,} are allowed; shorten its lists, or make two runs of it"
        )


def _cells_of(config: Config, study_name: str, study: Study, grid: Grid):
    dataset = config.datasets[study.dataset]
    for method_name in grid.methods:
        method = config.methods[method_name]
        axes = (grid.lam if method.uses_lam else [None], grid.dim, grid.levels, grid.dither,
                grid.seeds, grid.recipe)  # fmt: skip
        for lam, dim, levels, dither, seed, recipe in itertools.product(*axes):
            cell = Cell(
                study=study_name,
                dataset=study.dataset,
                validation=study.validation or dataset.validation,
                classifier=study.classifier,
                method=method_name,
                weights=_weights(method, lam),
                lam=lam,
                dim=dim,
                levels=levels,
                dither=dither and method.moves == "networks",  # a codebook has no use for it
                seed=seed,
                width=study.width,
                output_norm=study.output_norm,
                recipe=recipe,
                training=config.recipes[recipe],
                tier=grid.tier,
                moves=method.moves,
                posterior=method.posterior,
            )
            _check_cell(cell)
            source = method.encoder_from
            yield cell if source is None else _universal(cell, source, config)


def _check_cell(cell: Cell) -> None:
    where = f"studies.{cell.study}: {cell.name}"
    if not any(weight for _, weight in cell.weights):
        raise ConfigError(
            f"{where}: all weights of its method are 0, so there is nothing to minimise"
        )
    if CELL.fullmatch(cell.name) is None or len(cell.name.encode()) > MOST_NAME:
        raise ConfigError(
            f"{where}: found a name of {len(cell.name.encode())} bytes, at most {MOST_NAME} are allowed: it "
            "names files; shorten the names of its method and recipe"
        )
    if cell.moves == "codebook" and cell.rate_bits > math.log2(MOST_CODEWORDS):
        raise ConfigError(
            f"{where}: a codebook of levels ** dim = {cell.levels} ** {cell.dim} codewords; at most "
            f"{MOST_CODEWORDS} are allowed"
        )
    if cell.moves == "networks" and cell.training.gradient == "expected":
        if cell.dither:
            raise ConfigError(
                f"{where}: gradient 'expected' is for codecs without dither: give dither: false"
            )
        if cell.rate_bits > math.log2(MOST_CODES):
            raise ConfigError(
                f"{where}: gradient 'expected' decodes all of its levels ** dim = "
                f"{cell.levels} ** {cell.dim} codes in every step; at most {MOST_CODES} are allowed"
            )


def _weights(method: Method, lam: str | None) -> tuple[tuple[str, float], ...]:
    return tuple(
        (term, float(lam if weight == "lam" and lam is not None else weight))
        for term, weight in method.weights.items()
    )


def _universal(cell: Cell, source: EncoderFrom, config: Config) -> Cell:
    """The cell with its encoder's cell named: same rate, dither and seed."""
    lam = source.lam if source.lam is not None else cell.lam
    base = replace(
        cell,
        method=source.method,
        lam=lam if config.methods[source.method].uses_lam else None,
        recipe=source.recipe if source.recipe is not None else cell.recipe,
    )
    return replace(cell, encoder_from=base.name, frozen_batch_norm=source.batch_norm)


def _check_encoder(cell: Cell, found: dict[tuple[str, str], Cell]) -> None:
    if cell.encoder_from is None:
        return
    if (cell.study, cell.encoder_from) not in found:
        method = cell.encoder_from.split("_lam=")[0]
        there = [name for study, name in found if study == cell.study]
        near = difflib.get_close_matches(
            cell.encoder_from, [name for name in there if name.startswith(f"{method}_lam=")], 1, 0
        )
        raise ConfigError(
            f"methods.{cell.method}.encoder_from: the cell {cell.name} keeps the encoder of "
            f"{cell.encoder_from}, which is not among the cells of study {cell.study!r}; "
            + (f"the nearest there is {near[0]}; " if near else f"there is none of {method}; ")
            + "add its lambda, dim, levels, seed and recipe to one of the study's grids"
        )
    base = found[cell.study, cell.encoder_from]
    if base.moves != "networks":
        raise ConfigError(
            f"methods.{cell.method}.encoder_from: {base.method!r} is a codebook, which has no encoder"
        )
    if base.encoder_from is not None:
        raise ConfigError(
            f"methods.{cell.method}.encoder_from: {base.method!r} has a frozen encoder itself"
        )
