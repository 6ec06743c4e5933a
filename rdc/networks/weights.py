"""Tensors as safetensors files with one JSON note that says what they are.

Nothing in a file is believed: before a tensor is read, the names, types and shapes that the file declares
are held against those that its kind and note ask for; then its numbers, and the checksum that is part of
the note. Files that were written before there was one are held to all the rest.
"""

import hashlib
import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from rdc.atomic import replacing
from rdc.names import shortened

NOTE = "rdc"  # one metadata key: with several, their order in the file would vary
CHECKSUM = "sha256"  # in the note: of the rest of it and of all tensors
MOST_BYTES = 2**31
TYPES = {torch.float32: "F32", torch.int64: "I64", torch.int32: "I32"}

T = TypeVar("T")
Shapes = dict[str, tuple[int, ...]]
# From a file's note and the shapes that it declares to the tensors, on the device ``meta``, that such a
# file holds; raises ValueError where the note makes no sense.
Layout = Callable[[dict, Shapes], dict[str, torch.Tensor]]


class WeightsError(RuntimeError):
    """A weights file that is missing, damaged or not what it should be: names the file."""


class _Fault(ValueError):
    """What is wrong with a file."""


def save(tensors: dict[str, torch.Tensor], note: dict, path: str | Path) -> None:
    """Writes tensors and a JSON-able note (with a ``kind``), whole or not at all, the same bytes
    each time."""
    packed = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    sealed = json.dumps(note | {CHECKSUM: fingerprint(packed, note)}, sort_keys=True)
    with replacing(path) as scratch:
        save_file(packed, scratch, metadata={NOTE: sealed})


def load(path: str | Path, kind: str, layout: Layout) -> tuple[dict[str, torch.Tensor], dict]:
    """Tensors, on the CPU, and note of a file that ``save`` wrote.

    Raises:
        WeightsError: missing, damaged, without our note, of another kind, or not of its layout.
    """

    def read(stored: Any) -> tuple[dict[str, torch.Tensor], dict]:
        note = _note(stored)
        if note.get("kind") != kind:
            found = note.get("kind")
            known = isinstance(found, str) and found.isprintable()
            raise WeightsError(
                f"{path}: holds a {found if known else 'file of no kind':.40}, not a {kind}"
            )
        declared = {name: stored.get_slice(name) for name in stored.keys()}  # noqa: SIM118
        shapes = {name: tuple(part.get_shape()) for name, part in declared.items()}
        types = {name: part.get_dtype() for name, part in declared.items()}
        _compare(shapes, types, layout(note, shapes))
        # Copied: what the library gives is the file itself, and changes where that is written to.
        tensors = {name: stored.get_tensor(name).clone() for name in shapes}
        _check_numbers(tensors)
        return tensors, _checked(note, tensors)

    return _opened(path, read)


def note(path: str | Path) -> dict:
    """Only the note of a file that ``save`` wrote, checked as it is. Raises WeightsError as ``load`` does."""

    def read(stored: Any) -> dict:
        note = _note(stored)
        if CHECKSUM not in note:
            return note
        names = list(stored.keys())
        if any(stored.get_slice(name).get_dtype() not in TYPES.values() for name in names):
            raise _Fault("its tensors are of no type that is written here")
        return _checked(note, {name: stored.get_tensor(name) for name in names})

    return _opened(path, read)


def checksum(path: str | Path) -> str:
    """SHA-256 of a weights file, 16 hex digits. Raises WeightsError where it is missing."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None


def fingerprint(tensors: dict[str, torch.Tensor], note: dict) -> str:
    """SHA-256 of named tensors and a note, in hex digits, whatever file or device they lie on."""
    found = hashlib.sha256(json.dumps(note, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def key_in(note: dict, path: str | Path) -> str:
    """The key of the cell that a file with this note is of. Raises WeightsError where it has none."""
    key = note.get("key")
    if not isinstance(key, str) or not re.fullmatch("[0-9a-f]{16}", key):
        raise WeightsError(f"{path}: found the key {_short(key)} in its note, needs 16 hex digits")
    return key


def whole(note: dict, name: str, least: int, most: int) -> int:
    """A whole number of a note. Raises ValueError where it is missing or out of its range."""
    found = note.get(name)
    if type(found) is not int or not least <= found <= most:
        raise ValueError(
            f"{name}: found {_short(found)}, needs a whole number from {least} to {most}"
        )
    return found


def number(note: dict, name: str, least: float, most: float) -> float:
    """A finite number of a note. Raises ValueError where it is missing or out of its range."""
    found = note.get(name)
    if isinstance(found, int | float) and not isinstance(found, bool) and least <= found <= most:
        return found
    raise ValueError(f"{name}: found {_short(found)}, needs a number from {least} to {most:g}")


def _note(stored: Any) -> dict:
    try:
        note = json.loads((stored.metadata() or {})[NOTE])
    except KeyError:
        raise _Fault("it has no note of ours") from None
    except (ValueError, RecursionError):
        raise _Fault("its note is no JSON") from None
    if not isinstance(note, dict):
        raise _Fault("its note is no mapping")
    return note


def _compare(shapes: Shapes, types: dict[str, str], needed: dict[str, torch.Tensor]) -> None:
    for name in needed:
        if name not in shapes:
            raise _Fault(f"{name}: missing")
    for name, shape in shapes.items():
        if name not in needed:
            raise _Fault(f"{_short(name)}: found a tensor that it should not hold")
        due, type_due = tuple(needed[name].shape), TYPES[needed[name].dtype]
        if (types[name], shape) != (type_due, due):
            raise _Fault(f"{name}: found {types[name]} {shape}, needs {type_due} {due}")


def _check_numbers(tensors: dict[str, torch.Tensor]) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise _Fault(f"{name}: found NaN or infinity")
        counted = name.endswith(("running_var", "num_batches_tracked"))
        if counted and bool((tensor < 0).any()):
            raise _Fault(f"{name}: found a number below 0")


def _checked(note: dict, tensors: dict[str, torch.Tensor]) -> dict:
    """The note without its checksum, which fits."""
    if CHECKSUM not in note:  # a file from before
        return note
    rest = {name: value for name, value in note.items() if name != CHECKSUM}
    if fingerprint(tensors, rest) != note[CHECKSUM]:
        raise _Fault("its checksum does not fit")
    return rest


def _opened(path: str | Path, read: Callable[[Any], T]) -> T:
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise _Fault("it is no file")
        if found.st_size > MOST_BYTES:
            raise _Fault(f"it is longer than {MOST_BYTES} bytes")
        with safe_open(path, framework="pt") as stored:
            return read(stored)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights") from None
    except (SafetensorError, ValueError, RecursionError, OSError) as error:
        raise WeightsError(
            f"{path}: not weights of this project, or damaged ({shortened(str(error)) or type(error).__name__}); delete it, or the folder "
            "of the batch that it is of, and run again"
        ) from None


def _short(found: object) -> str:
    text = repr(found) if isinstance(found, str | int | float | None) else type(found).__name__
    return text if len(text) <= 40 else f"{text[:40]} ..."
