"""JPEG through the whole workflow: tables made, measured by real files, drawn; edits rerun their jobs."""

import copy
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sandbox import TINY, Sandbox

from rdc import tables
from rdc.jpeg import standard

pytestmark = [pytest.mark.slow, pytest.mark.workflow]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Sandbox:
    config = copy.deepcopy(TINY)
    config["jpeg"] = {
        "tables": {
            "annex_k": {"shipped": "annex_k"},
            "flat": {"shipped": "flat"},
            "tuned": {"objective": "rate_distortion", "steps": 5, "crops": 24, "batch": 8},
        },
        "studies": {
            "photographs": {
                "pictures": "photographs",
                "tables": ["annex_k", "flat", "tuned"],
                "qualities": [30, 60, 90],
                "subsampling": ["4:2:0", "4:4:4"],
            }
        },
    }
    sandbox = Sandbox(tmp_path_factory.mktemp("jpeg"), config)
    done = sandbox.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return sandbox


def test_rows_are_whole_and_agree_with_the_pictures(finished):
    folder = finished.results / "tables"
    rows = tables.read("jpeg", folder / "jpeg.parquet")
    images = tables.read("jpeg_images", folder / "jpeg_images.parquet")
    assert len(rows) == 3 * 2 * 3 and len(images) == 2 * len(rows)
    assert set(rows.objective) == {"published", "rate_distortion"}
    by = ["study", "tables", "subsampling", "quality"]
    means = images.groupby(by).agg(
        psnr=("psnr", "mean"), bytes=("bytes_file", "sum"), pixels=("pixels", "sum")
    )
    joined = rows.set_index(by).join(means, suffixes=("", "_mean"))
    np.testing.assert_allclose(joined.psnr, joined.psnr_mean)
    np.testing.assert_allclose(joined.bpp_file, 8 * joined.bytes / joined.pixels)
    assert (rows.bpp_scan < rows.bpp_scan_dht).all() and (rows.bpp_scan_dht < rows.bpp_file).all()
    flat = rows[(rows.tables == "flat") & (rows.subsampling == "4:2:0")].sort_values("quality")
    assert flat.bpp_file.is_monotonic_increasing and flat.psnr.is_monotonic_increasing


def test_exported_text_is_the_tables_that_were_measured(finished):
    folder = finished.results / "jpeg" / "photographs"
    exported = standard.read_text(folder / "tuned_420" / "tuned_q75.qtables")
    np.testing.assert_array_equal(exported, standard.load(folder / "tuned_420.json").at(75))


def test_figures_and_claims_are_there(finished):
    for name in ("rate", "distortion", "accuracy", "tables"):
        assert (finished.results / "figures" / f"luo_{name}.svg").stat().st_size > 1000
    claims = pd.read_parquet(finished.results / "tables" / "claims.parquet")
    assert (claims.paper == "luo").any()
    assert set(claims[claims.paper == "luo"].verdict) == {"not testable at this scale"}


def rules(sandbox: Sandbox) -> Counter:
    counts: Counter = Counter()
    for (rule, _), count in sandbox.planned().items():
        counts[rule] += count
    return counts


@pytest.mark.golden
def test_an_edit_of_one_set_of_tables_reruns_its_jobs_alone(finished):
    assert not finished.planned()
    before = copy.deepcopy(finished.config)
    finished.config["jpeg"]["tables"]["tuned"]["steps"] = 6
    try:
        assert rules(finished) == {
            "jpeg_tables": 2, "jpeg_measure": 2, "gather": 2, "figures_luo": 1, "claims": 1, "report": 1,
        }  # fmt: skip
    finally:
        finished.config = before


@pytest.mark.golden
def test_an_edit_of_the_codec_in_torch_trains_no_codec(finished):
    path = finished.folder / "rdc" / "jpeg" / "rate.py"
    source = path.read_text()
    path.write_text(source + "\n# edited\n")
    try:
        counts = rules(finished)
        assert counts["jpeg_tables"] == 6
        assert not {"train", "evaluate", "pretrain", "prepare"} & set(counts)
    finally:
        path.write_text(source)
