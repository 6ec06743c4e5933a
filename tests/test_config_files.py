"""Config files: read, laid over each other, and named where they are wrong."""

import copy

import pytest
import yaml
from snakemake.utils import update_config

from rdc import config
from rdc.config import ConfigError


@pytest.mark.parametrize(
    "content, message",
    [
        ("run: a\nrun: b", ", line 2, column 1: found the key 'run' a second time"),
        ("run: [", ", line 1, column 7: is not YAML"),
        ("- 1", ": found list, needs a mapping"),
        ("", ": found NoneType"),
    ],
)
def test_a_file_that_is_no_config_is_named(content, message, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=rf"x\.yaml{message}"):
        config.load(path)


def test_a_wrong_or_missing_file_is_named(raw, tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: no such file"):
        config.load(tmp_path / "none.yaml")
    (tmp_path / "x.yaml").write_text(yaml.safe_dump({**raw, "run": "no name"}))
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "x.yaml")
    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'x.yaml'}:",
        "run: found 'no name', needs letters, digits, '_', '-' or '.', the first no '.' or '-', at most 64: it names files",
    ]


def test_files_are_laid_over_each_other_as_snakemake_does(raw, tmp_path):
    above = {
        "run": "mine",
        "methods": {"mine": {"weights": {"mse": 1}}},
        "studies": {"one": {"grids": {"plane": {"lam": [0.5]}}}},
    }
    paths = [tmp_path / name for name in ("below.yaml", "above.yaml")]
    for path, content in zip(paths, (raw, above), strict=True):
        path.write_text(yaml.safe_dump(content))
    laid = copy.deepcopy(raw)
    update_config(laid, above)
    assert config.load(*paths) == config.parse(laid) != config.load(paths[0])
    with pytest.raises(ConfigError, match=r"above\.yaml"):
        config.load(paths[1])
