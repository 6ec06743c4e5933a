"""What a run consists of: the schema of a config file, its defaults, and its error messages.

Floor 1 of the library: no torch, so that the Snakefile can import it at every parse.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    model_serializer,
    model_validator,
)

from rdc.config_fields import (
    DISTINCT_NUMBERS,
    SOME,
    AtLeastTwo,
    Count,
    Dimension,
    Few,
    Flag,
    LearningRate,
    Name,
    NonNegative,
    Place,
    Points,
    Positive,
    Probability,
    Real,
    Section,
    Seed,
    Share,
    Weight,
    Width,
    listed,
    sigma_value,
    weight_or_lam,
)
from rdc.config_files import ConfigError, laid_over, read
from rdc.jpeg.settings import Jpeg
from rdc.messages import explain, nearest

# The terms of the objective L = sum of weight x term (``rdc.objective`` computes them).
TERMS = {
    "mse": "squared error, mean over pixels, images in [0, 1]",
    "sse": "squared error summed over an image's pixels (784 times mse at 28 x 28)",
    "nll": "negative log-likelihood of the true label under the frozen classifier, nats",
    "features": "mean squared distance between the frozen classifier's deep features",
    "w1_pixels": "Wasserstein-1 between images and reconstructions, by a critic",
    "w1_ll": "Wasserstein-1 between their Haar LL subbands, by a critic",
    "w1_lh": "Wasserstein-1 between their Haar LH subbands, by a critic",
    "w1_hl": "Wasserstein-1 between their Haar HL subbands, by a critic",
    "w1_hh": "Wasserstein-1 between their Haar HH subbands, by a critic",
}
JUDGE = "judge"
MOST_FAULTS = 20  # that are told at once


class Dataset(Section):
    """Labelled images: a known source, or a folder of class folders (give exactly one)."""

    source: Literal["digits", "mnist"] | None = None
    folder: Place | None = None
    validation: Count = 5000  # images at the end of the training set, kept out of training
    classifier_holdout: Count | None = None  # ... kept from the classifiers; default: validation

    @model_validator(mode="after")
    def _one_origin(self) -> "Dataset":
        if (self.source is None) == (self.folder is None):
            raise ValueError("needs exactly one of 'source' and 'folder'")
        if self.classifier_holdout is not None and self.classifier_holdout < self.validation:
            raise ValueError(
                f"classifier_holdout: found {self.classifier_holdout}, needs at least 'validation' "
                f"({self.validation}): a classifier must not have seen what choices are made on"
            )
        return self

    @property
    def held_from_classifiers(self) -> int:
        return self.classifier_holdout or self.validation


class Classifier(Section):
    """How a classifier is trained."""

    architecture: Literal["zhang", "nguyen", "le", "judge"]
    epochs: Count
    batch: Count = 64
    optimizer: Literal["sgd", "adam"] = "adam"
    lr: LearningRate = 1e-3
    momentum: Share = 0.9  # of SGD
    schedule: Literal["constant", "one_cycle"] = "constant"
    seed: Seed = 0


class CriticTraining(Section):
    """WGAN-GP critics: one Adam optimizer a band (Nguyen, Table 2; Le, Section 5.1)."""

    lr: LearningRate = 2e-4
    betas: tuple[Share, Share] = (0.5, 0.9)
    gradient_penalty: NonNegative = 10.0
    steps_per_generator: Few = 1  # critic steps before each step of the codec


class Recipe(Section):
    """How a codec is trained; a paper's settings or our own."""

    epochs: Count
    batch: AtLeastTwo = 64  # batch norm needs two images
    lr: LearningRate = 0.01
    betas: tuple[Share, Share] = (0.5, 0.9)
    schedule: Literal["constant", "step", "one_cycle"] = "constant"
    step_epochs: list[Count] = []  # schedule: step multiplies lr by step_factor after these epochs
    step_factor: Positive = 0.2
    warmup: Share = 0.1  # share of one_cycle in which lr rises
    gradient: Literal["soft", "identity", "expected"] = "soft"
    sigma: Annotated[float | str, BeforeValidator(sigma_value)] = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"  # in training; see networks.precision
    critic: CriticTraining = CriticTraining()
    warps: Annotated[int, Field(ge=0, le=8, strict=True)] = 0  # copies; see datasets.warped

    @model_serializer(mode="wrap")
    def _as_before_without_copies(self, dump) -> dict:
        """Keys of cells trained before there were any stay what they were."""
        content = dump(self)
        if not self.warps:
            del content["warps"]
        return content

    @model_validator(mode="after")
    def _steps_belong_to_step(self) -> "Recipe":
        if self.schedule == "step" and not self.step_epochs:
            raise ValueError("schedule 'step' needs step_epochs, found none")
        if self.schedule != "step" and self.step_epochs:
            raise ValueError(f"step_epochs belong to schedule 'step', found {self.schedule!r}")
        if self.step_epochs != sorted(set(self.step_epochs)):
            raise ValueError(f"step_epochs: found {self.step_epochs}, needs rising ones")
        return self


class EncoderFrom(Section):
    """The cell whose encoder a universal cell keeps frozen; unset keys are the cell's own."""

    method: Name
    lam: Weight | None = None
    recipe: Name | None = None
    batch_norm: Literal["eval", "train"] = "eval"  # train: as the public code leaves it


class Method(Section):
    """A codec's objective: a weight for each term, a number or ``lam`` (the grid's lambda)."""

    weights: dict[str, Annotated[str, BeforeValidator(weight_or_lam)]]
    moves: Literal["networks", "codebook"] = "networks"  # what is free to minimise the objective
    posterior: Literal["decision", "soft"] = "decision"  # a codebook encoder's view of its input
    encoder_from: EncoderFrom | None = None

    @model_validator(mode="after")
    def _known_terms(self) -> "Method":
        for term in self.weights:
            if term not in TERMS:
                raise ValueError(f"weights: found term {term!r}{nearest(term, TERMS)}")
        if not self.weights:
            raise ValueError(f"weights: found none, needs at least one of {', '.join(TERMS)}")
        if self.moves == "codebook":
            if not {"mse"} <= set(self.weights) <= {"mse", "nll"} or self.weights["mse"] != "1":
                raise ValueError(
                    f"weights: found {self.weights} for a codebook, needs mse: 1 and optionally nll"
                )
            if self.encoder_from is not None:
                raise ValueError("encoder_from: a codebook has no encoder to take from elsewhere")
        elif "posterior" in self.model_fields_set:
            raise ValueError("posterior: found without 'moves: codebook', which alone heeds it")
        return self

    @property
    def uses_lam(self) -> bool:
        return "lam" in self.weights.values()


class Grid(Section):
    """The product of its lists: every combination is a cell."""

    methods: Annotated[list[Name], *SOME]
    lam: Annotated[list[Weight], BeforeValidator(listed), *DISTINCT_NUMBERS] = []
    dim: Annotated[list[Dimension], *SOME]
    levels: Annotated[list[Annotated[int, Field(ge=2, le=256, strict=True)]], *SOME]
    dither: Annotated[list[Flag], *SOME] = [True]
    seeds: Annotated[list[Seed], *SOME] = [0]
    recipe: Annotated[list[Name], *SOME]
    tier: Few = 1  # cells of lower tiers are trained first


class Study(Section):
    """One paper's cells on one dataset, read by one classifier."""

    dataset: Name
    classifier: Name
    width: Width = 1.0  # of hidden layers, as a share of the papers'
    output_norm: Flag = False  # batch norm before the decoder's sigmoid (Nguyen, Table 1)
    validation: Count | None = None  # default: the dataset's
    grids: Annotated[dict[Name, Grid], Field(min_length=1)]


class Evaluation(Section):
    """How codecs are measured."""

    dithers: Few = 4  # means over so many; Wasserstein distances are of the first
    train_images: Count = 10_000  # the row of split 'train' is measured on the first so many
    sliced_images: AtLeastTwo = 2000  # sliced Wasserstein: images and projections
    sliced_projections: Few = 200
    fresh_critic_steps: Count = 1000  # of the critic that w1_fresh is measured with
    saved_images: Few = 20  # test images whose reconstructions are kept, evenly over the classes


class BernoulliSource(Section):
    """Two classes with priors (P1, P2) and Pr(X = 1) of (a1, a2)."""

    priors: tuple[Probability, Probability]
    parameters: tuple[Probability, Probability]

    @model_validator(mode="after")
    def _priors_sum_to_one(self) -> "BernoulliSource":
        if abs(sum(self.priors) - 1) > 1e-9:
            raise ValueError(f"priors: found {list(self.priors)}, which do not sum to 1")
        return self


class GaussianSource(Section):
    """A jointly Gaussian source X and label S."""

    var_x: Positive = 1.0
    var_s: Positive = 1.0
    covariance: Real

    @model_validator(mode="after")
    def _possible(self) -> "GaussianSource":
        most = math.sqrt(self.var_x * self.var_s)
        if abs(self.covariance) > most * (1 + 1e-12):
            raise ValueError(
                f"covariance: found {self.covariance:g}, needs {-most:g} to {most:g}, the root of var_x "
                "times var_s"
            )
        return self


class BinarySource(Section):
    """One bit, Pr(X = 1) = p; its label is the bit, wrong with probability ``noise``."""

    p: Probability
    noise: Annotated[float, Field(ge=0, lt=0.5)] = 0.1


class Limits(Section):
    """The sources whose theoretical limits are computed."""

    bernoulli: Annotated[list[BernoulliSource], Field(max_length=20)] = [
        BernoulliSource(priors=(0.4, 0.6), parameters=(0.9, 0.1)),
        BernoulliSource(priors=(0.6, 0.4), parameters=(0.5, 0.1)),
    ]
    binary: Annotated[list[BinarySource], Field(max_length=20)] = [BinarySource(p=0.3)]
    gaussian: Annotated[list[GaussianSource], Field(max_length=20)] = [
        GaussianSource(covariance=0.8)
    ]
    points: Points = 101  # of each constraint
    multipliers: Points = 32  # of each, for Blahut-Arimoto


class Config(Section):
    """A whole config file: studies of codecs, of JPEG tables, or of both."""

    run: Name
    datasets: dict[Name, Dataset] = {}
    classifiers: dict[Name, Classifier] = {}
    methods: dict[Name, Method] = {}
    recipes: dict[Name, Recipe] = {}
    studies: dict[Name, Study] = {}
    evaluation: Evaluation = Evaluation()
    limits: Limits = Limits()
    jpeg: Jpeg = Jpeg()
    cells_per_job: Few = 8  # cells that one process trains one after the other

    def on_mnist(self, study: str) -> bool:
        """Whether a study is there and on the papers' data: published points may stand beside it."""
        return (
            study in self.studies and self.datasets[self.studies[study].dataset].source == "mnist"
        )

    @model_validator(mode="after")
    def _names_resolve(self) -> "Config":
        if not self.studies and not self.jpeg.studies:
            raise ValueError("studies: found none, here or under jpeg; needs at least one")
        if self.studies and JUDGE not in self.classifiers:
            raise ValueError(f"classifiers: needs an entry {JUDGE!r}, which no codec trains with")
        for study_name, study in self.studies.items():
            where = f"studies.{study_name}"
            _require(study.dataset, self.datasets, f"{where}.dataset")
            _require(study.classifier, self.classifiers, f"{where}.classifier")
            if study.classifier == JUDGE:
                raise ValueError(
                    f"{where}.classifier: found {JUDGE!r}, which must stay unused: it judges"
                )
            held = self.datasets[study.dataset].held_from_classifiers
            if (study.validation or 0) > held:
                raise ValueError(
                    f"{where}.validation: found {study.validation}, needs at most the dataset's "
                    f"classifier_holdout ({held}): a classifier must not have seen these images"
                )
            for grid_name, grid in study.grids.items():
                self._grid_resolves(grid, f"{where}.grids.{grid_name}")
        for study_name, own in self.jpeg.studies.items():
            if own.dataset is not None:
                where = f"jpeg.studies.{study_name}"
                _require(own.dataset, self.datasets, f"{where}.dataset")
                _require(own.classifier or "", self.classifiers, f"{where}.classifier")
                _require(own.judge or "", self.classifiers, f"{where}.judge")
        return self

    def _grid_resolves(self, grid: Grid, where: str) -> None:
        for recipe in grid.recipe:
            _require(recipe, self.recipes, f"{where}.recipe")
        for name in grid.methods:
            _require(name, self.methods, f"{where}.methods")
            method = self.methods[name]
            if method.uses_lam and not grid.lam:
                raise ValueError(
                    f"{where}.lam: found none, but method {name!r} has a weight 'lam': "
                    "give a list of values"
                )
            if method.encoder_from is not None:
                _require(method.encoder_from.method, self.methods, f"methods.{name}.encoder_from")


def _require(name: str, known: dict, where: str) -> None:
    if name not in known:
        raise ValueError(f"{where}: found {name!r}{nearest(name, known)}")


def parse(raw: dict) -> Config:
    """Checks a config read from YAML.

    Raises:
        ConfigError: one line a fault: the key, what was found, what is allowed, and the nearest
            spelling where a name is unknown.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        faults = error.errors()
        lines = list(dict.fromkeys(explain(dict(fault), Config) for fault in faults[:MOST_FAULTS]))
        if len(faults) > MOST_FAULTS:
            lines.append(f"and {len(faults) - MOST_FAULTS} faults more")
        raise ConfigError("\n".join(lines)) from None


def load(*paths: str | Path) -> Config:
    """Reads and checks config files, each laid over those before it as Snakemake does.

    Raises:
        ConfigError: names the file or files.
    """
    raw: dict = {}
    for path in paths:
        raw = laid_over(raw, read(path))
    try:
        return parse(raw)
    except ConfigError as error:
        raise ConfigError(f"{' '.join(map(str, paths))}:\n{error}") from None
