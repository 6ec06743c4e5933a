"""Classifiers of colour pictures: CIFAR-10's pretrained ones, torchvision's, a TorchScript or ONNX file."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from rdc import torchvision_compat  # noqa: F401, before torchvision, which onnx2torch needs too
from rdc.jpeg.settings import CIFAR_FILES, Classifier, data_file
from rdc.networks import resnets
from rdc.networks.weights import WeightsError

TRIED_WITH = 2  # pictures


def pretrained(name: str, data: str | Path) -> nn.Module:
    """CIFAR-10's ``resnet20`` or ``resnet56``. Raises WeightsError naming a faulty file."""
    depth = int(name.removeprefix("resnet"))
    return resnets.load(data_file("cifar10-resnets", CIFAR_FILES[name], data), depth)


def load(settings: Classifier, classes: tuple[str, ...]) -> nn.Module:
    """A user's classifier, frozen, tried out on noise of its input size.

    Args:
        classes: the names of the class folders, in the order of the labels it is read against.

    Returns:
        A module of pictures (n, 3, side, side) in [0, 1] to log-probabilities (n, len(classes)).

    Raises:
        WeightsError: names the file or model: missing, damaged, another input size, or outputs that
            are not those classes.
    """
    name = str(settings.file or f"torchvision's {settings.torchvision}")
    network = _of_torchvision(settings) if settings.torchvision else _of_file(settings.file)
    network.eval()
    for parameter in network.parameters():  # TorchScript has no requires_grad_ of its own
        parameter.requires_grad_(False)
    mean, deviation = settings.normalisation
    noise = torch.rand(TRIED_WITH, 3, settings.side, settings.side, generator=torch.Generator())
    try:
        scores = network((noise - _column(mean)) / _column(deviation))
    except Exception as error:  # networks fail in many ways on inputs of another size
        raise WeightsError(
            f"{name}: cannot read pictures (n, 3, {settings.side}, {settings.side}): "
            f"{_first_line(error)}; set 'side' to its input size"
        ) from None
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2 or len(scores) != TRIED_WITH:
        found = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
        raise WeightsError(
            f"{name}: found outputs {found} of {TRIED_WITH} pictures, needs (n, classes)"
        )
    if not torch.isfinite(scores).all():
        raise WeightsError(f"{name}: found outputs that are no numbers (NaN or infinite) of noise")
    columns = _columns(settings.classes, scores.shape[1], classes, name)
    return Reader(network, mean, deviation, columns, probabilities=_are_probabilities(scores))


class Reader(nn.Module):
    """A network with what comes before and after it: normalisation, and the classes it is asked for."""

    def __init__(self, network, mean, deviation, columns: list[int] | None, probabilities: bool):
        super().__init__()
        self.network, self.columns, self.probabilities = network, columns, probabilities
        self.register_buffer("mean", _column(mean))
        self.register_buffer("deviation", _column(deviation))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores = self.network((images - self.mean) / self.deviation)
        if self.probabilities:
            scores = scores.clamp(min=1e-12).log()
        if self.columns is not None:
            scores = scores[:, self.columns]
        return F.log_softmax(scores, dim=1)


def _of_torchvision(settings: Classifier) -> nn.Module:
    from torchvision import models

    if settings.torchvision not in models.list_models(module=models):
        raise WeightsError(
            f"torchvision has no classifier {settings.torchvision!r}; it has, for example, "
            "mobilenet_v3_large, resnet50 and resnet101"
        )
    if settings.weights is None:
        try:
            return models.get_model(settings.torchvision, weights="DEFAULT")
        except OSError as error:
            raise WeightsError(
                f"torchvision's {settings.torchvision}: its weights could not be fetched "
                f"({_first_line(error)}); give a file of them as 'weights'"
            ) from None
    try:
        tensors = torch.load(settings.weights, map_location="cpu", weights_only=True)
        network = models.get_model(settings.torchvision, weights=None)
        network.load_state_dict(tensors)
        return network
    except Exception as error:  # torch raises many kinds for damaged or foreign files
        raise WeightsError(
            f"{settings.weights}: no weights of torchvision's {settings.torchvision} "
            f"({_first_line(error)})"
        ) from None


def _of_file(path: Path) -> nn.Module:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    if path.suffix not in (".pt", ".pth", ".onnx"):
        raise WeightsError(f"{path}: needs a TorchScript file (.pt) or an ONNX file (.onnx)")
    try:
        if path.suffix == ".onnx":
            import onnx2torch

            return onnx2torch.convert(str(path))
        return torch.jit.load(str(path), map_location="cpu")
    except Exception as error:  # both raise many kinds for damaged or foreign files
        kind = "ONNX" if path.suffix == ".onnx" else "TorchScript"
        raise WeightsError(f"{path}: cannot be read as {kind} ({_first_line(error)})") from None


def _columns(file: Path | None, outputs: int, classes: tuple[str, ...], name: str):
    """Which outputs belong to the classes; None where it is all of them in order."""
    if file is None:
        if outputs != len(classes):
            raise WeightsError(
                f"{name}: found {outputs} outputs for {len(classes)} class folders "
                f"({', '.join(classes[:3])}, ...); name its outputs, one a line, in a file 'classes'"
            )
        return None
    try:
        names = file.read_text().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(f"{file}: cannot be read ({error})") from None
    names = [line.strip() for line in names if line.strip()]
    if len(names) != outputs:
        raise WeightsError(f"{file}: found {len(names)} names for {outputs} outputs of {name}")
    if missing := [wanted for wanted in classes if wanted not in names]:
        raise WeightsError(f"{file}: names no output for the class folder {missing[0]!r}")
    if twice := [wanted for wanted in classes if names.count(wanted) > 1]:
        raise WeightsError(
            f"{file}: names {names.count(twice[0])} outputs {twice[0]!r}, which is a class folder; give "
            "the others another name"
        )
    return [names.index(wanted) for wanted in classes]


def _are_probabilities(scores: torch.Tensor) -> bool:
    return bool((scores >= 0).all() and torch.allclose(scores.sum(1), torch.ones(()), atol=1e-3))


def _column(values: tuple) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 3, 1, 1)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
