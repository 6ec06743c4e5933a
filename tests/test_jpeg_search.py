"""Sorted random search: what it draws, which it keeps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rdc.jpeg import search, standard


@given(st.integers(0, 2**32 - 1))
def test_candidates_rise_along_the_zigzag_within_the_ranges(seed):
    tables = search.candidate(np.random.default_rng(seed))
    assert tables.shape == (3, 8, 8) and tables.dtype.kind == "i"
    along = tables.reshape(3, 64)[:, standard.ZIGZAG]
    assert (np.diff(along, axis=1) >= 0).all()
    assert along.min() >= 1 and along.max() <= 225


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_the_front_is_what_no_other_beats_on_both(pairs):
    points = np.array(pairs, dtype=float)
    front = search.pareto(points)
    for row, (size, accuracy) in enumerate(points):
        beaten = any(
            (other[0] <= size and other[1] > accuracy) or (other[0] < size and other[1] >= accuracy)
            for other in points
        )
        same = any((points[kept] == points[row]).all() for kept in front)
        assert same != beaten


def test_the_search_confirms_its_front_on_more_images():
    asked = []

    def trial(tables, count):
        asked.append(count)
        return float(10_000 / tables.mean()), 1 / (1 + abs(tables.mean() - 40) / 50)

    front, points = search.sorted_random(trial, 50, 5, 80, seed=0)
    assert asked.count(5) == 50 and asked.count(80) >= len(front) >= 1
    assert (np.diff(points[:, 0]) > 0).all() and (np.diff(points[:, 1]) > 0).all()
    chosen = search.as_table_set(front, points, points[-1, 0])
    np.testing.assert_array_equal(chosen.at(50), front[-1])


def test_three_tables_go_into_a_real_file():
    tables = search.candidate(np.random.default_rng(0))
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    assert standard.decode(standard.encode(image, tables, "4:2:0")).shape == (32, 32, 3)
