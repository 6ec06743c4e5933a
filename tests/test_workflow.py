"""The workflow run for real on a config of seconds."""

import copy
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from atlas_page import unpacked
from sandbox import TINY, Sandbox

from rdc import tables
from rdc.datasets.labelled import SPLITS

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

GATHERED = {("gather", f"table={t}") for t in ("cells", "costs", "curves", "confusion")}
DOWNSTREAM = {*GATHERED, ("claims", ""), ("figures_zhang", ""), ("report", "")}
DOWNSTREAM |= {("figures_atlas", "")}


def batch(rule: str, method: str, levels: int, dither: str, recipe: str) -> tuple[str, str]:
    name = f"{method}_dim=2_levels={levels}_dither={dither}_recipe={recipe}_tier=1_part=0"
    return rule, f"study=zhang, batch={name}"


RDC2 = [batch(rule, "rdc", 2, "yes", "short") for rule in ("train", "evaluate")]
RDC3 = [batch(rule, "rdc", 3, "yes", "short") for rule in ("train", "evaluate")]
VQ = [batch(rule, "vq", 2, "no", "lloyd") for rule in ("train", "evaluate")]


@pytest.fixture(scope="module")
def finished(read_digits, tmp_path_factory) -> Sandbox:
    sandbox = read_digits.copy(tmp_path_factory.mktemp("finished 'n whole"))  # a blank and a quote
    done = sandbox.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "results/tiny/report.html" in done.stderr + done.stdout
    return sandbox


def test_tables_have_a_row_for_each_cell_and_split(finished):
    cells = tables.read("cells", finished.results / "tables" / "cells.parquet")
    assert len(cells) == 5 * 3
    assert set(cells.split) == set(SPLITS)
    test = cells[cells.split == "test"]
    assert (test.n_images == 360).all()
    assert (test.coded_bits >= test.entropy_bits).all()
    assert (test.entropy_bits <= 1.2 * test.rate_bits + 0.2).all()
    assert test[test.method == "rdc"].dither.all()
    assert not test[test.method == "vq"].dither.any()
    assert json.loads(test[test.lam == 0.01].weights.iloc[0]) == {"mse": 1.0, "nll": 0.01}
    for table in ("costs", "curves", "confusion", "classifiers", "claims"):
        assert len(tables.read(table, finished.results / "tables" / f"{table}.parquet"))


def test_claims_of_another_dataset_are_not_testable(finished):
    claims = tables.read("claims", finished.results / "tables" / "claims.parquet")
    measured_on_mnist = claims[claims.claim.str.contains("98.7")]
    assert (measured_on_mnist.verdict == "not testable at this scale").all()
    assert measured_on_mnist.note.str.contains("mnist").all()


def test_report_is_one_offline_file(finished):
    path = finished.results / "report.html"
    page = path.read_text()
    assert len(unpacked(path, "drawings")) == 11
    for fetched in ("<script src", "@import", '<img src="http', '<link rel="stylesheet"'):
        assert fetched not in page
    assert "MSE" in page and "not testable at this scale" in page
    assert all(row in page for row in ("<td>train</td>", "<td>evaluate</td>"))  # from benchmarks
    points = unpacked(path, "data")["codecs"]["points"]
    assert len(points) == 5 and all(cell["png"] for point in points for cell in point["cells"])


def test_snakemakes_own_report_is_written_with_our_captions(finished):
    done = finished.snakemake("--report", "snakemake.html")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (finished.folder / "snakemake.html").read_text()
    said = ("measured by one evaluator", "The atlas", "Zhang, RDC", "Fig 3a. Each point is a codec")
    for text in said:  # of the report as a whole, a category, a subcategory, a figure
        assert text in page, text


def test_a_page_of_what_is_there_so_far_is_the_page_of_the_run(finished, tmp_path):
    copied = tmp_path / "tiny"
    shutil.copytree(finished.results, copied)
    (copied / "report.html").unlink()
    for path in (copied / "tables").glob("*.parquet"):
        if path.stem != "limits":  # which no parts are of
            path.unlink()
    done = finished.run("-m", "rdc.so_far", str(copied), "--config", "tiny.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    whole = unpacked(finished.results / "report.html", "data")
    assert unpacked(copied / "report.html", "data") == whole
    assert len(unpacked(copied / "report.html", "drawings")) == 11


def test_a_new_machine_names_what_the_committed_rows_lack(finished, tmp_path):
    committed = tmp_path / "tiny"
    for part in ("tables", "datasets", "classifiers"):
        shutil.copytree(finished.results / part, committed / part)
    asked = ("-m", "rdc.so_far", str(committed), "--config", "tiny.yaml", "--left")
    assert finished.run(*asked).stdout.split() == []
    cells = tables.read("cells", committed / "tables" / "cells.parquet")
    lost = cells.cell.iloc[-1]
    tables.write("cells", cells[cells.cell != lost], committed / "tables" / "cells.parquet")
    (target,) = finished.run(*asked).stdout.split()
    batch = Path(target).relative_to(committed / "parts" / "cells").with_suffix("")
    assert (finished.results / "measured" / batch / f"{lost}.images.npz").is_file()
    (committed / "datasets" / "digits.npz").unlink()
    (committed / "parts").mkdir()
    for command in (asked, asked[:-1]):  # nor are rows thrown away whose keys cannot be known
        refused = finished.run(*command)
        assert refused.returncode == 1
        assert "digits.npz: no such prepared dataset" in refused.stderr
    kept = tables.read("cells", committed / "tables" / "cells.parquet")
    assert len(kept) == (cells.cell != lost).sum()


def test_a_page_of_rows_and_a_page_alone_is_the_page_of_the_run(finished, tmp_path):
    """A new machine has what git holds, and measured one batch itself."""
    committed = tmp_path / "tiny"
    for part in ("tables", "figures", "datasets", "classifiers"):
        shutil.copytree(finished.results / part, committed / part)
    shutil.copy(finished.results / "report.html", committed)
    (here, *_) = sorted((finished.results / "measured" / "zhang").iterdir())
    shutil.copytree(here, committed / "measured" / "zhang" / here.name)
    for table in ("cells", "confusion", "costs", "curves"):
        part = Path("parts", table, "zhang", f"{here.name}.parquet")
        (committed / part).parent.mkdir(parents=True)
        shutil.copy(finished.results / part, committed / part)
    done = finished.run("-m", "rdc.so_far", str(committed), "--config", "tiny.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    whole = unpacked(finished.results / "report.html", "data")
    assert unpacked(committed / "report.html", "data") == whole
    for table in ("cells", "claims"):
        file = Path("tables", f"{table}.parquet")
        assert (committed / file).read_bytes() == (finished.results / file).read_bytes()
    drawn = sorted((finished.results / "figures").glob("*.png"))
    assert drawn
    for path in drawn:
        assert (committed / "figures" / path.name).read_bytes() == path.read_bytes(), path


@pytest.mark.golden
def test_the_command_on_the_page_makes_that_cell(finished, tmp_path):
    fresh = Sandbox(tmp_path, copy.deepcopy(finished.config))
    points = unpacked(finished.results / "report.html", "data")["codecs"]["points"]
    point = next(point for point in points if point["method"] == "rdc" and point["levels"] == 3)
    command = shlex.split(point["cells"][0]["command"])
    assert command[:3] == ["snakemake", "--cores", "all"]
    done = fresh.run("-m", "snakemake", *command[1:], "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rule train:") == done.stdout.count("rule evaluate:") == 1
    assert "levels=3" in done.stdout and "rule report:" not in done.stdout


def test_same_seed_same_bytes(finished, tmp_path):
    again = Sandbox(tmp_path, copy.deepcopy(TINY))
    folder = finished.results / "tables"
    made = [folder / f"{name}.parquet" for name in ("cells", "curves", "confusion")]
    made += sorted((finished.results / "figures").iterdir())
    names = [str(path.relative_to(finished.folder)) for path in made]
    assert again.snakemake(*names).returncode == 0
    for name in names:
        assert (again.folder / name).read_bytes() == (finished.folder / name).read_bytes(), name


def test_after_a_run_nothing_is_left_to_do(finished):
    """What an edit makes it do is held by test_golden.py, on made-up results."""
    assert not finished.planned()


def test_after_a_run_an_edited_lambda_reruns_its_batch(finished):
    edited = copy.copy(finished)
    edited.config = copy.deepcopy(finished.config)
    edited.config["studies"]["zhang"]["grids"]["plane"]["lam"] = [0, 0.02]
    assert set(edited.planned()) == {*RDC2, *RDC3, *DOWNSTREAM}


def test_a_batch_with_one_edited_cell_trains_one_cell(read_digits, tmp_path):
    sandbox = read_digits.copy(tmp_path)
    sandbox.config["studies"]["zhang"]["grids"]["plane"]["levels"] = [2]
    target = "trained"
    assert sandbox.snakemake(target).returncode == 0
    sandbox.config["studies"]["zhang"]["grids"]["plane"]["lam"] = [0, 0.02]
    assert sandbox.snakemake(target).returncode == 0
    log = sandbox.log(
        "train", "zhang", "rdc_dim=2_levels=2_dither=yes_recipe=short_tier=1_part=0.log"
    )
    assert "lam=0_dim=2_levels=2_dither=yes_recipe=short_seed=0 is trained already" in log
    assert log.count("epoch 2/2") == 1
    assert "lam=0.02" in log.split("epoch 2/2")[0]


def test_cells_trained_without_snakemake_are_found_trained(read_digits, tmp_path):
    sandbox = read_digits.copy(tmp_path)
    alone = sandbox.run(
        "-m", "rdc.training", "--config", "tiny.yaml", "--cells", "rdc*levels=2*",
        "--out", "results/tiny",
    )  # fmt: skip
    assert alone.returncode == 0, alone.stderr
    assert len(re.findall(r"rdc_\S+ epoch 2/2", alone.stdout)) == 2
    assert sandbox.snakemake("trained").returncode == 0
    log = sandbox.log(
        "train", "zhang", "rdc_dim=2_levels=2_dither=yes_recipe=short_tier=1_part=0.log"
    )
    assert log.count("is trained already") == 2


def test_nothing_of_the_default_config_leaks_into_another(tmp_path):
    sandbox = Sandbox(tmp_path, copy.deepcopy(TINY))
    jobs = set(sandbox.planned())
    batches = {wildcards for rule, wildcards in jobs if rule == "train"}
    assert batches == {RDC2[0][1], RDC3[0][1], VQ[0][1]}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda c: c.update(stdies={}), ["stdies: unknown key", "did you mean 'studies'?"]),
        (
            lambda c: c["studies"]["zhang"]["grids"]["plane"].update(lam=[-1]),
            ["studies.zhang.grids.plane.lam.0", "found -1", "0 or more"],
        ),
        (
            lambda c: c["studies"]["zhang"]["grids"]["plane"].update(levels=1),
            ["studies.zhang.grids.plane.levels.0", "found 1", "at least 2"],
        ),
        (
            lambda c: c["studies"]["zhang"]["grids"]["plane"].update(methods="rcd"),
            ["studies.zhang.grids.plane.methods", "'rcd'", "did you mean 'rdc'?"],
        ),
        (
            lambda c: c["studies"]["zhang"].update(dataset="digit"),
            ["studies.zhang.dataset", "'digit'", "did you mean 'digits'?"],
        ),
    ],
)
def test_a_wrong_config_is_one_clear_message(tmp_path, edit, words):
    sandbox = Sandbox(tmp_path, copy.deepcopy(TINY))
    edit(sandbox.config)
    done = sandbox.snakemake()
    output = done.stdout + done.stderr
    assert done.returncode != 0
    for word in words:
        assert word in output
    assert "Traceback" not in output
    assert not (sandbox.folder / "results").exists()


def test_results_that_cannot_be_written(tmp_path):
    sandbox = Sandbox(tmp_path, copy.deepcopy(TINY))
    (sandbox.folder / "results").write_text("in the way")
    done = sandbox.snakemake()
    assert done.returncode != 0
    assert "results/tiny: cannot be a folder, since" in done.stdout + done.stderr
    assert (sandbox.folder / "results").read_text() == "in the way"
