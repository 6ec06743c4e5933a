"""A cell's key holds all that decides its weights, and the store is asked by key alone."""

import copy
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from sandbox import TINY, with_frozen_encoder

from rdc import cells as grid
from rdc import config as configs
from rdc import provenance, training
from rdc.datasets import images
from rdc.fitting.files import CODEC
from rdc.networks import classifier_files
from rdc.networks.classifiers import ZhangClassifier

TORCH, NUMPY = torch.__version__, np.__version__
ONE = "rdc_lam=0_dim=2_levels=2*"


@pytest.fixture
def cells():
    return grid.expand(configs.parse(copy.deepcopy(TINY)))


@pytest.fixture
def folder(tmp_path, digits, classifier):
    """A run's folder with its dataset and classifier."""
    return filled(training.Folder(tmp_path / "run"), digits, classifier)


def filled(folder: training.Folder, prepared, classifier) -> training.Folder:
    images.save(prepared, folder.dataset("digits"))
    classifier_files.save(classifier, "zhang", 10, folder.classifier("digits", "zhang"))
    return folder


def key_of(cells, folder) -> str:
    """Of the first cell, which has one key: its recipe asks for float32."""
    [key] = training.keys_of(cells[0], cells, folder)
    return key


def test_the_key_is_the_same_in_another_folder(cells, folder, tmp_path, digits, classifier):
    other = filled(training.Folder(tmp_path / "other"), digits, classifier)
    assert key_of(cells, folder) == key_of(cells, other)


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(training, "code_key", lambda moves: "edited"),
        lambda patch: patch.setattr(provenance, "version", {"torch": "9.9", "numpy": NUMPY}.get),
        lambda patch: patch.setattr(provenance, "version", {"torch": TORCH, "numpy": "9.9"}.get),
    ],
    ids=["training code", "torch", "numpy"],
)
def test_the_key_changes_with_code_and_versions(cells, folder, monkeypatch, change):
    before = key_of(cells, folder)
    change(monkeypatch)
    assert key_of(cells, folder) != before


def test_the_key_changes_with_the_threads_that_it_is_trained_with(cells, folder, monkeypatch):
    """One, as in the rules, is what a key without them means; the encoder's own follows."""
    plain = training.keys_of(cells[0], cells, folder)
    assert training.keys_of(cells[0], cells, replace(folder, threads=1)) == plain
    assert training.keys_of(cells[0], cells, replace(folder, threads=2)) != plain
    started = []
    monkeypatch.setattr(training, "_ensure_inputs", lambda *given: started.append(given[2]))
    monkeypatch.setattr(training, "train_cells", lambda *given: started.append(given[2]))
    raw = str(folder.root.parent / "tiny.yaml")
    Path(raw).write_text(yaml.safe_dump(TINY))
    for words, threads in ([], 1), (["--threads", "2"], 2):
        training.main(["--config", raw, "--out", str(folder.root), *words])
        assert [given.threads for given in started] == [threads] * 2
        assert torch.get_num_threads() == threads
        started.clear()
    torch.set_num_threads(1)


def test_cells_are_trained_with_the_threads_that_their_key_says(cells, folder):
    torch.set_num_threads(2)
    training.train_cells([], cells, folder, torch.device("cpu"), print)
    assert torch.get_num_threads() == 1


def test_the_build_of_torch_does_not_change_the_key(cells, folder, monkeypatch):
    before = key_of(cells, folder)
    on_gpu = {"torch": TORCH.split("+")[0] + "+cu130", "numpy": NUMPY}
    monkeypatch.setattr(provenance, "version", on_gpu.get)
    assert key_of(cells, folder) == before


def test_the_key_changes_with_one_pixel_and_one_label(cells, folder, tmp_path, digits, classifier):
    keys = {key_of(cells, folder)}
    for part in ("images", "labels"):
        train = copy.deepcopy(digits.train)
        values = getattr(train, part)
        values[(0,) * values.ndim] = (int(values[(0,) * values.ndim]) + 1) % 10
        edited = replace(digits, train=train)
        other = filled(training.Folder(tmp_path / part), edited, classifier)
        keys.add(key_of(cells, other))
    assert len(keys) == 3


def test_the_key_changes_with_the_classifiers_weights(cells, folder, tmp_path, digits):
    other = filled(training.Folder(tmp_path / "other"), digits, ZhangClassifier())
    assert key_of(cells, folder) != key_of(cells, other)


@pytest.mark.parametrize("rate, kept", [(2e-4, True), (100.0, False)])
def test_a_critic_that_its_penalty_no_longer_holds_is_named(rate, kept, folder):
    config = copy.deepcopy(TINY)
    config["methods"] = {"rdp": {"weights": {"mse": 1, "w1_pixels": 0.015}}}
    config["recipes"] = {"short": {"epochs": 2, "critic": {"lr": rate}}}
    plane = {"methods": "rdp", "dim": 2, "levels": 2, "recipe": "short"}
    config["studies"]["zhang"]["grids"] = {"plane": plane}
    cells = grid.expand(configs.parse(config))
    arguments = (cells, cells, folder, torch.device("cpu"), lambda line: None)
    if kept:
        assert list(training.train_cells(*arguments)) == [cells[0].name]
        return
    with pytest.raises(training.CellsFailed) as caught:
        training.train_cells(*arguments)
    message = str(caught.value)
    assert f"zhang/{cells[0].name}: the critic of pixels estimates" in message
    assert "in epoch 1: between" in message
    assert "asks for 1; a lower critic: lr in its recipe usually helps" in message
    assert not folder.store.holds(key_of(cells, folder))


def test_a_cell_that_fails_is_named_and_the_others_are_trained(cells, folder, monkeypatch):
    fit = training.networks.fit

    def failing(cell, *arguments):
        if cell == cells[0]:
            raise ValueError("a fault that knows no cell")
        return fit(cell, *arguments)

    monkeypatch.setattr(training.networks, "fit", failing)
    said: list[str] = []
    fault = f"zhang/{cells[0].name}: a fault that knows no cell"
    with pytest.raises(training.CellsFailed, match=re.escape(fault)):
        training.train_cells(cells[:2], cells, folder, torch.device("cpu"), said.append)
    assert f"FAILED: {fault}" in said
    assert folder.store.holds(key_of(cells[1:], folder))


def test_a_term_that_the_expected_objective_does_not_know_is_named(cells, folder, monkeypatch):
    cell = replace(
        cells[0],
        dither=False,
        training=cells[0].training.model_copy(update={"gradient": "expected"}),
    )
    term = cell.weights[0][0]
    monkeypatch.delitem(training.expectation.COSTS, term)
    with pytest.raises(training.CellsFailed, match=rf"gradient 'expected' needs what {term} costs"):
        training.train_cells([cell], [cell], folder, torch.device("cpu"), lambda line: None)


@pytest.mark.parametrize(
    "words, message",
    [
        (["--threads", "0"], "--threads: found '0', needs a whole number, 1 or more"),
        (["--device", "cud"], "--device: invalid choice: 'cud'"),
    ],
)
def test_faulty_words_are_told(words, message, tmp_path, capsys):
    with pytest.raises(SystemExit):
        training.main(["--config", "x.yaml", "--out", str(tmp_path), *words])
    assert message in capsys.readouterr().err


def test_the_key_is_of_the_code_that_was_imported(cells, folder, monkeypatch):
    """Files may be edited while a run goes on: what it trains is not of the edited code."""
    before = key_of(cells, folder)
    monkeypatch.setattr(provenance, "code_hash", lambda file: "edited since")
    assert key_of(cells, folder) == before


@pytest.mark.parametrize(
    "harm",
    [
        lambda entry: shutil.rmtree(entry),
        lambda entry: (entry / CODEC).write_bytes(b"cut"),
    ],
    ids=["gone", "damaged"],
)
def test_a_frozen_encoder_that_is_gone_or_damaged_is_trained_again(harm, folder):
    base, universal = cells = grid.expand(configs.parse(with_frozen_encoder()))
    device, said = torch.device("cpu"), []
    entry = training.train_cells([base], cells, folder, device, said.append)[base.name]
    before = (entry / CODEC).read_bytes()
    harm(entry)
    training.train_cells([universal], cells, folder, device, said.append)
    assert f"its encoder: zhang/{base.name} ({entry.name})" in said
    assert (entry / CODEC).read_bytes() == before


class Trainer:
    """``python -m rdc.training`` in a sandbox: which cells it trained and which it found."""

    def __init__(self, sandbox):
        self.sandbox = sandbox

    def __call__(self, pattern: str = ONE) -> tuple[int, int]:
        done = self.sandbox.run(
            *("-m", "rdc.training", "--config", "tiny.yaml", "--cells", pattern),
            *("--out", "results/tiny", "--threads", "1"),
        )
        assert done.returncode == 0, done.stderr
        return tuple(
            len(re.findall(rf"/rdc_.*{words}", done.stdout))
            for words in ("epoch 2/2", "is trained already")
        )

    def edit(self, file: str, line: str = "# edited") -> None:
        assert (self.sandbox.folder / file).is_file()
        with open(self.sandbox.folder / file, "a") as stream:
            stream.write(f"\n{line}\n")


@pytest.fixture
def train(read_digits, tmp_path) -> Trainer:
    return Trainer(read_digits.copy(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("file", ["rdc/objective.py", "rdc/datasets/labelled.py"])
def test_edited_training_code_never_returns_old_weights(file, train):
    before = (train.sandbox.folder / file).read_text()
    assert train() == (1, 0)
    train.edit("rdc/report/page.py")
    train.edit("rdc/evaluation.py")
    assert train() == (0, 1)
    train.edit(file)
    assert train() == (1, 0)
    (train.sandbox.folder / file).write_text(before)
    assert train() == (0, 1)


@pytest.mark.slow
def test_a_classifier_of_other_settings_is_trained_anew(train, tmp_path):
    weights = tmp_path / "results/tiny/classifiers/digits/zhang.safetensors"
    assert train() == (1, 0)
    before = weights.read_bytes()
    train.sandbox.config["classifiers"]["zhang"]["lr"] = 0.011
    assert train() == (1, 0)
    assert weights.read_bytes() != before
    train.sandbox.config["classifiers"]["zhang"].pop("lr")
    assert train() == (0, 1)
    assert weights.read_bytes() == before


@pytest.mark.slow
def test_a_batch_that_grows_by_one_cell_trains_one(train):
    both = "rdc_lam=*_dim=2_levels=2*"
    assert train(both) == (2, 0)
    train.sandbox.config["studies"]["zhang"]["grids"]["plane"]["lam"] = [0, 0.005, 0.01]
    assert train(both) == (1, 2)


@pytest.mark.slow
def test_other_data_never_returns_old_weights(train):
    assert train() == (1, 0)
    train.edit("rdc/datasets/images.py")
    assert train() == (0, 1)
    train.edit("rdc/datasets/images.py", "DIGITS_TEST = 300")
    assert train() == (1, 0)
