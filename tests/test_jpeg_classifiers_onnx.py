"""ONNX classifiers: what torch exports today is read as it was, and what cannot be is told why."""

import time
from unittest import mock

import onnx
import pytest
import torch
from exported import CLASSES, LINEAR, SCORES, SIDE, array, graph, node, of_torchvision, pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from rdc.jpeg import classifiers, confinement, onnx_data
from rdc.jpeg.settings import Classifier
from rdc.networks.weights import WeightsError

DYNAMIC = {"input_names": ["x"], "dynamic_axes": {"x": {0: "n"}}}


def load(path, side: int = SIDE, tunes: bool = True):
    return classifiers.load(Classifier(file=path, side=side), CLASSES, tunes)


def export(network, path, new: bool, dynamic: bool, **options) -> None:
    if new:
        pytest.importorskip("onnxscript", reason="torch's new exporter needs onnxscript")
        shapes = ({0: torch.export.Dim("n")},) if dynamic else None
        options |= {"dynamo": True, "dynamic_shapes": shapes, "verbose": False}
    else:
        options |= {"dynamo": False, **(DYNAMIC if dynamic else {})}
    images = torch.rand(2 if dynamic else 1, 3, 64, 64, dtype=next(network.parameters()).dtype)
    torch.onnx.export(network, (images,), str(path), **options)


def reads_as(network, path, tolerance: float = 1e-4) -> None:
    """The file reads three pictures as the network does, and passes a gradient."""
    images = pictures(3).requires_grad_(True)
    expected = network(images).log_softmax(1)
    assert (expected.amax(0) - expected.amin(0)).max() > 10 * tolerance  # pictures are told apart
    found = load(path, 64)(images)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)
    slopes = [torch.autograd.grad(rows[:, 0].sum(), images)[0] for rows in (found, expected)]
    scale = slopes[1].abs().max()
    assert (slopes[0] - slopes[1]).abs().max() <= 100 * tolerance * scale


@pytest.mark.parametrize("new, dynamic", [(False, True), (True, False)])
def test_what_torch_exports_is_read_as_it_was(tmp_path, new, dynamic):
    network = of_torchvision("mobilenet_v3_small")
    export(network, tmp_path / "net.onnx", new, dynamic)
    reads_as(network, tmp_path / "net.onnx")


@pytest.mark.slow
def test_a_residual_network_of_a_fixed_batch_is_read_as_it_was(tmp_path):
    network = of_torchvision("resnet18")
    export(network, tmp_path / "net.onnx", new=False, dynamic=False)
    reads_as(network, tmp_path / "net.onnx")


def test_half_precision_is_read_in_float32(tmp_path):
    network = of_torchvision("squeezenet1_1")
    export(network.half(), tmp_path / "net.onnx", new=False, dynamic=True)
    reads_as(network.float(), tmp_path / "net.onnx")


@pytest.mark.parametrize("batch", [1, 2, 3, 4])  # 2 as the line that messages advise exports it
@pytest.mark.parametrize("says", [True, False])
def test_a_fixed_batch_is_filled_up(tmp_path, batch, says):
    nodes = [node("Reshape", "x shape", "f"), node("MatMul", "f w", "y")]
    weights = [array([batch, 3 * SIDE * SIDE], "shape", "int64")]
    shape = (batch if says else "n", 3, SIDE, SIDE)
    if batch == 3 and not says:
        pytest.skip("no exporter traces three pictures and declares any number")
    fixed = load(graph(tmp_path / "fixed.onnx", nodes, weights, shape=shape))
    assert fixed.found.batch == batch
    alike = load(graph(tmp_path / "any.onnx", LINEAR))
    for count in (1, 2, 3, 7):
        pictures = torch.rand(count, 3, SIDE, SIDE)
        torch.testing.assert_close(fixed(pictures), alike(pictures))


def test_weights_beside_a_model_are_files_of_it_and_lie_nowhere_else(tmp_path):
    path = graph(tmp_path / "net.onnx", LINEAR)
    expected = load(path)(torch.ones(1, 3, SIDE, SIDE))
    model = onnx.load(str(path))
    onnx.save(
        model, str(path), save_as_external_data=True, location="net.onnx.data", size_threshold=0
    )
    described = Classifier(file=path, side=SIDE)
    assert described.files() == [path, tmp_path / "net.onnx.data"]
    torch.testing.assert_close(load(path)(torch.ones(1, 3, SIDE, SIDE)), expected)
    (tmp_path / "net.onnx.data").rename(tmp_path / "moved")
    assert described.files() == [path]
    with pytest.raises(
        WeightsError, match=r"its weights are in .*net\.onnx\.data, which is missing"
    ):
        load(path)
    model = onnx.load(str(path), load_external_data=False)
    (entry,) = (e for e in model.graph.initializer[0].external_data if e.key == "location")
    for elsewhere in ("../moved", "/etc/hostname", "sub/../../moved", ""):
        entry.value = elsewhere
        path.write_bytes(model.SerializeToString())
        with pytest.raises(WeightsError, match="names weights outside its folder"):
            load(path)
        assert onnx_data.beside(path) == []


ONE = array([1], "one", "int64")
HUGE = array([10**5, 10**6], "huge", "int64")
SUM = [node("ReduceSum", "z", "zz", keepdims=0), node("Add", "s zz", "y")]
DOUBLED = [node("Concat", f"d{n} d{n}", f"d{n + 1}", axis=0) for n in range(60)]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"shape": ("n", SIDE, SIDE, 3)}, r"takes channels last \(n, 16, 16, 3\).*--inputs-as-nchw"),
        ({"shape": ("n", 1, SIDE, SIDE)}, r"takes pictures of 1 channel \(n, 1, 16, 16\)"),
        ({"shape": ("n", 3, 224, 224)}, r"found side 16: set 'side' to its input size \(side: 224\)"),
        ({"shape": ("n", 3, 224, 160)}, "needs a square one"),
        ({"shape": ("n", 768)}, r"takes an input \(n, 768\), needs pictures \(n, 3, 16, 16\)"),
        ({"shape": (10**9, 3, SIDE, SIDE)}, "takes 1000000000 pictures at once"),
        ({"kind": TensorProto.UINT8}, "takes uint8, needs pictures of float32 from 0 to 1"),
        ({"opset": 99}, "found opset 99, needs at most"),
        ({"nodes": [node("QuantizeLinear", "x w", "y")]}, "is quantized to int8.*floating point"),
        ({"nodes": [node("Loop", "x x x", "y")]}, "uses 'Loop', which cannot be read"),
        ({"nodes": [node("Unheard", "x", "y", domain="mine")]}, "uses 'Unheard'"),
        ({"nodes": [*SCORES, node("Sigmoid", "s", "y")]}, "between 0 and 1 that do not sum to 1"),
        ({"nodes": [*SCORES, node("ArgMax", "s", "y", axis=1)]}, "whole numbers.*arg-max"),
        ({"nodes": [*SCORES, node("Round", "s", "y")]}, "no gradient of its outputs reaches"),
        ({"nodes": [node("Identity", "x", "y")]}, r"found outputs \(2, 3, 16, 16\) of 2 pictures"),
        ({"nodes": [node("ConstantOfShape", "huge", "z"), *SCORES, *SUM]}, "GB of memory"),
        ({"nodes": [*SCORES, node("Tile", "s huge", "z"), *SUM]}, "GB of memory"),
        ({"nodes": [*SCORES, node("Identity", "s", "d0"), *DOUBLED, node("ReduceSum", "d60", "y")]},
         "GB of memory"),
        ({"nodes": [node("Relu", "x", f"r{n}") for n in range(6000)]}, "found 6000 nodes, needs at most"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_one_cause(tmp_path, changes, message):
    nodes = changes.get("nodes", LINEAR)
    others = {key: value for key, value in changes.items() if key != "nodes"}
    path = graph(tmp_path / "net.onnx", nodes, [ONE, HUGE], **others)
    begun = time.process_time()
    with pytest.raises(WeightsError, match=rf"net\.onnx: .*{message}"):
        load(path)
    assert time.process_time() - begun < 2


def test_names_of_nodes_are_no_program(tmp_path):
    """onnx2torch writes the names of nodes into a program that torch.fx runs."""
    victim = tmp_path / "written"
    harmful = f"""a")) or open("{victim}".replace("|", chr(46)), "w") or str(("b"""
    nodes = [node("Flatten", "x", "f", name=harmful), node("MatMul", "f w", "y", name="__class__")]
    load(graph(tmp_path / "net.onnx", nodes))(torch.rand(1, 3, SIDE, SIDE))
    assert not victim.exists()


def test_probabilities_of_a_softmax_are_read_as_such(tmp_path):
    path = graph(tmp_path / "soft.onnx", [*SCORES, node("Softmax", "s", "y")])
    scores = load(graph(tmp_path / "net.onnx", LINEAR))
    images = torch.rand(3, 3, SIDE, SIDE)
    torch.testing.assert_close(load(path)(images), scores(images))


def refused_or_harmless(damaged) -> None:
    """A file that is read gives three numbers a picture; any other is told of in one line."""
    try:
        # In this process: a crash would end the tests.
        with mock.patch.object(confinement, "confined", lambda work, *bounds: work()):
            found = load(damaged)(torch.zeros(1, 3, SIDE, SIDE))
        assert found.shape == (1, 3)
    except WeightsError as error:
        assert str(error).startswith(str(damaged)) and "\n" not in str(error)


@settings(max_examples=120)
@given(st.data())
def test_damaged_files_are_refused_or_harmless(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    whole = graph(folder / "whole.onnx", [*SCORES, node("Softmax", "s", "y")]).read_bytes()
    damaged = folder / "net.onnx"
    damaged.write_bytes(data.draw(damage(whole)))
    refused_or_harmless(damaged)


@st.composite
def damage(draw, whole: bytes) -> bytes:
    """Cut, or with some bits flipped: most of them outside the weights."""
    if draw(st.integers(0, 4)) == 0:
        return whole[: draw(st.integers(0, len(whole) - 1))]
    content = bytearray(whole)
    ends = st.one_of(st.integers(0, 300), st.integers(len(whole) - 300, len(whole) - 1))
    for place in draw(
        st.lists(st.one_of(ends, st.integers(0, len(whole) - 1)), min_size=1, max_size=4)
    ):
        content[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(content)
