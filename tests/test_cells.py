"""The grid: how many cells, what they are called, what their keys hang on, how they are batched."""

import copy
import json
import math
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdc import cells, config
from rdc.cells import Cell
from rdc.config import ConfigError, Recipe

FOLDER = Path(config.__file__).parents[1] / "config"
CONFIGS = [path for path in sorted(FOLDER.glob("*.yaml")) if path.stem != "claims"]


def expanded(raw):
    return cells.expand(config.parse(raw))


def plane(raw):
    return raw["studies"]["one"]["grids"]["plane"]


CELL = Cell(
    study="one",
    dataset="digits",
    validation=200,
    classifier="zhang",
    method="rdc",
    weights=(("mse", 1.0), ("nll", 0.005)),
    lam="0.005",
    dim=3,
    levels=2,
    dither=True,
    seed=0,
    width=0.1,
    output_norm=False,
    recipe="short",
    training=Recipe(epochs=3, batch=32),
)


def test_a_cell_is_what_the_config_says(raw):
    assert expanded(raw)[0] == CELL
    assert CELL.name == "rdc_lam=0.005_dim=3_levels=2_dither=yes_recipe=short_seed=0"
    assert replace(CELL, lam=None).name == "rdc_dim=3_levels=2_dither=yes_recipe=short_seed=0"
    assert replace(CELL, levels=5).rate_bits == pytest.approx(3 * math.log(5) / math.log(2))
    assert (CELL.weight("nll"), CELL.weight("sse")) == (0.005, 0.0)


def test_a_grid_is_the_product_of_its_lists(raw):
    plane(raw).update(dim=[2, 3, 4], dither=[True, False])
    found = expanded(raw)
    assert len(found) == 2 * 3 * 2 * 2 * 2
    assert len({cell.name for cell in found}) == len(found)
    for name, count in {"lam": 2, "dim": 3, "levels": 2, "dither": 2, "seed": 2}.items():
        counts = Counter(getattr(cell, name) for cell in found)
        assert len(counts) == count and set(counts.values()) == {len(found) // count}


def test_the_expected_gradient_wants_no_dither_and_few_codes(raw):
    raw["recipes"]["short"]["gradient"] = "expected"
    with pytest.raises(ConfigError, match=r"rdc_lam=.*without dither: give dither: false"):
        expanded(raw)
    plane(raw).update(dither=[False])
    assert len(expanded(raw)) > 0
    plane(raw).update(dim=[7], levels=[4])
    with pytest.raises(ConfigError, match=r"4 \*\* 7 codes in every step; at most 4096"):
        expanded(raw)


def test_a_codebook_has_so_many_codewords_at_most(raw):
    raw["methods"]["vq"] = {"weights": {"mse": 1}, "moves": "codebook"}
    grid = {"methods": "vq", "dim": 12, "levels": 256, "dither": False, "recipe": "short"}
    raw["studies"]["one"]["grids"] = {"books": grid}
    with pytest.raises(ConfigError, match=r"256 \*\* 12 codewords; at most 65536 are allowed"):
        cells.expand(config.parse(raw))


def test_too_many_cells_are_refused_before_one_is_made(raw):
    plane(raw).update(seeds=list(range(5_000)))
    with pytest.raises(
        ConfigError, match=r"one\.grids\.plane: found 20,000 cells .* at most 10,000"
    ):
        expanded(raw)


def test_a_cells_name_fits_a_files(raw):
    raw["recipes"]["漢" * 60] = raw["recipes"]["short"]
    plane(raw).update(recipe="漢" * 60)
    with pytest.raises(ConfigError, match="bytes, at most 180 are allowed"):
        expanded(raw)


def test_a_method_without_lambda_is_not_repeated_for_each(raw):
    plane(raw)["methods"] = ["rdc", "plain"]
    found = expanded(raw)
    assert Counter(cell.method for cell in found) == {"rdc": 8, "plain": 4}
    assert {cell.lam for cell in found if cell.method == "plain"} == {None}


def test_lambda_fills_the_weights_and_names_the_cell_as_written(raw):
    plane(raw)["lam"] = ["0.010", 1e-05]
    found = expanded(raw)
    assert {cell.lam: cell.weight("nll") for cell in found} == {"0.010": 0.01, "1e-05": 1e-5}
    assert all(f"_lam={cell.lam}_" in cell.name for cell in found)


def test_grids_may_overlap_and_the_lower_tier_counts(raw):
    raw["studies"]["one"]["grids"]["first"] = {**plane(raw), "lam": 0.005, "tier": 1}
    plane(raw)["tier"] = 2
    found = expanded(raw)
    assert len(found) == 8
    assert [cell.tier for cell in found] == [1] * 4 + [2] * 4
    assert {cell.lam for cell in found if cell.tier == 1} == {"0.005"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_the_configs_that_ship_have_cells_with_names_of_their_own(path):
    loaded = config.load(path)
    found = cells.expand(loaded)
    assert found and {cell.study for cell in found} == set(loaded.studies)
    names = [(cell.study, cell.name) for cell in found]
    assert len(set(names)) == len(names)
    assert not any(set("/ \t\n") & set(name) for _, name in names)


def test_the_demo_is_small():
    assert len(cells.expand(config.load(FOLDER / "config.yaml"))) <= 40


def test_the_papers_config_has_zhangs_36_cells_in_three_readings_with_three_seeds():
    everything = cells.expand(config.load(FOLDER / "paper.yaml"))
    found = [c for c in everything if (c.study, c.recipe) == ("zhang", "zhang")]
    lambdas = ("0", "0.0033", "0.005", "0.0066", "0.008", "0.01", "0.011", "0.013", "0.015")
    for method in ("rdc_printed", "rdc_summed", "rdc"):
        for seed in (0, 1, 2):
            grid = [(c.lam, c.levels) for c in found if (c.method, c.seed) == (method, seed)]
            assert len(grid) == 36
            assert set(grid) == {(lam, levels) for lam in lambdas for levels in (2, 3, 4, 5)}
    assert len(found) == 36 * 3 * 3
    assert {cell.dim for cell in found} == {3}
    terms = {
        cell.method: (cell.weight("mse"), cell.weight("sse"), cell.weight("nll"))
        for cell in found
        if cell.lam == "0.015"
    }
    assert terms == {
        "rdc": (1, 0, 0.015),
        "rdc_printed": (0.015, 0, 1),
        "rdc_summed": (0, 0.015, 1),
    }


# Keys: every field of a cell is in one of these two lists.
DECIDES = {
    "validation": 100,
    "weights": (("mse", 1.0), ("nll", 0.006)),
    "dim": 4,
    "levels": 3,
    "dither": False,
    "seed": 1,
    "width": 0.2,
    "output_norm": True,
    "training": Recipe(epochs=4, batch=32),
    "moves": "codebook",
}
ONLY_NAMES = {
    "study": "two",
    "dataset": "numbers",  # its checksum is evidence
    "classifier": "reader",  # its checksum is evidence
    "method": "ours",
    "lam": "0.0050",
    "recipe": "brief",
    "tier": 2,
    "frozen_batch_norm": "train",  # without a frozen encoder
    "posterior": "soft",  # of codebooks
}


def test_each_field_is_known_to_decide_the_weights_or_not():
    assert {f.name for f in fields(Cell)} == {*DECIDES, *ONLY_NAMES, "encoder_from"}


@pytest.mark.parametrize("field", DECIDES)
def test_the_key_changes_with_what_decides_the_weights(field):
    assert cells.key(replace(CELL, **{field: DECIDES[field]}), {}) != cells.key(CELL, {})


@pytest.mark.parametrize("field", ONLY_NAMES)
def test_the_key_does_not_change_with_names(field):
    assert cells.key(replace(CELL, **{field: ONLY_NAMES[field]}), {}) == cells.key(CELL, {})


@pytest.mark.parametrize("change", [{"lr": 0.02}, {"critic": {"lr": 1e-3}}, {"sigma": "2/levels"}])
def test_the_key_changes_with_any_setting_of_the_recipe(change):
    training = Recipe(epochs=3, batch=32, **change)
    assert cells.key(replace(CELL, training=training), {}) != cells.key(CELL, {})


def test_the_key_changes_with_the_evidence_and_a_frozen_encoder():
    keys = [
        cells.key(CELL, {"data": "a"}),
        cells.key(CELL, {"data": "b"}),
        cells.key(CELL, {"data": "a", "encoder": "c"}),
        cells.key(replace(CELL, encoder_from="x"), {"data": "a"}),
        cells.key(replace(CELL, encoder_from="x", frozen_batch_norm="train"), {"data": "a"}),
    ]
    assert len(set(keys)) == 5
    assert all(len(bytes.fromhex(key)) == 8 for key in keys)


def test_the_key_does_not_depend_on_the_order_of_terms_or_evidence():
    turned = replace(CELL, weights=CELL.weights[::-1])
    assert cells.key(turned, {"b": 1, "a": 2}) == cells.key(CELL, {"a": 2, "b": 1})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.name)
def test_cells_come_back_from_json(path):
    for cell in cells.expand(config.load(path))[:20]:
        assert cells.from_json(json.loads(json.dumps(cells.as_json(cell)))) == cell


@pytest.mark.parametrize("weights, lam", [({"mse": 0}, 1), ({"nll": "lam"}, [0, 1])])
def test_an_objective_of_nothing_is_refused(weights, lam, raw):
    raw["methods"]["rdc"]["weights"] = weights
    plane(raw)["lam"] = lam
    with pytest.raises(ConfigError, match=r"weights|lam"):
        expanded(raw)


def test_a_codebooks_key_depends_on_how_its_encoder_reads():
    book = replace(CELL, moves="codebook")
    assert cells.key(book, {}) != cells.key(replace(book, posterior="soft"), {})
    assert cells.key(book, {}) == cells.key(replace(book, width=0.9, dither=False), {})


@given(
    lambdas=st.integers(1, 7),
    seeds=st.integers(1, 4),
    size=st.integers(1, 9),
    tier=st.integers(1, 2),
)
@settings(max_examples=40)
def test_batches_hold_every_cell_once(lambdas, seeds, size, tier):
    """At most so many each, of one study, tier, method and rate; no more batches than needed."""
    raw = base_config()
    plane(raw).update(
        lam=[k / 10 for k in range(lambdas)], seeds=list(range(seeds)), methods=["rdc", "plain"]
    )
    raw["studies"]["one"]["grids"]["again"] = {**plane(raw), "dim": [2, 3], "tier": tier}
    raw["studies"]["two"] = copy.deepcopy(raw["studies"]["one"])
    raw["cells_per_job"] = size
    parsed = config.parse(raw)
    batches = cells.batches(parsed)
    held = [cell for batch in batches.values() for cell in batch]
    assert Counter((c.study, c.name) for c in held) == Counter(
        (c.study, c.name) for c in cells.expand(parsed)
    )
    for (study, name), batch in batches.items():
        assert 1 <= len(batch) <= size
        assert {cell.study for cell in batch} == {study}
        alike = {(c.tier, c.method, c.dim, c.levels, c.dither, c.recipe) for c in batch}
        assert len(alike) == 1 and name.startswith(batch[0].method)
    groups = Counter((c.study, c.tier, c.method, c.dim, c.levels) for c in held)
    assert len(batches) == sum(math.ceil(count / size) for count in groups.values())


def base_config():
    """For hypothesis, which wants no fixtures: one lambda, one rate, one seed."""
    return {
        "run": "tiny",
        "datasets": {"digits": {"source": "digits", "validation": 200}},
        "classifiers": {name: {"architecture": name, "epochs": 1} for name in ("zhang", "judge")},
        "methods": {
            "rdc": {"weights": {"mse": 1, "nll": "lam"}},
            "plain": {"weights": {"mse": 1}},
        },
        "recipes": {"short": {"epochs": 1}},
        "studies": {
            "one": {
                "dataset": "digits",
                "classifier": "zhang",
                "grids": {
                    "plane": {"methods": "rdc", "lam": 0, "dim": 3, "levels": 2, "recipe": "short"}
                },
            }
        },
    }


def changed_batches(before, after):
    one, other = (cells.batches(config.parse(raw)) for raw in (before, after))
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


@given(count=st.integers(1, 9), size=st.integers(1, 5), data=st.data())
@settings(max_examples=40)
def test_an_edited_lambda_changes_one_batch_and_a_new_one_at_the_end_the_last(count, size, data):
    raw = base_config()
    raw["cells_per_job"] = size
    plane(raw)["lam"] = [k / 10 for k in range(count)]
    place = data.draw(st.integers(0, count - 1))
    edited, longer = copy.deepcopy(raw), copy.deepcopy(raw)
    plane(edited)["lam"][place] = 5.5
    [(_, name)] = changed_batches(raw, edited)
    assert name.endswith(f"_part={place // size}")
    plane(longer)["lam"].append(5.5)
    [(_, name)] = changed_batches(raw, longer)
    assert name.endswith(f"_part={count // size}")


def test_a_batch_is_named_after_what_its_cells_share(raw):
    plane(raw).update(dither=False, tier=2)
    assert list(cells.batches(config.parse(raw))) == [
        ("one", f"rdc_dim=3_levels={levels}_dither=no_recipe=short_tier=2_part=0")
        for levels in (2, 3)
    ]


def test_an_edited_lambda_leaves_other_methods_alone(raw):
    plane(raw)["methods"] = ["rdc", "plain"]
    edited = copy.deepcopy(raw)
    plane(edited)["lam"][0] = 0.006
    names = [name for _, name in changed_batches(raw, edited)]
    assert len(names) == 2 and all(name.startswith("rdc_") for name in names)  # one a rate


def test_cells_are_chosen_by_a_pattern(raw):
    found = expanded(raw)
    assert len(cells.select(found, "rdc*levels=2*seed=1")) == 2
    assert len(cells.select(found, "one/*")) == 8
    with pytest.raises(ConfigError, match=r"found 'rcd\*', which fits none of 8; .* like rdc_lam="):
        cells.select(found, "rcd*")
