"""The library as a wheel: all its files are in it, and it works away from the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from sandbox import ROOT

pytestmark = pytest.mark.slow

USE = """
import rdc
for name in rdc.__all__:
    getattr(rdc, name)
from rdc.jpeg import standard
from rdc.report import gallery, page
assert standard.named("luo").at(50).shape == (2, 8, 8)
assert all((page.HERE / f"{script}.js").exists() for script in page.SCRIPTS)
assert any(gallery.CAPTIONS.glob("*.rst"))
print(rdc.__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built of a copy: a build leaves folders of its own."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rdc", source / "rdc", ignore=ignored)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", out, source]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("*.whl")
    return found


def test_every_file_of_the_library_is_in_it(wheel):
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("rdc/")}
    files = (path for path in (ROOT / "rdc").rglob("*") if path.is_file())
    assert packed == {str(p.relative_to(ROOT)) for p in files if "__pycache__" not in p.parts}


def test_it_works_away_from_the_checkout(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "site"))
