"""JPEG: quantization tables tuned for bytes, pixels and classifiers."""
