"""The house has floors: each module imports only from those listed before it, so no circles."""

import ast
import re

from sandbox import ROOT

# Bottom to top, as in CONTRIBUTING.md.
FLOORS = [
    [
        "provenance",
        "archives",
        "atomic",
        "progress",
        "locks",
        "store",
        "bitstream.entropy",
        "capture",
        "intervals",
        "readings",
        "reconstructions",
        "jpeg.shipped",
        "jpeg.onnx_data",
        "jpeg.confinement",
        "jpeg.torchscript_names",
        "allocator",
        "names",
        "thrift",
        "jpeg.recode",
        "report.numbers",
        "report.costs",
        "report.gallery",
        "datasets.labelled",
        "datasets.left_out",
        "datasets.opening",
        "fitting.files",
    ],
    [
        "config_files",
        "config_fields",
        "joblog",
        "plan",
        "machine",
        "figures.style",
        "bundles",
        "messages",
        "parquet_bounds",
        "torchvision_compat",
        "bitstream.stream",
        "checkpoints",
        "jpeg.trial",
    ],
    [
        "parquet",
        "jpeg.settings",
        "jpeg.onnx_operators",
        "jpeg.torchscript",
        "datasets.below",
        "datasets.sources",
        "networks.haar",
        "networks.convolution",
        "networks.precision",
        "networks.quantizer",
    ],
    [
        "config",
        "tables",
        "jpeg.memory",
        "datasets.folders",
        "jpeg.standard",
        "jpeg.onnx_models",
        "networks.autoencoder",
        "networks.classifiers",
        "networks.weights",
        "figures.jpeg_sets",
        "figures.pictures",
        "figures.published",
    ],
    [
        "cells",
        "datasets.catalogue",
        "datasets.images",
        "jpeg.export",
        "networks.critics",
        "networks.codec",
        "networks.resnets",
    ],
    [
        "durations",
        "config_check",
        "datasets.pictures",
        "jpeg.classifiers",
        "datasets.warped",
        "descent",
        "networks.stored",
        "bitstream.model_files",
        "networks.classifier_files",
        "objective",
        "limits.bernoulli",
        "limits.gaussian",
        "jpeg.differentiable",
    ],
    [
        "limits.blahut_arimoto",
        "limits.codebooks",
        "expectation",
        "perception",
        "jpeg.rate",
        "jpeg.curves",
        "queries.common",
    ],
    [
        "limits.codebook_files",
        "limits.convexity",
        "limits.surfaces",
        "jpeg.optimization",
        "jpeg.measurement",
        "jpeg.readers",
        "jpeg.search",
        "jpeg.samples",
        "jpeg.factorized",
    ],
    [
        "loop",
        "card",
        "jpeg.coders",
        "jpeg.estimates",
        "jpeg.examples",
        "jpeg.savings",
        "pretraining",
        "evaluation",
        "figures.zhang",
        "figures.le",
        "figures.limits",
        "figures.luo",
        "figures.luo_examples",
        "figures.nguyen",
        "figures.atlas",
        "queries.zhang",
        "queries.le",
        "queries.luo",
        "queries.nguyen",
        "queries.theory",
    ],
    ["fitting.networks", "fitting.codebook", "readers"],
    ["training", "measurement", "claims", "jpeg.adaptation"],
    ["measuring", "vouching", "jpeg.tuning", "bitstream.__main__", "report.codecs", "report.jpeg"],
    ["report.page", "report.earlier", "so_far.rows"],
    ["so_far.shown", "report.terminal"],
    ["so_far.__main__"],
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def imported(path) -> set[str]:
    """The library's modules that a file names in imports, those for annotations included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rdc":
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("rdc.")}
    return {name.removeprefix("rdc.") for name in found} & set(FLOOR)


def modules():
    for path in sorted((ROOT / "rdc").rglob("*.py")):
        if path.name != "__init__.py":
            yield ".".join(path.relative_to(ROOT / "rdc").with_suffix("").parts), path


def test_every_module_has_its_floor():
    assert {name for name, _ in modules()} == set(FLOOR)


def test_no_module_imports_from_its_own_floor_or_above():
    for name, path in modules():
        for other in imported(path):
            assert FLOOR[other] < FLOOR[name], f"{name} imports {other}"


def test_the_library_does_not_know_snakemake():
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(n.split(".")[0] == "snakemake" for n in names), name


def test_no_file_is_two_subjects():
    for folder in ("rdc", "workflow", "bench", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, path


def test_each_rule_has_the_script_of_its_name():
    """`workflow/records.py` finds a rule's script by it."""
    for file in (ROOT / "workflow" / "rules").glob("*.smk"):
        for rule in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]:
            for script in re.findall(r'"\.\./scripts/(\w+)\.py"', rule):
                assert script == rule.split(":")[0], file
