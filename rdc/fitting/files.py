"""The names of the files that a trained cell consists of."""

CODEC, CRITICS, CURVES, COST = (
    "codec.safetensors",
    "critics.safetensors",
    "curves.json",
    "cost.json",
)
