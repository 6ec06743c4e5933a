"""Paths of a config are read as a shell reads them, whichever key they stand under."""

import os
import pwd
from pathlib import Path

import pytest
from test_config import fault

from rdc import config
from rdc.config import Dataset
from rdc.jpeg import settings

HOME = Path.home()
ROOT_HOME = Path(pwd.getpwnam("root").pw_dir)


@pytest.mark.parametrize(
    "written, found",
    [
        ("~/Pictures", HOME / "Pictures"),
        ("~", HOME),
        ("~root/a", ROOT_HOME / "a"),
        ("$PICS/a", Path("/my pics/a")),
        ("${PICS}/a", Path("/my pics/a")),
        ("x/${YEAR}s$YEAR", Path("x/2024s2024")),
        ("$TILDE/b", HOME / "p" / "b"),
        ("./~a", Path("./~a")),
        ("a~/b$", Path("a~/b$")),
        ("price$5", Path("price$5")),
        ("plain/path", Path("plain/path")),
    ],
)
def test_homes_and_variables_are_expanded_in_every_path(written, found, monkeypatch):
    for name, value in {"PICS": "/my pics", "YEAR": "2024", "TILDE": "~/p"}.items():
        monkeypatch.setenv(name, value)
    assert Dataset(folder=written).folder == found
    assert settings.Study(folder=written, tables="annex_k", qualities=50).folder == found
    assert settings.Classifier(file=written, classes=written).files() == [found, found]
    assert settings.Classifier(torchvision="resnet18", weights=written).weights == found


def test_no_path_of_the_schema_is_left_as_it_is_written():
    """Every key that holds a path has the type that is expanded."""
    left, seen, waiting = [], set(), [config.Config]
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        for name, field in model.model_fields.items():
            parts = [field.annotation]
            while parts:
                part = parts.pop()
                if hasattr(part, "__metadata__") and part.__origin__ is Path:
                    continue
                parts += getattr(part, "__args__", ())
                if isinstance(part, type) and issubclass(part, config.Section):
                    waiting.append(part)
                left += [f"{model.__name__}.{name}"] if part is Path and not field.metadata else []
    assert len(seen) > 10 and not left


@pytest.mark.parametrize(
    "written, message",
    [
        ("$NOWHERE/a", "found '$NOWHERE/a', and the variable NOWHERE is not set"),
        ("${NOWHERE}", "the variable NOWHERE is not set"),
        ("$EMPTY/a", "the variable EMPTY is empty"),
        ("${HOME:-/x}/a", "found '${HOME:-/x}' in a path, needs ${NAME}"),
        ("${HOME/a", "found '${HOME/a' in a path, needs ${NAME}"),
        ("${}", "needs ${NAME}"),
        ("~nobody-of-that-name/a", "no user 'nobody-of-that-name'"),
        ("", "found '', needs a path"),
        ("a\0b", "needs a path"),
    ],
)
def test_what_cannot_be_expanded_is_told_in_one_sentence(written, message, monkeypatch):
    monkeypatch.setenv("EMPTY", "")
    study = {"folder": written, "tables": "annex_k", "qualities": 50}
    tables = {"annex_k": {"shipped": "annex_k"}}
    said = fault({"run": "mine", "jpeg": {"tables": tables, "studies": {"own": study}}})
    assert said.startswith("jpeg.studies.own.folder: ") and message in said
    assert "\n" not in said and os.environ["EMPTY"] == ""
