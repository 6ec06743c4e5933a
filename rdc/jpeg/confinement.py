"""A stranger's model is first run in a process of its own, with bounds on memory and time."""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

MEMORY_WORDS = ("can't allocate memory", "bad_alloc", "not enough memory", "Cannot allocate memory")


class Exceeded(RuntimeError):
    """The work took more memory or time than it was given, or ended its process. Says which."""


def confined(work: Callable[[], Any], memory: int, seconds: float) -> Any:
    """What ``work`` returns, or the exception that it raises, from a process with bounds.

    Only on Linux, where a process can be forked after torch is loaded; elsewhere it runs here.

    Args:
        work: cannot take gradients where this process took one before (torch says so).
        memory: bytes that it may take beyond what this process has.
        seconds: how long it may run.

    Raises:
        Exceeded: more memory than that, more than those seconds, or the process died.
    """
    if sys.platform != "linux":
        return work()
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(work, memory, there), daemon=True)
    child.start()
    there.close()
    try:
        begun = time.monotonic()
        while not here.poll(0.05):
            if time.monotonic() - begun > seconds:
                raise Exceeded(f"it ran for more than {seconds:.0f} s on two pictures")
        done, found = here.recv()
    except EOFError:
        child.join()
        raise Exceeded(f"it ended the process that tried it (exit {child.exitcode})") from None
    finally:
        child.kill()
        child.join()
    if done:
        return found
    raise found


def is_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(word in str(error) for word in MEMORY_WORDS)


def _run(work, memory: int, there) -> None:
    torch.set_num_threads(1)  # the threads of the process that was forked are not here
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = (True, work())
    except Exception as error:
        if is_of_memory(error):
            error = Exceeded(f"it asks for more than {memory / 1e9:.1f} GB of memory")
        answer = (False, error)
    there.send(answer)
