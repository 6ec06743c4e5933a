"""The JPEG part of a config: a wrong one says where and what is wrong."""

import pytest
from test_config import fault

from rdc import config


def test_jpeg_alone_needs_no_codec():
    tables = {"annex_k": {"shipped": "annex_k"}}
    study = {"folder": "photos", "tables": "annex_k", "qualities": 50}
    found = config.parse({"run": "mine", "jpeg": {"tables": tables, "studies": {"own": study}}})
    assert found.jpeg.studies["own"].pictures_name == "photos"


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"tables": ["anex_k"], "reference": "anex_k"}, "did you mean 'annex_k'?"),
        ({"pictures": "kodak"}, "needs exactly one of 'pictures', 'folder' and 'dataset'"),
        ({"qualities": [0]}, "needs"),
        (
            {"classifier": "mime"},
            "classifier: found 'mime', allowed are mine, large; did you mean 'mine'?",
        ),
        ({"judge": "mine"}, "judge: found mine without a classifier"),
        (
            {"classifier": "mine", "judge": "large"},
            "judge: found side 96, needs the classifier's, 32",
        ),
        ({"folder": None, "pictures": "kodak", "classifier": "mine"}, "which have no classes"),
        ({"folder": None, "pictures": "cifar10"}, "classifier: found none, cifar10 needs one"),
        (
            {"folder": None, "pictures": "cifar10", "classifier": "resnet21", "judge": "resnet56"},
            "resnet20",
        ),
        ({"folder": None, "dataset": "mnist", "classifier": "a", "judge": "b"}, 'need ["4:4:4"]'),
        ({"tables": ["annex_k", "own"]}, "'own' starts from 'tuned', which the study has not"),
        ({"tables": ["annex_k", "read"]}, "'read' needs a classifier, the study has none"),
        ({"ablation": ["flat"]}, "ablation: found ['flat']"),
        ({"reference": "flat"}, "reference: found 'flat', needs one of"),
        ({"folder": None, "pictures": "kodak", "optional": True}, "optional: found true without"),
        (
            {"tables": ["annex_k", "webp"], "subsampling": ["4:2:0", "4:4:4"]},
            "subsampling: found ['4:2:0', '4:4:4'] with 'webp', and webp needs",
        ),
    ],
)
def test_a_faulty_jpeg_study_is_told(changes, message):
    tables = {
        "annex_k": {"shipped": "annex_k"},
        "tuned": {"objective": "rate_distortion"},
        "own": {"objective": "rate_distortion", "per_image": True, "start": "tuned"},
        "read": {"objective": "rate_accuracy"},
        "webp": {"encoder": "webp"},
    }
    classifiers = {"mine": {"file": "a.pt", "side": 32}, "large": {"file": "b.onnx", "side": 96}}
    study = {"folder": "photos", "tables": "annex_k", "qualities": 50} | changes
    jpeg = {"tables": tables, "classifiers": classifiers, "studies": {"own": study}}
    assert message in fault({"run": "mine", "jpeg": jpeg})


@pytest.mark.parametrize(
    "settings, message",
    [
        ({}, "needs exactly one of 'torchvision' and 'file'"),
        ({"file": "a.pt", "torchvision": "resnet50"}, "needs exactly one of"),
        ({"file": "a.pt", "weights": "b.pth"}, "weights: found some for a 'file'"),
        ({"file": "a.pt", "side": 64, "resize": 32}, "resize: found 32, needs at least side (64)"),
        ({"file": "a.pt", "sides": 64}, "did you mean 'side'?"),
        ({"file": "a.pt", "mean": [123.7, 116.3, 103.5]}, "mean.0: found 123.7, needs at most 1"),
        ({"file": "a.pt", "mean": [float("nan"), 0, 0]}, "mean.0: found nan"),
    ],
)
def test_a_faulty_classifier_of_pictures_is_told(settings, message):
    study = {"folder": "photos", "tables": "t", "qualities": 50, "reference": "t"}
    jpeg = {
        "tables": {"t": {"shipped": "flat"}},
        "classifiers": {"mine": settings},
        "studies": {"own": study},
    }
    assert message in fault({"run": "mine", "jpeg": jpeg})


@pytest.mark.parametrize(
    "settings, message",
    [
        ({}, "found none, needs exactly one of shipped, search, objective, encoder"),
        ({"shipped": "flat", "objective": "rate_distortion"}, "found shipped and objective"),
        ({"objective": "rate_distortion", "knots": [80, 20]}, "needs rising qualities"),
        ({"objective": "rate_distortion", "qualities": [90, 10]}, "needs the lower one first"),
        ({"objective": "rate_distortion", "side": 50}, "side"),
        ({"shipped": "flat", "per_image": True}, "per_image: found with 'shipped', which does not"),
        ({"shipped": "annex_k", "steps": 3, "lr": 1}, "steps, lr: found with 'shipped'"),
        (
            {"search": "coordinate_descent", "candidates": 9},
            "candidates: found with 'coordinate_de",
        ),
        ({"shipped": "anex_k"}, "shipped: found 'anex_k', allowed are ahumada, annex_k"),
        ({"objective": "rate_distortion", "start": "rampp"}, "did you mean 'ramp'?"),
        ({"encoder": "webp"}, "reference: found 't', whose tables are each picture's own"),
        ({"objective": "rate_distortion", "per_image": 1}, "per_image: found 1"),
        (
            {"objective": "rate_distortion", "per_image": True, "rate_weight": 2},
            "rate_weight: found 2 with per_image",
        ),
    ],
)
def test_faulty_tables_are_told(settings, message):
    study = {"folder": "photos", "tables": "t", "qualities": 50, "reference": "t"}
    raw = {"run": "mine", "jpeg": {"tables": {"t": settings}, "studies": {"own": study}}}
    assert message in fault(raw)
