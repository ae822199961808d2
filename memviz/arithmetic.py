"""The equations of one step of one unit: as symbols for a cell, and with the numbers of a trace in them.

What a step shows is read from the trace; nothing is computed anew. Each equation comes as symbols and as
numbers, so that a page, a notebook or a picture can set it.
"""

from dataclasses import dataclass
from functools import lru_cache

from memviz.cells import Cell
from memviz.theme import look
from memviz.trace import Trace


@dataclass(frozen=True)
class Quantity:
    """A number that an equation reads from a trace.

    Attributes:
        symbol: its symbol in LaTeX.
        signal: its name in the trace; "" for the constant 1.
        before: whether it is the value of the step before.
        complement: whether it is 1 minus that value.
    """

    symbol: str
    signal: str
    before: bool = False
    complement: bool = False

    def value(self, trace: Trace, timestep: int, unit: int) -> float:
        """Its value at a step of a trace."""
        if not self.signal:
            return 1.0
        row = timestep - self.before
        signal = trace[self.signal] if row >= 0 else trace.initial[self.signal][None]
        value = float(signal[row if row >= 0 else 0, unit])
        return 1 - value if self.complement else value


@dataclass(frozen=True)
class Formula:
    """One line of a step, as symbols.

    Attributes:
        signal: what the line computes, by its name in the trace.
        symbol: its symbol in LaTeX, with the timestep.
        formula: the right-hand side with a `{}` for each term.
        terms: what stands in the places of the formula.
        function: the activation function around the formula, "sigma", "tanh", "relu", or "" for none.
    """

    signal: str
    symbol: str
    formula: str
    terms: tuple[Quantity, ...]
    function: str = ""


@dataclass(frozen=True)
class Term:
    """One summand or factor of an equation: its symbol in LaTeX and its value."""

    symbol: str
    value: float


@dataclass(frozen=True)
class Equation:
    """One line of a step, with its numbers.

    Attributes:
        signal: what the line computes, by its name in the trace.
        symbol: its symbol in LaTeX, with the timestep.
        formula: the right-hand side with a `{}` for each term.
        terms: what stands in the places of the formula.
        value: the result.
        inner: the value of the formula before its activation function, if it has one.
    """

    signal: str
    symbol: str
    formula: str
    terms: tuple[Term, ...]
    value: float
    inner: float | None = None

    @property
    def symbols(self) -> str:
        """The right-hand side in symbols."""
        return self.formula.format(*(term.symbol for term in self.terms))


def explain_step(trace: Trace, timestep: int, unit: int) -> tuple[Equation, ...]:
    """The equations of a step for one unit in the order in which the cell computes them.

    Raises:
        IndexError: if the timestep or the unit does not exist.
    """
    if not (0 <= timestep < len(trace) and 0 <= unit < trace.units):
        raise IndexError(
            f"A step of this trace is 0 to {len(trace) - 1} and a unit 0 to {trace.units - 1}; "
            f"got step {timestep}, unit {unit}."
        )
    return tuple(_filled(line, trace, timestep, unit) for line in step_formulas(trace.cell))


def _filled(line: Formula, trace: Trace, timestep: int, unit: int) -> Equation:
    terms = tuple(Term(term.symbol, term.value(trace, timestep, unit)) for term in line.terms)
    inner = float(trace[f"{line.signal}_pre"][timestep, unit]) if line.function else None
    value = float(trace[line.signal][timestep, unit])
    return Equation(line.signal, line.symbol, line.formula, terms, value, inner)


@lru_cache(maxsize=64)
def step_formulas(cell: Cell) -> tuple[Formula, ...]:
    """The equations of a cell in the order in which it computes them, read off its description."""
    if cell.family == "elman":
        return (_activation(cell, "hidden", cell.nonlinearity or ""),)
    return _gru(cell) if cell.family == "gru" else _lstm(cell)


def _lstm(cell: Cell) -> tuple[Formula, ...]:
    names = cell.signal_names
    lines = [_gate(cell, "input")]
    if cell.coupled:
        lines.append(_line("forget", "1 - {}", _now("input")))
    elif "forget" in names:
        lines.append(_gate(cell, "forget"))
    lines.append(_activation(cell, "candidate", "tanh" if cell.candidate_squashed else ""))
    write, before = (_now("input"), _now("candidate")), _before("cell")
    if "forget" in names:
        lines.append(_line("cell", r"{}\,{} + {}\,{}", _now("forget"), before, *write))
    else:
        lines.append(_line("cell", r"{} + {}\,{}", before, *write))
    lines.append(_gate(cell, "output"))
    squashed = "cell_tanh" in names
    exposed = Quantity(r"\tanh(c_t)", "cell_tanh") if squashed else _now("cell")
    lines.append(_line("hidden", r"{}\,{}", _now("output"), exposed))
    return tuple(lines)


def _gru(cell: Cell) -> tuple[Formula, ...]:
    candidate = Quantity(_symbol("candidate", "gru"), "candidate")
    keep = Quantity("(1 - z_t)", "update", complement=True)
    return (
        _gate(cell, "reset"),
        _gate(cell, "update"),
        _activation(cell, "candidate", "tanh"),
        _line("hidden", r"{}\,{} + {}\,{}", keep, candidate, _now("update"), _before("hidden")),
    )


def _gate(cell: Cell, name: str) -> Formula:
    """A gate: a weighted one, or one that the cell holds at 1."""
    if f"{name}_pre" not in cell.signal_names:
        return _line(name, "{}", Quantity("1", ""))
    return _activation(cell, name, "sigma")


def _activation(cell: Cell, name: str, function: str) -> Formula:
    """A signal made from its pre-activation: the sum of its parts through a function."""
    parts = tuple(Quantity(_part_symbol(cell, name, part), part) for part in cell.summands(name))
    total = " + ".join(["{}"] * len(parts))
    formula = {
        "sigma": rf"\sigma({total})",
        "tanh": rf"\tanh({total})",
        "relu": rf"\max(0,\; {total})",
        "": total,
    }[function]
    return Formula(name, _symbol(name, cell.family), formula, parts, function)


def _line(name: str, formula: str, *terms: Quantity) -> Formula:
    return Formula(name, _symbol(name, ""), formula, terms)


def _part_symbol(cell: Cell, name: str, part: str) -> str:
    letter = look(name, cell.family).symbol
    kind = part.removeprefix(f"{name}_")
    if name == "candidate" and kind == "from_hidden" and cell.family == "gru":
        return r"r_t\,(U_{n}\,h_{t-1} + b_{hn})" if cell.reset_after else r"U_{n}(r_t\,h_{t-1})"
    peeped = r"c_t" if name == "output" else r"c_{t-1}"
    return {
        "from_input": rf"W_{{{letter}}}\,x_t",
        "from_hidden": rf"U_{{{letter}}}\,h_{{t-1}}",
        "from_cell": rf"p_{{{letter}}}\,{peeped}",
        "from_gates": rf"R_{{{letter}}}\,[i,f,o]_{{t-1}}",
        "bias": rf"b_{{{letter}}}",
    }[kind]


def _symbol(name: str, family: str) -> str:
    return rf"{look(name, family).symbol}_t"


def _now(name: str) -> Quantity:
    return Quantity(_symbol(name, ""), name)


def _before(name: str) -> Quantity:
    return Quantity(rf"{look(name).symbol}_{{t-1}}", name, before=True)
