"""The equations of one step of one unit: as symbols for a cell, and with the numbers of a trace in them.

What a step shows is read from the trace; nothing is computed anew. Each equation comes as symbols and as
numbers, so that a page, a notebook or a picture can set it. Where a run has interventions, an equation gives what the
step made, and the number that went on is told beside it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from memviz.cells import Cell, is_part
from memviz.interventions import Intervention, Reset
from memviz.interventions.rules import steps_of
from memviz.theme import look
from memviz.trace import Trace
from memviz.words import done_by


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
        value = float(self._row(trace, timestep)[unit])
        return 1 - value if self.complement else value

    def _row(self, trace: Trace, timestep: int) -> Float[np.ndarray, " unit"]:
        if self.before and timestep in trace.resets:
            return np.zeros(trace.units)
        if self.before and timestep == 0:
            return trace.initial[self.signal]
        return trace[self.signal][timestep - self.before]


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
    """One summand or factor of an equation.

    Attributes:
        symbol: its symbol in LaTeX.
        value: its value.
        made: what the step made of it; its value, unless an intervention acts on it.
        done: what interventions did to it, in words; "" for nothing.
    """

    symbol: str
    value: float
    made: float
    done: str = ""


@dataclass(frozen=True)
class Equation:
    """One line of a step, with its numbers.

    Attributes:
        signal: what the line computes, by its name in the trace.
        symbol: its symbol in LaTeX, with the timestep.
        formula: the right-hand side with a `{}` for each term.
        terms: what stands in the places of the formula.
        value: what the run has and goes on with.
        made: what the formula gives; the value, unless an intervention acts on it.
        done: what interventions did to what was made, in words such as "held at 1.00"; "" for nothing.
        inner: the sum of the terms, if it goes through an activation function or an intervention acts on it.
        argument: what that function was applied to: the sum, unless an intervention acts on it.
        inner_done: what interventions did to the sum, in words.
    """

    signal: str
    symbol: str
    formula: str
    terms: tuple[Term, ...]
    value: float
    made: float
    done: str = ""
    inner: float | None = None
    argument: float | None = None
    inner_done: str = ""

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
    at = (trace, timestep, unit)
    terms = tuple(_term(term, *at) for term in line.terms)
    made, done = made_of(line.signal, *at), done_to(line.signal, *at)
    value = float(trace[line.signal][timestep, unit])
    equation = Equation(line.signal, line.symbol, line.formula, terms, value, made, done)
    pre = f"{line.signal}_pre"
    if not line.function and not done_to(pre, *at):  # a linear candidate is its pre-activation
        return equation
    argument = float(trace[pre][timestep, unit])
    return replace(equation, inner=made_of(pre, *at), argument=argument, inner_done=done_to(pre, *at))


def _term(term: Quantity, trace: Trace, timestep: int, unit: int) -> Term:
    value = term.value(trace, timestep, unit)
    # Only a summand is made in the line that it stands in; every other term was made, and changed, before.
    if not is_part(term.signal):
        return Term(term.symbol, value, value)
    at = (term.signal, trace, timestep, unit)
    return Term(term.symbol, value, made_of(*at), done_to(*at))


def made_of(signal: str, trace: Trace, timestep: int, unit: int) -> float:
    """What a step made of a signal, before any intervention acted on it."""
    return float(trace.made.get(signal, trace[signal])[timestep, unit])


def acting_on(signal: str, trace: Trace, timestep: int, unit: int) -> tuple[Intervention, ...]:
    """The interventions that act on a signal of a unit at a step, in the order in which they do."""
    return tuple(
        each
        for each in trace.interventions
        if not isinstance(each, Reset)
        and each.signal == signal
        and (each.units is None or unit in each.units)
        and timestep in steps_of(each, len(trace))
    )


def done_to(signal: str, trace: Trace, timestep: int, unit: int) -> str:
    """What interventions do to a signal of a unit at a step, in words; "" for nothing."""
    return ", then ".join(done_by(each) for each in acting_on(signal, trace, timestep, unit))


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
