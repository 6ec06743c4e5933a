"""Golden dry runs over the whole DAG: edit X, and exactly the jobs Y are to be run again.

The finished run is made up (files of a line, which Snakemake is told to trust), so that a case costs
one dry run; ``test_workflow.py`` holds after a real run that there is nothing to do.
"""

import copy
import os

import dry_runs
import pytest
import yaml
from sandbox import TINY, Sandbox

pytestmark = [pytest.mark.golden, pytest.mark.workflow, pytest.mark.slow]

SHARED = {"dataset": "digits", "classifier": "zhang", "width": 0.1}
SHAPE = {"dim": 2, "levels": 2, "recipe": "short"}
CONFIG = TINY | {
    "methods": TINY["methods"]
    | {
        "na2": {"weights": {"sse": 0.001, "w1_ll": 0.0025, "w1_hh": 0.0035}},
        "rdp": {"weights": {"mse": 1, "w1_pixels": "lam"}},
        "universal": {
            "weights": {"mse": 1, "nll": "lam"},
            "encoder_from": {"method": "rdc", "lam": 0.01},
        },
    },
    "recipes": TINY["recipes"] | {"critics": {"epochs": 2, "batch": 64, "critic": {"lr": 0.0005}}},
    "classifiers": TINY["classifiers"] | {"le": {"architecture": "le", "epochs": 1}},
    "studies": TINY["studies"]
    | {
        "le": SHARED
        | {
            "classifier": "le",
            "grids": {"table3": {"methods": "na2", **SHAPE, "recipe": "critics"}},
        },
        "nguyen": SHARED
        | {
            "grids": {
                "base": {"methods": "rdc", "lam": [0.01], **SHAPE},
                "perception": {"methods": "rdp", "lam": [0.01], **SHAPE, "recipe": "critics"},
                "universal": {"methods": "universal", "lam": [0], **SHAPE},
            }
        },
    },
    "limits": {"gaussian": [{"covariance": 0.5}], "points": 11},
    "jpeg": {
        "tables": {
            "annex_k": {"shipped": "annex_k"},
            "tuned": {"objective": "rate_distortion", "steps": 5},
        },
        "studies": {
            "photographs": {
                "pictures": "photographs",
                "tables": ["annex_k", "tuned"],
                "qualities": [30, 60, 90],
                "subsampling": ["4:2:0", "4:4:4"],
            }
        },
    },
}


def batch(study: str, method: str, levels: int = 2, dither: str = "yes", recipe: str = "short"):
    return f"{study}/{method}_dim=2_levels={levels}_dither={dither}_recipe={recipe}_tier=1_part=0"


RDC2, RDC3 = batch("zhang", "rdc", 2), batch("zhang", "rdc", 3)
VQ = batch("zhang", "vq", dither="no", recipe="lloyd")
NA2 = batch("le", "na2", recipe="critics")
BASE, UNIVERSAL = batch("nguyen", "rdc"), batch("nguyen", "universal")
RDP = batch("nguyen", "rdp", recipe="critics")
NETWORKS = {RDC2, RDC3, NA2, BASE, RDP, UNIVERSAL}
ON_ZHANGS = {RDC2, RDC3, VQ, BASE, RDP, UNIVERSAL}
CODECS = NETWORKS | {VQ}

PREPARE = {"prepare digits"}
PRETRAIN = {f"pretrain digits/{name}" for name in ("zhang", "le", "judge")}
CLEAN = {"gather classifiers"}  # what classifiers make of originals
PAGE = {"claims", "report"}
PAPERS = {f"figures_{paper}" for paper in ("atlas", "le", "nguyen", "zhang")}
MEASURED = {"gather cells", "gather confusion", "gather costs", *PAPERS, *PAGE}
LIMITS = {"limits", "figures_limits", "report"}
ARMS = {f"{name}/{part}" for name in ("annex_k", "tuned") for part in ("420", "444")}
TUNED = {"tuned/420", "tuned/444"}
SAVINGS = {"jpeg_savings", "figures_luo", *PAGE}
JPEG_PAGE = {"gather jpeg", "gather jpeg_images", "figures_atlas"} | SAVINGS
EXAMPLES = {f"jpeg_examples photographs/{part}" for part in ("420", "444")}
JPEG_RATE = {f"jpeg_rate photographs/{part}" for part in ("420", "444")} | {"gather jpeg_rate"}


def evaluated(batches: set) -> set:
    return {f"evaluate {name}" for name in batches} | MEASURED


def trained(batches: set) -> set:
    return {f"train {name}" for name in batches} | {"gather curves"} | evaluated(batches)


def jpeg_measured(arms: set) -> set:
    return {f"jpeg_measure photographs/{arm}" for arm in arms} | JPEG_PAGE


def jpeg_made(arms: set) -> set:
    made = {f"jpeg_tables photographs/{arm}" for arm in arms}
    return made | jpeg_sampled(arms) | EXAMPLES | jpeg_measured(arms)


def jpeg_sampled(arms: set) -> set:
    sampled = {f"jpeg_samples photographs/{arm}" for arm in arms}
    return sampled | {"gather jpeg_samples", "report"}


JPEG = jpeg_made(ARMS) | JPEG_RATE
EVERYTHING = PREPARE | PRETRAIN | CLEAN | trained(CODECS) | LIMITS | JPEG | {"jpeg_recode"}


@pytest.fixture(scope="session")
def pretended(tmp_path_factory) -> Sandbox:
    sandbox = Sandbox(tmp_path_factory.mktemp("golden"), copy.deepcopy(CONFIG))
    for number in range(2):
        picture = sandbox.folder / "mine" / str(number) / "scan.png"
        picture.parent.mkdir(parents=True)
        picture.write_bytes(b"a picture")
    sandbox.pretend()
    return sandbox


@pytest.fixture
def finished(pretended, tmp_path) -> Sandbox:
    """A finished run of the test's own, to be edited."""
    return pretended.copy(tmp_path / "run")


def jobs(sandbox: Sandbox) -> set:
    """The jobs of a dry run, each as its rule and its wildcards' values."""
    planned = sandbox.planned()
    assert set(planned.values()) <= {1}
    return {
        " ".join([rule, "/".join(part.split("=", 1)[1] for part in wildcards.split(", ") if part)])
        .strip()
        for rule, wildcards in planned
    }  # fmt: skip


def test_before_anything_is_made_everything_is_to_be_done(tmp_path):
    assert jobs(Sandbox(tmp_path, copy.deepcopy(CONFIG))) == EVERYTHING


def test_nothing_edited_nothing_to_do(finished):
    assert jobs(finished) == set()


def grid(config: dict, study: str, name: str) -> dict:
    return config["studies"][study]["grids"][name]


EDITS = {
    "a lambda": (
        lambda c: grid(c, "zhang", "plane").update(lam=[0, 0.02]),
        trained({RDC2, RDC3}),
    ),
    "a lambda more, in a batch with room": (
        lambda c: grid(c, "nguyen", "perception").update(lam=[0.01, 0.02]),
        trained({RDP}),
    ),
    "a seed": (lambda c: grid(c, "zhang", "reference").update(seeds=[1]), trained({VQ})),
    "the encoder's lambda of a universal codec": (
        lambda c: (
            c["methods"]["universal"]["encoder_from"].update(lam=0.02),
            grid(c, "nguyen", "base").update(lam=[0.02]),
        ),
        trained({BASE, UNIVERSAL}),
    ),
    "a weight of one method": (
        lambda c: c["methods"]["na2"]["weights"].update(w1_hh=0.004),
        trained({NA2}),
    ),
    "epochs of the networks": (
        lambda c: c["recipes"]["short"].update(epochs=3),
        trained({RDC2, RDC3, BASE, UNIVERSAL}),
    ),
    "iterations of the codebooks": (
        lambda c: c["recipes"]["lloyd"].update(epochs=6),
        trained({VQ}),
    ),
    "the critics' learning rate": (
        lambda c: c["recipes"]["critics"]["critic"].update(lr=0.0004),
        trained({NA2, RDP}),
    ),
    "a classifier's epochs": (
        lambda c: c["classifiers"]["zhang"].update(epochs=2),
        {"pretrain digits/zhang"} | CLEAN | trained(ON_ZHANGS) | evaluated({NA2}),
    ),
    "a classifier's learning rate": (
        lambda c: c["classifiers"]["le"].update(lr=0.002),
        {"pretrain digits/le"} | CLEAN | trained({NA2}) | evaluated(CODECS),
    ),
    "the judge": (
        lambda c: c["classifiers"]["judge"].update(seed=1),
        {"pretrain digits/judge"} | CLEAN | evaluated(CODECS),
    ),
    "images held out": (
        lambda c: c["datasets"]["digits"].update(validation=150),
        PRETRAIN | CLEAN | trained(CODECS),
    ),
    "images held out of the classifiers alone": (
        lambda c: c["datasets"]["digits"].update(classifier_holdout=250),
        PRETRAIN | CLEAN | trained(CODECS),
    ),
    "the dataset": (
        lambda c: c["datasets"].update(digits={"folder": "mine", "validation": 200}),
        PREPARE | PRETRAIN | CLEAN | trained(CODECS),
    ),
    "how codecs are measured": (
        lambda c: c["evaluation"].update(dithers=3),
        evaluated(CODECS),
    ),
    "the limits": (lambda c: c["limits"].update(points=21), LIMITS),
    "one way to make JPEG tables": (
        lambda c: c["jpeg"]["tables"]["tuned"].update(steps=6),
        jpeg_made(TUNED),
    ),
    "the qualities that JPEG is measured at": (
        lambda c: c["jpeg"]["studies"]["photographs"].update(qualities=[30, 90]),
        jpeg_made(ARMS),
    ),
    "the order of the studies": (
        lambda c: c.update(studies=dict(reversed(c["studies"].items()))),
        set(),
    ),
    "cells of a job, where all fit as before": (lambda c: c.update(cells_per_job=5), set()),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_of_the_config(finished, what):
    edit, expected = EDITS[what]
    edit(finished.config)
    assert jobs(finished) == expected


def test_a_comment_in_the_config(finished):
    text = yaml.safe_dump(finished.config, sort_keys=False)
    (finished.folder / "tiny.yaml").write_text(f"# why these cells\n{text}\n# end\n")
    words = ["-n", "--cores", "2", "--configfile", "tiny.yaml"]
    assert "Nothing to be done" in dry_runs.snakemake(words, finished.folder)


CODE = {
    "rdc/objective.py": trained(CODECS),
    "rdc/loop.py": trained(CODECS),
    "rdc/limits/codebooks.py": trained(CODECS),  # one script trains both kinds
    "rdc/pretraining.py": PRETRAIN | CLEAN | trained(CODECS),
    "rdc/bitstream/stream.py": evaluated(CODECS),
    "rdc/datasets/images.py": EVERYTHING - {"limits", "figures_limits", "jpeg_recode"},
    "rdc/jpeg/rate.py": JPEG,
    "rdc/jpeg/search.py": jpeg_made(ARMS),
    "rdc/jpeg/curves.py": SAVINGS,
    "rdc/jpeg/standard.py": JPEG,
    "rdc/jpeg/estimates.py": JPEG_RATE | {"figures_luo", *PAGE},
    "rdc/figures/zhang.py": {"figures_zhang", "report"},
    "rdc/figures/luo.py": {"figures_luo", "report"},
    "rdc/figures/style.py": PAPERS | {"figures_limits", "figures_luo", "report"},
    "rdc/limits/gaussian.py": LIMITS | {"claims"},
    "rdc/claims.py": PAGE,
    "rdc/queries/luo.py": PAGE,
    "config/claims.yaml": PAGE,
    "rdc/jpeg/recode.py": {"jpeg_recode"},
    "rdc/jpeg/tables/luo.qtables": JPEG,
    "rdc/fitting/networks.py": trained(CODECS),
    "rdc/checkpoints.py": trained(CODECS),
    "rdc/networks/stored.py": trained(CODECS),
    "rdc/measurement.py": evaluated(CODECS),
    "rdc/measuring.py": evaluated(CODECS),
    "rdc/datasets/warped.py": trained(CODECS),
    "rdc/readers.py": PRETRAIN | CLEAN | trained(CODECS),
    "rdc/report/page.py": {"report"},
    "rdc/report/terminal.py": {"report"},
    "rdc/report/planes.js": {"report"},
    "rdc/report/page.html.j2": {"report"},
    "workflow/scripts/train.py": trained(CODECS),
    "workflow/scripts/evaluate.py": evaluated(CODECS),
    "workflow/scripts/limits.py": LIMITS,
    "workflow/scripts/jpeg_measure.py": jpeg_measured(ARMS),
    "workflow/scripts/jpeg_rate.py": JPEG_RATE | {"figures_luo", *PAGE},
    "workflow/scripts/figures_le.py": {"figures_le", "report"},
    "workflow/rules/codecs.smk": set(),
    "rdc/so_far/rows.py": set(),
}


@pytest.mark.parametrize("file", CODE)
def test_an_edit_of_the_code(finished, file):
    with open(finished.folder / file, "a") as stream:
        stream.write("\n# edited\n" if not file.endswith("j2") else "\n<!-- edited -->\n")
    assert jobs(finished) == CODE[file]


def test_an_edit_that_is_older_than_the_results(finished):
    """As rsync and tar leave it, or an editor while a job ran."""
    edited = finished.folder / "rdc" / "objective.py"
    edited.write_text(edited.read_text() + "# edited\n")
    os.utime(edited, (0, 0))
    assert jobs(finished) == trained(CODECS)


def test_a_file_that_is_only_newer(finished):
    (finished.folder / "rdc" / "objective.py").touch()
    assert jobs(finished) == set()


def test_a_figure_that_is_gone_is_drawn_again(finished):
    (finished.results / "figures" / "le_plane.png").unlink()
    assert jobs(finished) == {"figures_le", "report"}


def test_codecs_that_are_gone_while_their_rows_are_there_are_not_missed(finished):
    (finished.results / "codecs" / RDC3).rename(finished.folder / "away")
    assert jobs(finished) == set()


def test_a_picture_more_in_a_users_folder(finished):
    finished.config["datasets"]["digits"] = {"folder": "mine", "validation": 200}
    assert finished.snakemake("--touch", "--forceall").returncode == 0
    (finished.folder / "mine" / "1" / "another.png").write_bytes(b"another picture")
    assert jobs(finished) == PREPARE | PRETRAIN | CLEAN | trained(CODECS)
