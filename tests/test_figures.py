"""Every figure from tables of few cells: drawn, labelled, and telling its cells apart."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sandbox import ROOT

from rdc.figures import atlas, jpeg_sets, le, luo, nguyen, style, zhang
from rdc.figures import published as papers

PUBLISHED = ROOT / "config" / "published"
RATES = {(3, 2): 3.0, (3, 3): 4.754888, (4, 4): 8.0}


def cell(study, method, lam=0.01, shape=(3, 3), dither=True, seed=0, recipe="ours", **numbers):
    return {
        "study": study,
        "cell": f"{method}_{lam}_{shape}_{dither}_{seed}",
        "split": "test",
        "dataset": "mnist",
        "method": method,
        "recipe": recipe,
        "lam": lam,
        "dim": shape[0],
        "levels": shape[1],
        "dither": dither,
        "rate_bits": RATES[shape],
        "entropy_bits": RATES[shape] - 0.1,
        "seed": seed,
        "classifier": "le" if study == "le" else "zhang",
        "mse": 0.04,
        "nll_nats": 0.3,
        "accuracy": 0.9,
        "accuracy_judge": 0.88,
        "accuracy_clean": 0.99,
        "w1_critic": 2.0,
        "w1_fresh": 1.0,
        "sliced_w1": 0.05,
        "steps": 100,
        "epochs": 3,
    } | numbers


CELLS = pd.DataFrame(
    [cell("zhang", m, lam, mse=0.04 + lam) for m in zhang.READINGS for lam in (0.005, 0.015)]
    + [cell("zhang", "rdc", 0.005, (3, 2), mse=0.05), cell("zhang", "vq", np.nan, dither=False)]
    + [cell("zhang", "class_vq", 0.01, dither=False, accuracy=0.95)]
    + [cell("zhang", "rdc", 0.015, seed=s, mse=0.05 + s / 100) for s in (1, 2)]
    + [cell("zhang", "rdc", 0.005, dither=False, recipe="expected")]
    + [cell("le", m, np.nan, (4, 4), mse=0.03) for m in le.MAIN]
    + [cell("le", "only_comp", np.nan, (4, 4), dither=False, mse=0.02)]
    + [cell("nguyen", m, lam, mse=0.04 + lam) for m in ("rdc", "universal_rdc", "rdp", "universal_rdp")
       for lam in (0.0, 0.015)]
)  # fmt: skip
CONFUSION = pd.DataFrame(
    {"study": row.study, "cell": row.cell, "classifier": reader, "label": i, "predicted": j,
     "share": 0.91 if i == j else 0.01, "n_images": 100}
    for row in CELLS.itertuples()
    for reader in ("zhang", "le", "judge")
    for i, j in itertools.product(range(10), repeat=2)
)  # fmt: skip
CURVES = pd.DataFrame(
    {"study": row.study, "cell": row.cell, "epoch": epoch, "split": split, "term": term,
     "value": 1 / epoch}
    for row in CELLS.itertuples()
    for epoch, split, term in itertools.product(
        (1, 2, 3), ("train", "validation"), ("mse", "nll", "sse"))
)  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A file of saved reconstructions for each cell; every second digit is misread."""
    folder = tmp_path_factory.mktemp("images")
    labels = np.arange(10)
    pictures = np.random.default_rng(0).integers(0, 255, (10, 28, 28), dtype=np.uint8)
    paths = {}
    for name in CELLS.cell:
        paths[name] = folder / f"{len(paths)}.npz"
        np.savez(paths[name], images=pictures, reconstructions=pictures, labels=labels,
                 predicted=labels + labels % 2)  # fmt: skip
    return paths


def own(frame, study):
    return frame[frame.study == study]


def published(name, given):
    frame = pd.read_csv(PUBLISHED / name)
    return frame if given else frame.iloc[:0]


def drawn(name, images, given=True, cells=CELLS):
    module, _, figure = name.partition("/")
    if module == "atlas":
        theirs = papers.points(PUBLISHED) if given else None
        return atlas.draw(figure, cells, CONFUSION, published=theirs)
    if module == "zhang":
        frames = {"cells": own(cells, "zhang"), "curves": own(CURVES, "zhang")}
        return zhang.draw(figure, frames, images)
    if module == "le":
        frames = {"cells": own(cells, "le"), "confusion": own(CONFUSION, "le")}
        return le.draw(figure, frames, published("le-table3.csv", given), images)
    points = published("nguyen-figures.csv", given)
    return nguyen.draw(figure, own(cells, "nguyen"), points, images)


FIGURES = [
    f"{module.__name__.rpartition('.')[2]}/{name}"
    for module in (atlas, zhang, le, nguyen)
    for name in module.NAMES
]


@pytest.mark.parametrize("given", [True, False], ids=["published", "alone"])
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_written_and_its_axes_are_named(name, given, images, tmp_path):
    figure = drawn(name, images, given)
    plots = [ax for ax in figure.axes if ax.lines and ax.axison]
    for column in plots:
        row = [ax for ax in plots if ax.get_position().y0 == column.get_position().y0]
        assert any(ax.get_ylabel() or ax.get_yticklabels()[0].get_text() for ax in row), name
    assert any(ax.get_xlabel() for ax in plots) or not plots
    style.write(figure, tmp_path / "figure.svg", tmp_path / "figure.png")
    assert (tmp_path / "figure.svg").stat().st_size > 1000
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", FIGURES)
def test_a_run_without_the_papers_cells_says_so_instead_of_failing(name, images):
    other = CELLS.assign(study="another").iloc[:0]
    figure = drawn(name, images, cells=other)
    assert any("No " in text.get_text() for ax in figure.axes for text in ax.texts)
    plt.close(figure)


def test_table_3_keeps_codecs_without_dither_apart(images):
    (table,) = drawn("le/table3", images).axes[0].tables
    lines = {
        table[i, 0].get_text().get_text(): table[i, 4].get_text().get_text() for i in range(1, 8)
    }
    name = style.method_name("only_comp")
    assert lines[name] == "0.0300" and lines[f"{name}, no dither"] == "0.0200"
    theirs = {
        table[i, 0].get_text().get_text(): table[i, 2].get_text().get_text() for i in range(1, 8)
    }
    assert theirs[name] == "85.7%" and theirs[f"{name}, no dither"] == "–"


def test_table_3s_picture_has_intervals_over_seeds(images):
    noisy = pd.concat([CELLS, CELLS.assign(seed=1, accuracy=CELLS.accuracy + 0.01)])
    for cells, bars in ((CELLS, 0), (noisy, 1)):
        figure = drawn("le/plane", images, cells=cells)
        sides = [c.lines[2][1] for ax in figure.axes for c in ax.containers if c.has_yerr]
        lengths = [
            np.ptp(line[:, 1]) for side in sides for line in side.get_segments() if len(line)
        ]
        assert any(length > 0 for length in lengths) == bars
        plt.close(figure)


def savings(*rows):
    columns = ["study", "tables", "over", "measure", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns).assign(subsampling="4:2:0", at=np.nan)


def test_savings_are_counted_from_baselines_and_to_the_right_is_better():
    rows = [("own", t, o, "bd_rate", s * 20, s * 20 - 1, s * 20 + 1)
            for t, o, s in (("tuned", "annex_k", -1), ("annex_k", "tuned", 1))]  # fmt: skip
    rows += [("own", "tuned", "annex_k", "bd_accuracy", np.nan, np.nan, np.nan)]
    rows += [("still", "flat", "annex_k", "bd_rate", 0.0, 0.0, 0.0)]
    figure = luo.draw("savings", {"savings": savings(*rows)}, {}, {})
    panels = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_ylabel() for ax in panels] == ["own, 4:2:0", "still, 4:2:0"]
    assert [text.get_text() for text in panels[0].texts] == ["+20.0"]  # bytes saved
    plt.close(figure)
    nothing = savings(("own", "tuned", "annex_k", "bd_accuracy", np.nan, np.nan, np.nan))
    figure = luo.draw("savings", {"savings": nothing}, {}, {})
    assert any("No " in text.get_text() for ax in figure.axes for text in ax.texts)
    plt.close(figure)


def test_no_two_methods_look_alike_and_each_looks_the_same_beside_any():
    assert style.looks(["na2"])["na2"] == style.looks(["rdc", "na2", "mine"])["na2"]
    looks = atlas._looks(pd.DataFrame({"method": list(style.METHOD_NAMES)}))
    seen = {(look["color"], look["marker"]) for look in looks.values()}
    assert (
        len(seen) == len(looks) == len(style.METHOD_NAMES) - len(style.CODEBOOKS)
    )  # codebooks have their own


def test_a_codec_that_is_far_off_is_named_and_the_planes_keep_their_scale(images):
    broken = CELLS[(CELLS.study == "le") & (CELLS.split == "test")].iloc[:1]
    rate = broken.rate_bits.item()
    book = CELLS[CELLS.method == "vq"].iloc[:1].assign(rate_bits=rate, mse=0.03, split="test")
    broken = broken.assign(method="na3_printed", mse=0.9, cell="broken")
    worse = broken.assign(mse=0.95, seed=1, recipe="another")
    figure = drawn("atlas/planes", images, cells=pd.concat([CELLS, book, broken, worse]))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any(
        "NA3 as printed" in line and "off the scale:" in line and ": 0.900 to 0.950" in line
        for line in words
    )
    assert max(ax.get_xlim()[1] for ax in figure.axes if ax.axison) < 0.5
    plt.close(figure)


def test_the_plane_reads_every_codec_by_one_classifier():
    test = CELLS.assign(rate=CELLS.rate_bits)
    confusion = CONFUSION.copy()
    mine = (confusion.classifier == "zhang") & (confusion.study == "le")
    confusion.loc[mine & (confusion.label == confusion.predicted), "share"] = 0.5
    found = pd.Series(atlas._accuracy(test, confusion, "zhang"), index=test.study)
    np.testing.assert_allclose(found["le"], 0.5)
    np.testing.assert_allclose(found["zhang"], 0.91)


def test_a_set_of_tables_looks_the_same_beside_any_and_like_no_other():
    known = ["annex_k", "flat", "tuned", "luo"]
    looks = jpeg_sets.looks([*known, "holiday", "mine"])
    assert looks["tuned"] == jpeg_sets.looks(["tuned", "webp"])["tuned"]
    assert len(set(looks.values())) == 6
    alike = jpeg_sets.looks(
        ["tuned_own", "tuned_accuracy_own", "tuned_cubic"]
    )  # never in one study of ours
    assert len(set(alike.values())) == 3
    assert len(jpeg_sets.looks(map(str, range(40)))) == 40  # more than there are looks


def test_names_of_points_run_into_no_mark_and_no_other_name():
    figure, axes = plt.subplots()
    x, y = [0.1, 0.101, 0.1, 0.5, 0.51], [1, 1.01, 1.03, 2, 2]
    axes.plot(x, y, "o")
    axes.axvline(0.3)
    style.name_points(
        axes, [(*at, f"{index / 100}") for index, at in enumerate(zip(x, y, strict=True))]
    )
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == len(x)
    for index, box in enumerate(boxes):
        assert box.count_overlaps(boxes[:index] + boxes[index + 1 :]) == 0
        assert not box.count_contains(axes.transData.transform(list(zip(x, y, strict=True))))
    style.name_points(axes, [])
    plt.close(figure)
