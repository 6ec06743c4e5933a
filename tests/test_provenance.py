"""Which code a result came from: the closure of imports, its hash, and what must stay out of it."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from test_floors import imported

from rdc import provenance
from rdc.provenance import ROOT, closure, code_hash


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small library in place of this one: write(name, source) adds a file to it."""
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "rdc")

    def write(name, source=""):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)

    write("rdc/__init__.py", '_PLACES: dict = {"Public": ("rdc.c", "name")}')
    for package in ("rdc/networks", "rdc/limits"):
        write(f"{package}/__init__.py")
    for module in ("a", "b", "c", "networks/deep"):
        write(f"rdc/{module}.py")
    return write


@pytest.mark.parametrize(
    "source, reached",
    [
        ("import rdc.a", ["rdc/a.py"]),
        ("import rdc.a as x, rdc.b", ["rdc/a.py", "rdc/b.py"]),
        ("from rdc import a, b", ["rdc/a.py", "rdc/b.py"]),
        ("from rdc.a import name", ["rdc/a.py"]),
        ("from rdc.networks import deep", ["rdc/networks/__init__.py", "rdc/networks/deep.py"]),
        ("import rdc.networks.deep", ["rdc/networks/__init__.py", "rdc/networks/deep.py"]),
        ("def f():\n    from rdc import a", ["rdc/a.py"]),
        ("class C:\n    def f(self):\n        import rdc.a", ["rdc/a.py"]),
        ("try:\n    import rdc.a\nexcept ImportError:\n    import rdc.b", ["rdc/a.py", "rdc/b.py"]),
        ("if fast:\n    import rdc.a", ["rdc/a.py"]),
        ("if TYPE_CHECKING:\n    import rdc.a\nimport rdc.b", ["rdc/b.py"]),
        ("import typing\nif typing.TYPE_CHECKING:\n    from rdc import a", []),
        ("from rdc import Public", ["rdc/c.py"]),
        ("import torch, json\nfrom numpy import linalg\nimport rdclib.a", []),
    ],
)
def test_imports_are_found_wherever_they_run(source, reached, library):
    library("script.py", source)
    assert closure("script.py") == reached


@pytest.mark.parametrize(
    "source, reached",
    [
        ("from . import a", "rdc/networks/a.py"),
        ("from .a import name", "rdc/networks/a.py"),
        ("from .. import a", "rdc/a.py"),
        ("from ..a import name", "rdc/a.py"),
    ],
)
def test_relative_imports_are_found(source, reached, library):
    library("rdc/networks/a.py")
    library("rdc/networks/deep.py", source)
    assert reached in closure("rdc/networks/deep.py")
    assert sum(name.endswith("/a.py") for name in closure("rdc/networks/deep.py")) == 1


@pytest.mark.parametrize(
    "source",
    [
        "if TYPE_CHECKING:\n    import rdc.b\nelse:\n    import rdc.a",
        "if not TYPE_CHECKING:\n    import rdc.a",
    ],
)
def test_what_runs_beside_type_checking_is_found(source, library):
    library("script.py", source)
    assert closure("script.py") == ["rdc/a.py"]


def test_imports_of_imports_are_followed_around_circles(library):
    library("rdc/a.py", "import rdc.b")
    library("rdc/b.py", "from rdc.networks import deep")
    library("rdc/networks/deep.py", "import rdc.a")
    library("script.py", "import rdc.a")
    assert closure("script.py") == [
        "rdc/a.py",
        "rdc/b.py",
        "rdc/networks/__init__.py",
        "rdc/networks/deep.py",
    ]
    assert closure("rdc/a.py") == closure("script.py")


def test_what_a_packages_init_imports_is_reached(library):
    library("rdc/networks/__init__.py", "from rdc import c")
    library("script.py", "import rdc.networks.deep")
    assert "rdc/c.py" in closure("script.py")


def test_the_hash_changes_with_any_file_of_the_closure_and_no_other(library):
    library("rdc/a.py", "import rdc.b")
    library("script.py", "import rdc.a")
    first = code_hash("script.py")
    assert len(bytes.fromhex(first)) == 6
    library("rdc/c.py", "changed = True")
    assert code_hash("script.py") == first
    hashes = {first}
    for name, source in {
        "rdc/b.py": "changed = True",
        "rdc/a.py": "import rdc.b  # changed",
        "script.py": "import rdc.a  # changed",
    }.items():
        library(name, source)
        hashes.add(code_hash("script.py"))
    assert len(hashes) == 4


def test_the_hash_does_not_depend_on_how_the_path_is_written():
    assert code_hash(ROOT / "rdc/loop.py") == code_hash("rdc/loop.py")


def test_training_does_not_depend_on_the_config_or_the_evaluation():
    """So that neither a new key nor a new measurement trains anything again."""
    found = closure("rdc/loop.py")
    assert {"rdc/loop.py", "rdc/objective.py", "rdc/networks/codec.py"} <= set(found)
    assert not {"rdc/config.py", "rdc/cells.py", "rdc/evaluation.py", "rdc/tables.py"} & set(found)


@pytest.mark.parametrize(
    "module, reached",
    [
        (
            "rdc/fitting/networks.py",
            {"rdc/loop.py", "rdc/checkpoints.py", "rdc/networks/stored.py"},
        ),
        ("rdc/fitting/codebook.py", {"rdc/limits/codebooks.py", "rdc/limits/codebook_files.py"}),
        ("rdc/measurement.py", {"rdc/evaluation.py", "rdc/networks/stored.py"}),
        ("rdc/pretraining.py", set()),
    ],
)
def test_what_reads_splits_and_writes_is_in_the_keys_too(module, reached):
    always = {
        "rdc/datasets/labelled.py",
        "rdc/networks/classifiers.py",
        "rdc/networks/classifier_files.py",
    }
    assert always | reached <= set(closure(module))


@pytest.mark.parametrize("module", ["rdc/training.py", "rdc/readers.py", "rdc/measuring.py"])
def test_what_only_keeps_the_store_computes_nothing(module):
    """It is in no key, so that it may hand over paths, and no tensors or arrays."""
    found = imported(ROOT / module)
    computing = {"loop", "networks.stored", "networks.classifier_files", "networks.quantizer"}
    assert not found & {*computing, "limits.codebooks", "limits.codebook_files"}
    assert "import numpy" not in (ROOT / module).read_text()


def test_evaluation_does_not_depend_on_the_training():
    found = closure("rdc/measurement.py")
    assert {"rdc/bitstream/stream.py", "rdc/networks/quantizer.py"} <= set(found)
    assert not {"rdc/loop.py", "rdc/training.py", "rdc/config.py", "rdc/cells.py"} & set(found)


def test_a_script_is_found_by_either_kind_of_path():
    script = "workflow/scripts/train.py"
    assert closure(ROOT / script) == closure(script)
    assert {"rdc/loop.py", "rdc/training.py", "rdc/joblog.py"} <= set(closure(script))
    assert "rdc/evaluation.py" not in closure(script)


def imported_by(statement):
    """The modules that a fresh interpreter holds after a statement."""
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_what_the_snakefile_imports_does_without_torch():
    lines = (ROOT / "workflow" / "rules" / "common.smk").read_text().splitlines()
    statements = [line for line in lines if line.startswith("from rdc")]
    found = imported_by("\n".join(statements))
    assert {"rdc.config", "rdc.cells", "rdc.provenance", "rdc.datasets.sources"} <= found
    assert not found & {"torch", "matplotlib"}


def test_a_stamp_has_the_releases_of_the_packages_named():
    code = provenance.stamp("workflow/scripts/jpeg_measure.py", "pillow")
    assert code.endswith(f" pillow {version('pillow')}") and " torch " in code
    assert code != provenance.stamp("workflow/scripts/jpeg_measure.py")
