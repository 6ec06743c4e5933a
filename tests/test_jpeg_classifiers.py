"""A user's own classifiers of pictures: three kinds of file, and what is refused by name."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from rdc.jpeg import classifiers
from rdc.jpeg.settings import Classifier
from rdc.networks.weights import WeightsError

CLASSES = ("cats", "dogs", "owls")


class Pooled(nn.Module):
    """A linear reading of 4 x 4 mean colours: fails on pictures of another size."""

    def __init__(self, outputs: int = 3, side: int = 16, softmax: bool = False):
        super().__init__()
        self.pool, self.softmax = nn.AvgPool2d(side // 4), softmax
        self.linear = nn.Linear(48, outputs)

    def forward(self, images):
        scores = self.linear(self.pool(images).flatten(1))
        return torch.softmax(scores, 1) if self.softmax else scores


def scripted(path, **settings):
    torch.manual_seed(0)
    network = Pooled(**settings)
    torch.jit.script(network).save(str(path))
    return network


def as_onnx(network: Pooled, path) -> None:
    """The same network in ONNX's operators."""
    arrays = {name: p.detach().numpy() for name, p in network.linear.named_parameters()}
    nodes = [
        helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "weight", "bias"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "pooled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))


def test_torchscript_and_onnx_read_alike_and_pass_gradients(tmp_path):
    network = scripted(tmp_path / "net.pt")
    as_onnx(network, tmp_path / "net.onnx")
    images = torch.rand(5, 3, 16, 16, requires_grad=True)
    mean, deviation = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    changed = (images - torch.tensor(mean).reshape(3, 1, 1)) / torch.tensor(deviation).reshape(
        3, 1, 1
    )
    expected = torch.log_softmax(network(changed), 1)
    for name in ("net.pt", "net.onnx"):
        settings = Classifier(file=tmp_path / name, side=16, mean=mean, deviation=deviation)
        found = classifiers.load(settings, CLASSES)(images)
        torch.testing.assert_close(found, expected)
        (slope,) = torch.autograd.grad(found[:, 0].sum(), images)
        assert slope.abs().sum() > 0


def test_outputs_that_are_probabilities_already_are_not_softened_twice(tmp_path):
    network = scripted(tmp_path / "net.pt", softmax=True)
    images = torch.rand(4, 3, 16, 16)
    found = classifiers.load(Classifier(file=tmp_path / "net.pt", side=16), CLASSES)(images)
    torch.testing.assert_close(found.exp(), network(images))


def test_a_file_of_class_names_says_which_outputs_are_meant(tmp_path):
    network = scripted(tmp_path / "net.pt", outputs=5)
    names = tmp_path / "names.txt"
    names.write_text("owls\nfish\ncats\nbats\ndogs\n")
    settings = Classifier(file=tmp_path / "net.pt", side=16, classes=names)
    images = torch.rand(4, 3, 16, 16)
    expected = torch.log_softmax(network(images)[:, [2, 4, 0]], 1)
    torch.testing.assert_close(classifiers.load(settings, CLASSES)(images), expected)
    names.write_text("owls\nfish\ncats\nbats\nrats\n")
    with pytest.raises(
        WeightsError, match=r"names\.txt: names no output for the class folder 'dogs'"
    ):
        classifiers.load(settings, CLASSES)
    names.write_text("owls\ndogs\ncats\nbats\ndogs\n")  # ImageNet's own list has two cranes
    with pytest.raises(WeightsError, match=r"names\.txt: names 2 outputs 'dogs'"):
        classifiers.load(settings, CLASSES)
    names.write_text("owls\n")
    with pytest.raises(WeightsError, match=r"names\.txt: found 1 names for 5 outputs"):
        classifiers.load(settings, CLASSES)


def test_what_does_not_fit_is_named(tmp_path):
    path = tmp_path / "net.pt"
    scripted(path, outputs=7)
    with pytest.raises(WeightsError, match=r"net\.pt: found 7 outputs for 3 class folders \(cats"):
        classifiers.load(Classifier(file=path, side=16), CLASSES)
    with pytest.raises(WeightsError, match=r"net\.pt: does not run on .* 32 x 32 .*\(side: 16\)"):
        classifiers.load(Classifier(file=path, side=32), CLASSES)
    path.write_bytes(b"PK broken")
    with pytest.raises(WeightsError, match=r"net\.pt: cannot be read as TorchScript"):
        classifiers.load(Classifier(file=path, side=16), CLASSES)
    (tmp_path / "net.onnx").write_bytes(b"broken")
    with pytest.raises(WeightsError, match=r"net\.onnx: cannot be read as ONNX"):
        classifiers.load(Classifier(file=tmp_path / "net.onnx"), CLASSES)
    with pytest.raises(WeightsError, match=r"none\.pt: no such file"):
        classifiers.load(Classifier(file=tmp_path / "none.pt"), CLASSES)


def test_torchvisions_models_load_by_name_with_weights_of_a_file(tmp_path):
    from torchvision import models

    torch.manual_seed(1)
    network = models.mobilenet_v3_small(weights=None, num_classes=1000).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    names = tmp_path / "names.txt"
    names.write_text("\n".join(["cats", "dogs", "owls", *(f"other {n}" for n in range(997))]))
    settings = Classifier(
        torchvision="mobilenet_v3_small", weights=tmp_path / "weights.pth", side=64, classes=names
    )
    images = torch.rand(2, 3, 64, 64)
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    expected = torch.log_softmax(network((images - mean) / deviation)[:, :3], 1)
    torch.testing.assert_close(classifiers.load(settings, CLASSES)(images), expected)
    own = models.mobilenet_v3_small(
        weights=None, num_classes=3
    )  # trained further, for one's classes
    torch.save(own.state_dict(), tmp_path / "own.pth")
    described = {"torchvision": "mobilenet_v3_small", "weights": tmp_path / "own.pth", "side": 64}
    assert classifiers.load(Classifier(**described), CLASSES)(images).shape == (2, 3)
    with pytest.raises(WeightsError, match=r"own\.pth: no weights of .*resnet18 \(Missing key"):
        classifiers.load(Classifier(**described | {"torchvision": "resnet18"}), CLASSES)
    (tmp_path / "weights.pth").write_bytes(b"broken")
    with pytest.raises(WeightsError, match=r"weights\.pth: no weights of torchvision's mobilenet"):
        classifiers.load(settings, CLASSES)
    torch.save(network, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match=r"weights\.pth: .*a pickle of more than tensors"):
        classifiers.load(settings, CLASSES)
    with pytest.raises(WeightsError, match="torchvision has no classifier 'mobilnet'"):
        classifiers.load(Classifier(torchvision="mobilnet"), CLASSES)


def test_a_judge_reads_noise_as_nothing_in_particular(tmp_path):
    """The trial run of a loader must not be mistaken for a reading of probabilities by chance."""
    scripted(tmp_path / "net.pt")
    reader = classifiers.load(Classifier(file=tmp_path / "net.pt", side=16), CLASSES)
    assert not reader.found.probabilities
    rows = reader(torch.from_numpy(np.zeros((1, 3, 16, 16), "float32")))
    assert rows.exp().sum().item() == pytest.approx(1)
