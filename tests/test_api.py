"""``import rdc``: every public name is there, explains itself, and costs nothing until it is used."""

import inspect
import subprocess
import sys

import pytest
from sandbox import ROOT

import rdc


@pytest.mark.parametrize("name", rdc.__all__)
def test_every_public_name_loads_and_explains_itself(name):
    found = getattr(rdc, name)
    assert inspect.getdoc(found)
    assert name in dir(rdc)


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="has no attribute 'codecs'"):
        rdc.codecs  # noqa: B018


def test_importing_the_package_brings_neither_torch_nor_pandas():
    code = "import rdc, sys; print([m for m in ('torch', 'numpy', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr
