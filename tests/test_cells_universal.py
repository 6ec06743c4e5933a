"""Universal cells: each names the cell whose encoder it keeps, which must be there."""

import json

import pytest

from rdc import cells, config
from rdc.config import ConfigError


def expanded(raw):
    return cells.expand(config.parse(raw))


def plane(raw):
    return raw["studies"]["one"]["grids"]["plane"]


def with_universal(raw, **encoder_from):
    """The config with a method on the frozen encoder of another, at lambda .1 and .2."""
    raw["methods"]["universal"] = {
        "weights": {"mse": 1, "nll": "lam"},
        "encoder_from": encoder_from,
    }
    grid = {**plane(raw), "methods": "universal", "lam": [0.1, 0.2]}
    raw["studies"]["one"]["grids"]["universal"] = grid
    return raw


def test_a_universal_cell_comes_back_from_json(raw):
    found = expanded(with_universal(raw, method="rdc", lam=0.015, batch_norm="train"))
    assert found[-1].encoder_from and found[-1].frozen_batch_norm == "train"
    assert cells.from_json(json.loads(json.dumps(cells.as_json(found[-1])))) == found[-1]


def test_universal_cells_find_the_encoder_of_the_same_rate_and_seed(raw):
    found = expanded(with_universal(raw, method="rdc", lam=0.015))
    by_name = {cell.name: cell for cell in found}
    universal = [cell for cell in found if cell.method == "universal"]
    assert len(universal) == 8
    for cell in universal:
        base = by_name[cell.encoder_from]
        assert (base.method, base.lam) == ("rdc", "0.015")
        assert (base.dim, base.levels, base.dither, base.seed) == (
            cell.dim,
            cell.levels,
            cell.dither,
            cell.seed,
        )
    assert found.index(universal[0]) >= 8  # after every encoder


def test_a_universal_cell_keeps_its_own_lambda_and_recipe_where_none_is_named(raw):
    plane(raw)["lam"] = [0.1, 0.2]
    for cell in expanded(with_universal(raw, method="rdc"))[8:]:
        assert cell.encoder_from == cell.name.replace("universal", "rdc")


@pytest.mark.parametrize(
    "encoder_from, missing",
    [
        ({"method": "rdc", "lam": 0.016}, "of rdc_lam=0.016_dim=3_levels=2"),
        ({"method": "rdc", "lam": 0.015, "recipe": "shrt"}, "_recipe=shrt_"),
        ({"method": "rdc", "lam": 0.016}, "the nearest there is rdc_lam=0.015_dim=3_levels=2"),
    ],
)
def test_a_universal_cell_without_its_encoders_cell_is_refused(encoder_from, missing, raw):
    with pytest.raises(ConfigError) as caught:
        expanded(with_universal(raw, **encoder_from))
    message = str(caught.value)
    assert message.startswith("methods.universal.encoder_from: the cell universal_lam=")
    assert missing in message and "which is not among the cells of study 'one'; " in message
    assert "add its lambda, dim, levels, seed and recipe to one of the study's grids" in message


@pytest.mark.parametrize("axis, value", [("dim", 5), ("levels", 7)])
def test_a_universal_cell_of_another_rate_than_any_encoder_is_refused(axis, value, raw):
    universal = with_universal(raw, method="rdc", lam=0.015)
    grids = universal["studies"]["one"]["grids"]
    name = next(name for name, grid in grids.items() if "universal" in grid["methods"])
    grids[name] = {**grids[name], "methods": "universal", axis: value}
    with pytest.raises(
        ConfigError, match=rf"_{axis}={value}_.*the nearest there is rdc_lam=0\.015_"
    ):
        expanded(universal)


def test_a_universal_cell_on_a_universal_cell_is_refused(raw):
    raw = with_universal(raw, method="universal", lam=0.1)
    with pytest.raises(ConfigError, match="'universal' has a frozen encoder itself"):
        expanded(raw)


def test_a_universal_cell_finds_an_encoder_whose_method_has_no_lambda(raw):
    plane(raw)["methods"] = "plain"
    found = expanded(with_universal(raw, method="plain"))
    names = {cell.name for cell in found if cell.method == "plain"}
    assert {cell.encoder_from for cell in found if cell.method == "universal"} == names


def test_a_universal_cell_on_a_codebook_is_refused(raw):
    raw["methods"]["plain"]["moves"] = "codebook"
    plane(raw).update(methods=["plain", "rdc"], dither=False)
    raw["methods"]["lamless"] = {"weights": {"mse": 1}, "encoder_from": {"method": "plain"}}
    raw["studies"]["one"]["grids"]["universal"] = {**plane(raw), "methods": "lamless"}
    with pytest.raises(ConfigError, match="encoder_from"):
        expanded(raw)
