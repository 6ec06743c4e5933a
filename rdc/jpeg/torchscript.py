"""TorchScript files: programs, so their code is read before any of it is run.

A file is a zip archive of code (text in a subset of Python), weights, and a pickle that torch reads
without Python. What is loaded is an archive written anew from the parts that were looked at: no other
reader of zip files can find something else in it.
"""

import ast
import functools
import io
import pickletools
import zipfile
import zlib
from pathlib import Path

import torch
from torch import nn

from rdc.jpeg.torchscript_names import BUILTINS, OPERATORS, SYNTAX, TYPES
from rdc.jpeg.trial import EXPORT, Unfit

MOST_CODE = 768 << 10  # bytes of text; ResNet-152 has 63 kB, DenseNet-201 422
PICKLES = ("data.pkl", "constants.pkl")
ROOTS = ("torch", "ops", "__torch__", "CONSTANTS")
NOT_RUN = f"; TorchScript is a program, and this one is not run: export the model to ONNX, {EXPORT}"


def read(path: Path) -> nn.Module:
    """A TorchScript module, none of whose operators is other than one on numbers and tensors.

    Raises:
        Unfit: another kind of file, damaged, or a program that does anything else. Says which.
    """
    parts = _parts(path)
    inspect(parts)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as written:
        for name, content in parts.items():
            written.writestr(f"model/{name}", content)
    del parts
    archive.seek(0)
    try:
        network = torch.jit.load(archive, map_location="cpu")
    except Exception as error:  # torch raises many kinds for damaged files
        raise Unfit(f"cannot be read as TorchScript ({_reason(error)})") from None
    if any(
        tensor.dtype in (torch.half, torch.bfloat16) for tensor in network.state_dict().values()
    ):
        network.float()
    return network


def _parts(path: Path) -> dict[str, bytes]:
    """The archive's parts by name, without what only debuggers read."""
    size = path.stat().st_size
    if size == 0:
        raise Unfit("cannot be read as TorchScript: it is empty")
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpacked(archive, size)
    except Unfit:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
            ValueError, OverflowError) as error:  # fmt: skip
        with open(path, "rb") as stream:
            pickled = stream.read(2) in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
        if pickled:
            raise Unfit(f"{_OLD_PICKLE}{_INSTEAD}") from None
        raise Unfit(f"cannot be read as TorchScript: damaged, or no such file ({error})") from None


def _unpacked(archive: zipfile.ZipFile, size: int) -> dict[str, bytes]:
    infos = [found for found in archive.infolist() if not found.is_dir()]
    names = [found.filename.partition("/")[2] for found in infos]
    if len({name.lower() for name in names}) < len(names):
        raise Unfit("cannot be read as TorchScript: two parts of the archive have one name")
    packed = [found for found in infos if found.compress_type != zipfile.ZIP_STORED]
    if (
        sum(found.compress_size for found in infos) > size
        or sum(found.file_size for found in infos if found not in packed) > size
    ):
        raise Unfit("cannot be read as TorchScript: its parts are larger than the file")
    if sum(found.file_size for found in packed) > 16 * MOST_CODE:
        raise Unfit("cannot be read as TorchScript: it unpacks to more than 12 MB of code")
    if not any(name.startswith("code/") for name in names):
        raise Unfit(_no_program(archive, dict(zip(names, infos, strict=True))))
    kept = {}
    for name, info in zip(names, infos, strict=True):
        if name.endswith(".debug_pkl") or name.startswith("traced_inputs"):
            continue
        kept[name] = archive.read(info)
    return kept


_OLD_PICKLE = (
    "holds a pickle of torch.save (of a network, or of weights without one), which is never loaded"
)
_PICKLED = "holds a network pickled by torch.save(model)"
_INSTEAD = f": export it to ONNX, {EXPORT}"


def _no_program(archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> str:
    """What else an archive of torch holds."""
    if "data.pkl" in parts and parts["data.pkl"].file_size < 64 << 20:
        modules = {
            name.split(" ")[0].split(".")[0] for name in _globals(archive.read(parts["data.pkl"]))
        }
        if modules <= {"torch", "collections", "numpy"}:
            return (
                "holds a state dict (weights without a network), not TorchScript; of a model of torchvision, "
                "give its name as 'torchvision' and this file as 'weights'; of another one, export it to "
                f"ONNX, {EXPORT}"
            )
        return f"{_PICKLED}: a pickle is never loaded{_INSTEAD}"
    if any("exported_program" in name or name.startswith("models/") for name in parts):
        return f"holds a program of torch.export, which is not read{_INSTEAD}"
    return "cannot be read as TorchScript: found no code in it"


def inspect(parts: dict[str, bytes]) -> None:
    """Raises Unfit where the archive's code or pickles use anything but numbers and tensors."""
    for name in PICKLES:
        for found in _globals(parts.get(name, b"")):
            module = found.split(" ")[0]
            if "torch.classes" in found or "quantized" in found:
                raise Unfit(
                    "is quantized to int8, so that no gradient passes it, or holds objects of C++ "
                    f"({found}): export the model as it was before, in floating point"
                )
            if module.split(".")[0] not in ("__torch__", "torch", "collections"):
                raise Unfit(f"its pickle names {found}{NOT_RUN}")
    texts = {name: text for name, text in parts.items() if name.lower().endswith(".py")}
    if sum(map(len, texts.values())) > MOST_CODE:
        raise Unfit(f"holds more than {MOST_CODE >> 10} kB of code{NOT_RUN}")
    trees = []
    for name, text in texts.items():
        try:
            trees.append(ast.parse(text.decode()))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Unfit(f"cannot be read as TorchScript: {name} is damaged ({reason})") from None
    for tree in trees:
        _inspect_code(tree)


def _globals(pickle: bytes) -> set[str]:
    """What a pickle names, "module name" each, found without loading it."""
    found, strings = set(), []
    try:
        for opcode, argument, _ in pickletools.genops(pickle) if pickle else ():
            if opcode.name == "GLOBAL":
                found.add(argument)
            elif opcode.name == "STACK_GLOBAL":
                found.add(" ".join(strings[-2:]))
            elif "UNICODE" in opcode.name or "STRING" in opcode.name:
                strings.append(str(argument))
    except Exception as error:  # of a damaged pickle, several kinds
        raise Unfit(f"cannot be read as TorchScript: its pickle is damaged ({error})") from None
    return found


def _inspect_code(tree: ast.Module) -> None:
    """Of one file of code: an allow-list of syntax, of names and of operators."""
    nodes = list(ast.walk(tree))
    rooted = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    known = (bound | BUILTINS | TYPES) - set(ROOTS)
    for node in nodes:
        kind = type(node).__name__
        if kind == "While":
            raise Unfit(f"loops while a condition holds, which may never end{NOT_RUN}")
        if kind not in SYNTAX:
            raise Unfit(f"its code holds {kind}{NOT_RUN}")
        if isinstance(node, ast.FunctionDef) and node.name in ("__setstate__", "__getstate__"):
            raise Unfit(f"runs code when it is loaded ({node.name}){NOT_RUN}")
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in known:
            # "torch" and the like only as the beginning of a name that is looked at below
            if node.id not in ROOTS or id(node) not in rooted:
                raise Unfit(f"its code uses {node.id}{NOT_RUN}")
        elif isinstance(node, ast.Attribute):
            _inspect_attribute(node, id(node) in called)
        elif isinstance(node, ast.For):
            _inspect_loop(node)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "getattr":
            match node.args:  # a module's child by its name: of nothing else, and no operator
                case [ast.Name(), ast.Constant(value=str(field))]:
                    if _names_an_operator(field):
                        _is_allowed(field, "")
                case _:
                    raise Unfit(f"its code takes names out of text{NOT_RUN}")


def _inspect_attribute(node: ast.Attribute, called: bool) -> None:
    chain = [node.attr]
    inner = node.value
    while isinstance(inner, ast.Attribute) and len(chain) < 100:
        chain.append(inner.attr)
        inner = inner.value
    chain.append(inner.id if isinstance(inner, ast.Name) else "")
    chain.reverse()
    match chain:
        case ["__torch__", "torch", "classes", *_]:
            raise Unfit(f"its code uses {'.'.join(chain)}, an object of C++{NOT_RUN}")
        case ["__torch__", *_] | ["ops", "prim" | "aten"]:
            return  # code of the archive, looked at as well; and the beginning of an operator
        case ["torch", name] | ["ops", "prim" | "aten", name]:
            _is_allowed(name, ".".join(chain[:-1]) + ".")
        case ["torch" | "ops", *_]:
            raise Unfit(f"its code uses {'.'.join(chain)}{NOT_RUN}")
        case [*_, name] if called and _names_an_operator(name):
            _is_allowed(name, "")  # not called, it is a field, such as a pooling's stride


def _is_allowed(name: str, before: str) -> None:
    if name in OPERATORS or name.rstrip("_") in OPERATORS:
        return
    if "quantize" in name or "packed" in name:
        raise Unfit(
            f"is quantized to int8 ({name}), so that no gradient passes it: export the model as it was "
            "before, in floating point"
        )
    raise Unfit(f"its code uses {before}{name}{NOT_RUN}")


def _inspect_loop(node: ast.For) -> None:
    """Loops over what a list holds are common; long ones, one inside another, only last."""
    inner = [n for part in node.body for n in ast.walk(part) if isinstance(n, ast.For)]
    most = 100 if inner else 10_000
    for loop in (node, *inner):
        for part in ast.walk(loop.iter):
            count = part.value if isinstance(part, ast.Constant) else 0
            if isinstance(count, (int, float)) and not abs(count) <= most:
                raise Unfit(f"loops more than {most} times{NOT_RUN}")


@functools.cache
def _names_an_operator(name: str) -> bool:
    find = torch._C._jit_get_schemas_for_operator
    return bool(find(f"aten::{name}") or find(f"prim::{name}"))


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
