"""The worst ten megabytes from a stranger take seconds and a gigabyte at the most: in a process apart."""

import subprocess
import sys

import pytest
from sandbox import ROOT

SECONDS, MEGABYTES = 2.0, 1024
# CPU seconds of each, since a shared machine's clock says nothing; then the most memory there ever was.
PROGRAM = r"""
import json, resource, struct, time, zipfile, zlib
from pathlib import Path
import numpy as np
import torch
from rdc import checkpoints
from rdc.bitstream import EntropyModel, StreamError, decode, encode, model_files, uniform
from rdc.bitstream.stream import HEADER, MOST_IMAGES
from rdc.limits import codebook_files
from rdc.networks import classifier_files, stored, weights

KEY, PATH = "0123456789abcdef", Path("model.safetensors")
SIZE = 10_000_000


def timed(name, read, *arguments, harmless=False):
    start = time.process_time()
    try:
        read(*arguments)
        said = "read"
    except (StreamError, weights.WeightsError, checkpoints.Unusable) as error:
        said = str(error)
    print(json.dumps([name, time.process_time() - start, said, harmless]))


def sealed(stream, n, payload, content=0):
    fields = list(HEADER.unpack_from(stream)[:-1])
    fields[3], fields[5] = n, content
    before = HEADER.pack(*fields, 0)[:-4]
    return before + zlib.crc32(before + payload).to_bytes(4, "big") + payload


rare = np.zeros((5000, 8), dtype=np.int64)  # an encoder that says the same of nearly all
rare[0] = 1
for bins, numbers in ((1, None), (16, uniform(1, 5000, 8))):
    model = EntropyModel.fit(rare, numbers, 3)
    stream = encode(rare[1:], model, KEY, None if numbers is None else 1)
    rubbish = np.random.default_rng(0).bytes(SIZE)
    whole = encode(np.zeros((MOST_IMAGES, 8), int), model, KEY, None if numbers is None else 1)
    timed(f"{bins}: 2**32 - 1 images", decode, sealed(stream, 2**32 - 1, rubbish), model, KEY)
    timed(f"{bins}: as many as may be", decode, sealed(stream, MOST_IMAGES, rubbish), model, KEY)
    timed(f"{bins}: ... in few bytes", decode, sealed(stream, MOST_IMAGES, bytes(64)), model, KEY)
    timed(f"{bins}: ... and right", decode, whole, model, KEY, harmless=True)
book = EntropyModel.fit(rare[:, :1], None, 2**16)
timed("codebook", decode, encode(np.zeros((MOST_IMAGES, 1), int), book, KEY), book, KEY, harmless=True)

LOADERS = {
    "codec": stored.load_codec, "classifier": classifier_files.load, "codebook": codebook_files.load,
    "entropy model": model_files.load, "critics": lambda path: stored.load_critic(path, "ll", 4.0),
}
ARCHITECTURE = {"dim": 1024, "levels": 256, "dither": True, "width": 4.0, "output_norm": True}
NOTE = {"architecture": ARCHITECTURE, "levels": 256, "bins": 16, "mu": 1, "posterior": "soft", "key": KEY}


def written(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    PATH.write_bytes(struct.pack("<Q", len(text)) + text + data)


for kind, load in LOADERS.items():
    noted = lambda **changes: {"__metadata__": {"rdc": json.dumps({"kind": kind, **NOTE, **changes})}}
    empty = {"dtype": "F32", "shape": [0, 2**40], "data_offsets": [0, 0]}
    large = {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4 * 10**18]}
    hole = {"dtype": "U8", "shape": [SIZE], "data_offsets": [0, SIZE]}
    few = range(1024) if kind == "entropy model" else range(100_000)
    for name, header, data in (
        ("many tensors", noted() | {f"{'ll.' * (kind == 'critics')}{i}": empty for i in few}, b""),
        ("many tables", noted() | {f"table_{i}": empty for i in range(1024)}, b""),
        ("of 10**18 numbers", noted() | {"a": large}, b""),
        ("bytes", noted() | {"a": hole}, bytes(SIZE)),
        ("a long kind", noted(kind="k" * SIZE), b""),
        ("a long word", noted(architecture="k" * SIZE), b""),
        ("brackets", b"[" * SIZE, b""),
        ("brackets in the note", {"__metadata__": {"rdc": "[" * SIZE}}, b""),
        ("rubbish", rubbish, b""),
    ):
        written(header, data)
        timed(f"{kind}: {name}", load, PATH)
    timed(f"{kind}: its note", weights.note, PATH)

checkpoints.save({"a": torch.zeros(10)}, Path("c.pt"), torch.device("cpu"))
with zipfile.ZipFile("c.pt") as archive:
    held = {name: archive.read(name) for name in archive.namelist()}
with zipfile.ZipFile("c.pt", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    for name, content in held.items():
        archive.writestr(name, bytes(10**8) if "data/0" in name else content)
timed("checkpoint", checkpoints.load, Path("c.pt"), torch.device("cpu"))
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
"""


@pytest.mark.slow
def test_the_worst_files_take_little_time_and_memory(tmp_path):
    import json

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *tried, memory = [json.loads(line) for line in done.stdout.splitlines()]
    slowest = max(tried, key=lambda one: one[1])
    print(f"{len(tried)} files, slowest {slowest[0]} {slowest[1]:.2f} s, {memory:.0f} MB")
    assert len(tried) == 60
    for name, seconds, said, harmless in tried:
        assert (said == "read") == harmless, name
        assert seconds < SECONDS and said.isprintable() and len(said) < 500, (name, seconds, said)
    assert memory < MEGABYTES
