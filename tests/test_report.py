"""What the page carries: points with intervals, pictures, curves, commands, JPEG files, the ledger."""

import base64
import dataclasses
import io
import json
import shlex

import numpy as np
import pandas as pd
import pytest
from atlas_page import QUALITIES, png_size, unpacked
from PIL import Image
from sandbox import ROOT

from rdc import claims, intervals
from rdc.figures import atlas, le, limits, luo, nguyen, zhang
from rdc.jpeg import samples, standard
from rdc.report import codecs, costs, gallery, page


def only(found: list[dict], **wanted) -> dict:
    (point,) = [p for p in found if all(p[key] == value for key, value in wanted.items())]
    return point


def test_cells_that_differ_in_seed_are_one_point_with_students_interval(atlas_run):
    points = codecs.payload(atlas_run.frames, atlas_run.images, atlas_run.arguments)["points"]
    rows = atlas_run.frames["cells"]
    assert len(points) == len(rows.groupby(["method", "lam", "rate_bits"])) < len(rows)
    point = only(points, method="rdc", lam=0.015, rate=4.755)
    own = rows[(rows.method == "rdc") & (rows.lam == 0.015) & (rows.dim == 3) & (rows.levels == 3)]
    assert [cell["seed"] for cell in point["cells"]] == [0, 1, 2]
    np.testing.assert_allclose(point["mse"], intervals.over_seeds(own.mse), rtol=1e-4)


def test_a_single_cells_intervals_are_over_its_images(atlas_run):
    points = codecs.payload(atlas_run.frames, atlas_run.images, atlas_run.arguments)["points"]
    point = only(points, method="rdc", lam=0.005, rate=4.755)
    with np.load(atlas_run.images[point["study"], point["cells"][0]["name"]]) as saved:
        np.testing.assert_allclose(point["mse"][1:], intervals.of_mean(saved["errors"]), rtol=1e-4)
    share, low, high = point["accuracy"]["own"]
    np.testing.assert_allclose((low, high), intervals.of_share(share, 10000), rtol=1e-4)
    assert point["accuracy"]["le"][0] == pytest.approx(0.91)  # from the confusions
    assert point["entropy_bits"][1:] == [None, None]


def test_wilsons_interval_covers_and_stays_within_bounds():
    generator = np.random.default_rng(0)
    for share, n in ((0.02, 200), (0.5, 360), (0.97, 360)):
        ends = [intervals.of_share(k / n, n) for k in generator.binomial(n, share, 4000)]
        covered = np.mean([low <= share <= high for low, high in ends])
        assert 0.92 < covered < 0.98, (share, n)
    assert intervals.of_share(1.0, 360)[1] == pytest.approx(1)
    assert intervals.of_share(0.0, 360)[0] == pytest.approx(0)


def test_a_cell_shows_its_pictures_its_curve_and_how_to_make_it_again(atlas_run):
    found = codecs.payload(atlas_run.frames, atlas_run.images, atlas_run.arguments)
    cell = only(found["points"], method="na2", lam=0.005, rate=8.0)["cells"][0]
    assert png_size(cell["png"]) == (10 * 28, 28)
    assert list(found["originals"]) == ["0"] and cell["originals"] == "0"  # stored once for all
    assert cell["read"] == [0, 1, 0, 3, 4, 0, 6, 7, 0, 9]
    assert cell["curves"]["mse"]["validation"][0] == list(range(1, 31))
    assert shlex.split(cell["command"]) == [
        "snakemake", "--cores", "all", "results/made/measured/le/batch_na2",
        "--configfile", "config/mnist.yaml",
    ]  # fmt: skip


def test_a_run_without_pictures_or_published_points_still_has_a_page(atlas_run, tmp_path):
    bare = dataclasses.replace(atlas_run, images={}, published=None, figures={})
    page.write(bare, tmp_path / "report.html")
    found = unpacked(tmp_path / "report.html", "data")["codecs"]
    assert found["published"] == [] and "png" not in found["points"][0]["cells"][0]
    assert 'id="figures"' not in (tmp_path / "report.html").read_text()


def test_a_run_of_jpeg_alone_has_no_codec_parts(atlas_run, tmp_path):
    frames = {name: atlas_run.frames[name] for name in page.JPEG}
    alone = dataclasses.replace(atlas_run, frames=frames, images={})
    page.write(alone, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert unpacked(tmp_path / "report.html", "data")["codecs"] is None
    assert 'id="jpeg"' in text and 'id="planes"' not in text and 'id="claims"' not in text


def test_jpeg_files_are_files_and_steps_are_theirs(atlas_written):
    (study,) = unpacked(atlas_written, "data")["jpeg"]
    tables = only(study["tables"], name="luo")
    assert [int(q) for q in tables["steps"]] == samples.chosen(QUALITIES)
    for quality, files in tables["files"].items():
        content = base64.b64decode(files[0])
        with Image.open(io.BytesIO(content)) as image:
            # Pillow gives the tables of a file in natural order.
            inside = [list(image.quantization[i]) for i in (0, 1)]
        assert inside == tables["steps"][quality], quality
        assert inside == standard.named("luo").at(int(quality)).reshape(2, 64).tolist()
    assert tables["saving"]["at"] and "saving" not in only(study["tables"], name="annex_k")


def test_the_same_run_gives_the_same_bytes(atlas_run, atlas_written, tmp_path):
    page.write(atlas_run, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == atlas_written.read_bytes()


def test_every_figure_has_its_caption_and_claims_name_figures_that_are_drawn():
    captioned = {path.stem for path in gallery.CAPTIONS.glob("*.rst")}
    modules = (atlas, le, limits, luo, nguyen, zhang)
    drawn = {f"{m.__name__.rpartition('.')[2]}_{name}" for m in modules for name in m.NAMES}
    assert captioned == drawn | {"luo_examples"}
    named = {claim.figure for claim in claims.read(ROOT / "config" / "claims.yaml")}
    assert named <= drawn | {None} and "zhang_plane" in named


def test_a_verdict_links_only_to_a_figure_that_is_there(atlas_run, tmp_path):
    some = {"zhang_space": atlas_run.figures["zhang_space"]}
    page.write(dataclasses.replace(atlas_run, figures=some), tmp_path / "report.html")
    assert "#figure-zhang_plane" not in (tmp_path / "report.html").read_text()


def test_a_cell_that_two_studies_share_costs_once():
    rows = [("zhang", "a"), ("nguyen", "a"), ("nguyen", "b")]
    frame = pd.DataFrame(rows, columns=["study", "cell_key"]).assign(
        device="cpu", train_seconds=60.0, evaluate_seconds=6.0
    )
    found = {row["study"]: (row["cells"], row["train"]) for row in costs.cells(frame)}
    assert found == {"zhang": (1, 60.0), "nguyen": (1, 60.0)}


def test_stages_are_summed_from_benchmark_files(tmp_path):
    header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    (tmp_path / "train" / "zhang").mkdir(parents=True)
    for name, seconds in (("a", 3.0), ("b", 5.0)):
        path = tmp_path / "train" / "zhang" / f"{name}.tsv"
        path.write_text(header + f"{seconds}\t0:00:03\t400\t1\t1\t1\t1\t0\t90\t2.5\n")
    (tmp_path / "claims.tsv").write_text(header + "0.4\t0:00:00\t-\t-\t-\t-\t-\t-\t-\t-\n")
    train, ledger = costs.stages(tmp_path)
    assert train == {
        "stage": "train", "jobs": 2, "seconds": 8.0, "longest": 5.0, "cpu": 5.0, "memory": 400.0,
    }  # fmt: skip
    assert ledger["stage"] == "claims" and ledger["jobs"] == 1
    assert costs.stages(tmp_path / "none") == []


def test_data_is_plain_json(atlas_run):
    json.dumps(page.data(atlas_run), allow_nan=False)
    assert not pd.isna([p["nll"][0] for p in page.data(atlas_run)["codecs"]["points"]]).any()
