"""Configs from anywhere: what YAML reads otherwise than people is told, nothing takes long, no traceback."""

import copy
import subprocess
import sys
import time

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox import ROOT

from rdc import cells, config, config_check, config_files
from rdc.config import ConfigError

LAUGHS = "a0: &a0 [1, 2]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}\n" for i in range(1, 12)
)
FILES = {
    "d: 0x10": "found 0x10, which YAML takes for 16: write that .*, or put it in quotes",
    "d: 010": "takes for 8",
    "d: 1:30": "takes for 90",
    "d: 0b11": "takes for 3",
    "d: 1_000": "takes for 1000",
    "d: 1:30.5": "takes for a number",
    "d: .inf": "takes for a number",
    "d: -.INF": "takes for a number",
    "d: .nan": "takes for a number",
    f"d: {'1' * 5001}": "a whole number of 5001 characters",
    "run: no": "found no, which YAML takes for false: .*quotes",
    "run: on": "takes for true",
    "run: Yes": "takes for true",
    "run: off": "takes for false",
    "run: ~": "takes for null",
    "run: 2024-01-01": "takes for a date: put it in quotes",
    "run: 2024-01-01 10:00:00": "takes for a date",
    "run: =": "takes for a default",
    "no: 1": "found no, .*quotes",
    "1: 1": "the key 1, .*quotes",
    "1.5: 1": "the key 1.5, .*quotes",
    "null: 1": "the key null, .*quotes",
    "true: 1": "the key true, .*quotes",
    "? [a]\n: 1": "a list or a section as a key",
    "? {a: b}\n: 1": "a list or a section as a key",
    "[a]: 1": "a list or a section as a key",
    "a: {b: 1, b: 2}": "the key 'b' a second time",
    "r: !!python/object/apply:os.system [ls]": "the tag",
    "r: !!python/name:os.system": "the tag",
    "r: !!binary aGk=": "the tag",
    "r: !!set {a}": "the tag",
    "r: !!omap [a: 1]": "the tag",
    "r: !!str 1": "the tag",
    "r: !mine 1": "the tag",
    "a: " + "[" * 3_000: "more than 20 levels",
    "a: " + "[" * 90_000: "more than 20 levels",
    "a: " + "{a: " * 3_000: "more than 20 levels",
    "- " * 9_000: "more than 20 levels",
    "".join(" " * i + "a:\n" for i in range(500)): "more than 20 levels",
    LAUGHS: "more than 50,000 keys and values",
    MERGES: "more than 50,000 keys and values",
    f"a: [{'1, ' * 60_000}1]": "more than 50,000 keys and values",
    "a: &a [*a]": r"\*a inside itself",
    "a: &a {<<: *a}": r"\*a inside itself",
    "a: *b": "is not YAML",
    "a: {<<: 3}": "is not YAML",
    "a:\n\t- b": "is not YAML",
    "a: b: c": "is not YAML",
    "a: 'b": "is not YAML",
    "a: 1\n---\nb: 1": "is not YAML",
    "%YAML 9.9\n---\na: 1": "is not YAML",
    "a: b\0": "is not YAML",
    'a: "b\\0"': "characters that cannot be printed",
    'a: "\\e[2J"': "characters that cannot be printed",
    'a: "b\\nc"': "characters that cannot be printed",
    "a: " + "b" * 300_000: "larger than a config",
    "#" * 10_000_000: "larger than a config",
    "__use_yte__: true": "runs the Python",
    "": "found NoneType",
    "word": "found str",
    "- a": "found list",
}  # fmt: skip


@pytest.mark.parametrize("content", FILES, ids=lambda content: content[:24].replace("\n", " "))
def test_a_hostile_file_is_refused_at_once(content, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(content)
    began = time.process_time()
    with pytest.raises(ConfigError, match=FILES[content]) as caught:
        config_files.read(path)
    assert time.process_time() - began < 2
    assert str(path) in str(caught.value) and len(str(caught.value)) < 500 + len(str(path))


def test_what_is_meant_is_taken(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(
        b"\xef\xbb\xbfa: &a [true, False, 1, -2, 0.5, .5, 1e-3, '0x10', \"no\", null, ]\r\n"
        b"b: *a\r\nc: {<<: {d: 1}, e: lam}\r\n"
    )
    found = [True, False, 1, -2, 0.5, 0.5, "1e-3", "0x10", "no", None]
    assert config_files.read(path) == {"a": found, "b": found, "c": {"d": 1, "e": "lam"}}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode()))
def test_any_bytes_are_a_mapping_or_refused(content, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    try:
        assert isinstance(config_files.read(path), dict)
    except ConfigError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize(
    "key, value",
    [
        ("recipes.short.epochs", 10**400),
        ("recipes.short.epochs", 10**5000),
        ("recipes.short.epochs", 1_000_001),
        ("recipes.short.lr", 1e300),
        ("recipes.short.lr", "1e300"),
        ("recipes.short.lr", 10**400),
        ("recipes.short.sigma", 10**400),
        ("recipes.short.sigma", 1e300),
        ("recipes.short.batch", 10**10),
        ("recipes.short.critic.gradient_penalty", 1e9),
        ("studies.one.grids.plane.dim", 10**30),
        ("studies.one.grids.plane.dim", [2, 1025]),
        ("studies.one.grids.plane.lam", 1e300),
        ("studies.one.grids.plane.lam", "0." + "1" * 500),
        ("studies.one.grids.plane.lam", 10**5000),
        ("studies.one.grids.plane.seeds", 2**31),
        ("studies.one.grids.plane.tier", 10_001),
        ("methods.rdc.weights.mse", "9" * 25),
        ("limits.points", 10_000),
        ("limits.gaussian", [{"covariance": 1e300}]),
        ("limits.binary", [{"p": 0.3}] * 21),
        ("evaluation.dithers", 10**6),
        ("cells_per_job", 10**6),
        ("run", "x" * 65),
        ("run", "-rf"),
        ("datasets.digits.validation", 10**12),
        ("datasets.digits.folder", "x" * 256),
        ("datasets.digits.folder", "x/" * 600),
        ("datasets.digits.folder", "x\0"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_a_number_that_nobody_means_is_refused_with_its_key(key, value, raw):
    *above, last = key.split(".")
    section = raw
    for part in above:
        section = section.setdefault(part, {})
    section[last] = value
    with pytest.raises(ConfigError) as caught:
        cells.expand(config.parse(raw))
    assert key in str(caught.value) and len(str(caught.value)) < 500


def test_many_faults_are_told_in_a_few_lines(raw):
    raw["studies"]["one"]["grids"]["plane"]["dim"] = [-1] * 20_000
    raw["recipes"] |= {f"r{i}": {"epoch": 3} for i in range(2_000)}
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        config.parse(raw)
    lines = str(caught.value).splitlines()
    assert len(lines) <= 21 and "faults more" in lines[-1]
    assert time.process_time() - began < 2


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from([10**400, 10**4000, "1e400", "lam", "../x", "2/levels", "-1"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_config_with_anything_anywhere_is_parsed_or_refused(data):
    """``--config`` brings values of any kind past the file's reader."""
    raw = yaml.safe_load((ROOT / "config" / "example.yaml").read_text())
    section = raw = copy.deepcopy(raw)
    while isinstance(section, dict) and section:
        key = data.draw(st.sampled_from(sorted(section)))
        if not isinstance(section[key], dict) or data.draw(st.booleans()):
            break
        section = section[key]
    section[data.draw(st.just(key) | st.text(max_size=5))] = data.draw(VALUES)
    try:
        cells.expand(config.parse(raw))
    except ConfigError as error:
        assert len(str(error)) < 20_000


def test_a_wrong_path_is_told_with_the_nearest(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert config_check.main(["confg/example.yaml"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "error: confg/example.yaml: no such file; there are config/config.yaml, "
    )
    assert said.endswith("did you mean config/example.yaml?\n")
    assert config_check.main(["config"]) == 1
    assert capsys.readouterr().err == "error: config: is no file, needs a config\n"
    assert config_check.main(["x" * 5000]) == 1
    assert config_check.main([]) == 2
    assert config_check.main(["config/example.yaml"]) == 0


def test_the_check_is_quick_and_does_without_torch():
    asked = "import sys; from rdc.config_check import main; main(['config/paper.yaml']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_a_name_fits_a_files_in_bytes_too():
    """64 letters of four bytes each: a config that was taken, and no folder could be made."""
    with pytest.raises(ConfigError, match="run: found 256 bytes, at most 180 are allowed"):
        config.parse({"run": "\U0001d518" * 64, "jpeg": {}})
