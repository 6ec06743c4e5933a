"""Model files from strangers: refused in one sentence, or what was written."""

import json
import math
import shutil
import struct
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from rdc import cells as grid
from rdc import config, measuring, training
from rdc.bitstream import EntropyModel, model_files, uniform
from rdc.datasets import images
from rdc.fitting.files import CODEC, COST
from rdc.limits import codebook_files
from rdc.limits.codebooks import Codebook
from rdc.networks import classifier_files, resnets, stored, weights
from rdc.networks.classifiers import ARCHITECTURES
from rdc.networks.codec import Codec
from rdc.networks.critics import critic_for
from rdc.networks.weights import WeightsError
from rdc.store import link

KEY = "0123456789abcdef"
WIDTH = 0.05


class Kind(NamedTuple):
    tensors: dict[str, torch.Tensor]
    note: dict
    content: bytes
    old: bytes  # as it was written before there were checksums
    read: Callable[[Path], Any]


def tensors_of(model: EntropyModel) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(table) for name, table in model.arrays().items()}


def contents(read) -> dict[str, torch.Tensor]:
    """What a loader made of a file, as tensors by name."""
    if isinstance(read, tuple):
        read = read[0]
    if isinstance(read, EntropyModel):
        return tensors_of(read)
    if isinstance(read, Codebook):
        numbers = {"mu": torch.tensor(read.mu), "soft": torch.tensor(read.posterior == "soft")}
        return numbers | {"codewords": torch.from_numpy(read.codewords)}
    return read.state_dict()


@pytest.fixture(scope="module")
def kinds(tmp_path_factory) -> dict[str, Kind]:
    torch.manual_seed(0)
    folder, rng = tmp_path_factory.mktemp("models"), np.random.default_rng(0)
    codec, critic = Codec(2, 3, True, WIDTH, True), critic_for("ll", WIDTH)
    codec(torch.rand(20, 1, 28, 28), torch.rand(20, 2))
    codes = rng.integers(0, 3, (50, 2))
    book = Codebook(rng.random((4, 49), "f4"), -rng.random((4, 3), "f4"), 0.5, "soft")
    stored.save_codec(codec, {"key": KEY, "steps": 3}, folder / "codec")
    stored.save_critics({"ll": critic}, {"cell": "x"}, folder / "critics")
    classifier_files.save(ARCHITECTURES["nguyen"](10), "nguyen", 10, folder / "classifier")
    codebook_files.save(book, {"key": KEY}, folder / "codebook")
    model_files.save(EntropyModel.fit(codes, uniform(1, 50, 2), 3), KEY, folder / "entropy")
    loaders = {
        "codec": stored.load_codec,
        "critics": lambda path: stored.load_critic(path, "ll", WIDTH),
        "classifier": classifier_files.load,
        "codebook": codebook_files.load,
        "entropy": model_files.load,
    }
    found = {}
    for name, read in loaders.items():
        note, tensors = weights.note(folder / name), load_file(folder / name)
        save_file(tensors, folder / "old", {"rdc": json.dumps(note, sort_keys=True)})
        old = (folder / "old").read_bytes()
        found[name] = Kind(tensors, note, (folder / name).read_bytes(), old, read)
    return found


NAMES = ("codec", "critics", "classifier", "codebook", "entropy")


@pytest.mark.parametrize("name", NAMES)
def test_files_from_before_there_were_checksums_are_read(name, kinds, tmp_path):
    kind, path = kinds[name], tmp_path / "model.safetensors"
    path.write_bytes(kind.content)
    now = contents(kind.read(path))
    path.write_bytes(kind.old)
    before = contents(kind.read(path))
    assert now.keys() == before.keys() and all(torch.equal(now[k], before[k]) for k in now)
    assert weights.note(path) == kind.note


def outcome(kind: Kind, path: Path) -> str:
    """``refused`` in one sentence that names the file, or ``read``: then it is what was written."""
    try:
        found = contents(kind.read(path))
    except WeightsError as error:
        said = str(error)
        assert (
            said.startswith(str(path)) and said.isprintable() and len(said) < len(str(path)) + 450
        )
        return "refused"
    path.write_bytes(kind.content)
    due = contents(kind.read(path))
    assert found.keys() == due.keys() and all(torch.equal(found[k], due[k]) for k in due)
    return "read"


places = st.floats(0, 1, exclude_max=True)
damages = st.one_of(
    st.tuples(st.just("bit"), places, st.integers(0, 7)),
    st.tuples(st.just("bit in the header"), places, st.integers(0, 7)),
    st.tuples(st.just("cut"), places, st.integers(1, 12)),
    st.tuples(st.just("end"), places, st.just(0)),
    st.tuples(st.just("insert"), places, st.binary(min_size=1, max_size=12)),
)


def damaged(content: bytes, kind: str, share: float, by) -> bytes:
    header = 8 + struct.unpack_from("<Q", content)[0]
    place = int(share * (header if kind == "bit in the header" else len(content)))
    if kind.startswith("bit"):
        return content[:place] + bytes([content[place] ^ 1 << by]) + content[place + 1 :]
    if kind == "cut":
        return content[:place] + content[place + by :]
    return content[:place] + (by + content[place:] if kind == "insert" else b"")


def test_damaged_model_files_are_refused(kinds, tmp_path):
    """Flipped, cut or grown; read only where that changed nothing, such as a blank of the header."""
    seen, path = Counter(), tmp_path / "model.safetensors"

    @given(name=st.sampled_from(NAMES), several=st.lists(damages, min_size=10, max_size=10))
    @settings(max_examples=60)
    def tried(name, several):
        for damage in several:
            path.write_bytes(damaged(kinds[name].content, *damage))
            seen[outcome(kinds[name], path)] += 1

    tried()
    print("damaged model files:", dict(seen))
    assert seen.total() >= 400


def test_damaged_model_files_of_before_are_refused_or_read_as_numbers(kinds, tmp_path):
    """Without a checksum a flipped bit of a weight cannot be seen; NaN and other shapes can."""
    seen, path = Counter(), tmp_path / "model.safetensors"

    @given(name=st.sampled_from(NAMES), several=st.lists(damages, min_size=10, max_size=10))
    @settings(max_examples=30)
    def tried(name, several):
        for damage in several:
            path.write_bytes(damaged(kinds[name].old, *damage))
            try:
                found = contents(kinds[name].read(path))
            except WeightsError:
                seen["refused"] += 1
                continue
            assert all(bool(torch.isfinite(t).all()) for t in found.values())
            seen["read"] += 1

    tried()
    print("damaged model files of before:", dict(seen))


def architecture(**changes):
    return lambda kind: (
        kind.tensors,
        kind.note | {"architecture": kind.note["architecture"] | changes},
    )


def noted(**changes):
    return lambda kind: (kind.tensors, kind.note | changes)


def without(name):
    return lambda kind: ({n: t for n, t in kind.tensors.items() if n != name}, kind.note)


def changed(name, change):
    return lambda kind: (kind.tensors | {name: change(kind.tensors.get(name))}, kind.note)


def at_first(value):
    def change(tensor):
        tensor = tensor.clone()
        tensor.view(-1)[0] = value
        return tensor

    return change


WEIGHT, VARIANCE = "encoder.layers.0.weight", "decoder.grow.1.running_var"
FORGERIES = {
    "codec": [
        *(
            architecture(dim=value)
            for value in (10**9, 10**30, -1, 0, True, "2", None, [2], 2.0, 3)
        ),
        *(architecture(levels=value) for value in (1, 10**9, 3.5)),
        *(architecture(width=value) for value in (1e9, -1, math.nan, math.inf, "1", 0.9, 10**400)),
        *(architecture(dither=1), architecture(output_norm=None), architecture(extra=1)),
        *(noted(architecture=value) for value in (None, [], "wide", {})),
        without(WEIGHT),
        changed("more", lambda _: torch.zeros(1)),
        changed("\x1b[31m", lambda _: torch.zeros(1)),
        changed(WEIGHT, lambda tensor: tensor.double()),
        changed(WEIGHT, lambda tensor: tensor.half()),
        changed(WEIGHT, lambda tensor: tensor.T.contiguous()),
        changed(WEIGHT, lambda tensor: tensor[:0]),
        changed(WEIGHT, at_first(math.nan)),
        changed(WEIGHT, at_first(-math.inf)),
        changed(VARIANCE, at_first(-1.0)),
    ],
    "classifier": [
        *(noted(architecture=value) for value in ("resnet", None, ["zhang"], "zhang")),
        *(noted(classes=value) for value in (10**9, 0, -1, True, "10", None, 11)),
        without("last.bias"),
    ],
    "critics": [
        without("ll.last.bias"),
        changed("zz.last.bias", lambda _: torch.zeros(1)),
        changed("hh.last.bias", lambda _: torch.zeros(1)),
        changed("ll.last.bias", at_first(math.nan)),
    ],
    "codebook": [
        *(noted(mu=value) for value in (math.nan, -1, "1", None, 10**400)),
        *(noted(posterior=value) for value in ("hard", None, [])),
        changed("codewords", lambda tensor: tensor[:, :48].contiguous()),
        changed("codewords", lambda tensor: tensor[:3].contiguous()),
        changed("codewords", lambda tensor: tensor[None]),
        changed("codewords", at_first(math.nan)),
        changed("log_likelihoods", lambda tensor: tensor[:, :0]),
    ],
    "entropy": [
        *(noted(levels=value) for value in (2, 4, 1, 10**9, True, 3.0, "3", None)),
        *(noted(bins=value) for value in (1, 2, 0, 10**9, None)),
        noted(key=None),
        without("table_0"),
        changed("table_2", lambda _: torch.ones(3, 3, dtype=torch.int32)),
        changed("table_0", at_first(0)),
        changed("table_0", at_first(-5)),
        changed("table_0", at_first(2**31 - 1)),
        changed("table_0", lambda tensor: torch.ones_like(tensor)),
        changed("table_0", lambda tensor: tensor.long()),
        changed("table_1", lambda tensor: tensor[:16].contiguous()),
    ],
}


@pytest.mark.parametrize("name", NAMES)
def test_forged_model_files_are_refused(name, kinds, tmp_path):
    """With a checksum that fits."""
    path = tmp_path / "model.safetensors"
    for forge in [*FORGERIES[name], noted(kind="other"), noted(kind=["codec"]), noted(kind="\x1b")]:
        tensors, note = forge(kinds[name])
        weights.save(tensors, note, path)
        assert outcome(kinds[name], path) == "refused", note


def raw(header: dict | bytes, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def claims(**note) -> bytes:
    """Gigabytes, in a few bytes."""
    sizes = {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4 * 10**18]}
    return raw({"__metadata__": {"rdc": json.dumps(note)}, "layer": sizes})


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_model_file_is_refused(name, kinds, tmp_path):
    path, note = tmp_path / "model.safetensors", kinds[name].note
    empty = {"dtype": "F32", "shape": [0, 10**12], "data_offsets": [0, 0]}
    for content in (
        *(b"", b"\0" * 7, b"\0" * 8, b"\xff" * 100, struct.pack("<Q", 2**63) + b"{}"),
        *(raw(b"[]"), raw(b"{"), raw(b"[" * 10**5), raw({"__metadata__": {}})),
        *(raw({"__metadata__": {"rdc": word}}) for word in ("", "[]", "null", "{", "1" * 5000)),
        raw({"__metadata__": {"rdc": "[" * 10**5}}),
        raw({"__metadata__": {"rdc": json.dumps(note)}}),
        raw({"__metadata__": {"rdc": json.dumps(note)}, "a": empty}),
        raw({"__metadata__": {"rdc": json.dumps(note)}} | {str(i): empty for i in range(2000)}),
        claims(**note),
        claims(kind=note["kind"], architecture=5, classes=5, levels=5, bins=5, mu=5, key=5),
    ):
        path.write_bytes(content)
        assert outcome(kinds[name], path) == "refused"
    path.unlink()
    path.mkdir()
    assert outcome(kinds[name], path) == "refused"


def test_weights_that_the_store_was_not_given_are_not_measured(kinds, tmp_path, digits, raw):
    """Files from before there were checksums have the store's."""
    cell = grid.expand(config.parse(raw))[0]
    run, codecs = training.Folder(tmp_path), tmp_path / "codecs"
    images.save(digits, run.dataset("digits"))
    codecs.mkdir()
    file = codecs / f"{cell.name}.{CODEC}"
    asked = run.dataset("digits"), {}, "zhang", config.Evaluation(), run.store, torch.device("cpu")
    file.write_bytes(kinds["codec"].old)
    with pytest.raises(WeightsError, match="its note lacks code_key, epochs"):
        measuring.measure_cells([cell], codecs, *asked)
    note = kinds["codec"].note | {"code_key": "x", "epochs": 1}
    save_file(kinds["codec"].tensors, file, {"rdc": json.dumps(note)})
    cost = codecs / f"{cell.name}.{COST}"
    for content in ("[]", '{"train_seconds": 1', "[" * 10**5):
        cost.write_text(content)
        with pytest.raises(WeightsError, match=r"cost.json: missing or damaged"):
            measuring.measure_cells([cell], codecs, *asked)
    entry = run.store.add(KEY, lambda scratch: shutil.copy(file, scratch / CODEC))
    link(entry / CODEC, file)
    with open(file, "r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x3e")
    stored.load_codec(file)  # all that it says of itself is right
    with pytest.raises(WeightsError, match=r"it is not what was written to .*; delete the folder"):
        measuring.measure_cells([cell], codecs, *asked)


def test_a_file_without_a_cells_key_is_no_cells(kinds, tmp_path):
    for key in (None, 5, "../../etc", "0123456789ABCDEF", KEY + "\n"):
        with pytest.raises(WeightsError, match="needs 16 hex digits"):
            weights.key_in({"key": key}, tmp_path)
    assert weights.key_in({"key": KEY}, tmp_path) == KEY


def test_pretrained_residual_networks_are_held_to_their_numbers_and_length(tmp_path):
    path, network = tmp_path / "net.th", resnets.ResNet(20)
    torch.save({"state_dict": network.state_dict()}, path)
    assert torch.equal(resnets.load(path, 20).linear.bias, network.linear.bias)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            archive.writestr(name, bytes(10**7) if name.endswith("data/0") else content)
    with pytest.raises(WeightsError, match=r"net\.th: .*it holds more than its length"):
        resnets.load(path, 20)
    with torch.no_grad():
        network.linear.bias[0] = math.nan
    torch.save({"state_dict": network.state_dict()}, path)
    with pytest.raises(WeightsError, match=r"net\.th: .*NaN or infinity"):
        resnets.load(path, 20)
    with open(path, "wb") as file:
        file.truncate(2**33)
    with pytest.raises(WeightsError, match=r"net\.th: .*longer than"):
        resnets.load(path, 20)
