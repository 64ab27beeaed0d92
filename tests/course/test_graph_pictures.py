"""Tests of the pictures of graphs: what a decoder's path and edges are, is drawn."""

import pytest

from netchat.course.graph_pictures import tanner, trellis
from tests.course.test_pictures import shapes

#: The branches of the convolutional code (7,5): the new bit goes to the front of the state.
BRANCHES = [
    (state, 2 * bit + (state >> 1), f"{state}{bit}", bit == 1)
    for state in range(4)
    for bit in (0, 1)
]
STATES = ("00", "01", "10", "11")


def lines(picture) -> int:
    return picture.svg.count('id="line2d_')


@pytest.mark.parametrize(
    ("steps", "end", "branches", "nodes"),
    [
        (1, None, 2, 3),
        (2, None, 2 + 4, 1 + 2 + 4),
        (3, None, 2 + 4 + 8, 1 + 2 + 4 + 4),
        (3, 0, 2 + 2 + 2, 1 + 2 + 2 + 1),  # the zeros, and one detour
        (5, 0, 2 + 4 + 8 + 4 + 2, 1 + 2 + 4 + 4 + 2 + 1),
    ],
)
def test_only_paths_from_the_first_state_to_the_last_are_drawn(steps, end, branches, nodes):
    picture = trellis(STATES, BRANCHES, steps, end=end)
    assert lines(picture) == branches
    assert shapes(picture).count("#b8d8ec") == nodes
    assert picture.alt == f"A trellis of 4 states and {steps} steps"


def test_a_path_is_emphasised_and_sums_are_written():
    plain = trellis(STATES, BRANCHES, 3, end=0)
    with_path = trellis(
        STATES, BRANCHES, 3, end=0, path=[0, 2, 1, 0], sums={(1, 2): "+7"}, columns=["a", "b", "c"]
    )
    assert plain.svg.count("stroke: #d55e00") == 0
    assert with_path.svg.count("stroke: #d55e00") == 3
    assert len(with_path.svg) > len(plain.svg)


def test_a_tanner_graph_has_an_edge_for_each_bit_of_a_check():
    picture = tanner([[0, 1, 3], [1, 2]], ["0", "?", "1", "0"], marked=[1])
    fills = shapes(picture)
    assert lines(picture) == 5
    assert (fills.count("#d9eefa"), fills.count("#f3c7a8")) == (3, 1)  # bits, and the marked one
    assert fills.count("#b8d8ec") == fills.count("#f9dda6") == 1  # two checks
    assert picture.alt == "4 bits and 2 checks with 5 edges"
    assert tanner([[0]], ["1"], title="One bit").alt == "One bit"
