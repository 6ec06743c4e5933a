"""The default run, end to end, as `make` runs it; and one real cell on real MNIST."""

import copy
import os

import pytest
import torch
import yaml
from sandbox import ROOT, Sandbox

from rdc import config as configs
from rdc import loop, pretraining, tables
from rdc.cells import expand
from rdc.datasets import images, sources

pytestmark = pytest.mark.slow


@pytest.mark.workflow
def test_the_demo_runs_and_k_means_is_ahead(tmp_path):
    demo = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    sandbox = Sandbox(tmp_path, demo)
    done = sandbox.snakemake(config="config/config.yaml")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    cells = tables.read("cells", sandbox.results / "tables" / "cells.parquet")
    test = cells[cells.split == "test"]
    assert len(test) == len(expand(configs.parse(demo))) <= 40
    zhang = test[test.study == "zhang"]
    learned, vq = zhang[(zhang.method == "rdc") & (zhang.lam == 0)], zhang[zhang.method == "vq"]
    # Three bits say little; two more say much more: both codecs must use them.
    for rows in (learned, vq):
        by_rate = rows.set_index("rate_bits").mse.sort_index()
        assert (by_rate.diff().dropna() < 0).all()
    assert zhang[zhang.lam == 0.05].accuracy.mean() > learned.accuracy.mean() + 0.05
    assert (test.accuracy_clean > 0.9).all()
    # Without dither and with its exact gradient a codec is between k-means and the dithered one.
    exact = zhang[~zhang.dither & (zhang.recipe == "expected")].mse.item()
    same = zhang[
        (zhang.lam == 0.005) & zhang.dither & (zhang.rate_bits.round(2) == 4.75)
    ].mse.item()
    assert exact < same
    # The reading as printed pleases its own classifier and nobody else.
    printed = test[test.method == "rdc_printed"]
    assert (printed.accuracy - printed.accuracy_judge).min() > 0.3


@pytest.mark.mirror
def test_one_cell_on_a_slice_of_real_mnist(tmp_path):
    if not os.environ.get(sources.MIRROR):
        pytest.skip("RDC_MIRROR is not set: no original MNIST files to test on")
    for file in sources.SOURCES["mnist"].files:
        sources.fetch("mnist", file.name, tmp_path / "mnist" / file.name)
    mnist = images.prepare_mnist(tmp_path / "mnist")
    assert (len(mnist.train), len(mnist.test)) == (60_000, 10_000)
    settings = configs.Classifier(architecture="le", epochs=1, lr=2e-3, schedule="one_cycle")
    device = torch.device("cpu")
    classifier = pretraining.pretrain(settings, mnist, 5000, device)
    rows = {r["split"]: r for r in pretraining.clean_rows(classifier, mnist, 5000, device)}
    assert rows["test"]["accuracy"] >= 0.97
    wanted = yaml.safe_load((ROOT / "config" / "mnist.yaml").read_text())
    wanted = copy.deepcopy(wanted)
    wanted["recipes"]["nguyen"] = wanted["recipes"]["ours24"] | {"epochs": 3}
    cell = next(
        cell
        for cell in expand(configs.parse(wanted))
        if cell.recipe == "nguyen" and cell.levels == 3 and cell.lam == "0.015"
    )
    trained = loop.train(
        cell, mnist.split("train", 5000)[:6400], mnist.split("validation", 5000), classifier, device
    )
    seen = [
        row["value"]
        for row in trained.curves
        if (row["split"], row["term"]) == ("validation", "mse")
    ]
    read = [row["value"] for row in trained.curves if row["term"] == "accuracy"]
    assert trained.steps == 300
    assert seen[-1] < seen[0] and seen[-1] < 0.062  # 0.067 is the error of the mean image
    assert read[-1] > 0.4
