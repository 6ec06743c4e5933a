"""Config files: those that ship parse, and a wrong one says where and what is wrong."""

import copy
from pathlib import Path

import pytest
import yaml

from rdc import config
from rdc.config import ConfigError

FOLDER = Path(config.__file__).parents[1] / "config"
GRID = "studies.one.grids.plane"


def changed(raw, path, value):
    """A copy with one key set, or taken out where the value is None."""
    raw = copy.deepcopy(raw)
    *above, last = path.split(".")
    section = raw
    for key in above:
        section = section[key]
    if value is None:
        del section[last]
    else:
        section[last] = value
    return raw


def fault(raw):
    """The message that a config is refused with."""
    with pytest.raises(ConfigError) as caught:
        config.parse(raw)
    return str(caught.value)


@pytest.mark.parametrize(
    "path", [p for p in sorted(FOLDER.glob("*.yaml")) if p.stem != "claims"], ids=lambda p: p.name
)
def test_every_config_that_ships_parses(path):
    loaded = config.load(path)
    assert loaded.studies and all(study.grids for study in loaded.studies.values())


def test_the_smallest_config_has_its_defaults(raw):
    parsed = config.parse(raw)
    assert parsed.cells_per_job == 8
    assert parsed.evaluation.dithers == 4
    assert parsed.studies["one"].grids["plane"].dither == [True]
    assert parsed.recipes["short"].betas == (0.5, 0.9)
    assert parsed.datasets["digits"].held_from_classifiers == 200


@pytest.mark.parametrize(
    "path, found, allowed, nearest",
    [
        ("studis", {}, "studies, evaluation", "studies"),
        (f"{GRID}.lambda", [1], "methods, lam, dim, levels", "lam"),
        ("recipes.short.epoch", 3, "epochs, batch, lr", "epochs"),
        ("recipes.short.critic", {"gradient_penality": 1}, "lr, betas", "gradient_penalty"),
        ("methods.rdc.encoder_from", {"method": "plain", "lamm": 1}, "method, lam", "lam"),
        ("datasets.digits.folders", "x", "source, folder", "folder"),
        ("evaluation", {"dither": 3}, "dithers, train_images", "dithers"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_one(path, found, allowed, nearest, raw):
    message = fault(changed(raw, path, found))
    inner = next(iter(set(found) - {"method"})) if isinstance(found, dict) and found else None
    where = f"{path}.{inner}" if inner else path
    assert message.startswith(f"{where}: unknown key, allowed are ")
    assert allowed in message
    assert message.endswith(f"did you mean {nearest!r}?")


@pytest.mark.parametrize(
    "path, found, nearest",
    [
        ("studies.one.dataset", "digit", "digits"),
        ("studies.one.classifier", "zang", "zhang"),
        (f"{GRID}.methods", "rcd", "rdc"),
        (f"{GRID}.recipe", "shrt", "short"),
        ("datasets.digits.source", "minst", "mnist"),
        ("classifiers.zhang.architecture", "zhnag", "zhang"),
        ("recipes.short.schedule", "onecycle", "one_cycle"),
        ("recipes.short.gradient", "sotf", "soft"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_one(path, found, nearest, raw):
    message = fault(changed(raw, path, found))
    assert message.startswith(f"{path}: found {found!r}, allowed are ")
    assert message.endswith(f"did you mean {nearest!r}?")


def test_an_unknown_term_is_told_with_the_nearest_one(raw):
    message = fault(changed(raw, "methods.rdc.weights", {"msee": 1}))
    assert "methods.rdc" in message and "weights" in message and "found term 'msee'" in message
    assert "allowed are mse, sse, nll, features, w1_pixels" in message
    assert message.endswith("did you mean 'mse'?")


def test_an_unknown_encoders_method_is_told_with_the_nearest_one(raw):
    raw = changed(raw, "methods.rdc.encoder_from", {"method": "plane"})
    message = fault(raw)
    assert message.startswith("methods.rdc.encoder_from")
    assert message.endswith("did you mean 'plain'?")


@pytest.mark.parametrize(
    "path, value, message",
    [
        (f"{GRID}.lam", [0.005, -0.01], "lam.1: found -0.01, needs a finite number, 0 or more"),
        (f"{GRID}.lam", -0.01, "lam.0: found -0.01, needs a finite number, 0 or more"),
        (f"{GRID}.lam", ["nan"], "lam.0: found nan, needs a finite number, 0 or more"),
        (f"{GRID}.lam", [float("inf")], "lam.0: found inf, needs a finite number, 0 or more"),
        (f"{GRID}.lam", [True], "lam.0: found True, needs a number"),
        (f"{GRID}.lam", ["much"], "lam.0: found 'much', needs a number"),
        (f"{GRID}.levels", 1, "levels.0: found 1, needs at least 2"),
        (f"{GRID}.levels", [2, 300], "levels.1: found 300, needs at most 256"),
        (f"{GRID}.dim", 0, "dim.0: found 0, needs at least 1"),
        (f"{GRID}.seeds", [-1], "seeds.0: found -1, needs at least 0"),
        (f"{GRID}.dim", [3, 2, 3], "dim: found 3 more than once"),
        (f"{GRID}.lam", ["0.005", 0.005], "lam: found 0.005 more than once"),
        (f"{GRID}.lam", [0.005, "5e-3"], "lam: found 0.005 and 5e-3, which are one number"),
        (f"{GRID}.methods", ["rdc", "rdc"], "methods: found rdc more than once"),
        (f"{GRID}.lam", [], "lam: found none, but method 'rdc' has a weight 'lam'"),
    ],
)
def test_a_wrong_value_of_a_grid_is_told(path, value, message, raw):
    assert fault(changed(raw, path, value)).startswith(f"{GRID}.{message}")


@pytest.mark.parametrize(
    "path",
    [*(f"{GRID}.{k}" for k in ("methods", "dim", "levels", "dither", "seeds", "recipe"))],
)
def test_an_empty_list_of_a_grid_is_refused(path, raw):
    assert fault(changed(raw, path, [])).startswith(f"{path}: ")


@pytest.mark.parametrize("path", ["studies", "studies.one.grids"])
def test_a_run_without_cells_is_refused(path, raw):
    assert fault(changed(raw, path, {})).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("recipes.short.batch", 1, "found 1, needs at least 2"),
        ("recipes.short.lr", 0, "found 0, needs more than 0"),
        ("recipes.short.epochs", "many", "found 'many'"),
        ("recipes.short.epochs", [3], "found [3]"),
        ("recipes.short.epochs", 1.5, "found 1.5"),
        ("recipes.short", [3], "found [3]"),
        ("recipes.short.betas", [0.5], "missing"),
        ("recipes", "short", "found 'short'"),
        ("studies.one.width", 0, "found 0, needs more than 0"),
        ("run", 5, "found 5"),
        ("run", "my run", "found 'my run', needs letters, digits"),
        ("cells_per_job", 0, "found 0, needs at least 1"),
        ("evaluation", {"dithers": 0}, "found 0, needs at least 1"),
    ],
)
def test_a_wrong_type_or_range_is_told(path, value, message, raw):
    found = fault(changed(raw, path, value))
    assert found.startswith(path) and message in found
    assert len(found.splitlines()) == 1


@pytest.mark.parametrize(
    "path",
    [
        "run",
        *("studies.one.dataset", f"{GRID}.dim", "recipes.short.epochs"),
    ],
)
def test_a_missing_key_is_named(path, raw):
    assert fault(changed(raw, path, None)) == f"{path}: missing; it has no default"


@pytest.mark.parametrize(
    "section, message",
    [
        ("datasets", "studies.one.dataset: found 'digits', but none are defined"),
        ("methods", f"{GRID}.methods: found 'rdc', but none are defined"),
        ("recipes", f"{GRID}.recipe: found 'short', but none are defined"),
        ("classifiers", "classifiers: needs an entry 'judge', which no codec trains with"),
        ("studies", "studies: found none, here or under jpeg; needs at least one"),
    ],
)
def test_a_missing_section_is_named_where_it_is_needed(section, message, raw):
    assert fault(changed(raw, section, None)) == message


@pytest.mark.parametrize(
    "path, value, message",
    [
        ("studies.one.width", True, "studies.one.width: found True"),
        ("studies.one.output_norm", "yes", "studies.one.output_norm: found 'yes'"),
        ("limits.gaussian", [{"covariance": float("inf")}], "covariance: found inf"),
        ("limits.gaussian", [{"covariance": -5}], "covariance: found -5, needs -1 to 1, the root"),
        (
            "methods.rdc.posterior",
            "soft",
            "methods.rdc: posterior: found without 'moves: codebook'",
        ),
        ("recipes.short.schedule", "step", "schedule 'step' needs step_epochs"),
        ("recipes.short.step_epochs", [4, 2], "step_epochs"),
    ],
)
def test_a_value_that_cannot_act_as_written_is_told(path, value, message, raw):
    raw["limits"] = {}
    assert message in fault(changed(raw, path, value))


def test_steps_of_a_schedule_rise(raw):
    raw["recipes"]["short"] |= {"schedule": "step", "step_epochs": [40, 10]}
    assert "step_epochs: found [40, 10], needs rising ones" in fault(raw)


def test_a_small_sigma_may_be_written_without_a_point(raw):
    raw = changed(raw, "recipes.short.sigma", yaml.safe_load("1e-3"))
    assert config.parse(raw).recipes["short"].sigma == 0.001


# Not pydantic's names for the alternatives of a union, each with a line of its own.
@pytest.mark.parametrize(
    "path, value",
    [
        ("methods.rdc.weights.mse", -1),
        ("methods.rdc.weights.mse", True),
        ("methods.rdc.weights.nll", "lamda"),
        ("recipes.short.sigma", -1),
        ("recipes.short.sigma", "3/levels"),
    ],
)
def test_a_wrong_weight_or_sigma_is_told_in_one_line_of_the_users_words(path, value, raw):
    message = fault(changed(raw, path, value))
    assert message.startswith(f"{path}: found {value!r}")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("path", ["recipes.short.epochs", f"{GRID}.dim", f"{GRID}.seeds"])
def test_a_boolean_is_no_number(path, raw):
    assert "found True" in fault(changed(raw, path, True))


# results/{run} would be the repository, or the folder of all runs.
@pytest.mark.parametrize("run", ["..", "."])
def test_a_run_does_not_leave_its_folder(run, raw):
    assert fault(changed(raw, "run", run)).startswith("run: ")


# Python's float() takes them; they would name files with a blank, or one value twice.
@pytest.mark.parametrize("lam", [" 0.5", "0.5\n", "1_0"])
def test_a_lambda_that_is_no_plain_number_is_refused(lam, raw):
    assert fault(changed(raw, f"{GRID}.lam", [lam])).startswith(f"{GRID}.lam.0: ")


# Without a point YAML 1.1 reads 1e-3 as text, which a strict float does not take.
@pytest.mark.parametrize("written", ["1e-3", "1.0e-3", "0.001"])
def test_a_rate_may_be_written_in_any_usual_way(written, raw):
    raw = changed(raw, "recipes.short.lr", yaml.safe_load(written))
    assert config.parse(raw).recipes["short"].lr == 0.001


@pytest.mark.parametrize("weights", [{}, {"mse": 1, "sse": 0, "mise": 2}])
def test_a_method_needs_known_terms(weights, raw):
    assert fault(changed(raw, "methods.rdc.weights", weights)).startswith("methods.rdc")


def test_the_judge_is_there_and_stays_unused(raw):
    assert "needs an entry 'judge'" in fault(changed(raw, "classifiers.judge", None))
    message = fault(changed(raw, "studies.one.classifier", "judge"))
    assert message.startswith("studies.one.classifier: found 'judge', which must stay unused")


def test_a_dataset_is_a_source_or_a_folder(raw):
    for dataset in ({"validation": 10}, {"source": "digits", "folder": "mine"}):
        message = fault(changed(raw, "datasets.digits", dataset))
        assert message == "datasets.digits: needs exactly one of 'source' and 'folder'"
    parsed = config.parse(changed(raw, "datasets.digits", {"folder": "mine"}))
    assert parsed.datasets["digits"].folder == Path("mine")


def test_no_choice_is_made_on_images_that_a_classifier_has_seen(raw):
    message = fault(changed(raw, "datasets.digits.classifier_holdout", 100))
    assert "classifier_holdout: found 100, needs at least 'validation' (200)" in message
    message = fault(changed(raw, "studies.one.validation", 201))
    assert message.startswith("studies.one.validation: found 201, needs at most")
    wide = changed(raw, "datasets.digits.classifier_holdout", 300)
    assert config.parse(changed(wide, "studies.one.validation", 300))


def test_steps_belong_to_the_schedule_step(raw):
    message = fault(changed(raw, "recipes.short.schedule", "step"))
    assert "schedule 'step' needs step_epochs, found none" in message
    message = fault(changed(raw, "recipes.short.step_epochs", [1]))
    assert "step_epochs belong to schedule 'step', found 'constant'" in message


def test_lambdas_are_kept_as_written(raw, tmp_path):
    text = yaml.safe_dump(changed(raw, f"{GRID}.lam", "LAMBDAS"))
    text = text.replace("LAMBDAS", '[0, "0.010", 0.0033, 1e-3, "0.0050"]')
    (tmp_path / "x.yaml").write_text(text)
    found = config.load(tmp_path / "x.yaml").studies["one"].grids["plane"].lam
    assert found == ["0", "0.010", "0.0033", "1e-3", "0.0050"]


def test_every_fault_has_its_line(raw):
    raw = changed(raw, f"{GRID}.levels", 1)
    raw = changed(raw, "recipes.short.batch", 1)
    lines = fault(raw).splitlines()
    assert sorted(line.split(":")[0] for line in lines) == [
        "recipes.short.batch",
        f"{GRID}.levels.0",
    ]
