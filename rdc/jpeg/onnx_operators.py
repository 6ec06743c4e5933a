"""ONNX operators that onnx2torch does not convert as today's exporters write them.

Imported for what it registers. Most later versions of an operator only take more types of numbers,
or have an option more: a node that uses none is read as the version that onnx2torch knows. What
changed otherwise, or is new, is written out.
"""

from collections import defaultdict

import torch
from onnx import defs, helper
from torch import nn
from torch.nn import functional as F

from rdc import torchvision_compat  # noqa: F401, before torchvision, which onnx2torch imports

from onnx2torch.node_converters import registry  # isort: skip
from onnx2torch.node_converters.reduce import OnnxReduceStaticAxes  # isort: skip
from onnx2torch.utils.common import (  # isort: skip
    OnnxMapping,
    OperationConverterResult,
    get_const_value,
    onnx_mapping_from_node,
)

REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")


def known() -> set[str]:
    """The operators that can be read, by name."""
    return {found.operation_type for found in registry._CONVERTER_REGISTRY if not found.domain}


class Applied(nn.Module):
    """One function of tensors, as a module of a converted graph."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *values):
        return self.function(*values)


def _result(node, function, inputs: int | None = None) -> OperationConverterResult:
    mapping = onnx_mapping_from_node(node)
    return OperationConverterResult(
        Applied(function), OnnxMapping(mapping.inputs[:inputs], mapping.outputs)
    )


def _reduced(node, graph) -> OperationConverterResult:
    """Reductions since version 18: the axes are an input, constant in every exporter's graph."""
    named = node.input_values[1] if len(node.input_values) > 1 else ""
    axes = torch.as_tensor(get_const_value(named, graph)).reshape(-1).tolist() if named else []
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        return _result(node, lambda x: x, 1)
    module = OnnxReduceStaticAxes(
        node.operation_type, axes or None, node.attributes.get("keepdims", 1)
    )
    return OperationConverterResult(module, OnnxMapping(node.input_values[:1], node.output_values))


def _split(node, graph) -> OperationConverterResult:
    """Since version 18 in equal parts too, of which the last may be smaller."""
    axis, parts = node.attributes.get("axis", 0), len(node.output_values)
    if len(node.input_values) > 1 and node.input_values[1]:
        return _result(node, lambda x, sizes: torch.split(x, sizes.tolist(), axis))
    return _result(node, lambda x: torch.split(x, -(-x.shape[axis] // parts), axis), 1)


def _gelu(node, graph) -> OperationConverterResult:
    approximate = node.attributes.get("approximate", "none")
    return _result(node, lambda x: F.gelu(x, approximate=approximate))


def _group_norm(node, graph) -> OperationConverterResult:
    groups, epsilon = node.attributes["num_groups"], node.attributes.get("epsilon", 1e-5)
    return _result(node, lambda x, scale, bias: F.group_norm(x, groups, scale, bias, epsilon))


def _swish(node, graph) -> OperationConverterResult:
    alpha = node.attributes.get("alpha", 1.0)
    return _result(node, lambda x: x * torch.sigmoid(alpha * x))


def _of_one(function):
    return lambda node, graph: _result(node, function)


NEW = {
    ("Gelu", 20): _gelu,
    ("GlobalMaxPool", 1): _of_one(lambda x: x.amax(tuple(range(2, x.ndim)), keepdim=True)),
    ("GroupNormalization", 21): _group_norm,
    ("Mish", 18): _of_one(F.mish),
    ("Size", 1): _of_one(lambda x: torch.tensor(x.numel())),
    ("Split", 18): _split,
    ("Swish", 24): _swish,
    **{(f"Reduce{name}", 18): _reduced for name in REDUCTIONS},
}


def _nothing_new(earlier, later: defs.OpSchema, converter):
    """The converter of an earlier version, for nodes of a later one that use nothing it added."""
    options = {
        name: helper.get_attribute_value(found.default_value) if found.default_value.name else None
        for name, found in later.attributes.items()
        if name not in earlier.attributes
    }

    def convert(node, graph):
        for name, default in options.items():
            given = node.attributes.get(name, default)
            if given not in (default, default.decode() if isinstance(default, bytes) else default):
                if name == "dilations" and set(given) == {1}:
                    continue
                raise NotImplementedError(f"{later.name} with its option {name} = {given}")
        if any(node.input_values[len(earlier.inputs) :]) and not _variadic(earlier):
            raise NotImplementedError(f"{later.name} with {len(node.input_values)} inputs")
        return converter(node, graph)

    return convert


def _variadic(schema: defs.OpSchema) -> bool:
    return any(i.option == defs.OpSchema.FormalParameterOption.Variadic for i in schema.inputs)


def _register() -> None:
    for (name, version), converter in NEW.items():
        registry.add_converter(name, version)(converter)
    versions = defaultdict(dict)
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == defs.ONNX_DOMAIN:
            versions[schema.name][schema.since_version] = schema
    for description in list(registry._CONVERTER_REGISTRY):
        name, version = description.operation_type, description.version
        registered = [d.version for d in registry._CONVERTER_REGISTRY if d.operation_type == name]
        earlier = versions[name].get(version)
        if description.domain or version != max(registered) or earlier is None:
            continue
        for later in [v for v in versions[name] if v > version]:
            found = versions[name][later]
            if set(earlier.attributes) <= set(found.attributes):
                converter = registry._CONVERTER_REGISTRY[description]
                registry.add_converter(name, later)(_nothing_new(earlier, found, converter))


_register()
