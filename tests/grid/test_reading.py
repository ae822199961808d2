"""What is taken as a weight and what is refused, here and in the browser's twin."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.grid import read_weight
from memviz.theme import MINUS

TAKEN = {
    "0.25": 0.25,
    " -1.5e-3 ": -0.0015,
    f"{MINUS}2": -2.0,
    "+.5": 0.5,
    "3.": 3.0,
    "0,25": 0.25,
    "-12,5": -12.5,
    "0,125": 0.125,
    "1,25": 1.25,
    "1E2": 100.0,
    "10000": 10_000.0,
    "1e-400": 0.0,
}
REFUSED = (
    *("", " ", "abc", "nan", "inf", "-Infinity", "1_000", "0x10", "1 000", "--1", "1e", "1e99999", "٣", "１"),
    *("10000.1", "-1e5", "1e999", "1,2,3", "1.000,5", "1,5.0", "<b>", "1" * 5000, "0" * 41, "\n1", "\ud800"),
)


@pytest.mark.parametrize(("text", "value"), TAKEN.items())
def test_a_plain_number_is_taken(text: str, value: float) -> None:
    assert read_weight(text) == value


@pytest.mark.parametrize("text", REFUSED)
def test_anything_else_is_refused_with_the_rule_and_what_arrived(text: str) -> None:
    with pytest.raises(ValueError, match=f"^A weight is a number from {MINUS}10,000 to 10,000") as error:
        read_weight(text)
    assert "; got " in str(error.value)
    assert len(str(error.value)) < 150


@pytest.mark.parametrize("text", ["1,250", "-12,500", "+999,000", f"{MINUS}1,000"])
def test_a_comma_that_may_be_one_between_thousands_is_not_guessed_at(text: str) -> None:
    with pytest.raises(ValueError, match="Write a decimal point"):
        read_weight(text)


@pytest.mark.parametrize("value", [None, 1.0, True, b"1", ["1"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="got no text"):
        read_weight(value)


def test_a_negative_zero_is_a_zero() -> None:
    assert math.copysign(1, read_weight("-0")) == 1


@given(st.floats(-1e4, 1e4))
def test_every_weight_that_the_grid_writes_is_read_back_exactly(value: float) -> None:
    assert read_weight(repr(value).replace("-", MINUS)) == value


@given(st.decimals(-9999, 9999, places=4))
def test_a_decimal_means_what_the_decimal_module_says(value: Decimal) -> None:
    assert read_weight(format(value, "f")) == float(value)
