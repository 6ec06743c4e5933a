"""Trained networks as files: what is saved comes back bit for bit, anything else is refused."""

import pytest
import torch
from safetensors.torch import save_file

from rdc.networks import classifier_files, stored, weights
from rdc.networks.classifiers import ARCHITECTURES
from rdc.networks.codec import Codec
from rdc.networks.critics import BANDS, critic_for
from rdc.networks.weights import WeightsError


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.fixture
def codec():
    """A narrow codec whose batch norms have seen images."""
    torch.manual_seed(0)
    codec = Codec(2, 3, dither=True, width=0.05, output_norm=True)
    codec(torch.rand(20, 1, 28, 28), torch.rand(20, 2))
    return codec


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_classifier_comes_back(architecture, tmp_path):
    classifier = ARCHITECTURES[architecture](7)
    classifier_files.save(classifier, architecture, 7, tmp_path / "c.safetensors")
    loaded = classifier_files.load(tmp_path / "c.safetensors")
    assert type(loaded) is type(classifier)
    assert same(loaded.state_dict(), classifier.state_dict())
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_a_codec_comes_back_with_its_note(codec, tmp_path):
    stored.save_codec(codec, {"key": "abc", "steps": 7}, tmp_path / "c.safetensors")
    loaded, note = stored.load_codec(tmp_path / "c.safetensors")
    assert same(loaded.state_dict(), codec.state_dict())
    assert loaded.architecture == codec.architecture
    assert (loaded.dim, loaded.levels, loaded.dither) == (2, 3, True)
    assert note["key"] == "abc" and note["steps"] == 7
    assert weights.note(tmp_path / "c.safetensors") == note
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())


def test_critics_come_back_by_band(tmp_path):
    critics = {band: critic_for(band, 0.1) for band in BANDS if band != "hh"}
    stored.save_critics(critics, {"cell": "x"}, tmp_path / "c.safetensors")
    for band, critic in critics.items():
        loaded = stored.load_critic(tmp_path / "c.safetensors", band, 0.1)
        assert same(loaded.state_dict(), critic.state_dict())
    assert stored.load_critic(tmp_path / "c.safetensors", "hh", 0.1) is None
    assert stored.load_critic(tmp_path / "none.safetensors", "ll", 0.1) is None


def test_the_same_network_gives_the_same_bytes(codec, tmp_path):
    note = {"b": 1, "a": {"z": 0.1, "y": [1, 2]}, "c": None}
    backwards = dict(reversed(note.items()))
    stored.save_codec(codec, note, tmp_path / "first")
    stored.save_codec(codec, backwards, tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert weights.checksum(tmp_path / "first") == weights.checksum(tmp_path / "second")


def test_checksums_tell_networks_apart(codec, tmp_path):
    stored.save_codec(codec, {}, tmp_path / "first")
    with torch.no_grad():
        codec.encoder.layers[0].bias[0] += 1e-6
    stored.save_codec(codec, {}, tmp_path / "second")
    assert weights.checksum(tmp_path / "first") != weights.checksum(tmp_path / "second")


LOADERS = {
    "classifier": classifier_files.load,
    "codec": stored.load_codec,
    "critics": lambda path: stored.load_critic(path, "pixels", 0.05),
}


@pytest.mark.parametrize("kind", LOADERS)
def test_a_file_of_another_kind_is_refused(kind, codec, tmp_path):
    path = tmp_path / "file.safetensors"
    if kind == "codec":
        classifier_files.save(ARCHITECTURES["zhang"](), "zhang", 10, path)
        found = "classifier"
    else:
        stored.save_codec(codec, {}, path)
        found = "codec"
    with pytest.raises(WeightsError, match=rf"file\.safetensors: holds a {found}, not a {kind}"):
        LOADERS[kind](path)


@pytest.mark.parametrize("kept", [0, 4, 100, 0.5, 0.999])
def test_a_truncated_file_is_refused(kept, codec, tmp_path):
    path = tmp_path / "codec.safetensors"
    stored.save_codec(codec, {}, path)
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(
        WeightsError,
        match=r"codec\.safetensors: .*delete it, or the folder of the batch that it is of",
    ):
        stored.load_codec(path)


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.safetensors: no such weights"):
        stored.load_codec(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        weights.checksum(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello " * 100)
    save_file({"layer": torch.zeros(3)}, tmp_path / "other.safetensors")
    save_file({"layer": torch.zeros(3)}, tmp_path / "noted.safetensors", metadata={"format": "pt"})
    for name in ("text", "other", "noted"):
        with pytest.raises(
            WeightsError, match=rf"{name}\.safetensors: not weights of this project"
        ):
            stored.load_codec(tmp_path / f"{name}.safetensors")


def test_a_failed_save_leaves_the_old_file(codec, tmp_path):
    path = tmp_path / "codec.safetensors"
    stored.save_codec(codec, {"key": "old"}, path)
    with pytest.raises(TypeError):
        stored.save_codec(codec, {"key": object()}, path)  # no JSON
    assert stored.load_codec(path)[1]["key"] == "old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
