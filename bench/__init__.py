"""This library beside the field's public code, measured: see README.md."""
