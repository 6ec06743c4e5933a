"""What a config says of JPEG: how tables are come by, and what they are measured on. No torch."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rdc.config_fields import (
    SOME,
    AtLeastTwo,
    Count,
    Flag,
    LearningRate,
    Name,
    Place,
    Positive,
    Probability,
    Section,
    Seed,
)
from rdc.jpeg import onnx_data, shipped
from rdc.messages import nearest

Quality = Annotated[int, Field(ge=1, le=100, strict=True)]
Deviation = Annotated[Positive, Field(le=1)]  # of levels in [0, 1]
WAYS = ("shipped", "search", "objective", "encoder")
# Which other keys of ``Tables`` act in one way, or with one kind of search, alone.
HEEDED = {
    "objective": {
        "start", "knots", "qualities", "steps", "batch", "lr", "rounding", "rate_weight", "crops",
        "side", "per_image",
    },
    "sorted_random": {"candidates", "screened_on", "confirmed_on"},
    "coordinate_descent": {"start"},
}  # fmt: skip
ALWAYS = {"every", "seed"}
ONLY_420 = ("webp", "jpegli")
PRETRAINED = ("resnet20", "resnet56")  # on CIFAR-10
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation


class Tables(Section):
    """One way to come by quantization tables: published ones, a search, or an optimisation; or
    another encoder, as an outside reference.

    Exactly one of ``shipped``, ``search``, ``objective`` and ``encoder``.
    """

    shipped: Name | None = None  # a pair by name, as it comes with this library
    search: Literal["sorted_random", "coordinate_descent"] | None = None
    objective: Literal["rate_distortion", "rate_accuracy"] | None = None
    encoder: Literal["webp", "jpegli", "sjpeg"] | None = None
    start: Name = "ramp"  # of an objective, or of coordinate_descent
    # Of an objective:
    knots: Annotated[list[Quality], *SOME] = [50]  # several: the shape changes with quality
    qualities: tuple[Quality, Quality] = (10, 90)
    steps: Count = 1500
    batch: Count = 20
    lr: LearningRate = 0.03
    rounding: Literal["boundary", "straight_through", "cubic"] = "boundary"
    rate_weight: Positive | None = None  # Luo's c_r; none: the slope of the tables' own curve
    crops: Count = 800  # of the photographs, for rate and distortion
    side: Annotated[int, Field(ge=16, le=4096, multiple_of=16, strict=True)] = (
        80  # of a crop, in pixels
    )
    per_image: Flag = False  # tables of each picture's own, from those named by start
    # Of sorted_random:
    candidates: AtLeastTwo = 1000  # drawn at random
    screened_on: Count = 500  # images that each candidate is tried on
    confirmed_on: Count = 5000  # ... and each on the Pareto front
    # Of any:
    every: Count = 1  # measured at every so many of a study's qualities
    seed: Seed = 0

    @model_validator(mode="after")
    def _one_way(self) -> "Tables":
        ways = [name for name in WAYS if getattr(self, name)]
        if len(ways) != 1:
            raise ValueError(
                f"found {' and '.join(ways) or 'none'}, needs exactly one of {', '.join(WAYS)}"
            )
        way = self.search or ways[0]
        heeded = {ways[0], *HEEDED.get(way, ()), *ALWAYS}
        defaults = {name: field.default for name, field in type(self).model_fields.items()}
        idle = [name for name, value in self if name not in heeded and value != defaults[name]]
        if idle:
            raise ValueError(f"{', '.join(idle)}: found with {way!r}, which does not heed it")
        if self.knots != sorted(self.knots):
            raise ValueError(f"knots: found {self.knots}, needs rising qualities")
        if self.qualities[0] >= self.qualities[1]:
            raise ValueError(f"qualities: found {list(self.qualities)}, needs the lower one first")
        if self.per_image and self.rate_weight is not None:
            raise ValueError(
                f"rate_weight: found {self.rate_weight:g} with per_image, which goes by slope alone"
            )
        return self

    @property
    def needs_classifier(self) -> bool:
        return self.objective == "rate_accuracy" or self.search == "sorted_random"

    @property
    def adapts(self) -> bool:
        """Whether each picture has tables of its own, so that there is no set of them to keep."""
        return self.per_image or self.search == "coordinate_descent" or self.encoder is not None

    @property
    def program(self) -> str | None:
        """The program that must be on the PATH; such tables are left out where it is not."""
        return self.encoder if self.encoder == "sjpeg" else None

    def measured_at(self, qualities: list[int]) -> list[int]:
        """Those of a study's qualities that are measured, the last one among them."""
        return sorted(qualities)[:: -self.every][::-1]


class Classifier(Section):
    """A classifier of colour pictures that reads what JPEG leaves of them.

    Exactly one of ``torchvision`` (a model's name) and ``file`` (ONNX or TorchScript). It takes
    pictures (n, 3, side, side) in [0, 1], mean subtracted and divided by ``deviation``.
    """

    torchvision: str | None = None
    weights: Place | None = None  # of a torchvision model: a state dict; its default ones otherwise
    file: Place | None = None
    side: Annotated[int, Field(ge=8, strict=True)] = 224
    resize: Annotated[int, Field(ge=8, strict=True)] | None = None  # of the shorter side, before
    mean: tuple[Probability, Probability, Probability] | None = None
    deviation: tuple[Deviation, Deviation, Deviation] | None = None
    classes: Place | None = None  # names of its outputs, one a line; default: as the class folders

    @model_validator(mode="after")
    def _one_kind(self) -> "Classifier":
        if (self.torchvision is None) == (self.file is None):
            raise ValueError("needs exactly one of 'torchvision' and 'file'")
        if self.weights is not None and self.torchvision is None:
            raise ValueError("weights: found some for a 'file', which brings its own")
        if self.resize is not None and self.resize < self.side:
            raise ValueError(f"resize: found {self.resize}, needs at least side ({self.side})")
        return self

    @property
    def normalisation(self) -> tuple[tuple, tuple]:
        """Mean and deviation: ImageNet's for torchvision, none for a file that names none."""
        usual = IMAGENET if self.torchvision else ((0.0,) * 3, (1.0,) * 3)
        return self.mean or usual[0], self.deviation or usual[1]

    def files(self) -> list[Path]:
        """Every file that it consists of, those beside an ONNX model that hold its weights too."""
        named = [path for path in (self.weights, self.file, self.classes) if path is not None]
        if self.file is not None and self.file.suffix.lower() == ".onnx":
            named += onnx_data.beside(self.file)
        return named


class Study(Section):
    """Tables measured on one set of pictures, at several qualities, by real files.

    Photographs and Kodak have no classes: tables are tuned on crops of the shipped photographs and
    measured on whole pictures. CIFAR-10 has: tables are tuned on its training images with
    ``classifier`` and measured on its test images, where ``judge`` never took part; so has a
    ``dataset`` of this run, with the run's classifiers. Of a ``folder`` of one's own, tables are
    tuned on one part and measured on another.
    """

    pictures: Literal["photographs", "kodak", "cifar10"] | None = None
    folder: Place | None = None
    dataset: Name | None = None  # of this run: grey images
    tables: Annotated[list[Name], *SOME]
    ablation: list[Name] = []  # tables drawn apart, as variations on another
    qualities: Annotated[list[Quality], *SOME]
    subsampling: Annotated[list[Literal["4:2:0", "4:4:4"]], *SOME] = ["4:2:0"]
    classifier: Name | None = None
    judge: Name | None = None
    at_most: Count | None = None  # pictures of either part of a folder or dataset
    optional: Flag = False  # left out, aloud, where its folder is missing
    reference: Name = "annex_k"  # whose rates and losses savings are counted from

    @property
    def pictures_name(self) -> str:
        """What its pictures are called in tables."""
        if self.folder is not None:
            return self.folder.name or self.folder.resolve().name  # of '.' too
        return self.pictures or self.dataset or ""

    @model_validator(mode="after")
    def _classes(self) -> "Study":
        given = [name for name in ("pictures", "folder", "dataset") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("needs exactly one of 'pictures', 'folder' and 'dataset'")
        has_classes = self.pictures == "cifar10" or self.dataset is not None
        if has_classes and self.classifier is None:
            raise ValueError(f"classifier: found none, {self.pictures_name} needs one")
        if self.pictures in ("photographs", "kodak") and self.classifier is not None:
            raise ValueError(
                f"classifier: found {self.classifier} for pictures {self.pictures!r}, which have no "
                "classes"
            )
        if has_classes and self.judge is None:
            raise ValueError("judge: found none, needs another one than the classifier")
        if self.judge is not None and self.judge == self.classifier:
            raise ValueError(
                f"judge: found {self.judge}, needs another one than the classifier ({self.classifier})"
            )
        if self.judge is not None and self.classifier is None:
            raise ValueError(f"judge: found {self.judge} without a classifier")
        if self.optional and self.folder is None:
            raise ValueError("optional: found true without a 'folder', which alone may be missing")
        if self.reference not in self.tables:
            raise ValueError(f"reference: found {self.reference!r}, needs one of {self.tables}")
        if odd := sorted(set(self.ablation) - set(self.tables)):
            raise ValueError(f"ablation: found {odd}, needs some of {self.tables}")
        if self.dataset is not None and self.subsampling != ["4:4:4"]:
            raise ValueError(
                f'subsampling: found {self.subsampling}, grey images of a dataset need ["4:4:4"]'
            )
        return self


class Jpeg(Section):
    """The JPEG wing of a run; empty by default."""

    tables: dict[Name, Tables] = {}
    classifiers: dict[Name, Classifier] = {}
    studies: dict[Name, Study] = {}

    @model_validator(mode="after")
    def _names_resolve(self) -> "Jpeg":
        for name, tables in self.tables.items():
            if tables.shipped is not None and tables.shipped not in shipped.NAMES:
                raise ValueError(
                    f"jpeg.tables.{name}.shipped: found {tables.shipped!r}"
                    f"{nearest(tables.shipped, shipped.NAMES)}"
                )
            self._start_resolves(name, tables)
        for study_name, study in self.studies.items():
            where = f"jpeg.studies.{study_name}"
            for name in study.tables:
                if name not in self.tables:
                    raise ValueError(f"{where}.tables: found {name!r}{nearest(name, self.tables)}")
                tables = self.tables[name]
                if tables.encoder in ONLY_420 and study.subsampling != ["4:2:0"]:
                    raise ValueError(
                        f"{where}.subsampling: found {study.subsampling} with {name!r}, and "
                        f'{tables.encoder} needs ["4:2:0"]'
                    )
                if tables.needs_classifier and study.classifier is None:
                    raise ValueError(
                        f"{where}.tables: {name!r} needs a classifier, the study has none"
                    )
                of_the_run = tables.per_image and tables.start in self.tables
                if of_the_run and tables.start not in study.tables:
                    raise ValueError(
                        f"{where}.tables: {name!r} starts from {tables.start!r}, which the study has not"
                    )
            if self.tables[study.reference].adapts:
                raise ValueError(
                    f"{where}.reference: found {study.reference!r}, whose tables are each picture's own; "
                    "needs one with a set for all"
                )
            for role in ("classifier", "judge"):
                self._classifier_resolves(getattr(study, role), study, f"{where}.{role}")
            if study.folder is not None and study.classifier and study.judge:
                sides = [self.classifiers[name].side for name in (study.classifier, study.judge)]
                if sides[0] != sides[1]:
                    raise ValueError(
                        f"{where}.judge: found side {sides[1]}, needs the classifier's, {sides[0]}: both "
                        "read the same files"
                    )
        return self

    def _start_resolves(self, name: str, tables: Tables) -> None:
        where = f"jpeg.tables.{name}.start: found {tables.start!r}"
        if tables.per_image and tables.start in self.tables:
            if self.tables[tables.start].adapts:
                raise ValueError(f"{where}, whose tables are each picture's own")
        elif tables.start not in shipped.NAMES:
            known = [*shipped.NAMES, *(self.tables if tables.per_image else ())]
            raise ValueError(f"{where}{nearest(tables.start, known)}")

    def _classifier_resolves(self, name: str | None, study: Study, where: str) -> None:
        if name is None or study.dataset is not None:  # those are the run's own
            return
        if study.pictures == "cifar10" and name not in PRETRAINED:
            raise ValueError(f"{where}: found {name!r}{nearest(name, PRETRAINED)}")
        if study.folder is not None and name not in self.classifiers:
            raise ValueError(f"{where}: found {name!r}{nearest(name, self.classifiers)}")

    def compared(self) -> dict[str, dict]:
        """Of each study the tables that savings are counted from, and the variations on others."""
        return {
            name: {"reference": study.reference, "ablation": study.ablation}
            for name, study in self.studies.items()
        }

    def sources(self, study: str) -> list[tuple[str, str]]:
        """(source, file) pairs that a study's pictures and classifiers are fetched from."""
        wanted = self.studies[study].pictures
        if wanted == "kodak":
            return [("kodak", "kodak.zip")]
        if wanted == "cifar10":
            roles = (self.studies[study].classifier, self.studies[study].judge)
            files = [("cifar10-resnets", CIFAR_FILES[name]) for name in roles if name]
            return [("cifar10", "cifar10-subset.zip"), *files]
        return []


CIFAR_FILES = {"resnet20": "resnet20-12fca82f.th", "resnet56": "resnet56-4bfd9763.th"}


def data_file(source: str, file: str, data: str | Path = "data") -> Path:
    """Where a source's file lies once it is fetched."""
    return Path(data) / source / file
