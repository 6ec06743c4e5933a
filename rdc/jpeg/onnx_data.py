"""Which files beside an ONNX model hold its weights. No torch, no onnx: the Snakefile asks at every parse."""

import functools
import mmap
import re
from pathlib import Path

# Of each tensor with its data outside, an entry of two strings: "location", and a path. As Protocol
# Buffers write it: field 1 of 8 bytes, then field 2, its length in one or two bytes, and the path.
_ENTRY = re.compile(rb"\x0a\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x1f])")


def beside(model: str | Path) -> list[Path]:
    """The files that a model names for weights outside itself, as paths beside it.

    Found without reading the model as a whole: bytes that only look like such an entry are dropped
    where no such file is there, so a weights file that is missing is not listed.
    """
    model = Path(model)
    try:
        found = model.stat()
    except OSError:
        return []
    named = _named(model, found.st_size, found.st_mtime_ns)
    return [model.parent / name for name in named if (model.parent / name).is_file()]


@functools.lru_cache(maxsize=64)
def _named(model: Path, size: int, changed: int) -> tuple[str, ...]:
    if size == 0:
        return ()
    names = set()
    with (
        open(model, "rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        for entry in _ENTRY.finditer(content):
            varint = entry[1]
            length = varint[0] & 0x7F | (varint[1] << 7 if len(varint) == 2 else 0)
            names.add(bytes(content[entry.end() : entry.end() + length]))
    texts = (name.decode(errors="replace") for name in sorted(names))
    return tuple(name for name in texts if lies_beside(name))


def lies_beside(name: str) -> bool:
    """Whether a path that a model names stays in the model's folder or below it."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and "\0" not in name and not any(part in ("", "..") for part in parts)
