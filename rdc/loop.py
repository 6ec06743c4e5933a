"""The training loop of one cell: a codec, its objective, and critics where it has any."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rdc import checkpoints, expectation, objective
from rdc.capture import captured
from rdc.descent import Diverged, Images, one_cycle
from rdc.networks.codec import Codec
from rdc.networks.critics import Critic, band_of, critic_for, critic_loss

if TYPE_CHECKING:  # names for annotations: what they say is part of a cell's key in other ways
    from rdc.cells import Cell
    from rdc.config import Recipe
    from rdc.datasets.labelled import Labelled
    from rdc.networks.classifiers import Classifier

CHECK_EVERY = 50  # steps between looks for a loss that is not finite
CHECKPOINT_SECONDS = 30  # a checkpoint at the end of an epoch, not more often than this
WATCHED = ("mse", "nll", "accuracy")  # measured on validation images after each epoch
VALIDATION_IMAGES = 2000  # ... on so many of them
FARTHEST = 28.0  # from black to white: the norm of 28 x 28 ones, and a Haar band's is no larger
WILD = 1000.0  # times the slope that the gradient penalty asks for; Le's critics reach tens where outrun


@dataclass
class Trained:
    """A trained codec with its critics, its losses by epoch, and what it took."""

    codec: Codec
    critics: dict[str, Critic]
    curves: list[dict] = field(default_factory=list)  # epoch, split, term, value
    steps: int = 0  # of the codec (critic steps apart)
    seconds: float = 0.0


def schedule(recipe: Recipe, progress: float) -> float:
    """What all learning rates are multiplied by at a share ``progress`` of training, in [0, 1).

    ``constant``; ``step``: multiplied by ``step_factor`` after each of ``step_epochs``;
    ``one_cycle``: up in a line over the first ``warmup`` of training, then down in a line.
    """
    if recipe.schedule == "step":
        passed = sum(progress * recipe.epochs + 1e-9 >= epoch for epoch in recipe.step_epochs)
        return recipe.step_factor**passed
    if recipe.schedule == "one_cycle":
        return one_cycle(progress, recipe.warmup)
    return 1.0


def train(
    cell: Cell,
    training: Labelled,
    validation: Labelled,
    classifier: Classifier,
    device: torch.device,
    checkpoint: Path | None = None,
    encoder: dict[str, torch.Tensor] | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Trains one cell from random weights, or goes on from its checkpoint.

    Every random number comes from the cell's seed, so that the same seed on the same machine (and
    number of threads) gives the same bytes, interrupted or not.

    Args:
        cell: what to train.
        training, validation: the two splits; the second is only looked at.
        classifier: frozen, in eval mode, on ``device``.
        checkpoint: a file to resume from where it exists, and to write; None for neither.
        encoder: weights of a frozen encoder; None trains one.
        report: is told one line an epoch.

    Raises:
        Diverged: names cell, step and term.
        ValueError: where the training split is smaller than a batch.
    """
    run = _Run(cell, training, validation, classifier, device, encoder)
    if checkpoint is not None and not run.resume(checkpoint, report):
        run = _Run(cell, training, validation, classifier, device, encoder)
    saved = time.monotonic()
    for epoch in run.epochs():
        last = epoch == cell.training.epochs
        if checkpoint is not None and not last and time.monotonic() - saved > CHECKPOINT_SECONDS:
            run.save(checkpoint)
            saved = time.monotonic()
        report(run.line())
    return run.trained


class _Run:
    """One cell's networks, optimizers and random numbers while it trains."""

    def __init__(
        self,
        cell: Cell,
        training: Labelled,
        validation: Labelled,
        classifier: Classifier,
        device: torch.device,
        encoder: dict[str, torch.Tensor] | None,
    ):
        recipe = cell.training
        self.terms = [term for term, weight in cell.weights if weight]
        if not self.terms:
            raise ValueError(f"{cell.name}: all its weights are 0, so there is nothing to minimise")
        # A cycle is some critic batches followed by one codec batch (uRDP alternates one and one).
        bands = objective.critic_bands(dict(cell.weights))
        self.cycle = 1 + (recipe.critic.steps_per_generator if bands else 0)
        if len(training) < self.cycle * recipe.batch:
            raise ValueError(
                f"{cell.name}: found {len(training)} training images, needs at least a batch "
                f"({recipe.batch})"
                + (f" for each of the {self.cycle} steps of a cycle" * bool(bands))
            )
        self.cell, self.recipe, self.device = cell, recipe, device
        self.images = Images(training, device)
        self.watched = Images(validation[:VALIDATION_IMAGES], device)
        self.classifier = classifier
        self.weights = dict(cell.weights)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(cell.seed)
            codec = Codec(
                cell.dim,
                cell.levels,
                cell.dither,
                cell.width,
                cell.output_norm,
                "identity" if recipe.gradient == "expected" else recipe.gradient,  # not its own
                2 / cell.levels if recipe.sigma == "2/levels" else recipe.sigma,
                recipe.precision,
            ).to(device)
            critics = {band: critic_for(band, cell.width).to(device) for band in bands}
        self.trained = Trained(codec, critics)
        self.frozen_encoder = encoder is not None
        if encoder is not None:
            codec.encoder.load_state_dict(encoder)
            codec.encoder.requires_grad_(False)
        self.generator = torch.Generator(device).manual_seed(cell.seed)
        trainable = [p for p in codec.parameters() if p.requires_grad]
        self.optimizer = self._adam(trainable, recipe.lr, recipe.betas)
        self.critic_optimizers = {
            band: self._adam(list(critic.parameters()), recipe.critic.lr, recipe.critic.betas)
            for band, critic in critics.items()
        }
        self.epoch = 0
        self.batches = len(training) // recipe.batch  # the rest of the last batch waits its turn
        self._train_mode()
        rows = torch.zeros(recipe.batch, dtype=torch.long, device=device)
        uniform = torch.rand(recipe.batch, cell.dim + 1, device=device)
        self.codec_step = captured(self._codec_step, (rows, uniform), self._state)
        self.critic_step = (
            captured(self._critic_step, (rows, uniform), self._state) if bands else None
        )

    def epochs(self) -> Iterator[int]:
        """Trains epoch after epoch; yields the number of each that is done."""
        while self.epoch < self.recipe.epochs:
            start = time.perf_counter()
            self._train_epoch()
            self.trained.seconds += time.perf_counter() - start
            self._watch()
            yield self.epoch

    def line(self) -> str:
        """The last epoch in one line, for a log."""
        last = [row for row in self.trained.curves if row["epoch"] == self.epoch]
        losses = " ".join(
            f"{row['term']} {row['value']:.4g}" for row in last if row["split"] == "train"
        )
        seen = " ".join(
            f"{row['term']} {row['value']:.4g}" for row in last if row["split"] == "validation"
        )
        left = self.trained.seconds / self.epoch * (self.recipe.epochs - self.epoch)
        return (
            f"{self.cell.study}/{self.cell.name} epoch {self.epoch}/{self.recipe.epochs} "
            f"| train: {losses} | validation: {seen} | {left / 60:.1f} min left"
        )

    def save(self, path: Path) -> None:
        content = {
            "epoch": self.epoch,
            "steps": self.trained.steps,
            "seconds": self.trained.seconds,
            "curves": self.trained.curves,
            "generator": self.generator.get_state(),
            "modules": [module.state_dict() for module in self._modules()],
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers()],
        }
        checkpoints.save(content, path, self.device)

    def resume(self, path: Path, report: Callable[[str], None]) -> bool:
        """Goes on from a checkpoint; one that cannot be used is put aside and training starts anew.

        False where that showed too late, and some of it is in here.
        """
        content = None
        try:
            content = checkpoints.load(path, self.device)
            if content is not None:
                with checkpoints.taken(path):
                    self._take(content)
                report(f"{self.cell.study}/{self.cell.name} goes on after epoch {self.epoch}")
        except checkpoints.Unusable as error:
            report(f"{error}; {self.cell.name} starts anew")
            return content is None
        return True

    def _take(self, content: dict) -> None:
        for module, stored in zip(self._modules(), content["modules"], strict=True):
            module.load_state_dict(stored)
        for optimizer, stored in zip(self._optimizers(), content["optimizers"], strict=True):
            checkpoints.restore(optimizer, stored)
        self.generator.set_state(content["generator"].cpu())
        self.epoch = content["epoch"]
        self.trained.steps = content["steps"]
        self.trained.seconds = content["seconds"]
        self.trained.curves = content["curves"]
        if not 1 <= self.epoch <= self.recipe.epochs or not self.trained.curves:
            raise ValueError(f"found epoch {self.epoch}, needs 1 to {self.recipe.epochs}")

    def _train_epoch(self) -> None:
        recipe, device = self.recipe, self.device
        order = torch.randperm(len(self.images), generator=self.generator, device=device)
        uniform = torch.rand(
            self.batches, recipe.batch, self.cell.dim + 1, generator=self.generator, device=device
        )
        codec_losses = torch.zeros(self.batches, len(self.terms), device=device)
        estimates = torch.zeros(self.batches, len(self.trained.critics), device=device)
        codec_count = critic_count = 0
        for batch in range(self.batches):
            rows = order[batch * recipe.batch : (batch + 1) * recipe.batch]
            factor = schedule(recipe, (self.epoch + batch / self.batches) / recipe.epochs)
            if batch % self.cycle == self.cycle - 1:
                _set_learning_rate(self.optimizer, recipe.lr * factor)
                codec_losses[codec_count] = self.codec_step(rows, uniform[batch])
                codec_count += 1
            else:
                for optimizer in self.critic_optimizers.values():
                    _set_learning_rate(optimizer, recipe.critic.lr * factor)
                estimates[critic_count] = self.critic_step(rows, uniform[batch])
                critic_count += 1
            if (batch + 1) % CHECK_EVERY == 0 or batch + 1 == self.batches:
                self._check(codec_losses[:codec_count], estimates[:critic_count])
        self.trained.steps += codec_count
        means = dict(zip(self.terms, codec_losses[:codec_count].mean(dim=0).tolist(), strict=True))
        if critic_count:  # a critic's own estimate, not the part that the codec sees
            bands = estimates[:critic_count].mean(dim=0).tolist()
            means |= {f"w1_{b}": e for b, e in zip(self.trained.critics, bands, strict=True)}
        self.epoch += 1
        self._note("train", means)
        self._refuse_wild_critics(means)

    def _codec_step(self, rows: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        codec = self.trained.codec
        images, labels = self.images[rows]
        critics = self.trained.critics
        if self.recipe.gradient == "expected":
            total, values = expectation.weighted_sum(
                self.weights, codec, images, labels, self.classifier, critics
            )
        else:
            reconstructions = codec(images, uniform[:, : self.cell.dim])
            total, values = objective.weighted_sum(
                self.weights,
                objective.Batch(images, reconstructions, labels, self.classifier, critics),
            )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        return torch.stack(list(values.values()))

    def _critic_step(self, rows: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
        images, _ = self.images[rows]
        with torch.no_grad():
            reconstructions = self.trained.codec(images, uniform[:, : self.cell.dim])
        estimates = []
        for band, critic in self.trained.critics.items():
            critic.requires_grad_(True)
            with self.trained.codec.training_precision(self.device):
                loss, estimate = critic_loss(
                    critic,
                    band_of(images, band),
                    band_of(reconstructions, band),
                    uniform[:, self.cell.dim],
                    self.recipe.critic.gradient_penalty,
                )
            self.critic_optimizers[band].zero_grad(set_to_none=True)
            loss.backward()
            self.critic_optimizers[band].step()
            critic.requires_grad_(False)  # the codec's step needs gradients through it, not of it
            estimates.append(estimate)
        return torch.stack(estimates)

    def _watch(self) -> None:
        """Losses on validation images, in eval mode, with a dither that is the same each time."""
        codec = self.trained.codec.eval()
        sums = dict.fromkeys(WATCHED, 0.0)
        generator = torch.Generator(self.device).manual_seed(0)
        with torch.no_grad():
            for start in range(0, len(self.watched), 500):
                images, labels = self.watched[start : start + 500]
                uniform = torch.rand(
                    len(images), self.cell.dim, generator=generator, device=self.device
                )
                reconstructions = codec(images, uniform)
                batch = objective.Batch(images, reconstructions, labels, self.classifier)
                read = self.classifier(reconstructions).argmax(dim=1)
                sums["mse"] += objective.mse(batch).item() * len(images)
                sums["nll"] += objective.nll(batch).item() * len(images)
                sums["accuracy"] += (read == labels).sum().item()
        means = {term: total / len(self.watched) for term, total in sums.items()}
        for term, mean in means.items():
            if not math.isfinite(mean):
                raise Diverged(
                    f"{self.cell.study}/{self.cell.name}: {term} of validation images became {mean} "
                    f"after epoch {self.epoch}; a lower lr in its recipe usually helps"
                )
        self._note("validation", means)
        self._train_mode()

    def _train_mode(self) -> None:
        self.trained.codec.train()
        if self.frozen_encoder and self.cell.frozen_batch_norm == "eval":
            self.trained.codec.encoder.eval()
        for critic in self.trained.critics.values():
            critic.requires_grad_(False)

    def _check(self, codec_losses: torch.Tensor, estimates: torch.Tensor) -> None:
        bands = [f"the critic of {band}" for band in self.trained.critics]
        for names, losses in ((self.terms, codec_losses), (bands, estimates)):
            bad = (~torch.isfinite(losses)).nonzero()
            if len(bad):
                step = bad[0, 0].item()
                found = {
                    names[column]: losses[step, column].item() for at, column in bad if at == step
                }
                name = next(iter(found))
                # A critic gone astray spoils its own term alone; a codec, all that see its images.
                key = "critic: lr" if all("w1_" in n or "critic" in n for n in found) else "lr"
                raise Diverged(
                    f"{self.cell.study}/{self.cell.name}: {name} became {found[name]} at step "
                    f"{step + 1} of epoch {self.epoch + 1}; a lower {key} in its recipe usually helps"
                )

    def _refuse_wild_critics(self, means: dict[str, float]) -> None:
        """Where a critic's slopes left what its penalty holds them to: finite, so that training goes on."""
        for band in self.trained.critics:
            estimate = means.get(f"w1_{band}", 0.0)
            if abs(estimate) > WILD * FARTHEST:
                raise Diverged(
                    f"{self.cell.study}/{self.cell.name}: the critic of {band} estimates {estimate:.3g} in "
                    f"epoch {self.epoch}: between images no farther apart than {FARTHEST:g} its slopes are "
                    f"over {WILD:g}, where the penalty asks for 1; a lower critic: lr in its recipe usually "
                    "helps"
                )

    def _note(self, split: str, values: dict[str, float]) -> None:
        for term, value in values.items():
            self.trained.curves.append(
                {"epoch": self.epoch, "split": split, "term": term, "value": value}
            )

    def _adam(self, parameters: list, lr: float, betas: tuple) -> torch.optim.Adam:
        on_gpu = self.device.type == "cuda"
        rate = torch.tensor(lr, device=self.device) if on_gpu else lr  # a graph reads it there
        return torch.optim.Adam(parameters, rate, betas=betas, fused=True, capturable=on_gpu)

    def _modules(self) -> list[torch.nn.Module]:
        return [self.trained.codec, *self.trained.critics.values()]

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [self.optimizer, *self.critic_optimizers.values()]

    def _state(self) -> Iterator[torch.Tensor]:
        """All tensors that a step changes."""
        for module in self._modules():
            yield from module.state_dict(keep_vars=True).values()
        for optimizer in self._optimizers():
            for moments in optimizer.state.values():
                yield from (v for v in moments.values() if isinstance(v, torch.Tensor))


def _set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):  # a captured graph reads it there
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
