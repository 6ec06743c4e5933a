"""The GPU's way of training and measuring beside the plain one. Skipped where there is no GPU."""

import pytest
import test_loop
import torch

from rdc import config, evaluation, loop
from rdc.datasets.labelled import SPLITS
from rdc.networks import codec as codecs
from rdc.networks.classifiers import JudgeClassifier

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")

GPU = torch.device("cuda")
KINDS = {
    "reads": ({"mse": 1.0, "nll": 0.015}, {}, {}),
    "features": ({"sse": 0.001, "features": 0.05}, {}, {}),
    "critics": ({"mse": 1.0, "w1_pixels": 0.005, "w1_hh": 0.001}, {}, {}),
    "frozen": ({"mse": 1.0, "nll": 0.015}, {}, {"encoder_from": "another"}),
    "straight": ({"mse": 1.0, "nll": 0.015}, {"gradient": "identity"}, {"dither": False}),
    "expected": ({"mse": 1.0, "nll": 0.015}, {"gradient": "expected"}, {"dither": False}),
    "bfloat16": ({"mse": 1.0, "w1_pixels": 0.005}, {"precision": "bfloat16"}, {}),
}


def cell(kind):
    weights, recipe, changes = KINDS[kind]
    short = {"epochs": 3, "lr": 0.001, **recipe}
    return test_loop.cell(weights, recipe=short, width=0.25, **changes)


@pytest.fixture
def train(digits, classifier):
    """Trains a cell on 20 batches of digits, on the GPU."""

    def run(chosen, **arguments):
        frozen = None
        if chosen.encoder_from:
            torch.manual_seed(1)
            frozen = codecs.Codec(
                chosen.dim, chosen.levels, True, chosen.width
            ).encoder.state_dict()
        training, validation = digits.train[:640], digits.train[640:740]
        reader = classifier.to(GPU)
        return loop.train(chosen, training, validation, reader, GPU, encoder=frozen, **arguments)

    return run


def assert_alike(first, second):
    """The same losses but for rounding: a GPU adds in no fixed order."""
    assert first.steps == second.steps
    named = [[(r["epoch"], r["split"], r["term"]) for r in t.curves] for t in (first, second)]
    assert named[0] == named[1]
    for mine, other in zip(first.curves, second.curves, strict=True):
        loose = 0.05 if mine["term"] == "accuracy" else 0.02 * abs(other["value"]) + 0.002
        assert abs(mine["value"] - other["value"]) <= loose, (mine, other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_captured_step_does_what_the_step_itself_does(kind, train, monkeypatch):
    chosen = cell(kind)
    captured = train(chosen)
    monkeypatch.setattr(loop, "captured", lambda step, example, state: step)
    assert_alike(captured, train(chosen))


@pytest.mark.parametrize("kind", ["reads", "critics"])
def test_a_training_that_was_interrupted_ends_as_one_that_was_not(
    kind, train, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    chosen, path, said = cell(kind), tmp_path / "checkpoint.pt", []

    def interrupt(line):
        said.append(line)
        if "epoch 2/" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(chosen, checkpoint=path, report=interrupt)
    said.clear()
    resumed = train(chosen, checkpoint=path, report=said.append)
    assert said[0].endswith("goes on after epoch 2")
    assert_alike(resumed, train(chosen))


def test_a_codec_measures_the_same_on_a_gpu_and_on_a_cpu(digits, classifier, train):
    chosen = cell("critics")
    trained = train(chosen)
    torch.manual_seed(2)
    judge = JudgeClassifier().eval().requires_grad_(False)
    settings = config.Evaluation(
        train_images=200, sliced_images=100, sliced_projections=20, fresh_critic_steps=20
    )
    found = {}
    for device in (GPU, torch.device("cpu")):
        measured = evaluation.evaluate(
            evaluation.LearnedCodec(trained.codec.to(device).eval().requires_grad_(False), device),
            "0123456789abcdef",
            {name: digits.split(name, 100) for name in SPLITS},
            {"zhang": classifier.to(device), "judge": judge.to(device)},
            "zhang",
            settings,
            device,
            trained.critics["pixels"].to(device).eval(),
            chosen.width,
        )
        found[device.type] = measured.rows
    for on_gpu, on_cpu in zip(found["cuda"], found["cpu"], strict=True):
        for name, value in on_cpu.items():
            if isinstance(value, float) and value == value:
                loose = 0.02 if name.startswith("accuracy") else 0.01 * abs(value) + 0.002
                assert abs(on_gpu[name] - value) <= loose, (name, on_gpu[name], value)
