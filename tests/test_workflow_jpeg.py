"""JPEG through the whole workflow: tables made, measured by real files, drawn."""

import base64
import copy
import io
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from atlas_page import unpacked
from PIL import Image
from sandbox import TINY, Sandbox

from rdc import tables
from rdc.datasets import pictures
from rdc.jpeg import standard

pytestmark = [pytest.mark.slow, pytest.mark.workflow]


class Colours(torch.nn.Module):
    """Two classes by the mean of red."""

    def __init__(self, threshold: float):
        super().__init__()
        self.threshold = threshold

    def forward(self, images):
        red = (images[:, 0].mean(dim=(1, 2)) - self.threshold) * 20
        return torch.stack([-red, red], dim=1)


def own_pictures(folder):
    """Class folders of crops by their red, and a classifier as a file."""
    crops = pictures.random_crops(24, 64, seed=5)
    red = crops[:, 8:-8, 8:-8, 0].mean(axis=(1, 2)) / 255  # of what the classifier sees
    order = np.argsort(red)
    for name, rows in (("dull", order[:12]), ("red", order[12:])):
        (folder / "own" / name).mkdir(parents=True)
        for row in rows:
            Image.fromarray(crops[row]).save(folder / "own" / name / f"{row}.png")
    (folder / "own" / "red" / "notes.txt").write_text("no picture")
    torch.jit.script(Colours(float(np.median(red)))).save(str(folder / "colours.pt"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Sandbox:
    config = copy.deepcopy(TINY)
    plane = config["studies"]["zhang"]["grids"][
        "plane"
    ]  # one codec: the study is for its classifier
    config["studies"]["zhang"]["grids"] = {"plane": plane | {"lam": [0.01], "levels": [2]}}
    short = {"steps": 5, "crops": 24, "batch": 8}
    config["jpeg"] = {
        "tables": {
            "annex_k": {"shipped": "annex_k"},
            "flat": {"shipped": "flat"},
            "tuned": {"objective": "rate_distortion", **short},
            "tuned_own": {
                "objective": "rate_distortion", "per_image": True, "start": "tuned", "steps": 1,
                "every": 2,
            },
            "tuned_accuracy": {"objective": "rate_accuracy", "start": "flat", **short},
            "coordinate_descent": {"search": "coordinate_descent", "start": "annex_k"},
            "sorted_random": {"search": "sorted_random", "candidates": 3, "screened_on": 6},
            "webp": {"encoder": "webp"},
            "sjpeg": {"encoder": "sjpeg"},
        },
        "classifiers": {"colours": {"file": "colours.pt", "side": 48}},
        "studies": {
            "photographs": {
                "pictures": "photographs",
                "tables": ["annex_k", "tuned"],
                "qualities": [30, 60, 90],
                "subsampling": ["4:2:0", "4:4:4"],
            },
            "adapted": {
                "pictures": "photographs",
                "tables": ["annex_k", "tuned", "tuned_own", "coordinate_descent", "webp", "sjpeg"],
                "ablation": ["tuned"],
                "qualities": [30, 60, 90],
            },
            "own": {
                "folder": "own",
                "classifier": "colours",
                "tables": ["annex_k", "flat", "tuned_accuracy", "sorted_random"],
                "qualities": [5, 50, 90],
            },
            "digits": {
                "dataset": "digits",
                "classifier": "zhang",
                "judge": "judge",
                "tables": ["annex_k", "tuned", "tuned_accuracy"],
                "subsampling": ["4:4:4"],
                "qualities": [10, 50, 90],
                "at_most": 100,
            },
        },
    }  # fmt: skip
    sandbox = Sandbox(tmp_path_factory.mktemp("jpeg"), config)
    own_pictures(sandbox.folder)
    done = sandbox.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    (sandbox.folder / "said.txt").write_text(done.stdout + done.stderr)
    return sandbox


def of_study(sandbox: Sandbox, table: str, study: str) -> pd.DataFrame:
    rows = tables.read(table, sandbox.results / "tables" / f"{table}.parquet")
    return rows[rows.study == study]


def test_rows_are_whole_and_agree_with_the_pictures(finished):
    rows = of_study(finished, "jpeg", "photographs")
    images = of_study(finished, "jpeg_images", "photographs")
    assert len(rows) == 2 * 2 * 3 and len(images) == 2 * len(rows)
    assert set(rows.objective) == {"published", "rate_distortion"}
    by = ["study", "tables", "subsampling", "quality"]
    means = images.groupby(by).agg(
        psnr=("psnr", "mean"), bytes=("bytes_file", "sum"), pixels=("pixels", "sum")
    )
    joined = rows.set_index(by).join(means, suffixes=("", "_mean"))
    np.testing.assert_allclose(joined.psnr, joined.psnr_mean)
    np.testing.assert_allclose(joined.bpp_file, 8 * joined.bytes / joined.pixels)
    assert (rows.bpp_scan < rows.bpp_scan_dht).all() and (rows.bpp_scan_dht < rows.bpp_file).all()
    one = rows[(rows.tables == "annex_k") & (rows.subsampling == "4:2:0")].sort_values("quality")
    assert one.bpp_file.is_monotonic_increasing and one.psnr.is_monotonic_increasing


def test_exported_text_is_the_tables_that_were_measured(finished):
    folder = finished.results / "jpeg" / "photographs"
    exported = standard.read_text(folder / "tuned_420" / "tuned_q75.qtables")
    np.testing.assert_array_equal(exported, standard.load(folder / "tuned_420.json").at(75))


def test_figures_and_claims_are_there(finished):
    for name in ("rate", "distortion", "accuracy", "tables", "savings", "ablation", "examples"):
        assert (finished.results / "figures" / f"luo_{name}.svg").stat().st_size > 1000
    claims = pd.read_parquet(finished.results / "tables" / "claims.parquet")
    assert (claims.paper == "luo").any()
    assert set(claims[claims.paper == "luo"].verdict) == {"not testable at this scale"}


def test_ways_without_one_set_of_tables_are_measured_beside_the_others(finished):
    rows = of_study(finished, "jpeg", "adapted")
    assert (
        "sjpeg is not on the PATH: its lines are left out"
        in (finished.folder / "said.txt").read_text()
    )
    assert set(rows.tables) == {"annex_k", "tuned", "tuned_own", "coordinate_descent", "webp"}
    assert sorted(rows[rows.tables == "tuned_own"].quality) == [30, 90]
    assert set(rows.objective) == {"published", "rate_distortion", "coordinate_descent", "webp"}
    assert not (finished.results / "jpeg" / "adapted" / "tuned_own_420.json").exists()


def test_a_users_classifier_reads_the_users_pictures(finished):
    rows = of_study(finished, "jpeg", "own")
    assert set(rows.tables) == {"annex_k", "flat", "tuned_accuracy", "sorted_random"}
    assert (rows.n_images == 12).all() and rows.accuracy.between(0.6, 1).all()
    assert rows.accuracy_judge.isna().all()
    images = of_study(finished, "jpeg_images", "own")
    assert (images.pixels == 48 * 48).all()
    said = (finished.folder / "said.txt").read_text()  # once, though many jobs read the folder
    assert said.count("own: 1 left out: 1 no picture by suffix (.txt 1)") == 1


def test_jpeg_reads_the_runs_own_digits_with_the_runs_classifiers(finished):
    rows = of_study(finished, "jpeg", "digits")
    assert (rows.n_images == 100).all() and (rows.dataset == "digits").all()
    assert rows.accuracy.notna().all() and rows.accuracy_judge.notna().all()
    best = rows[rows.quality == 90]
    assert (best.mse < 0.01).all()


def test_every_pair_of_tables_is_compared(finished):
    rows = of_study(finished, "jpeg_savings", "own")
    assert {"bytes_saved", "bd_rate", "bd_psnr", "accuracy", "bd_accuracy"} == set(rows.measure)
    assert len(rows[rows.measure == "bd_rate"]) == 4 * 3
    there = rows[(rows.measure == "bd_rate") & (rows.tables == "flat") & (rows.over == "annex_k")]
    back = rows[(rows.measure == "bd_rate") & (rows.tables == "annex_k") & (rows.over == "flat")]
    assert (1 + there.value.item() / 100) * (1 + back.value.item() / 100) == pytest.approx(
        1, abs=1e-6
    )


def test_what_was_gained_is_the_last_that_is_said(finished):
    said = (finished.folder / "said.txt").read_text()
    ending = said[said.index("own, 4:2:0, 12 pictures: accuracy at equal bits against Annex K") :]
    for line in ("  tuned for the classifier", "% of bytes saved at equal PSNR against Annex K"):
        assert line in ending[: ending.index("Open results/tiny/report.html")]
    judged = said[said.index("digits, 4:4:4, 100 pictures: accuracy at equal bits") :]
    assert "  judge: a classifier that no tables were tuned for" in judged
    rows = tables.read("jpeg_savings", finished.results / "tables" / "jpeg_savings.parquet")
    assert (rows[["value", "low", "high"]].notna().nunique(axis=1) == 1).all()


def test_the_script_beside_the_report_codes_a_folder_again(finished):
    exported = finished.results / "jpeg" / "photographs" / "tuned_420" / "tuned_q75.qtables"
    words = [str(finished.results / "recode.py"), str(exported), "own", "recoded"]
    done = finished.run(*words)
    assert done.returncode == 0 and "24 pictures" in done.stdout, done.stdout + done.stderr
    assert "notes.txt: left out" in done.stderr
    assert "24 from PNG" in done.stdout and "%" not in done.stdout
    source = next((finished.folder / "own" / "dull").glob("*.png"))
    content = (finished.folder / "recoded" / "dull" / f"{source.stem}.jpg").read_bytes()
    pixels = np.asarray(Image.open(source))
    assert content == standard.encode(pixels, standard.read_text(exported).astype(int), "4:2:0")
    again = finished.run(*words)
    assert again.returncode == 0 and "0 pictures coded, 24 there already" in again.stdout


def test_a_classifier_that_does_not_fit_is_named_in_the_log(finished, tmp_path):
    other = finished.copy(tmp_path / "copy")
    (other.folder / "own" / "third").mkdir()
    for number in range(2):
        Image.new("RGB", (9, 9)).save(other.folder / "own" / "third" / f"{number}.png")
    done = other.snakemake("results/tiny/parts/jpeg/own/flat_420.parquet")
    assert done.returncode != 0
    said = other.log("jpeg_measure", "own", "flat_420.log")
    assert "colours.pt: found 2 outputs for 3 class folders (dull, red, third" in said


def test_the_page_holds_the_files_that_were_measured(finished):
    (study,) = [
        entry
        for entry in unpacked(finished.results / "report.html", "data")["jpeg"]
        if (entry["study"], entry["subsampling"]) == ("photographs", "4:2:0")
    ]
    tuned = next(entry for entry in study["tables"] if entry["name"] == "tuned")
    steps = standard.load(finished.results / "jpeg" / "photographs" / "tuned_420.json").at(60)
    assert tuned["steps"]["60"] == steps.reshape(2, 64).tolist()
    for file, crop in zip(tuned["files"]["60"], study["crops"], strict=True):
        decoded = standard.decode(base64.b64decode(file)).astype(float)
        original = np.asarray(Image.open(io.BytesIO(base64.b64decode(crop["png"]))))
        assert np.abs(decoded - original).mean() < 10


@pytest.mark.golden
def test_pictures_of_ones_own_get_a_page_too(tmp_path, finished):
    jpeg = finished.config["jpeg"]
    one = {"tables": jpeg["tables"], "studies": {"photographs": jpeg["studies"]["photographs"]}}
    alone = Sandbox(tmp_path, {"run": "mine", "jpeg": one})
    planned = {rule for rule, _ in alone.planned()}
    assert "report" in planned and not {"claims", "train", "limits"} & planned


def test_after_a_run_nothing_is_left_to_do(finished):
    assert not finished.planned()


def test_a_page_of_committed_rows_keeps_what_needs_the_rows_of_single_files(finished, tmp_path):
    committed = tmp_path / "tiny"
    for part in ("tables", "figures", "datasets", "classifiers", "measured", "parts/cells"):
        shutil.copytree(finished.results / part, committed / part)
    shutil.copy(finished.results / "report.html", committed)
    (committed / "tables" / "jpeg_images.parquet").unlink()
    done = finished.run("-m", "rdc.so_far", str(committed), "--config", "tiny.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("data", "drawings"):
        whole = unpacked(finished.results / "report.html", name)
        assert unpacked(committed / "report.html", name) == whole
    claims = pd.read_parquet(committed / "tables" / "claims.parquet")
    assert claims.equals(pd.read_parquet(finished.results / "tables" / "claims.parquet"))
