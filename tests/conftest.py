"""What the tests share: one thread, a small dataset, a frozen classifier and a small config."""

import copy
import os

import pytest
from hypothesis import settings

# A shared machine may take its time; what a test holds is not how fast it is.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported, in the tests

# First, so that no core waits for them at the end.
LONGEST = ("test_demo.py", "test_readme.py", "test_workflow_jpeg.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def digits():
    """scikit-learn's digits, prepared."""
    from rdc.datasets.images import prepare_digits

    return prepare_digits()


@pytest.fixture(scope="session")
def read_digits(tmp_path_factory):
    """A sandbox of TINY with its digits and its classifiers made: to be copied, never run."""
    from sandbox import TINY, Sandbox

    sandbox = Sandbox(tmp_path_factory.mktemp("read_digits"), copy.deepcopy(TINY))
    made = [f"results/tiny/classifiers/digits/{name}.safetensors" for name in TINY["classifiers"]]
    done = sandbox.snakemake(*made)
    assert done.returncode == 0, done.stdout + done.stderr
    return sandbox


@pytest.fixture
def classifier():
    """Zhang's classifier with fixed random weights, frozen and in eval mode."""
    import torch

    from rdc.networks.classifiers import ZhangClassifier

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ZhangClassifier().eval().requires_grad_(False)


@pytest.fixture(scope="session")
def atlas_run(tmp_path_factory):
    """A made-up run with all that the page shows."""
    from atlas_page import realistic

    return realistic(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def atlas_written(atlas_run, tmp_path_factory):
    """Its page."""
    from rdc.report import page

    path = tmp_path_factory.mktemp("page") / "report.html"
    page.write(atlas_run, path)
    return path


@pytest.fixture
def raw():
    """A small complete config as YAML would give it: 2 lambdas x 2 rates x 2 seeds = 8 cells."""
    return {
        "run": "tiny",
        "datasets": {"digits": {"source": "digits", "validation": 200}},
        "classifiers": {
            "zhang": {"architecture": "zhang", "epochs": 2},
            "judge": {"architecture": "judge", "epochs": 2},
        },
        "methods": {
            "rdc": {"weights": {"mse": 1, "nll": "lam"}},
            "plain": {"weights": {"mse": 1}},
        },
        "recipes": {"short": {"epochs": 3, "batch": 32}},
        "studies": {
            "one": {
                "dataset": "digits",
                "classifier": "zhang",
                "width": 0.1,
                "grids": {
                    "plane": {
                        "methods": ["rdc"],
                        "lam": [0.005, 0.015],
                        "dim": 3,
                        "levels": [2, 3],
                        "seeds": [0, 1],
                        "recipe": "short",
                    }
                },
            }
        },
    }
