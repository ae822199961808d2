"""What any page's codec is made of: the parsers, and states that have other fields than the gates page's."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.experiment import Experiment
from memviz.web.address import BROKEN, Codec, on_off, one_of, optional, real, several, text, whole


@dataclass(frozen=True)
class Knobs:
    """A page's state without a sequence."""

    experiment: Experiment = field(default_factory=lambda: Experiment(seed=3))
    scale: float = 1.0
    limit: float | None = None
    steps: int | None = 5
    log: bool = True


CODEC = Codec(
    Knobs(),
    {
        "scale": (real(-10, 10), "The scale is a number from -10 to 10"),
        "limit": (optional(real(0, 1e6)), 'The limit is a number from 0 to 1000000 or "none"'),
        "steps": (optional(whole(300)), 'The steps are a whole number from 0 to 300 or "none"'),
        "log": (on_off, "Log is 0 or 1"),
    },
)


@given(st.floats(-10, 10), st.none() | st.floats(0, 1e6), st.none() | st.integers(0, 300), st.booleans())
def test_any_state_is_read_back_exactly(
    scale: float, limit: float | None, steps: int | None, log: bool
) -> None:
    state = Knobs(scale=scale, limit=limit, steps=steps, log=log)
    assert CODEC.read(CODEC.to_query(state)) == (state, [])


def test_only_what_differs_from_the_default_is_written() -> None:
    always = {"v": "1", **CODEC.default.experiment.to_query()}
    assert CODEC.to_query(CODEC.default) == always
    changed = replace(CODEC.default, steps=None, log=False, limit=1e-5)
    assert CODEC.to_query(changed) == {**always, "limit": "1e-05", "steps": "none", "log": "0"}


def test_what_another_page_knows_is_unknown_here() -> None:
    state, problems = CODEC.read({"text": "abc", "scale": "2"})
    assert state == replace(CODEC.default, scale=2.0)
    assert problems == ["The link has parameters that this page does not know: 'text'."]


def test_a_broken_value_is_said_by_its_rule_and_keeps_the_default() -> None:
    assert CODEC.read({"limit": "-1"}) == (
        CODEC.default,
        ["The limit is a number from 0 to 1000000 or \"none\"; got '-1'."],
    )


@pytest.mark.parametrize("fields", [{}, {"scale": (on_off, "x"), "colour": (on_off, "x")}])
def test_a_codec_that_does_not_read_every_field_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="limit, log, scale, steps; got"):
        Codec(Knobs(), fields)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("0", 0.0), ("-3", -3.0), ("+.5", 0.5), ("2.", 2.0), ("1e1", 10.0), ("1E-3", 0.001), ("1e-999", 0.0)],
)
def test_a_number_in_plain_notation_is_taken(raw: str, value: float) -> None:
    assert real(-10, 10)(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        *["", " ", "1 ", "\n1", "1_0", "٣", "１", "nan", "NaN", "inf", "-inf", "infinity", "1e999", "-1e999"],
        *["0x1", "1,5", "1e", "e1", ".", "--1", "10.1", "-10.1", "1" * 41, "9" * 100_000, "\x00", "\ud800"],
    ],
)
def test_what_is_no_finite_number_in_plain_notation_is_broken(raw: str) -> None:
    assert real(-10, 10)(raw) is BROKEN
    assert real(-math.inf, math.inf)(raw) is BROKEN or raw in {"10.1", "-10.1"}


def test_the_other_parsers_keep_to_their_rules() -> None:
    assert several(whole(9), 3)("3,1,3") == (3, 1)
    assert several(whole(9), 3)("1,2,3,4") is BROKEN
    assert optional(whole(9))("none") is None
    assert optional(whole(9))("None") is BROKEN
    assert (text(2)("ab"), text(2)("abc")) == ("ab", BROKEN)
    assert (one_of({"a"})("a"), one_of({"a"})("A")) == ("a", BROKEN)
