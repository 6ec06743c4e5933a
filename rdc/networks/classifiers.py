"""The papers' classifiers, and a judge that no codec ever meets."""

from abc import ABC, abstractmethod

import torch
from torch import nn
from torch.nn import functional as F


class Classifier(nn.Module, ABC):
    """Images (n, 1, 28, 28) in [0, 1] to log-probabilities (n, classes)."""

    @abstractmethod
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """The deep features that the last linear layer reads, (n, length)."""

    @abstractmethod
    def head(self, features: torch.Tensor) -> torch.Tensor:
        """Features to log-probabilities."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


class ZhangClassifier(Classifier):
    """Conv 5x5 to 10, pool, conv 5x5 to 20, pool, 320-50-classes; dropout .5 (Zhang, Table 2)."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.first = nn.Conv2d(1, 10, 5)
        self.second = nn.Conv2d(10, 20, 5)
        self.hidden = nn.Linear(320, 50)
        self.last = nn.Linear(50, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        maps = F.relu(F.max_pool2d(self.first(images), 2))
        maps = F.relu(F.max_pool2d(self.second(maps), 2))
        return F.relu(self.hidden(maps.flatten(1)))

    def head(self, features: torch.Tensor) -> torch.Tensor:
        return F.log_softmax(self.last(F.dropout(features, 0.5, self.training)), dim=1)


class NguyenClassifier(Classifier):
    """Conv 5x5 to 10, pool, conv 5x5 to 10, pool, 160-100-classes (Nguyen, Table 1).

    The table prints layers without the hidden one's length, which is the public code's of this line.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.first = nn.Conv2d(1, 10, 5)
        self.second = nn.Conv2d(10, 10, 5)
        self.hidden = nn.Linear(160, 100)
        self.last = nn.Linear(100, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        maps = F.max_pool2d(F.relu(self.first(images)), 2)
        maps = F.max_pool2d(F.relu(self.second(maps)), 2)
        return F.relu(self.hidden(maps.flatten(1)))

    def head(self, features: torch.Tensor) -> torch.Tensor:
        return F.log_softmax(self.last(features), dim=1)


class LeClassifier(Classifier):
    """Two 3x3 convolutions of 32 and 64, pooled, channel dropout, 3136-128-classes (Le, Table 2).

    The table prints shapes and parameter counts only; ReLU after each layer and a dropout of .25
    are ours.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.first = nn.Conv2d(1, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 64, 3, padding=1)
        self.hidden = nn.Linear(3136, 128)
        self.last = nn.Linear(128, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        maps = images
        for layer in (self.first, self.second):
            maps = F.dropout2d(F.max_pool2d(F.relu(layer(maps)), 2), 0.25, self.training)
        return F.relu(self.hidden(maps.flatten(1)))

    def head(self, features: torch.Tensor) -> torch.Tensor:
        return F.log_softmax(self.last(features), dim=1)


class JudgeClassifier(Classifier):
    """LeNet-5 (LeCun 1998): tanh and mean pooling, nothing like those that codecs train with.

    No codec trains, encodes or selects with it, so a codec that merely games its own classifier is
    found out here. It must also read the blurred images of low rates as they are: a residual
    network with batch norm read 46 % of MNIST's 27-codeword k-means images right, this one reads
    73 %, Zhang's classifier 76 %.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.first = nn.Conv2d(1, 6, 5, padding=2)
        self.second = nn.Conv2d(6, 16, 5)
        self.third = nn.Conv2d(16, 120, 5)
        self.hidden = nn.Linear(120, 84)
        self.last = nn.Linear(84, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        maps = F.avg_pool2d(torch.tanh(self.first(images)), 2)
        maps = F.avg_pool2d(torch.tanh(self.second(maps)), 2)
        return torch.tanh(self.hidden(torch.tanh(self.third(maps)).flatten(1)))

    def head(self, features: torch.Tensor) -> torch.Tensor:
        return F.log_softmax(self.last(features), dim=1)


ARCHITECTURES: dict[str, type[Classifier]] = {
    "zhang": ZhangClassifier,
    "nguyen": NguyenClassifier,
    "le": LeClassifier,
    "judge": JudgeClassifier,
}
