"""Code vectors to real bytes and back; ``python -m rdc.bitstream`` codes images with a trained cell."""

from rdc.bitstream.entropy import EntropyModel, uniform
from rdc.bitstream.stream import StreamError, decode, encode

__all__ = ["EntropyModel", "StreamError", "decode", "encode", "uniform"]
