"""The LaTeX of a step: it is well formed, holds the trace's numbers, and its arithmetic comes out."""

import math
import re

import pytest

from memviz.arithmetic import Equation, Term, explain_step
from memviz.cells import CELLS
from memviz.network import Network
from memviz.theme import LOOKS
from memviz.trace import Trace, record
from memviz.web.equations import step_latex
from tests import oracles

TIME, UNITS = 4, 3
every_cell = pytest.mark.parametrize("cell", CELLS)


def run(cell: str, scale: float = 1.0) -> Trace:
    network = Network(cell, oracles.as_torch(oracles.parameters(cell, 2, UNITS, seed=4, scale=scale)))
    return record(network, oracles.inputs(2, TIME, seed=4))


def shown(value: float) -> str:
    """A value as LaTeX has it: three digits, powers of ten below a thousandth and from a million on."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.2e}".split("e")
    power = int(exponent)
    if -3 <= power < 6:
        return f"{float(f'{value:.2e}'):.{max(0, 2 - power)}f}"
    return rf"{mantissa}\cdot 10^{{{power}}}"


def steps(cell: str, scale: float = 1.0) -> list[tuple[tuple[Equation, ...], str]]:
    trace = run(cell, scale)
    explained = [explain_step(trace, t, unit) for t in range(TIME) for unit in range(UNITS)]
    return [(equations, step_latex(equations, trace.cell.family, False)) for equations in explained]


def latex(formula: str, *values: float, value: float = 0.5, inner: float | None = None) -> str:
    """The block of one equation whose terms are a, b, c and d."""
    terms = tuple(Term(letter, number) for letter, number in zip("abcd", values, strict=False))
    return step_latex([Equation("cell", "c_t", formula, terms, value, inner)], "lstm", False)


@every_cell
@pytest.mark.parametrize("scale", [1e-4, 1.0, 10.0])
def test_braces_and_parentheses_are_balanced(cell: str, scale: float) -> None:
    for _, text in steps(cell, scale):
        for opening, closing in ("{}", "()"):
            depth = 0
            for letter in text:
                depth += (letter == opening) - (letter == closing)
                assert depth >= 0
            assert depth == 0
        assert text.count(r"\begin{aligned}") == text.count(r"\end{aligned}") == 1


@every_cell
@pytest.mark.parametrize("scale", [1e-4, 1.0, 10.0])
def test_every_result_and_every_term_is_there_with_its_three_digits(cell: str, scale: float) -> None:
    for equations, text in steps(cell, scale):
        for equation in equations:
            assert rf"\mathbf{{{shown(equation.value)}}}" in text
            numbers = [term.value for term in equation.terms] if len(equation.terms) > 1 else []
            for value in [*numbers, *([] if equation.inner is None else [equation.inner])]:
                assert shown(abs(value)) in text


@every_cell
@pytest.mark.parametrize("scale", [1e-4, 1.0, 10.0])
def test_no_two_signs_stand_side_by_side(cell: str, scale: float) -> None:
    for _, text in steps(cell, scale):
        assert not re.search(r"[-+]\s*[-+]", text)
        assert not re.search(r"\+ \(-", text)
        assert not re.search(r"\\cdot\s*[-+]", text)
        assert "−" not in text  # KaTeX makes its own minus of a hyphen
        assert "nan" not in text


@every_cell
def test_each_line_of_numbers_comes_out_at_its_result(cell: str) -> None:
    """The printed arithmetic, done by Python, ends at the printed result, as far as three digits reach."""
    names = {"sigma": lambda a: 1 / (1 + math.exp(-a)), "tanh": math.tanh, "max": max}
    for equations, text in steps(cell):
        body = text.removeprefix(r"\begin{aligned}").removesuffix(r"\end{aligned}")
        blocks = body.split(r"\\[0.5em]")
        for equation, block in zip(equations, blocks, strict=True):
            sides = block.replace(r"\\", "=").replace("&", "").split("=")
            for side in sides:
                if not re.search(r"\d\.\d\d", side) or "mathbf" in side or "textcolor" in side:
                    continue
                python = re.sub(r"10\^\{(-?\d+)\}", r"10.0**(\1)", side).replace(r"\;", "")
                python = python.replace(r"\cdot", "*").replace("\\", "").strip()
                result = eval(python, {"__builtins__": {}}, names)
                assert result == pytest.approx(equation.value, abs=0.03, rel=0.03), side


@every_cell
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_signal_has_its_colour(cell: str, dark: bool) -> None:
    trace = run(cell)
    equations = explain_step(trace, 1, 1)
    text = step_latex(equations, trace.cell.family, dark)
    for equation in equations:
        its = LOOKS[equation.signal]
        assert rf"\textcolor{{{its.dark if dark else its.light}}}{{{equation.symbol}}}" in text


@every_cell
def test_symbols_stand_before_the_numbers(cell: str) -> None:
    for equations, text in steps(cell):
        for equation in equations:
            if equation.symbols != "1":
                assert f"&= {equation.symbols}" in text.replace(r" \\ &\quad +", " +")


def test_a_negative_first_term_has_no_parentheses() -> None:
    assert r"&= -0.500 + 0.300\cdot 0.200" in latex(r"{} + {}\,{}", -0.5, 0.3, 0.2)


def test_a_negative_first_term_within_a_function_has_no_parentheses() -> None:
    text = latex(r"\sigma({} + {} + {})", -0.5, 0.3, -0.2, inner=-0.4, value=0.4)
    assert r"\sigma(-0.500 + 0.300 - 0.200)" in text
    assert r"\sigma(-0.400)" in text


def test_a_negative_factor_has_parentheses() -> None:
    assert r"0.900\cdot (-0.500) + 0.300\cdot (-0.200)" in latex(r"{}\,{} + {}\,{}", 0.9, -0.5, 0.3, -0.2)


def test_a_negative_summand_is_subtracted() -> None:
    assert "0.100 - 0.200 - 0.300" in latex("{} + {} + {}", 0.1, -0.2, -0.3)
    assert r"0.100 - 0.200\cdot 0.300" in latex(r"{} + {}\,{}", 0.1, -0.2, 0.3)


def test_a_tiny_negative_summand_is_subtracted_whole() -> None:
    assert r"0.100 - 2.00\cdot 10^{-5}" in latex("{} + {}", 0.1, -2e-5)


def test_a_gate_that_is_held_at_1_is_said_once() -> None:
    text = latex("{}", 1.0, value=1.0)
    assert text.count("1.00") == 1
