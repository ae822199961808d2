"""Figures of trainings: what they hold is what was measured, and how a line ends says what became of it."""

import numpy as np
import plotly.graph_objects as go
import pytest

from memviz.figures import LearningLine, gradient_over_training, learning_lines
from memviz.theme import SIDE_LOOKS

UPDATES = np.array([0.0, 5.0, 20.0])
VALUES = np.array([0.5, 0.25, 0.125])


def line(side: int = 0, **values: bool) -> LearningLine:
    return LearningLine(side, "AB"[side], f"{'AB'[side]}: a <b>net</b>", UPDATES, VALUES, **values)


@pytest.mark.parametrize("dark", [False, True])
def test_each_network_has_a_line_of_its_looks_and_its_own_colour_and_dash(dark: bool) -> None:
    drawn = go.Figure(learning_lines([line(), line(1)], [("chance", 0.7)], "A title", "loss", 500, dark))
    for side, trace in enumerate(drawn.data[::2]):
        np.testing.assert_array_equal(trace.x, UPDATES)
        np.testing.assert_array_equal(trace.y, VALUES)
        assert (trace.line.color, trace.line.dash) == (SIDE_LOOKS[side].colour(dark), SIDE_LOOKS[side].dash)
        assert "<b>" not in trace.name
    assert len({look.dash for look in SIDE_LOOKS}) == len({look.light for look in SIDE_LOOKS}) == 4
    assert [shape.y0 for shape in drawn.layout.shapes] == [0.7]
    low, high = drawn.layout.yaxis.range
    assert low < 0
    assert high > 0.7


@pytest.mark.parametrize(
    ("values", "symbol", "right"),
    [
        ({"is_over": False}, "circle-open", 500),
        ({"is_over": True, "is_solved": True}, "circle", 20),
        ({"is_over": True, "is_solved": False}, "x", 20),
    ],
)
def test_a_line_ends_in_a_sign_of_what_became_of_it(values: dict[str, bool], symbol: str, right: int) -> None:
    drawn = go.Figure(learning_lines([line(**values)], [], "A title", "score", 500))
    end = drawn.data[1]
    assert (end.marker.symbol, list(end.x), list(end.y)) == (symbol, [20.0], [0.125])
    assert end.text == (" A",)
    assert drawn.layout.xaxis.range[1] == pytest.approx(1.06 * right)


def test_levels_that_nearly_coincide_share_a_label_and_no_number_is_lost() -> None:
    levels = [("chance", 0.5), ("counts as solved", 0.99), ("optimum", 1.0)]
    drawn = go.Figure(learning_lines([line()], levels, "A title", "score", 500))
    labels = [note.text for note in drawn.layout.annotations]
    assert "chance 0.500" in labels
    assert "counts as solved 0.990, optimum 1.00" in labels
    assert [shape.y0 for shape in drawn.layout.shapes] == [0.5, 0.99, 1.0]


def test_lines_that_end_at_nearly_the_same_place_share_a_label() -> None:
    ends = {"A": (20.0, 0.5), "B": (20.0, 0.51), "C": (20.0, 0.9), "D": (10.0, 0.5)}
    lines = [
        LearningLine(side, name, name, np.array([0.0, update]), np.array([0.5, value]))
        for side, (name, (update, value)) in enumerate(ends.items())
    ]
    drawn = go.Figure(learning_lines(lines, [], "A title", "score", 20))
    assert [end.text[0].strip() for end in drawn.data[1::2]] == ["AB", "", "C", "D"]
    again = go.Figure(learning_lines([lines[0]] * 3, [], "A title", "score", 20))
    assert [end.text[0].strip() for end in again.data[1::2]] == ["A", "", ""]


def test_few_updates_are_all_on_the_axis() -> None:
    few = LearningLine(0, "A", "A", UPDATES[:2] / 2.5, VALUES[:2])
    assert go.Figure(learning_lines([few], [], "A title", "loss", 500)).layout.xaxis.dtick == 1
    assert go.Figure(learning_lines([line()], [], "A title", "loss", 500)).layout.xaxis.dtick is None


def test_networks_that_have_not_begun_draw_nothing() -> None:
    empty = LearningLine(0, "A", "A", UPDATES[:0], VALUES[:0], False)
    drawn = go.Figure(learning_lines([empty], [("chance", 0.5)], "A title", "score", 500))
    assert len(drawn.data) == 0
    assert drawn.layout.xaxis.range[1] > 500


def test_a_value_that_is_no_number_leaves_a_gap_and_the_axis_alone() -> None:
    broken = LearningLine(0, "A", "A", UPDATES, np.array([0.5, np.nan, 0.25]))
    drawn = go.Figure(learning_lines([broken], [], "A title", "loss", 500))
    assert drawn.layout.yaxis.range[1] < 1


def test_gradients_of_checkpoints_are_drawn_against_the_lag_on_the_span_that_is_given() -> None:
    first, last = np.array([-8.0, -4.0, 0.0]), np.array([-1.0, -np.inf, 0.0])
    drawn = go.Figure(
        gradient_over_training([("at the start", first), ("update 9", last)], (-9.0, 1.0), "T", "c")
    )
    np.testing.assert_array_equal(drawn.data[0].y, first[::-1])
    assert drawn.data[0].line.width < drawn.data[1].line.width
    assert np.isnan(drawn.data[1].y[1])
    assert list(drawn.data[2].x) == [1]
    assert drawn.data[2].hovertemplate == "exactly 0"
    assert drawn.layout.yaxis.range == (-9.0, 1.0)


def test_the_gradient_stays_where_it_is_however_short_or_long_its_title_becomes() -> None:
    curve = np.log10(np.array([0.1, 1.0]))
    titles = (
        "No gradient",
        "After 12,345 updates the loss’s gradient by c at step 0 is 1.2e−300 times that at step 999",
    )
    heights = {
        gradient_over_training([("at the start", curve)], (-9.0, 1.0), title, "c")["layout"]["height"]
        for title in titles
    }
    assert len(heights) == 1
