"""Classifiers of colour pictures: CIFAR-10's pretrained ones, torchvision's, an ONNX or TorchScript file."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from rdc import torchvision_compat  # noqa: F401, before torchvision
from rdc.jpeg import confinement, trial
from rdc.jpeg.settings import CIFAR_FILES, Classifier, data_file
from rdc.jpeg.trial import EXPORT, Findings, Unfit, first_line
from rdc.networks import resnets
from rdc.networks.weights import WeightsError

Read = Callable[[], tuple[nn.Module, int | None]]
TORCHSCRIPT = (".pt", ".pth", ".torchscript", ".ts")


def pretrained(name: str, data: str | Path) -> nn.Module:
    """CIFAR-10's ``resnet20`` or ``resnet56``. Raises WeightsError naming a faulty file."""
    depth = int(name.removeprefix("resnet"))
    return resnets.load(data_file("cifar10-resnets", CIFAR_FILES[name], data), depth)


def load(settings: Classifier, classes: tuple[str, ...], tunes: bool = False) -> nn.Module:
    """A user's classifier, frozen, tried out before on two pictures of its input size.

    A file is first read and tried in a process of its own, within bounds of memory and time.

    Args:
        classes: the names of the class folders, in the order of the labels it is read against.
        tunes: whether tables are tuned by its gradient.

    Returns:
        A module of pictures (n, 3, side, side) in [0, 1] to log-probabilities (n, len(classes)).

    Raises:
        WeightsError: names the file or model: missing, damaged, a program that is not run, of
            another input, without a gradient where one is needed, or with outputs that are not
            those classes.
    """
    name = str(settings.file or f"torchvision's {settings.torchvision}")
    mean, deviation = settings.normalisation
    noise = torch.rand(2, 3, settings.side, settings.side, generator=torch.Generator())
    pictures = (noise - _column(mean)) / _column(deviation)
    try:
        read = _reader_of(settings)
        if settings.files():
            bounds = _bounds(settings)
            found = confinement.confined(lambda: _tried(read, pictures), *bounds)
            network = _frozen(read()[0])
        else:  # of torchvision, with its weights
            network = _frozen(read()[0])
            found = trial.trial(network, pictures)
        if tunes:
            _has_gradient(network, pictures, found)
    except (Unfit, confinement.Exceeded) as error:
        raise WeightsError(f"{name}: {error}") from None
    columns = _columns(settings.classes, found.outputs, classes, name)
    return Reader(network, mean, deviation, columns, found)


class Reader(nn.Module):
    """A network with what comes before and after it: normalisation, and the classes it is asked for."""

    def __init__(self, network, mean, deviation, columns: list[int] | None, found: Findings):
        super().__init__()
        self.network, self.columns, self.found = network, columns, found
        self.register_buffer("mean", _column(mean))
        self.register_buffer("deviation", _column(deviation))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pictures = (images - self.mean) / self.deviation
        scores = trial.batched(self.network, pictures, self.found.batch)
        if self.found.probabilities:
            scores = scores.clamp(min=1e-12).log()
        if self.columns is not None:
            scores = scores[:, self.columns]
        return F.log_softmax(scores, dim=1)


def _tried(read: Read, pictures: torch.Tensor) -> Findings:
    try:
        network, declared = read()
    except (Unfit, WeightsError):
        raise
    except Exception as error:  # of damage that nobody thought of
        if confinement.is_of_memory(error):
            raise
        raise Unfit(f"cannot be read ({type(error).__name__}: {first_line(error)})") from None
    return trial.trial(_frozen(network), pictures, declared)


def _frozen(network: nn.Module) -> nn.Module:
    network.eval()
    for parameter in network.parameters():  # TorchScript has no requires_grad_ of its own
        parameter.requires_grad_(False)
    return network


def _has_gradient(network: nn.Module, pictures: torch.Tensor, found: Findings) -> None:
    sloped = found.sloped
    if sloped is None:
        sloped = trial.slopes(network, pictures, found.batch)
    if not sloped:
        saturated = " before the softmax" if found.probabilities else ""
        raise Unfit(
            "no gradient of its outputs reaches the picture, by which tables are tuned (it runs under "
            f"torch.no_grad, or rounds): export the scores{saturated} without that; to read pictures alone "
            "it may be the 'judge'"
        )


def _bounds(settings: Classifier) -> tuple[int, float]:
    """Bytes and seconds for the trial: by the weights, of which there are several copies at once, and
    by the picture's side."""
    weights = sum(file.stat().st_size for file in settings.files() if file.is_file())
    return (700 << 20) + 8 * weights + (16 << 10) * settings.side**2, 60 + weights / 2e6


def _is_a_file(path: Path) -> None:
    if path.is_dir():
        raise Unfit(
            f"is a folder, needs an ONNX file (.onnx) or a TorchScript file ({TORCHSCRIPT[0]})"
        )
    if not path.is_file():
        raise Unfit("no such file")
    if path.stat().st_size == 0:
        raise Unfit("is empty")
    if path.suffix.lower() not in (".onnx", *TORCHSCRIPT):
        known = {
            ".pt2": "a program of torch.export",
            ".safetensors": "weights without a network",
            ".pkl": "a pickle, which is never loaded",
            ".h5": "a model of Keras",
            ".keras": "a model of Keras",
            ".tflite": "a model of TensorFlow Lite",
        }.get(path.suffix.lower())
        found = f"found {known}, " if known else ""
        raise Unfit(
            f"{found}needs an ONNX file (.onnx) or a TorchScript file ({', '.join(TORCHSCRIPT)}): {EXPORT}"
        )


def _reader_of(settings: Classifier) -> Read:
    """What reads the network, and the pictures at once that its file declares. Raises Unfit."""
    # Here alone, and before a process is forked: each brings a second of imports.
    if settings.torchvision:
        return lambda: (_of_torchvision(settings), None)
    _is_a_file(settings.file)
    if settings.file.suffix.lower() == ".onnx":
        from rdc.jpeg import onnx_models

        return lambda: onnx_models.read(settings.file, settings.side)
    from rdc.jpeg import torchscript

    return lambda: (torchscript.read(settings.file), None)


def _of_torchvision(settings: Classifier) -> nn.Module:
    from torchvision import models

    name = settings.torchvision
    if name not in models.list_models(module=models):
        raise WeightsError(
            f"torchvision has no classifier {name!r}; it has, for example, mobilenet_v3_large, resnet50 and "
            "resnet101"
        )
    if settings.weights is None:
        try:
            return models.get_model(name, weights="DEFAULT")
        except OSError as error:
            raise WeightsError(
                f"torchvision's {name}: its weights could not be fetched ({first_line(error)}); give a file "
                "of them as 'weights'"
            ) from None
    try:
        tensors = torch.load(settings.weights, map_location="cpu", weights_only=True)
        outputs = list(tensors.values())[-1].shape[0]  # of the last layer's bias: one's own classes
        network = models.get_model(name, weights=None, num_classes=outputs)
        network.load_state_dict(tensors)
        return network
    except Exception as error:  # torch raises many kinds for damaged or foreign files
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[1] if len(lines) > 1 and "state_dict" in lines[0] else first_line(error)
        if "Weights only load failed" in reason:
            reason = "a pickle of more than tensors, as torch.save(model) writes, is never loaded"
        raise WeightsError(
            f"{settings.weights}: no weights of torchvision's {name} ({reason[:200]}); needs a state dict: "
            "torch.save(model.state_dict(), 'weights.pth')"
        ) from None


def _columns(file: Path | None, outputs: int, classes: tuple[str, ...], name: str):
    """Which outputs belong to the classes; None where it is all of them in order."""
    if outputs == 1 and len(classes) == 2:
        raise WeightsError(
            f"{name}: found one output for two classes; export a module that returns two, for a score of "
            f"{classes[1]!r} before its sigmoid: torch.cat([torch.zeros_like(score), score], 1)"
        )
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


def _column(values: tuple) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 3, 1, 1)
