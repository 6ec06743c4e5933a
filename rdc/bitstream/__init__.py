"""Code vectors to real bytes and back; ``python -m rdc.bitstream`` codes images with a trained cell."""

from rdc.bitstream.stream import EntropyModel, StreamError, decode, encode, uniform

__all__ = ["EntropyModel", "StreamError", "decode", "encode", "uniform"]
