"""The three lists of pins name the same versions."""

import re
import tomllib

import yaml
from sandbox import ROOT

PIN = re.compile(r"^[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+$")


def test_pins_agree():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    requirements = {line for line in lines if line and not line.startswith("#")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in conda if isinstance(entry, dict))
    assert requirements == {*project["dependencies"], *project["optional-dependencies"]["dev"]}
    assert requirements == set(pip)


def test_every_pin_is_exact():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    for line in lines:
        assert not line or line.startswith("#") or PIN.match(line), line
