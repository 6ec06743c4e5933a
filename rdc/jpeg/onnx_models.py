"""ONNX files as torch modules that gradients pass: checked first, then converted by onnx2torch."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, numpy_helper
from torch import nn

from rdc.jpeg import onnx_data, onnx_operators
from rdc.jpeg.trial import EXPORT, Unfit

from onnx2torch import convert  # isort: skip  after torchvision, which onnx_operators imports right

MOST_NODES = 5_000  # those of DenseNet-201 are 900
QUANTIZED = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv",
             "QLinearMatMul", "ConvInteger", "MatMulInteger"}  # fmt: skip
OTHER_FLOATS = {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
DYNAMIC = "dynamic_axes={'input': {0: 'n'}}"


def read(path: Path, side: int) -> tuple[nn.Module, int | None]:
    """A model of one input, pictures (n, 3, side, side), in float32 whatever its file holds.

    Returns:
        The network, and the pictures at once that the file declares (None: any number).

    Raises:
        Unfit: no ONNX model, one of other inputs, or of operators that cannot be read. Says which.
    """
    model = _parsed(path)
    graph = model.graph
    _has_known_operators(model)
    _has_its_weights(model, path)
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # the checker raises several kinds
        raise Unfit(f"cannot be read as ONNX: {_line(error)}") from None
    _in_float32(graph)
    batch = _declared(graph, side)
    _simplified(graph)
    try:
        return convert(model), batch
    except Exception as error:  # onnx2torch raises many kinds for what it does not know
        raise Unfit(
            f"cannot be converted from ONNX ({_line(error)}); export it again with today's torch: {EXPORT}"
        ) from None


def _parsed(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, OSError, ValueError, RuntimeError) as error:
        raise Unfit(f"cannot be read as ONNX ({_line(error)})") from None
    graph = model.graph
    if not graph.node:
        raise Unfit("cannot be read as ONNX: found no graph in it")
    if len(graph.node) > MOST_NODES:
        raise Unfit(f"found {len(graph.node)} nodes, needs at most {MOST_NODES}")
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version > newest:
            raise Unfit(
                f"found opset {opset.version}, needs at most {newest}: export it with opset_version=20"
            )
    return model


def _has_known_operators(model: onnx.ModelProto) -> None:
    used = {node.op_type for node in model.graph.node}
    foreign = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    if used & QUANTIZED:
        raise Unfit(
            f"is quantized to int8 ({min(used & QUANTIZED)}), so that no gradient passes it: export the "
            "model as it was before, in floating point"
        )
    if odd := sorted(map(repr, used - onnx_operators.known())) or sorted(map(repr, foreign)):
        raise Unfit(
            f"uses {', '.join(odd[:5])}, which cannot be read: only operators without loops and branches "
            f"of one tensor to another; export it in eval mode: {EXPORT}"
        )
    if model.functions or model.graph.sparse_initializer:
        raise Unfit("holds functions or sparse weights, which are not read; inline them first")
    for node in model.graph.node:
        node.domain = ""
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise Unfit(f"holds a graph inside its {node.op_type}, which is not read")


def _tensors(graph: onnx.GraphProto):
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _has_its_weights(model: onnx.ModelProto, path: Path) -> None:
    """Loads weights from files beside the model, none of them from elsewhere, none twice."""
    listed = {file.resolve() for file in onnx_data.beside(path)}
    asked = 0
    outside = [t for t in _tensors(model.graph) if t.data_location == TensorProto.EXTERNAL]
    for tensor in outside:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        name = entries.get("location", "")
        if not onnx_data.lies_beside(name):
            raise Unfit(f"names weights outside its folder ({name!r}), which are not read")
        if (path.parent / name).resolve() not in listed:
            raise Unfit(
                f"its weights are in {path.parent / name}, which is missing: keep the two files together, or "
                "export it as one (external_data=False)"
            )
        length = entries.get("length", "")
        asked += int(length) if length.isdecimal() else (path.parent / name).stat().st_size
    if asked > 2 * sum(file.stat().st_size for file in listed):
        raise Unfit(f"names {asked / 1e9:.1f} GB of weights, more than the files beside it hold")
    for tensor in outside:
        try:
            onnx.external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
        except Exception as error:  # of onnx, several kinds
            raise Unfit(f"its weights beside it cannot be read ({_line(error)})") from None
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _in_float32(graph: onnx.GraphProto) -> None:
    """Every other kind of real number becomes float32, in which pictures are read and gradients taken."""
    for tensor in _tensors(graph):
        if tensor.data_type in OTHER_FLOATS:
            try:
                values = numpy_helper.to_array(tensor).astype("float32")
            except (ValueError, TypeError) as error:
                raise Unfit(f"its weights {tensor.name!r} are damaged ({_line(error)})") from None
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in OTHER_FLOATS:
                attribute.i = TensorProto.FLOAT
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type in OTHER_FLOATS:
            value.type.tensor_type.elem_type = TensorProto.FLOAT


def _declared(graph: onnx.GraphProto, side: int) -> int | None:
    """The batch that the file declares. Raises Unfit where it declares other pictures than ours."""
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        names = ", ".join(repr(value.name) for value in inputs[:4])
        raise Unfit(f"takes {len(inputs)} inputs ({names}), needs one, the pictures")
    if len(graph.output) != 1:
        names = ", ".join(repr(value.name) for value in graph.output[:4])
        raise Unfit(
            f"returns {len(graph.output)} outputs ({names}), needs one tensor (n, classes); export a module "
            "that returns one of them: model(x)[0]"
        )
    tensor = inputs[0].type.tensor_type
    kind = TensorProto.DataType.Name(tensor.elem_type) if tensor.elem_type else "nothing"
    if tensor.elem_type != TensorProto.FLOAT:
        raise Unfit(f"takes {kind.lower()}, needs pictures of float32 from 0 to 1")
    if not tensor.HasField("shape"):
        return None
    shape = [axis.dim_value or None for axis in tensor.shape.dim]
    shown = "(" + ", ".join("n" if size is None else str(size) for size in shape) + ")"
    needs = f"needs pictures (n, 3, {side}, {side})"
    if len(shape) != 4:
        raise Unfit(f"takes an input {shown}, {needs}")
    if shape[3] == 3 and shape[1] != 3:
        raise Unfit(
            f"takes channels last {shown}, {needs}; export it with channels first (of TensorFlow: "
            "tf2onnx --inputs-as-nchw)"
        )
    if shape[1] not in (3, None):
        grey = "; export a module that makes them grey itself: model(x.mean(1, keepdim=True))"
        raise Unfit(
            f"takes pictures of {shape[1]} channel{'s' if shape[1] > 1 else ''} {shown}, {needs}"
            + (grey if shape[1] == 1 else "")
        )
    if any(size not in (side, None) for size in shape[2:]):
        square = shape[2] == shape[3] or None in shape[2:]
        size = shape[2] or shape[3]
        raise Unfit(
            f"takes pictures {shown}, found side {side}: "
            + (f"set 'side' to its input size (side: {size})" if square else "needs a square one")
        )
    if shape[0] is not None and shape[0] > 1024:
        raise Unfit(
            f"takes {shape[0]} pictures at once, needs at most 1024: export it with {DYNAMIC}"
        )
    return shape[0]


def _simplified(graph: onnx.GraphProto) -> None:
    """The same graph as onnx2torch can read it.

    Weights go straight to where they are used: exporters hand them on by Identity and Constant. The
    nodes get names of our own: onnx2torch writes a program with their names in it, and runs it.
    """
    returned = {value.name for value in graph.output}
    same: dict[str, str] = {}
    kept = []
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
        options = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type == "Identity" and node.output[0] not in returned:
            same[node.output[0]] = node.input[0]
            continue
        if node.op_type == "Constant" and "value" in options and node.output[0] not in returned:
            graph.initializer.add().CopyFrom(options["value"].t)
            graph.initializer[-1].name = node.output[0]
            continue
        if node.op_type == "Reshape" and "allowzero" in options:
            node.attribute.remove(options["allowzero"])  # it acts on empty tensors alone
        node.name = f"rdc_node_{len(kept)}"
        kept.append(node)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
    del graph.node[:]
    graph.node.extend(kept)


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
