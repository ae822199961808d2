"""Units of a wide layer, as they are typed and as they are chosen by what they do."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memviz.network import Network
from memviz.trace import record
from memviz.web.your_model.units import liveliest, read, written
from tests.model_files.builders import module


@given(st.sets(st.integers(0, 255), min_size=1, max_size=64))
def test_what_is_written_is_read_back(units: set[int]) -> None:
    assert read(written(tuple(sorted(units))), 256) == tuple(sorted(units))


def test_runs_and_single_units_are_read_in_any_order() -> None:
    assert read(" 5, 1 - 3;2, ", 6) == (1, 2, 3, 5)
    assert read("0\N{EN DASH}2", 3) == (0, 1, 2)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "got none"),
        ("a", "got 'a'"),
        ("3-1", "got '3-1'"),
        ("100", "got '100'"),
        ("-1", "got '-1'"),
        ("1e1", "got '1e1'"),
        ("0-64", "got 65"),
        ("\N{ARABIC-INDIC DIGIT ONE}", "got"),
    ],
)
def test_what_is_no_unit_is_said_with_its_rule(text: str, got: str) -> None:
    with pytest.raises(ValueError, match=f"The units drawn are 1 to 64 of 0 to 99, such as 0-31, 100; {got}"):
        read(text, 100)


def test_the_units_that_vary_most_are_those_of_the_largest_deviation() -> None:
    made = module("GRU", 3, 100).double()
    x = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = liveliest(record(Network.from_torch(made), x))
    varying = made(x)[0].detach().std(dim=0, correction=0)
    assert list(found) == sorted(varying.argsort(descending=True)[:64].tolist())
