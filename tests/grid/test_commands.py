"""Messages from the browser: those of the grid are read, anything else changes nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.grid import At, Remove, Set, Swap, Undo, Zero, read_commands, read_place

PLACE = {"key": "k", "rows": "forget", "source": "from_hidden", "row": 3, "column": 2}
AT = At("k", "forget", "from_hidden", 3, 2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_each_command_is_read_in_order_and_the_last_serial_is_kept() -> None:
    message = [
        {"do": "set", **PLACE, "text": "0,5", "serial": 1},
        {"do": "set", **PLACE, "text": None, "serial": 2},
        {"do": "zero", **PLACE, "serial": 3.0},
        {"do": "swap", "units": ["0", " 3 "], "serial": 4},
        {"do": "remove", "index": 1, "text": "words", "serial": 5},
        {"do": "undo", "serial": 6},
    ]
    expected = [Set(AT, 0.5), Set(AT, None), Zero(AT), Swap(0, 3), Remove(1, "words"), Undo()]
    assert read_commands(message, 0) == (expected, 6)
    assert read_commands(message, 4) == (expected[4:], 6)
    assert read_commands(message, 6) == ([], 6)


def test_a_broken_rule_is_a_sentence_in_the_place_of_the_command() -> None:
    message: list[dict[str, Any]] = [
        {"do": "set", **PLACE, "text": "nan", "serial": 1},
        {"do": "swap", "units": ["1", "1"], "serial": 2},
        {"do": "swap", "units": ["x", "-1"], "serial": 3},
        {"do": "swap", "serial": 4},
    ]
    found, last = read_commands(message, 0)
    assert last == 4
    assert [str(sentence).split(";")[1] for sentence in found] == [
        ' got "nan".',
        " got '1' and '1'.",
        " got 'x' and '-1'.",
        " got none.",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"row": -1},
        {"row": 1.5},
        {"row": True},
        {"column": 1e9},
        {"rows": 3},
        {"source": "s" * 50},
        {"key": None},
    ],
)
def test_a_place_of_another_form_is_none(change: dict[str, Any]) -> None:
    assert read_place({**PLACE, **change}) is None
    assert read_commands([{"do": "zero", **PLACE, **change, "serial": 1}], 0) == ([], 1)


def test_rows_may_be_all_gates_of_one_unit() -> None:
    place = read_place({**PLACE, "rows": "unit 12"})
    assert place is not None
    assert place.unit == 12
    for rows in ("forget", "unit x", "unit ", "unit ٣", "unit -1"):
        assert At("k", rows, "bias").unit is None


@given(JSON)
def test_no_message_raises(message: Any) -> None:
    assert read_commands(message, 0)[1] >= 0
    assert read_place(message) is None
    entries = [
        {**PLACE, "do": kind, "serial": 1, "text": message, "units": message, "index": message}
        for kind in ("set", "swap", "remove")
    ]
    for entry in entries:
        found, last = read_commands([entry], 0)
        assert last == 1
        assert len(found) <= 1
