"""What a config says of JPEG: how tables are come by, and what they are measured on. No torch."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rdc.config_fields import SOME, AtLeastTwo, Count, Name, Positive, Section, Seed
from rdc.messages import nearest

Quality = Annotated[int, Field(ge=1, le=100, strict=True)]
PRETRAINED = ("resnet20", "resnet56")  # on CIFAR-10


class Tables(Section):
    """One way to come by quantization tables: published ones, a search, or an optimisation.

    Exactly one of ``shipped``, ``search`` and ``objective``.
    """

    shipped: Name | None = None  # a pair by name, as it comes with this library
    search: Literal["sorted_random"] | None = None
    objective: Literal["rate_distortion", "rate_accuracy"] | None = None
    # Of an objective:
    start: Name = "ramp"
    knots: Annotated[list[Quality], *SOME] = [50]  # several: the shape changes with quality
    qualities: tuple[Quality, Quality] = (10, 90)
    steps: Count = 1500
    batch: Count = 20
    lr: Positive = 0.03
    rounding: Literal["boundary", "straight_through", "cubic"] = "boundary"
    crops: Count = 800  # of the photographs, for rate and distortion
    side: Annotated[int, Field(ge=16, multiple_of=16, strict=True)] = 80  # of a crop, in pixels
    # Of a search:
    candidates: AtLeastTwo = 1000  # drawn at random
    screened_on: Count = 500  # images that each candidate is tried on
    confirmed_on: Count = 5000  # ... and each on the Pareto front
    seed: Seed = 0

    @model_validator(mode="after")
    def _one_way(self) -> "Tables":
        ways = [name for name in ("shipped", "search", "objective") if getattr(self, name)]
        if len(ways) != 1:
            raise ValueError(
                f"found {' and '.join(ways) or 'none'}, needs exactly one of shipped, search, objective"
            )
        if self.knots != sorted(self.knots):
            raise ValueError(f"knots: found {self.knots}, needs rising qualities")
        if self.qualities[0] >= self.qualities[1]:
            raise ValueError(f"qualities: found {list(self.qualities)}, needs the lower one first")
        return self

    @property
    def needs_classifier(self) -> bool:
        return self.objective == "rate_accuracy" or self.search is not None


class Study(Section):
    """Tables measured on one set of pictures, at several qualities, by real files.

    Photographs and Kodak have no classes: tables are tuned on crops of the shipped photographs and
    measured on whole pictures. CIFAR-10 has: tables are tuned on its training images with
    ``classifier`` and measured on its test images, where ``judge`` never took part. Of a ``folder``
    of one's own, tables are tuned on crops of every other picture and measured on the rest.
    """

    pictures: Literal["photographs", "kodak", "cifar10"] | None = None
    folder: Path | None = None
    tables: Annotated[list[Name], *SOME]
    qualities: Annotated[list[Quality], *SOME]
    subsampling: Annotated[list[Literal["4:2:0", "4:4:4"]], *SOME] = ["4:2:0"]
    classifier: Literal["resnet20", "resnet56"] | None = None
    judge: Literal["resnet20", "resnet56"] | None = None
    reference: Name = "annex_k"  # whose rates and losses savings are counted from

    @property
    def dataset(self) -> str:
        """What its pictures are called in tables."""
        return self.pictures or self.folder.name

    @model_validator(mode="after")
    def _classes(self) -> "Study":
        if (self.pictures is None) == (self.folder is None):
            raise ValueError("needs exactly one of 'pictures' and 'folder'")
        if (self.pictures == "cifar10") != (self.classifier is not None):
            raise ValueError(
                f"classifier: found {self.classifier} for pictures {self.pictures!r}: cifar10 needs "
                "one, others have no classes"
            )
        if (self.judge is None) != (self.classifier is None) or (
            self.judge is not None and self.judge == self.classifier
        ):
            raise ValueError(
                f"judge: found {self.judge}, needs another one than the classifier ({self.classifier})"
            )
        if self.reference not in self.tables:
            raise ValueError(f"reference: found {self.reference!r}, needs one of {self.tables}")
        return self


class Jpeg(Section):
    """The JPEG wing of a run; empty by default."""

    tables: dict[Name, Tables] = {}
    studies: dict[Name, Study] = {}

    @model_validator(mode="after")
    def _names_resolve(self) -> "Jpeg":
        for study_name, study in self.studies.items():
            for name in study.tables:
                where = f"jpeg.studies.{study_name}.tables"
                if name not in self.tables:
                    raise ValueError(f"{where}: found {name!r}{nearest(name, self.tables)}")
                if self.tables[name].needs_classifier and study.classifier is None:
                    raise ValueError(f"{where}: {name!r} needs a classifier, the study has none")
        return self

    def sources(self, study: str) -> list[tuple[str, str]]:
        """(source, file) pairs that a study's pictures and classifiers come from."""
        wanted = self.studies[study]
        files = {
            None: [],
            "photographs": [],
            "kodak": [("kodak", "kodak.zip")],
            "cifar10": [("cifar10", "cifar10-subset.zip")],
        }[wanted.pictures]
        return files + [
            ("cifar10-resnets", CIFAR_FILES[name])
            for name in (wanted.classifier, wanted.judge)
            if name is not None
        ]


CIFAR_FILES = {"resnet20": "resnet20-12fca82f.th", "resnet56": "resnet56-4bfd9763.th"}


def data_file(source: str, file: str, data: str | Path = "data") -> Path:
    """Where a source's file lies once it is fetched."""
    return Path(data) / source / file
