"""Which code a result came from: the import closure of a file, and a hash of it. No torch."""

import ast
import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
# Packages beside torch and NumPy whose release can change a number: range coder and optimal
# transport; libjpeg-turbo, libwebp and jpegli.
MEASURED_WITH = ("constriction", "POT")
CODED_WITH = ("pillow", "pyjpegli")


def closure(path: str | Path) -> list[str]:
    """The modules of this library that a file imports, directly or not, and the packages they are in.

    Found by reading the source, without running it, so that Snakemake can declare them as inputs:
    editing one of them reruns the jobs that use it and no others.

    Args:
        path: a Python file, relative to the repository or absolute.

    Returns:
        Paths relative to the repository, sorted; the file itself only if it is in the library.
    """
    start = (ROOT / path).resolve()
    reached: set[Path] = set()
    waiting = [start]
    while waiting:
        file = waiting.pop()
        if file in reached:
            continue
        reached.add(file)
        waiting.extend(_imports(file))
    # The package's own __init__ only hands names on, so that it decides no result.
    inside = [f for f in reached if PACKAGE in f.parents and f != PACKAGE / "__init__.py"]
    return sorted(str(file.relative_to(ROOT)) for file in inside)


def code_hash(path: str | Path) -> str:
    """12 hex digits of a hash over the contents of ``closure(path)`` and the file itself."""
    digest = hashlib.sha256()
    own = (ROOT / path).resolve().relative_to(ROOT)
    for name in sorted({*closure(path), str(own)}):
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def stamp(path: str | Path, *packages: str) -> str:
    """What a script's results came from besides its inputs: its code, and the versions of torch, NumPy
    and further packages.

    As a parameter of a rule it is read when Snakemake starts. So code that was edited while a job ran,
    or that has an older date than the results, is seen, which the dates of input files do not show.
    """
    found = versions(*packages).items()
    return " ".join([code_hash(path), *(f"{name} {release}" for name, release in found)])


def versions(*packages: str) -> dict[str, str]:
    """Releases of torch, NumPy and further packages, without their build: one for a GPU makes no other
    key."""
    return {name: version(name).split("+")[0] for name in ("torch", "numpy", *packages)}


@cache
def _imports(file: Path) -> tuple[Path, ...]:
    """The library's files that one file imports, anywhere in it."""
    found: list[Path] = []
    for node in _that_run(ast.parse(file.read_text(), filename=str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found += _files_of(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, file)
            found += _files_of(module)
            for alias in node.names:
                handed_on = _handed_on(PACKAGE) if module == PACKAGE.name else {}
                found += _files_of(handed_on.get(alias.name, f"{module}.{alias.name}"))
    return tuple(found)


def _absolute(node: ast.ImportFrom, file: Path) -> str:
    """The module that names are imported from, ``from . import loop`` and the like resolved."""
    if node.level == 0 or PACKAGE not in file.parents:
        return node.module or ""
    package = file.relative_to(PACKAGE.parent).parts[: -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


@cache
def _handed_on(package: Path) -> dict[str, str]:
    """The module of each name that the package's own __init__ hands on."""
    for node in ast.parse((package / "__init__.py").read_text()).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "_PLACES" and node.value:
            return {name: module for name, (module, _) in ast.literal_eval(node.value).items()}
    return {}


def _that_run(tree: ast.AST):
    """All nodes but those under ``if TYPE_CHECKING:``, which only annotations see."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test) in (
            "TYPE_CHECKING",
            "typing.TYPE_CHECKING",
        ):
            for statement in child.orelse:
                yield from _that_run(statement)
        else:
            yield from _that_run(child)


def _files_of(module: str) -> list[Path]:
    """The file of a module of this library and the __init__ files above it; none for others."""
    parts = module.split(".")
    if parts[0] != PACKAGE.name:
        return []
    files = [
        PACKAGE.parent.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)
    ]
    files.append(PACKAGE.parent.joinpath(*parts).with_suffix(".py"))
    return [file for file in files if file.is_file()]
