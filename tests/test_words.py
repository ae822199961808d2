"""What is said of interventions and edits: every kind, every signal of every cell, and what a link made up."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.edits import SetWeight, SwapUnits, ZeroBlock
from memviz.interventions import (
    KINDS,
    Ablate,
    Add,
    Clamp,
    Detach,
    Freeze,
    Intervention,
    Patch,
    Reset,
    Scale,
)
from memviz.theme import number
from memviz.words import done_by, edits_in_brief, in_words, indexes, mark_of, short, signal_in_words

MINUS = "\N{MINUS SIGN}"
ROWS = np.zeros((2, 2))
DONE = {
    Clamp("cell", 1.0): ("held at 1.00", "= 1"),
    Clamp("cell", -0.12345): (f"held at {MINUS}0.123", f"= {MINUS}0.123"),
    Clamp("cell", 0.99999): ("held at 1.00", "= 1.00"),
    Clamp("cell", 1e-9): (f"held at 1.00e{MINUS}9", f"= 1e{MINUS}9"),
    Clamp("cell", 2e15): ("held at 2.00e15", "= 2e15"),
    Clamp("cell", 1500.0): ("held at 1500", "= 1500"),
    Scale("cell", 0.5): ("times 0.5", "× 0.5"),
    Scale("cell", -2): (f"times {MINUS}2", f"× {MINUS}2"),
    Add("cell", 0.3): ("plus 0.3", "+ 0.3"),
    Add("cell", -0.3): ("minus 0.3", f"{MINUS} 0.3"),
    Ablate("cell"): ("cut to 0", "= 0"),
    Freeze("cell", 3): ("held at its value of step 3", "= t3"),
    Patch("cell", ROWS): ("patched from another run", "patch"),
    Detach("cell"): ("no gradient passes", "no ∂"),
    Reset(): ("reset to 0", "reset"),
}


@pytest.mark.parametrize("intervention", DONE, ids=lambda each: type(each).__name__)
def test_what_an_intervention_does_is_told_in_words_and_in_a_mark(intervention: Intervention) -> None:
    assert (done_by(intervention), mark_of(intervention)) == DONE[intervention]


def test_the_words_of_these_tests_hold_every_kind() -> None:
    assert {type(each) for each in DONE} == set(KINDS.values())


@pytest.mark.parametrize(
    ("what_if", "words"),
    [
        (Clamp("forget", 1.0), "forget gate f held at 1.00"),
        (
            Clamp("forget", 0.25, [0, 3], range(2, 6)),
            "forget gate f held at 0.250, units 0 and 3, steps 2 to 5",
        ),
        (Scale("cell", -0.5, [2]), "cell state c times −0.5, unit 2"),
        (
            Add("candidate_pre", 2, steps=[0, 1, 4, 5, 6, 9]),
            "candidate g's pre-activation plus 2, steps 0, 1, 4 to 6 and 9",
        ),
        (Add("hidden", -2), "hidden state h minus 2"),
        (Ablate("input_from_hidden"), "input gate i's U h cut to 0"),
        (Scale("input_from_cell", 2), "input gate i's peephole times 2"),
        (Freeze("output", 3), "output gate o held at its value of step 3"),
        (Detach("cell_tanh"), "tanh of the cell state: no gradient passes"),
        (Patch("cell", ROWS, steps=[1]), "cell state c patched from another run, step 1"),
        (Reset([4, 9]), "state reset to 0 before steps 4 and 9"),
        (Reset(), "state reset to 0 before each step"),
        (Clamp("no_such_pre", 1.0), "no_such_pre held at 1.00"),
        (SetWeight("weight_hh", 9, 3, 0.5), "weight_hh, row 9, column 3, set to 0.5"),
        (SetWeight("bias_ih", 9, None, -2), "bias_ih, row 9, set to −2"),
        (SetWeight("bias_ih", 9, None, 0.123456789), "bias_ih, row 9, set to 0.123456789"),
        (ZeroBlock("weight_ih"), "weight_ih set to 0"),
        (ZeroBlock("weight_ih", "update"), "weight_ih of the update gate z set to 0"),
        (SwapUnits(1, 2), "units 1 and 2 swapped"),
    ],
)
def test_a_what_if_is_said_as_a_reader_would(what_if, words: str) -> None:
    assert in_words(what_if) == words


def test_a_gru_s_candidate_has_its_own_letter() -> None:
    assert in_words(Ablate("candidate"), "gru") == "candidate n cut to 0"
    assert in_words(ZeroBlock("bias_ih", "candidate"), "gru") == "bias_ih of the candidate n set to 0"


@pytest.mark.parametrize("name", sorted(CELLS))
def test_every_signal_of_every_cell_has_a_name_of_its_own(name: str) -> None:
    cell = CELLS[name]
    called = [signal_in_words(signal, cell.family) for signal in cell.signal_names]
    assert len(set(called)) == len(called)
    assert not any("_" in words for words in called)


def test_what_is_said_of_several_families_has_no_letters() -> None:
    assert in_words(Ablate("candidate_pre"), family="") == "candidate's pre-activation cut to 0"
    assert in_words(ZeroBlock("bias_ih", "hidden"), family="") == "bias_ih of the hidden state set to 0"


@pytest.mark.parametrize(
    "name", ["", "_pre", "forget_", "forget_from_", "forget_from_nowhere", "no_bias", "f"]
)
def test_a_name_that_nobody_knows_comes_back_as_it_is(name: str) -> None:
    assert signal_in_words(name) == name


@given(st.lists(st.integers(0, 300), min_size=1, unique=True).map(sorted))
def test_a_list_of_indexes_is_short_and_says_how_many_there_are(chosen: list[int]) -> None:
    said = indexes("step", chosen)
    noun, _, rest = said.partition(" ")
    assert noun == ("step" if len(chosen) == 1 else "steps")
    assert len(said) < 80
    begin, more, count = rest.partition(" and more, ")
    listed = []
    for part in begin.replace(" and ", ", ").split(", "):
        first, _, last = part.partition(" to ")
        listed += range(int(first), int(last or first) + 1)
    assert listed == chosen[: len(listed)]
    assert count == (f"{len(chosen)} in all" if more else "")
    assert bool(more) == (len(listed) < len(chosen))


def test_edits_are_counted_in_brief() -> None:
    edits = (SwapUnits(0, 1), ZeroBlock("bias_ih"))
    assert edits_in_brief(edits) == "2 edits of the weights"
    assert edits_in_brief(edits[:1]) == "1 edit of the weights"


@given(st.floats(allow_nan=False))
def test_a_short_number_has_no_idle_zeros_exactly_where_it_is_exact(value: float) -> None:
    written = short(value)
    if math.isinf(value):
        assert written == number(value)
    elif float(written.replace(MINUS, "-")) == value:
        mantissa = written.partition("e")[0]
        assert "." not in mantissa or not mantissa.endswith("0")
    else:
        assert written == number(value)
