"""The README's walks: its configs and its commands, as printed."""

import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest
import yaml
from PIL import Image
from sandbox import ROOT, Sandbox

from rdc import cells, config
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


def commands(heading: str) -> list[str]:
    text = re.sub(r"```.*?```", "", BLOCKS[heading], flags=re.S)
    return [line[4:] for line in text.splitlines() if line.startswith("    ")]


def merged(base: dict, change: dict) -> dict:
    return base | {
        key: merged(base[key], value) if isinstance(value, dict) and key in base else value
        for key, value in change.items()
    }


def test_a_codec_of_ones_own_is_two_cells_more():
    demo = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    (lines,) = yaml_blocks("A codec of your own")
    before, after = (
        {cell.name for cell in cells.expand(config.parse(raw))}
        for raw in (demo, merged(demo, lines))
    )
    assert {name.split("_")[0] for name in after - before} == {"mine"} and len(after - before) == 2


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
    run, cjpeg, recode = commands("JPEG tables for your own photographs")
    done = sandbox.run("-m", *shlex.split(run))
    assert done.returncode == 0, done.stderr
    assert "% of bytes saved at equal PSNR" in done.stderr
    assert (sandbox.folder / "results" / "mine" / "report.html").exists()
    subprocess.run(cjpeg, shell=True, check=True, cwd=tmp_path)
    assert np.asarray(Image.open(tmp_path / "picture.jpg")).shape == crop.shape
    done = sandbox.run(*shlex.split(recode)[1:])
    assert done.returncode == 0 and "6 pictures" in done.stdout, done.stderr
