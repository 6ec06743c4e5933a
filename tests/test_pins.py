"""The locks hold what pyproject.toml pins and all that it brings, with hashes; who uses them, uses these."""

import ast
import importlib.util
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
import yaml
from sandbox import ROOT

spec = importlib.util.spec_from_file_location("lock", ROOT / ".ci" / "lock.py")
lock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lock)

PIN = re.compile(r"^[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+$")
HEAD = re.compile(r"^([a-z0-9-]+)==([A-Za-z0-9_.+]+)(?: ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TOOLS = PROJECT["optional-dependencies"]["dev"]


def text(file: str) -> str:
    return (ROOT / file).read_text()


def versions(file: str) -> dict[str, str]:
    """Package to version, of the lines that begin a package's block."""
    lines = [line for line in text(file).splitlines() if not line.startswith(("#", " "))]
    return dict(HEAD.match(line).groups() for line in lines)


def named(pins: list[str]) -> dict[str, str]:
    """The same of pins as pyproject.toml has them."""
    assert all(PIN.match(pin) for pin in pins)
    pairs = (pin.split("==") for pin in pins)
    return {re.sub("[-_.]+", "-", name).lower(): version for name, version in pairs}


@pytest.mark.parametrize("file", [lock.USERS, lock.CPU, lock.DEV])
def test_every_package_of_a_lock_has_hashes_and_none_says_where_it_lies(file):
    heading, made_of, *lines = text(file).splitlines()
    assert heading.startswith("# ") and made_of == f"# pins: {lock.digest()}", "run `make lock`"
    assert HEAD.match(lines[0])
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert HEAD.match(line) or HASH.match(line), line
        assert bool(HASH.match(following)) == line.endswith("\\"), line


def test_the_locks_hold_what_is_pinned_and_agree():
    users, cpu, dev = map(versions, (lock.USERS, lock.CPU, lock.DEV))
    pinned, tools = named(PROJECT["dependencies"]), named(TOOLS)
    assert pinned.items() <= users.items()
    assert tools.items() <= dev.items()
    assert not users.keys() & (dev.keys() | tools.keys())  # users are spared the tools
    without = {name for name in users if re.match("nvidia|cuda|triton", name)}
    assert cpu == {n: v for n, v in users.items() if n not in without} | {
        "torch": f"{pinned['torch']}+cpu"
    }
    assert len(users) > 2 * len(pinned)  # what they bring is there too


@pytest.mark.parametrize(
    "old, new", [("numpy==", "numpy==0"), (">=3.11", ">=3.12"), ("ruff=", "rufe=")]
)
def test_a_lock_of_other_pins_is_stale(old, new, tmp_path, monkeypatch):
    before, project = lock.digest(), text("pyproject.toml")
    assert old in project
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    (tmp_path / "pyproject.toml").write_text(project + "\n# a remark\n")
    assert lock.digest() == before
    (tmp_path / "pyproject.toml").write_text(project.replace(old, new))
    assert lock.digest() != before


def test_blocks_are_read_with_all_their_lines():
    one = 'a==1 ; sys_platform == "linux" \\\n    --hash=x \\\n    --hash=y\n'
    two = "A==2 \\\n    --hash=z\n"
    assert lock.blocks(f"# b==3\n{one}{two}c==4\n") == {"a": one + two, "c": "c==4\n"}


def test_conda_and_make_take_the_locks():
    conda = yaml.safe_load(text("environment.yml"))["dependencies"]
    assert [entry["pip"] for entry in conda if isinstance(entry, dict)] == [[f"-r {lock.USERS}"]]
    makefile = text("Makefile")
    assert "--require-hashes" in makefile
    assert set(re.findall(r"-r (requirements\S*?\.txt)", makefile)) == {
        lock.USERS, lock.CPU, lock.DEV
    }  # fmt: skip
    for file in ("Makefile", "environment.yml", "pyproject.toml", ".ci/lock.py", ".ci/run"):
        assert "index-url" not in text(file).replace("no-emit-index-url", "")
        assert "://" not in text(file)


def test_what_the_library_and_the_workflow_import_users_have():
    """A package that only developers get fails a user's run, and no test where all are there."""
    pinned = {_normal(pin.split("==")[0]) for pin in PROJECT["dependencies"]}
    modules = packages_distributions()
    for path in [*(ROOT / "rdc").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")]:
        for name in _imported(path) - sys.stdlib_module_names - {"rdc", "workflow"}:
            found = {_normal(package) for package in [name, *modules.get(name, [])]}
            assert found & pinned, f"{path.relative_to(ROOT)} imports {name}, a developer's package"


def _imported(path) -> set[str]:
    """Names of the packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _normal(package: str) -> str:
    return package.lower().replace("_", "-")
