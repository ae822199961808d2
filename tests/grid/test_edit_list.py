"""The list of edits: as short as what it does, and what it does is what was asked for."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memviz.edits import Edit, SetWeight, SwapUnits, ZeroBlock, apply, fitting
from memviz.grid import Edits, with_swap, with_weight, with_zeros
from memviz.network import Network
from tests import oracles

HIDDEN = 3
DRAWN = Network("lstm", oracles.as_torch(oracles.parameters("lstm", 2, HIDDEN, 0)))
CELL = ("weight_hh", 4, 2)
OF = "lstm-3"
FORGET = ZeroBlock("weight_hh", "forget")


def values(edits: Edits) -> dict[str, torch.Tensor]:
    return dict(apply(DRAWN, edits).parameters)


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in other)


def test_a_cell_that_is_edited_twice_is_one_edit_and_edited_back_is_none() -> None:
    drawn = float(DRAWN.parameters["weight_hh"][4, 2])
    other = SetWeight("bias_ih", 0, None, 1.0)
    once = with_weight(DRAWN, (other,), *CELL, 0.5)
    assert once == (other, SetWeight(*CELL, 0.5, OF))
    assert with_weight(DRAWN, once, *CELL, 0.75) == (other, SetWeight(*CELL, 0.75, OF))
    assert with_weight(DRAWN, once, *CELL, drawn) == with_weight(DRAWN, once, *CELL, None) == (other,)
    assert with_weight(DRAWN, (), *CELL, drawn) == ()


def test_after_a_block_of_zeros_a_weight_goes_back_to_what_was_drawn_by_an_edit() -> None:
    drawn = float(DRAWN.parameters["weight_hh"][4, 2])
    zeroed = with_zeros(DRAWN, (SetWeight(*CELL, 9.0), SetWeight("weight_hh", 0, 0, 5.0)), [FORGET])
    assert zeroed == (SetWeight("weight_hh", 0, 0, 5.0), FORGET)  # the block covers the first
    back = with_weight(DRAWN, zeroed, *CELL, None)
    assert back == (*zeroed, SetWeight(*CELL, drawn, OF))
    assert with_weight(DRAWN, back, *CELL, 0.0) == zeroed
    assert with_zeros(DRAWN, back, [FORGET]) == zeroed
    assert with_zeros(DRAWN, zeroed, [FORGET]) == zeroed


def test_an_edit_before_a_swap_stays_where_it_was_made() -> None:
    edits = with_swap(DRAWN, with_weight(DRAWN, (), "bias_ih", 0, None, 7.0), 1, 0)
    assert edits == (SetWeight("bias_ih", 0, None, 7.0, OF), SwapUnits(0, 1))
    assert values(edits)["bias_ih"][1] == 7.0
    after = with_weight(DRAWN, edits, "bias_ih", 0, None, 3.0)
    assert values(after)["bias_ih"][:2].tolist() == [3.0, 7.0]
    assert with_swap(DRAWN, edits, 0, 1) == edits[:-1]


def test_edits_that_do_not_fit_are_named_and_the_others_applied() -> None:
    edits: Edits = (
        SetWeight("weight_ih", 0, 9, 1.0),
        SetWeight(*CELL, 0.5),
        ZeroBlock("weight_hh", "reset"),
        SwapUnits(0, 7),
    )
    kept, misfits = fitting(DRAWN, edits)
    assert kept == (SetWeight(*CELL, 0.5),)
    assert list(misfits) == [0, 2, 3]
    assert all("; got" in sentence or ", a place" in sentence for sentence in misfits.values())
    # They stay in the list while others are edited.
    assert with_weight(DRAWN, edits, *CELL, 0.75) == (*edits, SetWeight(*CELL, 0.75, OF))
    tail = (edits[0], edits[1])
    assert with_weight(DRAWN, tail, *CELL, None) == (edits[0],)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda: with_weight(DRAWN, (), "weight_hh", 12, 0, 1.0), "This network has no weight|a place in it"),
        (lambda: with_weight(DRAWN, (), "weight_hh", 12, 0, None), "This network has no weight"),
        (lambda: with_weight(DRAWN, (), "peephole_input", 0, None, None), "This network has no weight"),
        (lambda: with_weight(DRAWN, (), "weight_hh", 0, 0, 1e5), "A weight is a number from"),
        (lambda: with_zeros(DRAWN, (), [ZeroBlock("weight_hh", "reset")]), "has rows for"),
        (lambda: with_swap(DRAWN, (), 0, 3), "The units are 0 to 2; got 3"),
        (lambda: with_swap(DRAWN, (), 1, 1), "Two different units are swapped; got 1 twice"),
    ],
)
def test_what_the_network_does_not_have_is_refused(change: Callable[[], Edits], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        change()


places = st.tuples(st.integers(0, 4 * HIDDEN - 1), st.integers(0, HIDDEN - 1))
weights = st.none() | st.sampled_from([0.0, 0.5, -2.0])
steps = st.lists(
    st.tuples(st.just("set"), places, weights)
    | st.tuples(st.just("zero"), st.sampled_from(["input", "forget", ""]), st.none())
    | st.tuples(st.just("swap"), st.sampled_from([(0, 1), (1, 2)]), st.none()),
    max_size=12,
)


@given(steps)
def test_the_list_does_what_was_asked_for_step_by_step(asked: list[tuple[str, Any, Any]]) -> None:
    edits: Edits = ()
    expected = dict(DRAWN.parameters)
    for kind, what, value in asked:
        done: Edit
        if kind == "set":
            drawn = float(DRAWN.parameters["weight_hh"][what])
            edits = with_weight(DRAWN, edits, "weight_hh", *what, value)
            done = SetWeight("weight_hh", *what, drawn if value is None else value)
        elif kind == "zero":
            done = ZeroBlock("weight_hh", what)
            edits = with_zeros(DRAWN, edits, [done])
        else:
            done = SwapUnits(*what)
            edits = with_swap(DRAWN, edits, *what)
        expected = dict(apply(Network("lstm", expected), (done,)).parameters)
        assert alike(values(edits), expected)
    assert len(edits) <= len(asked)
