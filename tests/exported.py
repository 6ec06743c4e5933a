"""Classifiers of pictures as people export them, small and untrained, for the tests that read them."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

from rdc import torchvision_compat  # noqa: F401, before torchvision

CLASSES = ("cats", "dogs", "owls")
SIDE = 16


def pictures(count: int, side: int = 64) -> torch.Tensor:
    """Smooth colours, (count, 3, side, side) in [0, 1]."""
    return F.interpolate(torch.rand(count, 3, 4, 4), side, mode="bilinear")


def of_torchvision(name: str) -> nn.Module:
    """An untrained network, its outputs stretched until they differ from picture to picture."""
    from torchvision import models

    torch.manual_seed(0)
    network = models.get_model(name, weights=None, num_classes=3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # statistics of its own, or eval mode flattens everything
    with torch.no_grad():
        network.train()(pictures(8))
        spread = network.eval()(pictures(8)).std(0).mean()
        *_, weight, _bias = network.parameters()
        weight *= 1 / spread
    return network


class Flat(nn.Module):
    """A linear reading, with something before it and after it."""

    def __init__(self, outputs: int = 3):
        super().__init__()
        torch.manual_seed(1)
        self.linear = nn.Linear(3 * SIDE * SIDE, outputs)

    def forward(self, images):
        return self.linear(images.flatten(1))


def node(kind: str, inputs: str, outputs: str, **options):
    return helper.make_node(kind, inputs.split(), outputs.split(), **options)


def array(values, name: str, kind: str = "float32"):
    return numpy_helper.from_array(np.array(values, dtype=kind), name)


def graph(path, nodes, weights=(), shape=("n", 3, SIDE, SIDE), kind=TensorProto.FLOAT, opset=20):
    """Writes an ONNX model of ``x`` to ``y``; ``w`` is a matrix for three classes."""
    matrix = np.random.default_rng(0).normal(size=(3 * SIDE * SIDE, 3)) / 20
    made = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "k"])],
        [array(matrix, "w"), *weights],
    )
    imports = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(made, opset_imports=imports, ir_version=9), str(path))
    return path


LINEAR = [node("Flatten", "x", "f"), node("MatMul", "f w", "y")]
SCORES = [node("Flatten", "x", "f"), node("MatMul", "f w", "s")]
