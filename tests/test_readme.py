"""The README's walks: its configs and its commands, as printed."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from sandbox import ROOT, Sandbox
from sklearn.datasets import load_digits

from rdc import config, tables
from rdc.datasets import pictures

README = (ROOT / "README.md").read_text()
BLOCKS = {
    heading: body
    for heading, body in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", README, re.S | re.M)
}


def yaml_blocks(heading: str) -> list[dict]:
    return [
        yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", BLOCKS[heading], re.S)
    ]


def python_blocks(heading: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", BLOCKS[heading], re.S)


def commands(heading: str) -> list[str]:
    text = re.sub(r"```.*?```", "", BLOCKS[heading], flags=re.S)
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


def test_every_config_of_the_jpeg_walk_is_one():
    photographs, classifier = yaml_blocks("JPEG tables for your own photographs")
    assert config.parse(photographs).jpeg.studies["holiday"].reference == "annex_k"
    assert config.parse({"run": "mine", **classifier}).jpeg.studies["labelled"].classifier == "mine"


def test_every_command_names_what_there_is():
    for line in re.findall(r"^    (python -m [\w.]+)", README, re.M):
        module = line.split()[-1].replace(".", "/")
        assert (ROOT / f"{module}.py").exists() or (ROOT / module / "__main__.py").exists(), line
    targets = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|^    )make ([a-z-]+)", README, re.M):
        assert re.search(rf"^{target}:", targets, re.M), target
    for path in re.findall(r"\]\(([\w/.-]+)\)", README):
        assert (ROOT / path).exists(), path


def test_what_holds_is_what_the_ledger_says():
    ledger = tables.read("claims", ROOT / "results" / "mnist" / "tables" / "claims.parquet")
    verdicts = ledger.set_index("claim").verdict
    row = rf"^\| ([^|]+) \| [^|]+ \| [^|]+ \| ({'|'.join(tables.VERDICTS)}) \|$"
    rows = re.findall(row, BLOCKS["What holds"], re.M)
    assert len(rows) > 5
    for claim, verdict in rows:
        assert verdicts[claim] == verdict, claim
    counted = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \|$", BLOCKS["What holds"], re.M)
    assert dict((paper, list(map(int, counts))) for paper, *counts in counted) == {
        paper.capitalize(): [int((own.verdict == verdict).sum()) for verdict in tables.VERDICTS]
        for paper, own in ledger.groupby("paper")
    }


@pytest.mark.slow
@pytest.mark.workflow
def test_the_walk_for_a_codec_of_ones_own_as_printed(tmp_path):
    heading = "A codec of your own"
    (lines,), (command,) = yaml_blocks(heading), commands(heading)
    sandbox = Sandbox(tmp_path, {})
    run = Path("results/mine")
    own = [f"mine_dim=3_levels={n}_dither=yes_recipe=ours_tier=1_part=0.parquet" for n in (3, 4)]
    for weights in (None, {"mse": 1, "nll": "lam", "edges": 1}):
        if weights:  # the new term, which the text gives these weights
            assert "`{mse: 1, nll: lam, edges: 1}`" in BLOCKS[heading]
            lines["methods"]["mine"]["weights"] = weights
            for module, block in zip(("objective", "config"), python_blocks(heading), strict=True):
                with open(tmp_path / "rdc" / f"{module}.py", "a") as file:
                    file.write(f"\n\n{block}")
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(lines, sort_keys=False))
        words = shlex.split(command)
        if weights:  # the other codecs, the figures and the page were seen the first time
            parts = [run / "parts" / table / "zhang" for table in ("cells", "curves")]
            words[1:1] = [str(folder / name) for folder in parts for name in own]
        done = sandbox.run("-m", *words)
        assert done.returncode == 0, done.stderr
        if not weights:
            assert re.search(r"zhang +mine +4\.75 +0\.005", done.stderr), done.stderr
            every = tables.read("cells", tmp_path / run / "tables" / "cells.parquet")
            assert set(every.method) == {"rdc", "vq", "mine"}
        terms = {"mse", "nll", "edges" if weights else "features"}
        for name in own:
            rows, curves = (
                tables.read(table, tmp_path / run / "parts" / table / "zhang" / name)
                for table in ("cells", "curves")
            )
            (mine,) = rows[rows.split == "test"].itertuples()
            assert mine.method == "mine" and mine.mse < 0.05
            assert terms <= set(curves.term)


@pytest.mark.slow
@pytest.mark.workflow
def test_the_walk_for_ones_own_labelled_images_as_printed(tmp_path):
    (lines,), (command,) = (f("Your own labelled images") for f in (yaml_blocks, commands))
    scans, labels = load_digits(return_X_y=True)
    for index, (scan, label) in enumerate(zip(scans[:600], labels[:600], strict=True)):
        folder = tmp_path / "path" / "to" / "class" / "folders" / f"digit-{label}"
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray((scan.reshape(8, 8) * 15).astype("uint8")).resize((40, 30))
        image.save(folder / f"{index:04}.png")
    (tmp_path / "images.yaml").write_text(yaml.safe_dump(lines, sort_keys=False))
    done = Sandbox(tmp_path, {}).run("-m", *shlex.split(command))
    assert done.returncode == 0, done.stderr
    cells = tables.read("cells", tmp_path / "results" / "images" / "tables" / "cells.parquet")
    assert set(cells.dataset) == {"mine"} and set(cells.method) == {"rdc", "vq"}
    held_out = sum(-(-(labels[:600] == digit).sum() // 6) for digit in range(10))
    assert (cells[cells.split == "test"].n_images == held_out).all()


@pytest.mark.slow
@pytest.mark.workflow
def test_the_walk_to_a_cluster_as_printed_up_to_the_queue(tmp_path):
    """What would be submitted; ``test_slurm`` runs the second command on a real Slurm."""
    ask, submit = commands("On a cluster")
    assert ask.replace(" -n ", " ") == submit
    done = Sandbox(tmp_path, {}).run("-m", *shlex.split(ask))
    assert done.returncode == 0, done.stderr
    assert {"train", "evaluate", "report"} <= set(re.findall(r"^rule (\w+):", done.stdout, re.M))


@pytest.mark.slow
@pytest.mark.workflow
def test_the_walk_for_ones_own_photographs_as_printed(tmp_path):
    if shutil.which("cjpeg") is None:
        pytest.skip("cjpeg is not installed (libjpeg-turbo-progs)")
    photographs, _ = yaml_blocks("JPEG tables for your own photographs")
    sandbox = Sandbox(tmp_path, photographs)
    folder = tmp_path / "path" / "to" / "pictures"
    folder.mkdir(parents=True)
    for number, crop in enumerate(pictures.random_crops(6, 160, seed=2)):
        Image.fromarray(crop).save(folder / f"{number}.png")
    Image.fromarray(crop).save(tmp_path / "picture.ppm")
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(photographs, sort_keys=False))
    run, cjpeg, export, recode = commands("JPEG tables for your own photographs")
    done = sandbox.run("-m", *shlex.split(run))
    assert done.returncode == 0, done.stderr
    assert "% of bytes saved at equal PSNR" in done.stderr
    assert "quality with the PSNR of Annex K at" in done.stderr
    assert (sandbox.folder / "results" / "mine" / "report.html").exists()
    subprocess.run(cjpeg, shell=True, check=True, cwd=tmp_path)
    assert np.asarray(Image.open(tmp_path / "picture.jpg")).shape == crop.shape
    done = sandbox.run(*shlex.split(export)[1:])
    assert done.returncode == 0 and (tmp_path / "tuned_q42.qtables").exists(), done.stderr
    done = sandbox.run(*shlex.split(recode)[1:])
    assert done.returncode == 0 and "6 pictures" in done.stdout, done.stderr
