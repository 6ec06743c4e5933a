"""RDC Atlas: the rate-distortion-classification tradeoff in lossy image compression.

``import rdc`` brings what other people's code builds on; each name is loaded when it is first used, so
that importing the package costs nothing:

- codecs: ``Codec`` (encoder, quantizer, decoder), ``load_codec``, ``load_classifier``, ``bitstream``
- what they minimise: ``objective``, ``haar``, ``critics``
- what none can beat: ``bernoulli``, ``gaussian``, ``blahut_arimoto``, ``codebooks``
- JPEG: ``jpeg`` (``differentiable``, ``rate``, ``standard``, ``optimization``)
- numbers: ``evaluate``, ``read_table``
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rdc import bitstream, jpeg, objective
    from rdc.evaluation import evaluate
    from rdc.limits import bernoulli, blahut_arimoto, codebooks, gaussian
    from rdc.networks import critics, haar
    from rdc.networks.classifier_files import load as load_classifier
    from rdc.networks.codec import Codec
    from rdc.networks.stored import load_codec
    from rdc.tables import read as read_table

# Public name to its module, and to the name it has there (None: the module itself).
_PLACES: dict[str, tuple[str, str | None]] = {
    "Codec": ("rdc.networks.codec", "Codec"),
    "load_codec": ("rdc.networks.stored", "load_codec"),
    "load_classifier": ("rdc.networks.classifier_files", "load"),
    "bitstream": ("rdc.bitstream", None),
    "objective": ("rdc.objective", None),
    "haar": ("rdc.networks.haar", None),
    "critics": ("rdc.networks.critics", None),
    "bernoulli": ("rdc.limits.bernoulli", None),
    "gaussian": ("rdc.limits.gaussian", None),
    "blahut_arimoto": ("rdc.limits.blahut_arimoto", None),
    "codebooks": ("rdc.limits.codebooks", None),
    "jpeg": ("rdc.jpeg", None),
    "evaluate": ("rdc.evaluation", "evaluate"),
    "read_table": ("rdc.tables", "read"),
}
__all__ = [
    "Codec",
    "bernoulli",
    "bitstream",
    "blahut_arimoto",
    "codebooks",
    "critics",
    "evaluate",
    "gaussian",
    "haar",
    "jpeg",
    "load_classifier",
    "load_codec",
    "objective",
    "read_table",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, inside = _PLACES[name]
    found = importlib.import_module(module)
    return found if inside is None else getattr(found, inside)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
