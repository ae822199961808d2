"""The look of every signal: contrast by the formula of WCAG 2.2, and numbers by Python's decimal arithmetic."""

import math
import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.theme import (
    DIVERGING_DARK,
    DIVERGING_LIGHT,
    LOOKS,
    SEQUENTIAL_DARK,
    SEQUENTIAL_LIGHT,
    is_gate,
    look,
    number,
)

WHITE, DARK_GROUND = "#ffffff", "#0e1117"
GATES = ("input", "forget", "output", "reset", "update")
on_both_grounds = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    assert re.fullmatch(r"#[0-9a-fA-F]{6}", colour)
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_these_tests_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # WebAIM's known near miss


@pytest.mark.parametrize("signal", LOOKS)
def test_every_colour_can_be_read_on_its_ground(signal: str) -> None:
    assert contrast(LOOKS[signal].light, WHITE) >= 4.5
    assert contrast(LOOKS[signal].dark, DARK_GROUND) >= 7


@on_both_grounds
def test_colour_gives_the_colour_of_its_ground(dark: bool) -> None:
    for its in LOOKS.values():
        assert its.colour(dark) == (its.dark if dark else its.light)


@pytest.mark.parametrize("name", CELLS)
@on_both_grounds
def test_signals_of_one_cell_differ_in_symbol_and_in_more_than_colour(name: str, dark: bool) -> None:
    cell = CELLS[name]
    shown = [look(signal, cell.family) for signal in cell.activations]
    shown += [look(signal, cell.family) for signal in ("cell", "hidden") if signal in cell.signal_names]
    assert len({its.symbol for its in shown}) == len(shown)
    assert len({its.name for its in shown}) == len(shown)
    assert len({its.colour(dark).lower() for its in shown}) == len(shown)
    gates = [look(signal, cell.family) for signal in cell.activations]
    assert len({its.dash for its in gates}) == len(gates)
    assert all(its.dash != "solid" for its in gates)  # solid is for the states


def test_symbols_are_those_of_the_papers() -> None:
    lstm = {"input": "i", "forget": "f", "candidate": "g", "output": "o", "cell": "c", "hidden": "h"}
    letters = lstm | {"reset": "r", "update": "z"}
    assert {signal: look(signal).symbol for signal in letters} == letters


def test_a_gru_writes_its_candidate_n_and_keeps_the_rest_of_its_look() -> None:
    of_lstm, of_gru = look("candidate", "lstm"), look("candidate", "gru")
    assert (of_lstm.symbol, of_gru.symbol) == ("g", "n")
    assert [of_gru.colour(dark) for dark in (False, True)] == [of_lstm.colour(dark) for dark in (False, True)]
    assert of_gru.dash == of_lstm.dash


@pytest.mark.parametrize("signal", LOOKS)
def test_only_what_lies_between_0_and_1_is_a_gate(signal: str) -> None:
    assert is_gate(signal) == (signal in GATES)


@pytest.mark.parametrize(
    ("colours", "ground"), [(SEQUENTIAL_LIGHT, WHITE), (SEQUENTIAL_DARK, DARK_GROUND)], ids=["light", "dark"]
)
def test_the_sequential_scale_moves_away_from_its_ground_with_every_colour(
    colours: tuple[str, ...], ground: str
) -> None:
    steps = [contrast(colour, ground) for colour in colours]
    assert steps == sorted(set(steps))
    assert steps[0] < 1.25
    assert steps[-1] > 7


@pytest.mark.parametrize(
    ("colours", "sequential", "ground"),
    [(DIVERGING_LIGHT, SEQUENTIAL_LIGHT, WHITE), (DIVERGING_DARK, SEQUENTIAL_DARK, DARK_GROUND)],
    ids=["light", "dark"],
)
def test_the_diverging_scale_is_even_around_the_ground(
    colours: tuple[str, ...], sequential: tuple[str, ...], ground: str
) -> None:
    assert len(colours) % 2 == 1
    middle = len(colours) // 2
    assert colours[middle] == sequential[0]  # zero looks the same on both scales
    assert contrast(colours[middle], ground) < 1.25
    below = [contrast(colour, ground) for colour in colours[middle::-1]]
    above = [contrast(colour, ground) for colour in colours[middle:]]
    assert below == sorted(set(below))
    assert above == sorted(set(above))
    for negative, positive in zip(below[1:], above[1:], strict=True):
        assert 0.5 < negative / positive < 2  # neither sign looks stronger than the other


@on_both_grounds
def test_below_zero_is_orange_and_above_is_blue(dark: bool) -> None:
    colours = DIVERGING_DARK if dark else DIVERGING_LIGHT
    warmth = [int(colour[1:3], 16) - int(colour[5:7], 16) for colour in colours]  # red less blue
    middle = len(colours) // 2
    assert min(warmth[:middle]) > 30
    assert max(warmth[middle + 1 :]) < -30


# --- numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1.00"),
        (-0.5, "−0.500"),
        (0.123456, "0.123"),
        (0.9994, "0.999"),
        (0.9996, "1.00"),
        (9.996, "10.0"),
        (-99.96, "−100"),
        (999.4, "999"),
        (999.6, "1000"),
        (12345.0, "12300"),
        (123456.0, "123000"),
        (999_499.0, "999000"),
        (999_999.5, "1.00e6"),
        (1e6, "1.00e6"),
        (-1.5e10, "−1.50e10"),
        (0.001, "0.00100"),
        (0.00123, "0.00123"),
        (9.994e-4, "9.99e−4"),
        (9.999e-4, "0.00100"),
        (1e-5, "1.00e−5"),
        (-2.5e-7, "−2.50e−7"),
        (1e-300, "1.00e−300"),
        (5e-324, "4.94e−324"),
        (math.nan, "undefined"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_a_number_has_three_digits_and_a_true_minus(value: float, expected: str) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "digits", "expected"), [(0.1234, 2, "0.12"), (1234.0, 2, "1200"), (1e-14, 1, "1e−14")]
)
def test_a_number_has_as_many_digits_as_asked_for(value: float, digits: int, expected: str) -> None:
    assert number(value, digits) == expected


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite)
@example(1.7976931348623157e308)
def test_a_number_is_within_half_a_percent(value: float) -> None:
    shown = number(value)
    assert "-" not in shown
    assert abs(Decimal(shown.replace("−", "-")) - Decimal(value)) <= Decimal("0.00501") * abs(Decimal(value))


@given(finite.filter(bool))
def test_powers_of_ten_are_for_what_rounds_below_a_thousandth_or_to_a_million(value: float) -> None:
    shown = number(value)
    rounded = abs(Decimal(shown.replace("−", "-")))
    assert ("e" in shown) == (rounded < Decimal("1e-3") or rounded >= Decimal("1e6"))
    digits = re.sub(r"e.*|[−.]", "", shown).lstrip("0")
    assert len(digits) == 3 or ("e" not in shown and rounded >= 1000 and set(digits[3:]) == {"0"})
