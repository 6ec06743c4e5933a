"""A JPEG study needs as much memory for many pictures as for few."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sandbox import ROOT

STUDY = """
import resource, sys
from rdc.datasets import catalogue
from rdc.jpeg import coders, estimates, measurement, readers, settings, standard
catalogue.KEPT = 30_000_000
study = settings.Study(folder=sys.argv[1], tables="annex_k", qualities=50, at_most=int(sys.argv[2]))
files = readers.Files()
own, measured = readers.tuned_on(study, files), readers.measured_on(study, files)
readers.crops(study, own, 40, 96, 0)
coder = coders.scaled(standard.named("annex_k"), "4:2:0")
rows = measurement.records(measured, coder, [50], {}, threads=2)
print(len(rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path):
    """32 more of 9 MB are 288 MB, and as many again once they are decoded."""
    levels = np.add.outer(np.arange(1500) % 256, np.arange(2000) % 256)[..., None] + [0, 40, 80]
    Image.fromarray((levels // 3).astype(np.uint8)).save(tmp_path / "00.jpg")
    for number in range(1, 36):
        os.link(tmp_path / "00.jpg", tmp_path / f"{number:02d}.jpg")
    peaks = []
    for count in (2, 18):
        done = subprocess.run(
            [sys.executable, "-c", STUDY, str(tmp_path), str(count)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        measured, peak = map(int, done.stdout.split())
        assert measured == count
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 80, peaks
