"""What the terminal says at the end of a run."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from test_jpeg_curves import logarithmic, rows_of

from rdc import tables
from rdc.jpeg import curves, savings
from rdc.jpeg.curves import Curve
from rdc.report import terminal


@pytest.fixture(autouse=True)
def few_fits(monkeypatch):
    """BD numbers, of which none is printed, without the fits of their intervals."""
    monkeypatch.setattr(curves, "FITTED_RESAMPLES", 1)
    monkeypatch.setattr(curves, "RESAMPLES", 100)


def means(images: pd.DataFrame) -> pd.DataFrame:
    """The columns of ``jpeg`` that are printed."""
    bits = 8 * (images.bytes_scan + images.bytes_huffman_tables) / images.pixels
    return (
        images.assign(bits=bits)
        .groupby(["study", "subsampling", "tables", "quality"], as_index=False, sort=False)
        .agg(psnr=("psnr", "mean"), accuracy=("correct", "mean"), accuracy_judge=("correct_judge", "mean"),
             bpp_scan_dht=("bits", "mean"), n_images=("image", "size"))
    )  # fmt: skip


def printed(*frames: pd.DataFrame) -> list[str]:
    """Lines of one study, counted from ``annex_k``."""
    images = pd.concat(frames)
    compared = pd.DataFrame(
        savings.records(images), columns=list(tables.JpegSavings.to_schema().columns)
    )
    lines = terminal.tables(compared, means(images), {"kodak": {"reference": "annex_k"}})
    assert max(map(len, lines)) <= terminal.WIDTH
    return lines


def read_right(rows: pd.DataFrame, share: float, judge: float | None = None) -> pd.DataFrame:
    """The same with so many of 20 pictures read right at every quality, and bits all of the scan."""
    number = rows.image.astype(int)
    right = pd.DataFrame({"correct": (number < 20 * share).astype(float)})
    right["correct_judge"] = np.nan if judge is None else (number < 20 * judge).astype(float)
    return rows.assign(bytes_scan=rows.bytes_file - 1, **right)


def arm(tables: str, scale: float, part: slice = slice(None)) -> pd.DataFrame:
    whole = logarithmic(scale, pictures=20)
    return rows_of(Curve(whole.bits[:, part], whole.score[:, part]), tables)


@pytest.mark.parametrize("judge", [None, 0.5])
def test_accuracy_at_equal_bits_is_printed_where_a_classifier_reads(judge):
    lines = printed(
        read_right(arm("annex_k", 1.0), 0.6, judge), read_right(arm("read", 1.0), 0.75, judge)
    )
    assert lines[0] == "kodak, 4:2:0, 20 pictures: accuracy at equal bits against Annex K"
    at = next(line for line in lines if line.startswith("bits per pixel")).split()[4:]
    assert len(at) == 4 and 0.2 <= float(at[0]) < float(at[-1]) <= 4
    start = lines.index("  Annex K")
    assert lines[start + 1].split() == ["classifier", *["60.0", "%"] * 4]
    own = lines.index("  read")
    assert lines[own + 1].split() == ["classifier", *["+15.0"] * 4]
    low, _, high = lines[own + 2].split()[:3]
    assert 0 <= float(low) < 15 < float(high) <= 35  # three pictures of 20
    judged = [line.split() for line in lines if line.startswith("    judge")]
    assert judged == (
        [] if judge is None else [["judge", *["50.0", "%"] * 4], ["judge", *["+0.0"] * 4]]
    )
    assert any("% of bytes saved at equal PSNR against Annex K" in line for line in lines)
    assert (terminal.ALIKE in lines) == (judge is not None)  # which reads the same pictures right


def test_without_a_classifier_bytes_alone():
    lines = printed(arm("annex_k", 1.0), arm("tuned", 0.8))
    assert not any("accuracy" in line for line in lines)
    assert lines[3].split()[-2:] == ["20.0", "20.0"] and "tuned: one pair" in lines[3]
    assert "quality with the PSNR of Annex K at" in lines


def test_points_of_comparison_are_reached_by_curves_that_share_any():
    lines = printed(arm("annex_k", 1.0, slice(4, None)), arm("tuned", 0.8, slice(None, 9)))
    assert not any(" - " in f"{line} " for line in lines)
    assert sum(line.endswith("20.0") for line in lines) == 1


def test_what_is_not_reached_is_explained():
    """Eight sets or more do not let one that ends early take every point from the others."""
    many = [arm(f"set{number}", 1.0) for number in range(7)]
    lines = printed(arm("annex_k", 1.0), *many, arm("short", 1.0, slice(None, 4)))
    short = next(line for line in lines if line.startswith("  short"))
    assert short.split()[-1] == "-" and terminal.ABSENT in lines
    assert "-" not in next(line for line in lines if line.startswith("  set3"))


def test_curves_that_share_nothing_and_a_set_alone_are_said():
    low, high = arm("annex_k", 1.0, slice(None, 5)), arm("tuned", 1.0, slice(9, None))
    lines = printed(read_right(low, 0.5), read_right(high, 0.5))
    assert lines[0].endswith("the sets share no rate at which to compare accuracy")
    assert lines[2].endswith("the sets share no PSNR at which to compare bytes")
    assert printed(low)[0] == "kodak, 4:2:0, 20 pictures: Annex K alone, nothing to compare"


def test_a_run_without_rows_of_single_files_or_of_an_older_config_ends_as_well(atlas_run):
    lines = terminal.summary(atlas_run, "report.html").splitlines()
    assert lines[-1] == "Open report.html" and lines[-2].startswith("Claims: ")
    assert max(map(len, lines)) <= terminal.WIDTH
    images = pd.concat([arm("annex_k", 1.0), arm("tuned", 0.8)])
    compared = pd.DataFrame(savings.records(images))
    assert terminal.tables(compared, means(images), {}) == []
    frames = {"jpeg_savings": compared, "claims": atlas_run.frames["claims"]}
    alone = dataclasses.replace(atlas_run, frames=frames)
    assert len(terminal.summary(alone, "report.html").splitlines()) == 2


def test_a_long_name_has_a_line_of_its_own():
    lines = printed(arm("annex_k", 1.0), arm("n" * 200, 0.8))
    assert lines[3] == "  " + "n" * 77 + "…" and lines[4].split()[-1] == "20.0"


def test_qualities_as_good_are_on_each_sets_own_scale():
    rows = [("annex_k", 25, 30.0), ("annex_k", 75, 34.0), ("tuned", 10, 29.0), ("tuned", 30, 33.0)]
    jpeg = pd.DataFrame(rows, columns=["tables", "quality", "psnr"])
    lines = terminal._as_good(jpeg, "annex_k")
    assert lines[1].split() == ["30", "40", "50", "60"]  # 75 is at 34 dB, which the other lacks
    assert lines[2].split()[-4:] == ["17", "21", "25", "29"]
