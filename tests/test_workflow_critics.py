"""Codecs with critics and codecs on frozen encoders, through the whole workflow."""

import numpy as np
import pytest
from safetensors.torch import load_file
from sandbox import Sandbox

from rdc import tables

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

BASE = "rdc_lam=0.01_dim=2_levels=2_dither=yes_recipe=short_seed=0"
UNIVERSAL = "universal_lam=0_dim=2_levels=2_dither=yes_recipe=short_seed=0"


def batch(method: str) -> str:
    return f"{method}_dim=2_levels=2_dither=yes_recipe=short_tier=1_part=0"


@pytest.fixture(scope="module")
def finished(read_digits, tmp_path_factory) -> Sandbox:
    sandbox = read_digits.copy(tmp_path_factory.mktemp("critics"))
    config = sandbox.config
    config["methods"] |= {
        "na2": {"weights": {"sse": 0.001, "w1_ll": 0.0025, "w1_hh": 0.0035}},
        "rdp": {"weights": {"mse": 1, "w1_pixels": "lam"}},
        "universal": {
            "weights": {"mse": 1, "nll": "lam"},
            "encoder_from": {"method": "rdc", "lam": 0.01},
        },
    }
    shape = {"dim": 2, "levels": 2, "recipe": "short"}
    shared = {"dataset": "digits", "classifier": "zhang", "width": 0.1}
    config["studies"] = {
        "le": shared | {"grids": {"table3": {"methods": "na2", **shape}}},
        "nguyen": shared
        | {
            "grids": {
                "base": {"methods": ["rdc", "rdp"], "lam": [0.01], **shape},
                "universal": {"methods": "universal", "lam": [0], **shape},
            }
        },
    }
    config["evaluation"]["fresh_critic_steps"] = 5
    done = sandbox.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return sandbox


def codec(sandbox: Sandbox, study: str, method: str, cell: str) -> dict:
    path = sandbox.results / "codecs" / study / batch(method) / f"{cell}.codec.safetensors"
    return {name: tensor.numpy() for name, tensor in load_file(path).items()}


def test_a_universal_codec_keeps_the_encoder_to_the_last_bit(finished):
    base, universal = (
        codec(finished, "nguyen", method, cell)
        for method, cell in (("rdc", BASE), ("universal", UNIVERSAL))
    )
    encoder = [name for name in base if name.startswith("encoder.")]
    assert any("running_mean" in name for name in encoder)
    for name in encoder:
        np.testing.assert_array_equal(base[name], universal[name])
    assert not np.array_equal(base["decoder.expand.0.weight"], universal["decoder.expand.0.weight"])


def test_critics_leave_their_estimates_in_curves_and_rows(finished):
    curves = tables.read("curves", finished.results / "tables" / "curves.parquet")
    terms = curves[curves.cell.str.startswith("na2")].term
    assert {"w1_ll", "w1_hh", "sse"} <= set(terms)
    cells = tables.read("cells", finished.results / "tables" / "cells.parquet")
    test = cells[cells.split == "test"].set_index("method")
    assert np.isfinite(test.loc["rdp", ["w1_critic", "w1_fresh", "sliced_w1"]].astype(float)).all()
    assert np.isnan(test.loc["rdc", "w1_fresh"]) and np.isnan(test.loc["na2", "w1_critic"])
    assert test.loc["universal", "encoder_from"] == BASE
