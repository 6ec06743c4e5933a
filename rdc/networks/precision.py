"""In what arithmetic decoder and critics train: what a recipe asks for, where the processor has it."""

import os
from collections.abc import Mapping
from functools import cache

import torch

FULL, REDUCED = "float32", "bfloat16"
# Limits of oneDNN's (lower case, as it compares them) under which it computes bfloat16 products
# without the instructions for them: 2 to 9 times slower than float32.
WITHOUT = frozenset(
    ("sse41", "avx", "avx2", "avx2_vnni", "avx2_vnni_2", "avx512_core", "avx512_core_vnni")
)
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # the first that is set counts


def used(asked: str, device: torch.device | str) -> str:
    """The precision of a training step: never one that is slower than float32 here.

    ``bfloat16`` is taken as asked on a GPU, and on a processor with instructions for its products
    (AVX512_BF16, which every one with AMX has); on others it is ``float32``.
    """
    on_processor = torch.device(device).type == "cpu"
    return FULL if on_processor and not _reduced_is_fast() else asked


def allowed(asked: str, device: torch.device | str) -> list[str]:
    """All that a recipe may come to on one machine or another, what it is here first."""
    here = used(asked, device)
    return [here, *sorted({asked, FULL} - {here})]


def noted(note: dict) -> str:
    """What a codec was trained in, by the note in its file; a codebook is computed in float32."""
    return note["settings"].get("training", {}).get("precision", FULL)


def has_products(capabilities: Mapping[str, object], environment: Mapping[str, str]) -> bool:
    """Whether oneDNN multiplies in bfloat16 by instructions made for it.

    Args:
        capabilities: of the processor, as ``torch.cpu.get_capabilities`` names them.
        environment: where ``ONEDNN_MAX_CPU_ISA`` may forbid oneDNN what the processor has.
    """
    return bool(capabilities.get("avx512_bf16")) and limit(environment).lower() not in WITHOUT


def limit(environment: Mapping[str, str] = os.environ) -> str:
    """What oneDNN is told to make do with, such as ``AVX2``; empty where it may use all there is."""
    return next((environment[name] for name in LIMITS if environment.get(name)), "")


@cache  # oneDNN reads its limit once, too
def _reduced_is_fast() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() != "DEFAULT"  # what oneDNN does not do is slow
        and has_products(torch.cpu.get_capabilities(), os.environ)
    )
