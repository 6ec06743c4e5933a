"""Tells glibc to keep freed memory instead of handing it back after each step.

A training step on a CPU frees and allocates the same tensors of tens of megabytes again and again.
By default glibc maps and unmaps each of them, and the kernel zeroes the pages every time: 10 to 20 %
of a step.
"""

import ctypes

# From glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> bool:
    """Sets glibc's allocator for training and measuring; returns whether there was one to set."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    settings = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 64 * 2**20}
    return all(mallopt(option, value) == 1 for option, value in settings.items())
