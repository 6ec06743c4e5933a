"""bfloat16 where the processor multiplies in it, float32 where it does not; the key says which."""

import json
import os
import subprocess
import sys

import pytest
import torch
from sandbox import ROOT, with_frozen_encoder

from rdc import cells as grid
from rdc import config as configs
from rdc import measuring, training, vouching
from rdc.datasets import images
from rdc.fitting.files import CODEC
from rdc.networks import classifier_files, precision, weights
from rdc.networks.codec import Codec

CPU = torch.device("cpu")
ZEN4, HASWELL = {"avx2": True, "avx512_bf16": True}, {"avx2": True, "avx512_bf16": False}


@pytest.mark.parametrize(
    "capabilities, environment, found",
    [
        (ZEN4, {}, True),
        (HASWELL, {}, False),
        ({"avx2": True, "avx512_f": True}, {}, False),  # Skylake
        ({"architecture": "aarch64", "bf16": True}, {}, False),  # never measured, so never slower
        (ZEN4, {"ONEDNN_MAX_CPU_ISA": "AVX2"}, False),
        (ZEN4, {"ONEDNN_MAX_CPU_ISA": "avx512_core_vnni"}, False),
        (ZEN4, {"DNNL_MAX_CPU_ISA": "AVX512_CORE"}, False),
        (ZEN4, {"ONEDNN_MAX_CPU_ISA": "", "DNNL_MAX_CPU_ISA": "AVX2"}, False),
        (ZEN4, {"ONEDNN_MAX_CPU_ISA": "ALL", "DNNL_MAX_CPU_ISA": "AVX2"}, True),
        (ZEN4, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, True),
        (ZEN4, {"ONEDNN_MAX_CPU_ISA": "AVX10_1_512_AMX"}, True),
        (ZEN4, {"ONEDNN_MAX_CPU_ISA": "no such limit"}, True),  # oneDNN does not heed it either
        (HASWELL, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, False),
    ],
)
def test_a_processor_is_known_by_its_flags_and_onednns_limit(capabilities, environment, found):
    assert precision.has_products(capabilities, environment) is found


SAY = """
import torch
from rdc.networks import precision
print(precision.used("bfloat16", "cpu"), torch.cpu.get_capabilities().get("avx512_bf16", False))
"""


@pytest.mark.parametrize("limit", ["AVX2", ""])
def test_what_is_used_follows_the_processor(limit):
    """With onednn held to AVX2 this machine is one without the instructions."""
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        cwd=ROOT,
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": limit, "DNNL_MAX_CPU_ISA": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    used, has = done.stdout.split()
    assert used == ("bfloat16" if has == "True" and not limit else "float32")


def machine(monkeypatch, reduced: bool) -> None:
    """Makes this machine one with, or without, the instructions."""
    monkeypatch.setattr(precision, "_reduced_is_fast", lambda: reduced)


@pytest.mark.parametrize("reduced", [True, False])
def test_a_codec_asked_for_bfloat16_trains_in_what_is_fast(reduced, monkeypatch):
    machine(monkeypatch, reduced)
    codec = Codec(2, 3, True, width=0.05, precision="bfloat16").train()
    with codec.training_precision(CPU):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if reduced else torch.float32)
    assert precision.used("bfloat16", "cuda") == "bfloat16"
    assert precision.used("float32", "cpu") == precision.used("float32", "cuda") == "float32"


@pytest.fixture
def run(tmp_path, digits, classifier):
    """A run whose recipe asks for bfloat16, or for another: a cell, and one with its encoder frozen."""
    folder = training.Folder(tmp_path / "run")
    images.save(digits, folder.dataset("digits"))
    classifier_files.save(classifier, "zhang", 10, folder.classifier("digits", "zhang"))

    def cells(asked: str = "bfloat16") -> list[grid.Cell]:
        config = with_frozen_encoder()
        config["recipes"]["short"] |= {"precision": asked, "epochs": 1}
        return grid.expand(configs.parse(config))

    return folder, cells


def test_the_key_is_that_of_the_precision_that_was_used(run, monkeypatch):
    folder, cells = run
    full = [training.keys_of(cell, cells("float32"), folder) for cell in cells("float32")]
    assert [len(keys) for keys in full] == [1, 1]
    machine(monkeypatch, False)
    without = [training.keys_of(cell, cells(), folder) for cell in cells()]
    assert [keys[0] for keys in without] == [keys[0] for keys in full]
    machine(monkeypatch, True)
    having = [training.keys_of(cell, cells(), folder) for cell in cells()]
    assert having[0] == without[0][::-1]
    assert set(having[1]) == set(without[1]) and len(having[1]) == 4
    assert having[1][0] not in full[1]


@pytest.mark.parametrize("first", [True, False], ids=["from a processor with", "without"])
def test_what_one_kind_of_processor_trained_another_takes_and_vouches_for(first, run, monkeypatch):
    folder, cells = run
    base, universal = both = cells()
    used = "bfloat16" if first else "float32"

    def trained(chosen):
        lines = []
        entries = training.train_cells(chosen, both, folder, CPU, lines.append)
        return entries, sum("is trained already" in line for line in lines)

    machine(monkeypatch, first)
    before, _ = trained([base])
    assert precision.noted(weights.note(before[base.name] / CODEC)) == used
    machine(monkeypatch, not first)
    after, found = trained(both)
    assert found == 2  # the base, and it again as the encoder
    assert after[base.name] == before[base.name]
    # The other was trained here, on the encoder that was there.
    note = weights.note(after[universal.name] / CODEC)
    assert precision.noted(note) == ("float32" if first else "bfloat16")
    target = folder.root / "codecs" / "zhang" / "batch"
    target.mkdir(parents=True)
    for cell in both:
        (target / f"{cell.name}.{CODEC}").hardlink_to(after[cell.name] / CODEC)
    for here in (True, False):
        machine(monkeypatch, here)
        assert vouching.key_fault(str(target), both, folder) == ""
        assert vouching.trained(both, both, folder) == set(after.values())
        assert trained(both)[1] == 2
    # Of a recipe that asks for float32 what was trained in bfloat16 is not what is due.
    assert "was trained under key" in vouching.key_fault(str(target), cells("float32"), folder)


def test_the_row_says_what_was_used(run, monkeypatch, tmp_path):
    folder, cells = run
    machine(monkeypatch, False)
    base = cells()[0]
    [entry] = training.train_cells([base], cells(), folder, CPU, lambda line: None).values()
    note = weights.note(entry / CODEC)
    content = {"note": note, "rows": [{"split": "test"}], "confusion": {}, "labels": []}
    (tmp_path / "rows.json").write_text(json.dumps(content))
    (tmp_path / "cost.json").write_text("{}")
    [row] = measuring.table_rows("tiny", base, tmp_path)["cells"]
    assert row["precision"] == "float32" and row["cell_key"] == entry.name
    assert precision.noted({"settings": {"moves": "codebook"}}) == "float32"
