"""What is read back from a page that was written before."""

import numpy as np
import pytest
from atlas_page import unpacked

from rdc.report import earlier


def test_data_is_what_the_page_carries_and_nothing_where_there_is_no_page(atlas_written, tmp_path):
    assert earlier.data(atlas_written) == unpacked(atlas_written, "data")
    assert earlier.data(tmp_path / "report.html") == {}


@pytest.mark.parametrize("damage", ["", "<html>", '<script id="packed-data">H4sIAAAA</script>'])
def test_a_damaged_page_is_named(tmp_path, damage):
    (tmp_path / "report.html").write_text(damage)
    with pytest.raises(earlier.PageError, match=r"report\.html: not a page of this project"):
        earlier.data(tmp_path / "report.html")


def test_pictures_come_back_as_they_were_saved_for_cells_of_the_same_key(
    atlas_run, atlas_written, tmp_path
):
    cells = atlas_run.frames["cells"]
    names = list(zip(cells.study, cells.cell, strict=True))
    keys = dict(zip(names, cells.cell_key, strict=True))
    stale, *rest = names
    found = earlier.pictures(earlier.data(atlas_written), keys | {stale: "f" * 16}, tmp_path)
    assert found.keys() == {name for name in rest if name in atlas_run.images}
    for name, path in found.items():
        with np.load(path) as back, np.load(atlas_run.images[name]) as saved:
            count = len(back["labels"])
            assert count == 10
            for kept in ("images", "labels", "predicted", "reconstructions"):
                np.testing.assert_array_equal(back[kept], saved[kept][:count])
