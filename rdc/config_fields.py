"""The kinds of values that a config holds, checked as strictly as people's typing errors deserve."""

import math
import os
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from rdc.names import NAME, shortened, shown

MOST_CHARACTERS = 24  # of a number as written: it is a part of files' names
MOST_WEIGHT = 1e9
MOST_NAME_BYTES = 180  # a file's name may have 255, and holds more than this one
# $NAME or ${NAME}; a brace without its end, or with more than a name in it, is told.
VARIABLE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([^}]*)(\}?))")
NUMBER = re.compile(r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


def as_written(value: Any) -> str:
    """A weight as the string the user wrote (it names paths); numbers come as YAML read them."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"found {shown(value)}, needs a number")
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # of more than 4,300 digits
        raise ValueError("found a number of thousands of digits") from None
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"found {shortened(text, 40)}, needs a number of at most {MOST_CHARACTERS} characters"
        )
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"found {shown(value)}, needs a number") from None
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"found {text}, needs a finite number, 0 or more")
    if number > MOST_WEIGHT:
        raise ValueError(f"found {text}, needs at most {MOST_WEIGHT:g}")
    if NUMBER.fullmatch(text) is None:  # float() also takes blanks and underscores
        raise ValueError(f"found {shown(value)}, needs a number in plain digits")
    return text


def weight_or_lam(value: Any) -> str:
    if value == "lam":
        return value
    try:
        return as_written(value)
    except ValueError as error:
        raise ValueError(f"{error}, or lam (the grid's lambda)") from None


def sigma_value(value: Any) -> float | str:
    if value == "2/levels":
        return value
    number = as_number(value)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number <= MOST:
        raise ValueError(
            f"found {shown(value)}, needs a number above 0 and at most {MOST:g}, or 2/levels"
        )
    return float(number)


def as_number(value: Any) -> Any:
    """YAML reads 1e-3 as text, and people write it."""
    short = isinstance(value, str) and len(value) <= MOST_CHARACTERS
    return float(value) if short and NUMBER.fullmatch(value.removeprefix("-")) else value


def listed(value: Any) -> Any:
    """One value stands for a list of one."""
    return value if isinstance(value, list) else [value]


def some(values: list) -> list:
    if not values:
        raise ValueError("found an empty list, needs at least one value")
    return values


def distinct(values: list) -> list:
    repeated = sorted(str(value) for value, times in Counter(values).items() if times > 1)
    if repeated:
        raise ValueError(f"found {shortened(', '.join(repeated))} more than once")
    return values


def distinct_numbers(values: list[str]) -> list[str]:
    """Of numbers as written: 0.005 and 5e-3 are one."""
    written: dict[float, str] = {}
    for value in values:
        if (number := float(value)) in written:
            raise ValueError(f"found {written[number]} and {value}, which are one number")
        written[number] = value
    return values


def file_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(
            f"found {shown(name)}, needs letters, digits, '_', '-' or '.', the first no '.' or '-', at most 64: "
            "it names files"
        )
    if (size := len(name.encode())) > MOST_NAME_BYTES:
        raise ValueError(
            f"found {size} bytes, at most {MOST_NAME_BYTES} are allowed: it names files"
        )
    return name


def expanded(value: Any) -> Any:
    """A path as a shell would read it: ``$NAME`` and ``${NAME}``, then ``~`` and ``~user``."""
    if not isinstance(value, str):
        return value
    if not value.strip() or "\0" in value:
        raise ValueError(f"found {value!r}, needs a path")
    path = VARIABLE.sub(_variable, value)
    home = os.path.expanduser(path)
    if home.startswith("~"):
        user = path.split("/")[0]
        missing = f"no user {user[1:]!r}" if len(user) > 1 else "no home folder"
        raise ValueError(
            f"found {value!r}, and this machine knows {missing}; write the path in full, or a folder "
            f"of that name here as './{path}'"
        )
    return home


def _variable(found: re.Match) -> str:
    name = found[1] or found[2]
    if found[1] is None and not (found[3] and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)):
        raise ValueError(f"found {found[0]!r} in a path, needs ${{NAME}}, a variable's name alone")
    if not os.environ.get(name):
        said = "is empty" if name in os.environ else "is not set"
        raise ValueError(
            f"found {found.string!r}, and the variable {name} {said}; set it, or write the path in full"
        )
    return os.environ[name]


Place = Annotated[Path, BeforeValidator(expanded)]  # of a file or folder
Name = Annotated[str, AfterValidator(file_name)]
Weight = Annotated[str, BeforeValidator(as_written)]
# Strict: true is not 1, 1.0 not a count, and "yes" neither true nor false.
Flag = Annotated[bool, Field(strict=True)]
_number = BeforeValidator(as_number)
# Bounds: no more than any machine could use, so that a slip of the hand is found before the run is.
MOST = 1_000_000
Positive = Annotated[float, _number, Field(gt=0, le=MOST, allow_inf_nan=False, strict=True)]
LearningRate = Annotated[float, _number, Field(gt=0, le=100, allow_inf_nan=False, strict=True)]
NonNegative = Annotated[float, _number, Field(ge=0, le=MOST, allow_inf_nan=False, strict=True)]
Share = Annotated[float, _number, Field(ge=0, lt=1, strict=True)]
Width = Annotated[float, _number, Field(gt=0, le=4, strict=True)]
Real = Annotated[float, _number, Field(ge=-MOST, le=MOST, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=1, le=MOST, strict=True)]
Few = Annotated[int, Field(ge=1, le=10_000, strict=True)]
Points = Annotated[
    int, Field(ge=2, le=1000, strict=True)
]  # of an axis: a surface has their product
Dimension = Annotated[int, Field(ge=1, le=1024, strict=True)]  # of a code
Probability = Annotated[float, _number, Field(ge=0, le=1, strict=True)]
AtLeastTwo = Annotated[int, Field(ge=2, le=MOST, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]


DISTINCT_NUMBERS = (AfterValidator(distinct), AfterValidator(distinct_numbers))
# One value or several, none of them twice.
SOME = (BeforeValidator(listed), AfterValidator(some), AfterValidator(distinct))


class Section(BaseModel):
    """A section of the config: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _path_fits(cls, value: Any) -> Any:
        """Asked whether it exists, the system would raise on these."""
        if isinstance(value, Path):
            longest = max(len(os.fsencode(part)) for part in (*value.parts, ""))
            if longest > 255 or len(str(value)) > 1000 or "\0" in str(value):
                raise ValueError(
                    f"found {shown(str(value))}, which no path can be: too long, or with a NUL"
                )
        return value
