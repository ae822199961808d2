"""A trace as CSV, read back by Python's own reader: every number exact, every token whole and harmless."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.encoding import Sequence
from memviz.network import Network
from memviz.trace import Trace, record
from memviz.web.downloads import trace_csv
from tests import oracles

HEADER = ["timestep", "token", "signal", "unit", "value"]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://a.b")', "=", "-"]
AWKWARD = [
    "a,b",
    'say "hi"',
    "two\nlines",
    "tab\there",
    "a=b",
    " =1",
    "'",
    "",
    " ",
    "ß",
    "👩‍👩‍👧",
    "nan",
    "1e5",
    ";",
]


def run(cell: str = "lstm", tokens: tuple[str, ...] = ("a", "b", "c"), scale: float = 1.0) -> Trace:
    network = Network(cell, oracles.as_torch(oracles.parameters(cell, 2, 2, seed=5, scale=scale)))
    sequence = Sequence(tokens, None, oracles.inputs(2, len(tokens), seed=5), ("a", "b"), "numbers")
    return record(network, sequence)


def rows(trace: Trace) -> list[list[str]]:
    text = trace_csv(trace).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def tokens_of(trace: Trace) -> list[str]:
    """The token column of one signal and unit."""
    return [token for _, token, signal, unit, _ in rows(trace)[1:] if (signal, unit) == ("hidden", "0")]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("scale", [1e-9, 1.0, 30.0])
def test_every_number_is_read_back_exactly(cell: str, scale: float) -> None:
    trace = run(cell, scale=scale)
    header, *body = rows(trace)
    assert header == HEADER
    expected = {
        (str(t), signal, str(unit)): float(trace[signal][t, unit])
        for signal in CELLS[cell].signal_names
        for t in range(3)
        for unit in range(2)
    }
    assert len(body) == len(expected)
    assert {(t, signal, unit): float(value) for t, _, signal, unit, value in body} == expected
    assert [token for _, token, *_ in body] == ["abc"[int(t)] for t, *_ in body]


def test_a_negative_zero_and_the_smallest_float_are_read_back_exactly() -> None:
    trace = run()
    hidden = np.array([[-0.0, 5e-324], [1 / 3, -1.7976931348623157e308], [0.1, 2**53 + 1.0]])
    changed = Trace(
        trace.cell, trace.tokens, trace.inputs, {**trace.signals, "hidden": hidden}, dict(trace.initial)
    )
    read = [float(value) for _, _, signal, _, value in rows(changed)[1:] if signal == "hidden"]
    assert np.array(read).tobytes() == hidden.ravel().tobytes()


def test_the_file_starts_with_a_byte_order_mark_and_the_header() -> None:
    file = trace_csv(run())
    assert file.startswith(b"\xef\xbb\xbftimestep,token,signal,unit,value")
    assert file.count(b"\xef\xbb\xbf") == 1


@pytest.mark.parametrize("token", FORMULAS)
def test_a_token_that_a_spreadsheet_would_run_gets_an_apostrophe(token: str) -> None:
    assert tokens_of(run(tokens=("a", token, "b"))) == ["a", "'" + token, "b"]


@pytest.mark.parametrize("token", AWKWARD)
def test_any_other_token_survives_quoting(token: str) -> None:
    assert tokens_of(run(tokens=("a", token, "b"))) == ["a", token, "b"]


@pytest.mark.parametrize(("token", "written"), [("a\rb", "a\rb"), ("a\r=1", "a\r=1"), ("\r=1", "'\r=1")])
def test_a_carriage_return_does_not_end_a_row(token: str, written: str) -> None:
    assert tokens_of(run(tokens=("a", token, "b"))) == ["a", written, "b"]


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=10), min_size=1, max_size=5
    )
)
def test_any_token_is_whole_and_never_a_formula(tokens: list[str]) -> None:
    written = tokens_of(run(tokens=tuple(tokens)))
    assert len(written) == len(tokens)
    for token, cell in zip(tokens, written, strict=True):
        assert cell in (token, "'" + token)
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_negative_numbers_are_numbers_and_no_formulas() -> None:
    values = [value for *_, value in rows(run())[1:]]
    assert any(value.startswith("-") for value in values)
    assert not any(value.startswith("'") for value in values)
