"""The equations of a step as one block of LaTeX, in the colours of their signals."""

import re
from collections.abc import Sequence

from memviz.arithmetic import Equation
from memviz.theme import latex_number, look

_LONG = 54  # characters of LaTeX
_SIGNED_SUMMAND = re.compile(r"\+ \(-([^()]*)\)")


def step_latex(equations: Sequence[Equation], family: str, dark: bool) -> str:
    """Aligned lines, two or three for each equation: its symbols, its numbers, its result; short enough for a phone."""
    blocks = [r" \\ ".join(_lines(equation, family, dark)) for equation in equations]
    return r"\begin{aligned}" + r" \\[0.5em] ".join(blocks) + r"\end{aligned}"


def _lines(equation: Equation, family: str, dark: bool) -> list[str]:
    colour = look(equation.signal, family).colour(dark)
    result = rf"\mathbf{{{latex_number(equation.value)}}}"
    if len(equation.terms) == 1 and equation.inner is None and equation.formula == "{}":
        return [rf"\textcolor{{{colour}}}{{{equation.symbol}}} &= {result}"]
    opens = not equation.formula.partition("{}")[0].endswith("- ")
    values = [_grouped(term.value, opens and index == 0) for index, term in enumerate(equation.terms)]
    numbers = equation.formula.replace(r"\,", r"\cdot ").format(*values)
    numbers = _SIGNED_SUMMAND.sub(r"- \1", numbers)  # a + (-b) reads better as a - b
    symbols = equation.symbols
    if len(symbols) > _LONG:  # a phone is narrower than four summands
        symbols = r" \\ &\quad + ".join(symbols.rsplit(" + ", 1))
    lines = [rf"\textcolor{{{colour}}}{{{equation.symbol}}} &= {symbols}"]
    if equation.inner is None:
        lines += (
            [f"&= {numbers}", f"&= {result}"] if len(equation.terms) > 2 else [f"&= {numbers} = {result}"]
        )
    else:
        function = equation.formula.partition("(")[0]
        inner = (r"0,\;" if function == r"\max" else "") + latex_number(equation.inner)
        last = [f"&= {function}({inner})", f"&= {result}"] if "10^" in inner + result else None
        lines += [f"&= {numbers}", *(last or [f"&= {function}({inner}) = {result}"])]
    return lines


def _grouped(value: float, first: bool) -> str:
    """A number, in parentheses if it is negative and stands behind another."""
    shown = latex_number(value)
    return f"({shown})" if shown.startswith("-") and not first else shown
