"""CIFAR-10 residual networks (He et al., Section 4.2), as the pretrained weights have them."""

import zipfile
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from rdc import archives
from rdc.networks.weights import WeightsError

MOST_BYTES = 2**26  # of a file of weights
# Per channel, images in [0, 1]: the weights were trained with the mean and deviation of ImageNet.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut without parameters (He et al., option A)."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.missing = stride, channels - channels_in

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(maps)))))
        shortcut = maps[:, :, :: self.stride, :: self.stride]
        if self.missing:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, self.missing // 2, self.missing // 2))
        return F.relu(change + shortcut)


class ResNet(nn.Module):
    """Images (n, 3, 32, 32) in [0, 1] to log-probabilities (n, 10); depth 6 b + 2, b blocks a stage."""

    def __init__(self, depth: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        blocks = (depth - 2) // 6
        self.layer1 = self._stage(16, 16, blocks, 1)
        self.layer2 = self._stage(16, 32, blocks, 2)
        self.layer3 = self._stage(32, 64, blocks, 2)
        self.linear = nn.Linear(64, 10)
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer(
            "deviation", torch.tensor(DEVIATION).reshape(1, 3, 1, 1), persistent=False
        )

    @staticmethod
    def _stage(channels_in: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
        first = Block(channels_in, channels, stride)
        return nn.Sequential(first, *(Block(channels, channels, 1) for _ in range(blocks - 1)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = F.relu(self.bn1(self.conv1((images - self.mean) / self.deviation)))
        maps = self.layer3(self.layer2(self.layer1(maps)))
        return F.log_softmax(self.linear(maps.mean(dim=(2, 3))), dim=1)


def load(path: str | Path, depth: int) -> ResNet:
    """The pretrained network of a .th file, frozen and in eval mode.

    Raises:
        WeightsError: names the file where it is missing, damaged or of another depth.
    """
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise ValueError(f"longer than {MOST_BYTES} bytes")
        if zipfile.is_zipfile(path):
            archives.check(Path(path))
        content = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
        network = ResNet(depth)
        network.load_state_dict({name.removeprefix("module."): t for name, t in content.items()})
        if not all(bool(t.isfinite().all()) for t in network.state_dict().values()):
            raise ValueError("NaN or infinity in it")
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights") from None
    except Exception as error:  # torch raises many kinds for damaged or foreign files
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{path}: not a ResNet-{depth} for CIFAR-10, or damaged ({line})"
        ) from None
    return network.eval().requires_grad_(False)
