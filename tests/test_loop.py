"""The training loop on a few hundred digits: reproducible, resumable, and loud when it diverges."""

import math
import pickle
import zipfile
from dataclasses import replace

import pytest
import torch

from rdc import checkpoints, loop, objective
from rdc.cells import Cell
from rdc.config import Recipe
from rdc.descent import Diverged
from rdc.networks.autoencoder import Encoder

CPU = torch.device("cpu")
PLAIN = {"mse": 1.0, "nll": 0.015}
WITH_CRITICS = {"mse": 1.0, "w1_pixels": 0.005, "w1_hh": 0.001}


def cell(weights=PLAIN, recipe=(), **changes):
    """A narrow codec: 4 batches of 32 an epoch."""
    settings = {
        "study": "tiny",
        "dataset": "digits",
        "validation": 100,
        "classifier": "zhang",
        "method": "rdc",
        "weights": tuple(weights.items()),
        "lam": "0.015",
        "dim": 2,
        "levels": 3,
        "dither": True,
        "seed": 0,
        "width": 0.05,
        "output_norm": False,
        "recipe": "short",
        "training": Recipe(**{"epochs": 4, "batch": 32, **dict(recipe)}),
    }
    return Cell(**{**settings, **changes})


@pytest.fixture
def train(digits, classifier):
    """Trains a cell on the first images, looking at the next."""

    def run(chosen, images=128, **arguments):
        training, validation = digits.train[:images], digits.train[images : images + 100]
        return loop.train(chosen, training, validation, classifier, CPU, **arguments)

    return run


def assert_same(first, second):
    """The same weights bit for bit, critics and all, and the same curves."""
    assert first.steps == second.steps
    assert first.curves == second.curves
    assert first.critics.keys() == second.critics.keys()
    modules = zip(
        [first.codec, *first.critics.values()],
        [second.codec, *second.critics.values()],
        strict=True,
    )
    for one, other in modules:
        for name, tensor in one.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name]), name


def interrupt_after(epoch):
    """A report that stops training once that many epochs are told."""
    told = []

    def report(line):
        told.append(line)
        if len(told) == epoch:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("gradient", ["soft", "identity", "expected"])
def test_losses_fall(gradient, precision, train):
    recipe = {"epochs": 6, "gradient": gradient, "precision": precision}
    trained = train(cell(recipe=recipe, dither=gradient != "expected"), images=256)
    for split in ("train", "validation"):
        mse = [r["value"] for r in trained.curves if (r["split"], r["term"]) == (split, "mse")]
        assert len(mse) == 6
        assert mse[-1] < 0.5 * mse[0]
    assert trained.steps == 6 * 8


def test_curves_hold_every_epoch_split_and_term_once(train):
    trained = train(cell(WITH_CRITICS, recipe={"epochs": 2}))
    found = [(row["epoch"], row["split"], row["term"]) for row in trained.curves]
    terms = {"train": WITH_CRITICS, "validation": ("mse", "nll", "accuracy")}
    assert sorted(found) == sorted((e, s, t) for e in (1, 2) for s in terms for t in terms[s])
    assert all(math.isfinite(row["value"]) for row in trained.curves)


@pytest.mark.parametrize("weights", [PLAIN, WITH_CRITICS], ids=["plain", "critics"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(weights, train):
    recipe = {"epochs": 2}
    torch.manual_seed(1)
    first = train(cell(weights, recipe))
    torch.manual_seed(2)  # the global generator has no say
    assert_same(first, train(cell(weights, recipe)))
    other = train(cell(weights, recipe, seed=1))
    name = "encoder.layers.0.weight"
    assert not torch.equal(first.codec.state_dict()[name], other.codec.state_dict()[name])


@pytest.mark.parametrize(
    "weights, recipe",
    [
        (PLAIN, {"schedule": "one_cycle"}),
        (PLAIN, {"schedule": "step", "step_epochs": [1, 3], "precision": "bfloat16"}),
        (WITH_CRITICS, {}),
        (WITH_CRITICS, {"gradient": "expected"}),
    ],
    ids=["one cycle", "steps", "critics", "expected"],
)
def test_an_interrupted_training_ends_like_an_uninterrupted_one(
    weights, recipe, train, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    chosen = cell(weights, recipe, dither=recipe.get("gradient") != "expected")
    path, lines = tmp_path / "checkpoint.pt", []
    with pytest.raises(KeyboardInterrupt):
        train(chosen, checkpoint=path, report=interrupt_after(2))
    resumed = train(chosen, checkpoint=path, report=lines.append)
    assert lines[0] == f"tiny/{chosen.name} goes on after epoch 2"
    assert len(lines) == 1 + 2
    assert_same(resumed, train(chosen))


@pytest.mark.parametrize("kept", [0, 0.3, 0.99])
def test_a_truncated_checkpoint_is_put_aside_and_training_starts_anew(
    kept, train, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    chosen, path, lines = cell(recipe={"epochs": 2}), tmp_path / "checkpoint.pt", []
    with pytest.raises(KeyboardInterrupt):
        train(chosen, checkpoint=path, report=interrupt_after(1))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    resumed = train(chosen, checkpoint=path, report=lines.append)
    assert str(path) in lines[0] and lines[0].endswith(f"{chosen.name} starts anew")
    assert (tmp_path / "checkpoint.damaged").is_file()
    assert_same(resumed, train(chosen))


def bomb(path):
    """Packed, a thousandth of what it unpacks to."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            archive.writestr(name, bytes(10**7) if "data/0" in name else content)


def other(**changes):
    return lambda path: torch.save(torch.load(path, weights_only=True) | changes, path)


@pytest.mark.parametrize(
    "harm, said",
    [
        (bomb, "it holds more than its length"),
        (lambda path: torch.save([1], path), "list indices"),
        (other(device="../x"), "it names no device"),
        (lambda path: path.write_bytes(pickle.dumps({"device": "cpu"})), "not a zip file"),
    ],
    ids=["packed", "a list", "device", "a pickle"],
)
def test_what_is_no_checkpoint_is_put_aside_unopened(harm, said, tmp_path):
    path, device = tmp_path / "checkpoint.pt", torch.device("cpu")
    checkpoints.save({"a": torch.zeros(1000)}, path, device)
    assert len(checkpoints.load(path, device)["a"]) == 1000
    harm(path)
    with pytest.raises(checkpoints.Unusable, match=said) as caught:
        checkpoints.load(path, device)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert not path.exists() and (tmp_path / "checkpoint.damaged").is_file()


@pytest.mark.parametrize(
    "harm, said",
    [
        (other(modules=[{"x": torch.zeros(1)}]), "Error"),
        (other(optimizers=[{"state": {0: {"exp_avg": torch.zeros(3, 3)}}}]), "exp_avg"),
        (other(epoch=7), "found epoch 7, needs 1 to 2"),
    ],
    ids=["modules", "moments", "epoch"],
)
def test_a_checkpoint_of_something_else_is_put_aside_and_training_starts_anew(
    harm, said, train, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    chosen, path, lines = cell(recipe={"epochs": 2}), tmp_path / "checkpoint.pt", []
    with pytest.raises(KeyboardInterrupt):
        train(chosen, checkpoint=path, report=interrupt_after(1))
    harm(path)
    resumed = train(chosen, checkpoint=path, report=lines.append)
    assert said in lines[0] and lines[0].endswith(f"{chosen.name} starts anew"), lines[0]
    assert (tmp_path / "checkpoint.damaged").is_file()
    assert_same(resumed, train(chosen))


def test_another_devices_checkpoint_is_put_aside_and_training_starts_anew(
    train, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    chosen, path, lines = cell(recipe={"epochs": 2}), tmp_path / "checkpoint.pt", []
    with pytest.raises(KeyboardInterrupt):
        train(chosen, checkpoint=path, report=interrupt_after(1))
    content = torch.load(path, weights_only=True)
    torch.save(content | {"device": "cuda"}, path)
    resumed = train(chosen, checkpoint=path, report=lines.append)
    assert lines[0] == (
        f"{path}: written on cuda, this is cpu; put aside; {chosen.name} starts anew"
    )
    assert (tmp_path / "checkpoint.cuda").is_file()
    assert_same(resumed, train(chosen))


def test_without_time_for_a_checkpoint_none_is_written(train, tmp_path):
    train(cell(recipe={"epochs": 2}), checkpoint=tmp_path / "checkpoint.pt")
    assert list(tmp_path.iterdir()) == []


# The NaN reaches the encoder before the losses are looked at (every 50 steps).
@pytest.mark.parametrize("term", ["nll", "mse"])
def test_a_loss_that_becomes_nan_is_named_with_cell_and_step(term, train, monkeypatch):
    calls, function = [], objective.FUNCTIONS[term]

    def broken_at_the_third_step(batch):
        calls.append(term)
        return function(batch) * (math.nan if len(calls) == 3 else 1)

    monkeypatch.setitem(objective.FUNCTIONS, term, broken_at_the_third_step)
    chosen = cell()
    with pytest.raises(Diverged) as caught:
        train(chosen)
    message = str(caught.value)
    assert message.startswith(f"tiny/{chosen.name}: {term} became nan at step 3 of epoch 1")


@pytest.mark.parametrize(
    "weights, recipe",
    [
        (PLAIN, {"lr": 1e30}),
        (WITH_CRITICS, {"critic": Recipe(epochs=1).critic.model_copy(update={"lr": 1e30})}),
    ],
    ids=["codec", "critic"],
)
def test_a_rate_too_high_is_reported_as_divergence(weights, recipe, train):
    key = "critic: lr" if "critic" in recipe else "lr"
    with pytest.raises(
        Diverged,
        match=rf"^tiny/rdc_lam=0\.015_.* became .* of epoch 1; a lower {key} in its recipe",
    ):
        # A config has a bound for rates; this one is beyond it, so that a few steps show the fault.
        asked = cell(weights)
        train(replace(asked, training=asked.training.model_copy(update=recipe)))


def test_an_infinite_loss_is_named(train, monkeypatch):
    monkeypatch.setattr(loop, "CHECK_EVERY", 1)
    monkeypatch.setitem(objective.FUNCTIONS, "nll", lambda batch: batch.images.sum() * math.inf)
    with pytest.raises(Diverged, match="nll became inf at step 1 of epoch 1"):
        train(cell())


# One batch an epoch, and with critics that one would be theirs.
def test_an_epoch_too_short_for_a_step_of_the_codec_is_refused(train):
    with pytest.raises(ValueError, match="training images"):
        train(cell(WITH_CRITICS, recipe={"epochs": 1}), images=40)


def test_fewer_images_than_a_batch_are_refused(train):
    with pytest.raises(ValueError, match=r"found 20 training images, needs at least a batch \(32"):
        train(cell(), images=20)


def test_an_objective_without_any_weight_is_refused_by_name(train):
    with pytest.raises(ValueError, match="weights"):
        train(cell({"nll": 0.0}))


@pytest.mark.parametrize("batch_norm", ["eval", "train"])
def test_a_frozen_encoder_keeps_its_weights(batch_norm, train):
    """And its batch statistics, unless they are left in training mode as in the public code."""
    torch.manual_seed(0)
    encoder = Encoder(2, 0.05)
    encoder(torch.rand(50, 1, 28, 28))
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    chosen = cell(recipe={"epochs": 2}, encoder_from="other", frozen_batch_norm=batch_norm)
    trained = train(chosen, encoder=encoder.state_dict())
    after = trained.codec.encoder.state_dict()
    moved = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    buffers = {name for name, _ in encoder.named_buffers()}
    assert moved == (buffers if batch_norm == "train" else set())
    mse = [r["value"] for r in trained.curves if (r["split"], r["term"]) == ("train", "mse")]
    assert mse[1] < mse[0]  # the decoder learns


def test_the_classifier_is_not_trained(train, classifier):
    before = {name: tensor.clone() for name, tensor in classifier.state_dict().items()}
    train(cell({"mse": 1.0, "nll": 1.0, "features": 1.0}, recipe={"epochs": 1}))
    assert all(torch.equal(tensor, before[n]) for n, tensor in classifier.state_dict().items())
    assert all(p.grad is None for p in classifier.parameters())


def test_critics_take_the_steps_that_the_recipe_gives_them(train):
    """Of 4 batches an epoch, 3 + 1 are critics' and codec's; of 4 at 1 + 1, two each."""
    for critic_steps, codec_steps in ((3, 1), (1, 2)):
        recipe = {"epochs": 2, "critic": {"steps_per_generator": critic_steps}}
        assert train(cell(WITH_CRITICS, recipe)).steps == 2 * codec_steps


def test_critics_learn_at_their_own_rate(train):
    def critic(lr):
        trained = train(cell(WITH_CRITICS, {"epochs": 1, "critic": {"lr": lr}}))
        return trained.critics["hh"].state_dict()

    slow, fast = critic(1e-9), critic(1e-3)
    assert all((fast[name] - slow[name]).abs().max() > 1e-4 for name in slow if "bias" not in name)


def test_critics_follow_the_schedule(train):
    def critic(**recipe):
        settings = {"critic": {"lr": 1e-2}, **recipe}
        return train(cell(WITH_CRITICS, settings)).critics["hh"].state_dict()

    once = critic(epochs=1)
    halted = critic(epochs=2, schedule="step", step_epochs=[1], step_factor=1e-9)
    going_on = critic(epochs=2)
    for name, weights in once.items():
        torch.testing.assert_close(halted[name], weights, rtol=0, atol=1e-6)
    assert any((going_on[name] - once[name]).abs().max() > 1e-3 for name in once)


def test_a_constant_rate_is_constant():
    recipe = Recipe(epochs=30, lr=0.01)
    assert {loop.schedule(recipe, step / 100) for step in range(100)} == {1.0}


def test_a_stepped_rate_falls_with_the_first_batch_of_its_epochs():
    recipe = Recipe(epochs=30, lr=0.01, schedule="step", step_epochs=[10, 20], step_factor=0.2)
    batches = 938
    for epoch in range(30):
        expected = 0.01 * 0.2 ** ((epoch >= 10) + (epoch >= 20))
        for batch in (0, 1, 937):
            progress = (epoch + batch / batches) / 30  # as the loop computes it
            assert recipe.lr * loop.schedule(recipe, progress) == pytest.approx(expected)


# 15 / 22 * 22 < 15 in floating point, and so for 147 more pairs up to 100 epochs.
def test_a_step_is_never_late_by_rounding():
    late = []
    for epochs in range(2, 101):
        for step in range(1, epochs):
            recipe = Recipe(epochs=epochs, schedule="step", step_epochs=[step])
            if recipe.lr * loop.schedule(recipe, (step + 0 / 938) / epochs) > recipe.lr * 0.5:
                late.append((step, epochs))
    assert late == []


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
def test_one_cycle_rises_and_falls_in_a_line(warmup):
    recipe = Recipe(epochs=10, lr=0.02, schedule="one_cycle", warmup=warmup)
    if warmup:
        assert recipe.lr * loop.schedule(recipe, 0.0) == pytest.approx(0.04 * 0.02)
        assert recipe.lr * loop.schedule(recipe, warmup / 2) == pytest.approx(0.52 * 0.02)
    assert recipe.lr * loop.schedule(recipe, warmup) == pytest.approx(0.02)
    assert recipe.lr * loop.schedule(recipe, (1 + warmup) / 2) == pytest.approx(0.01)
    assert recipe.lr * loop.schedule(recipe, warmup + (1 - warmup) / 4) == pytest.approx(0.015)
    assert recipe.lr * loop.schedule(recipe, 1 - 1e-9) == pytest.approx(0.02 * 1e-4)
