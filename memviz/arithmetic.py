"""The equations of one step of one unit, with the numbers of a trace in them.

What a step shows is read from the trace; nothing is computed anew. Each equation comes as symbols and as
numbers, so that a page, a notebook or a picture can set it.
"""

from dataclasses import dataclass

from memviz.cells import Cell
from memviz.theme import look
from memviz.trace import Trace


@dataclass(frozen=True)
class Term:
    """One summand or factor of an equation: its symbol in LaTeX and its value."""

    symbol: str
    value: float


@dataclass(frozen=True)
class Equation:
    """One line of a step.

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
    reader = _Reader(trace, timestep, unit)
    cell = trace.cell
    if cell.family == "elman":
        return (reader.activation("hidden", "tanh" if cell.nonlinearity == "tanh" else "relu"),)
    return reader.gru() if cell.family == "gru" else reader.lstm()


class _Reader:
    """Reads the values of one step and unit out of a trace."""

    def __init__(self, trace: Trace, timestep: int, unit: int) -> None:
        self._trace, self._t, self._unit = trace, timestep, unit
        self._cell: Cell = trace.cell

    def lstm(self) -> tuple[Equation, ...]:
        names = self._trace.names
        before = self._before("cell")
        lines = [self.gate("input")]
        if "forget_pre" in names:
            lines.append(self.gate("forget"))
        elif self._cell.coupled:
            lines.append(self._line("forget", "1 - {}", self._term("input")))
        elif "forget" in names:
            lines.append(self._fixed("forget"))
        lines.append(self.activation("candidate", "tanh" if self._cell.candidate_squashed else None))
        write = (self._term("input"), self._term("candidate"))
        if "forget" in names:
            kept = r"{}\,{} + {}\,{}"
            lines.append(self._line("cell", kept, self._term("forget"), before, *write))
        else:
            lines.append(self._line("cell", r"{} + {}\,{}", before, *write))
        lines.append(self.gate("output"))
        if "cell_tanh" in names:
            exposed = Term(rf"\tanh({self._symbol('cell')})", self._value("cell_tanh"))
        else:
            exposed = self._term("cell")
        lines.append(self._line("hidden", r"{}\,{}", self._term("output"), exposed))
        return tuple(lines)

    def gru(self) -> tuple[Equation, ...]:
        update = self._term("update")
        keep = Term(rf"(1 - {update.symbol})", 1 - update.value)
        return (
            self.gate("reset"),
            self.gate("update"),
            self.activation("candidate", "tanh"),
            self._line(
                "hidden", r"{}\,{} + {}\,{}", keep, self._term("candidate"), update, self._before("hidden")
            ),
        )

    def gate(self, name: str) -> Equation:
        """A gate: a weighted one, or one that the cell holds at a constant."""
        if f"{name}_pre" not in self._trace.names:
            return self._fixed(name)
        return self.activation(name, "sigma")

    def activation(self, name: str, function: str | None) -> Equation:
        """A signal made from its pre-activation: the sum of its parts through a function."""
        parts = [Term(self._part_symbol(name, part), self._value(part)) for part in self._parts(name)]
        total = " + ".join(["{}"] * len(parts))
        formula = {
            "sigma": rf"\sigma({total})",
            "tanh": rf"\tanh({total})",
            "relu": rf"\max(0,\; {total})",
            None: total,
        }[function]
        inner = None if function is None else self._value(f"{name}_pre")
        return Equation(name, self._symbol(name), formula, tuple(parts), self._value(name), inner)

    def _fixed(self, name: str) -> Equation:
        return Equation(name, self._symbol(name), "{}", (Term("1", 1.0),), self._value(name))

    def _line(self, name: str, formula: str, *terms: Term) -> Equation:
        return Equation(name, self._symbol(name), formula, terms, self._value(name))

    def _parts(self, name: str) -> list[str]:
        kinds = ("from_input", "from_hidden", "from_cell", "from_gates", "bias")
        return [f"{name}_{kind}" for kind in kinds if f"{name}_{kind}" in self._trace.names]

    def _part_symbol(self, name: str, part: str) -> str:
        letter = look(name, self._cell.family).symbol
        kind = part.removeprefix(f"{name}_")
        if name == "candidate" and kind == "from_hidden" and self._cell.family == "gru":
            return r"r_t\,(U_{n}\,h_{t-1} + b_{hn})" if self._cell.reset_after else r"U_{n}(r_t\,h_{t-1})"
        peeped = r"c_t" if name == "output" else r"c_{t-1}"
        return {
            "from_input": rf"W_{{{letter}}}\,x_t",
            "from_hidden": rf"U_{{{letter}}}\,h_{{t-1}}",
            "from_cell": rf"p_{{{letter}}}\,{peeped}",
            "from_gates": rf"R_{{{letter}}}\,[i,f,o]_{{t-1}}",
            "bias": rf"b_{{{letter}}}",
        }[kind]

    def _symbol(self, name: str) -> str:
        return rf"{look(name, self._cell.family).symbol}_t"

    def _term(self, name: str) -> Term:
        return Term(self._symbol(name), self._value(name))

    def _before(self, name: str) -> Term:
        row = self._trace[name][self._t - 1] if self._t else self._trace.initial[name]
        return Term(rf"{look(name).symbol}_{{t-1}}", float(row[self._unit]))

    def _value(self, name: str) -> float:
        return float(self._trace[name][self._t, self._unit])
