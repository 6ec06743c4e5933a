"""Lets torchvision be imported beside a CPU build of torch. Import this before torchvision.

The torchvision wheel on PyPI is compiled against the CUDA build of torch. Beside a CPU build its
extension cannot load, and ``import torchvision`` stops with ``operator torchvision::nms does not
exist``, because a Python module registers a fake kernel for an operator that nobody has declared.
Declaring the two schemas is enough: datasets, transforms, models and utils then work (nms itself,
detection and ``torchvision.io`` do not; nothing here uses them).
"""

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_library = None  # must stay alive: the schemas vanish with the object that declared them


def _extension_loads() -> bool:
    """Whether torchvision's compiled extension fits the torch that is installed."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True  # nothing to mend; importing torchvision will say that it is missing
    for path in Path(spec.origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(str(path))
        except OSError:
            return False
    return True


if not _extension_loads():
    _library = torch.library.Library("torchvision", "DEF")
    for _schema in _SCHEMAS:
        _library.define(_schema)
