"""The processor that a benchmark runs on, and which of the instructions that matter it has."""

from functools import cache

import torch

from rdc.networks import precision


@cache
def described() -> str:
    """Its name, the vectors that torch uses, and whether bfloat16 is fast, for a line and a column."""
    name = torch.cpu.get_capabilities().get("cpu_name") or "unknown processor"
    reduced = precision.used(precision.REDUCED, "cpu") == precision.REDUCED
    limits = [f"oneDNN held to {limit}" for limit in (precision.limit(),) if limit]
    products = f"bfloat16 products: {'yes' if reduced else 'no'}"
    return "; ".join([str(name), torch.backends.cpu.get_cpu_capability(), *limits, products])
