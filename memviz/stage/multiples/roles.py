"""Which signal of a cell plays which role, so that cells of different equations stand in one row.

What keeps the memory is the forget gate of an LSTM and the update gate of a GRU, which keeps at 1 in both conventions
here; what lets something in is the input gate, and 1 - z of a GRU.
"""

from dataclasses import dataclass

from memviz.gradients import GradientFlow, memory_of
from memviz.theme import look
from memviz.trace import Array, Trace


@dataclass(frozen=True)
class Role:
    """What a row shows.

    Attributes:
        id: its name in code.
        title: its name on the page.
        scale: "gate" for 0 to 1, "signed" for numbers around 0, "log" for log10 of a size.
        signals: the signal of a cell that plays the role, the first that the cell has.
    """

    id: str
    title: str
    scale: str
    signals: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Part:
    """What plays a role in one run.

    Attributes:
        symbol: its letter.
        name: the field's term for it.
        signal: the signal that gives it its colour; "" where nothing plays the role.
        values: (time, unit); of the role of the gradient its log10, an exact zero -inf. None where nothing plays it.
        says: why there is nothing to show.
    """

    symbol: str
    name: str
    signal: str
    values: Array | None
    says: str = ""


GRADIENT = "gradient"
ROLES = (
    Role("keep", "what keeps", "gate", ("forget", "update")),
    Role("write", "what lets in", "gate", ("input", "update")),
    Role("candidate", "candidate", "signed", ("candidate",)),
    Role("read", "what reads", "gate", ("output", "reset")),
    Role("cell", "cell state", "signed", ("cell",)),
    Role("hidden", "hidden state", "signed", ("hidden",)),
    Role(GRADIENT, "gradient", "log", ()),
)
_NO_FORGET_GATE = "no forget gate: f = 1"
_ABSENT = {
    "keep": "no gate keeps: h is made anew",
    "write": "no gate: all is let in",
    "candidate": "no candidate but h itself",
    "read": "no gate: all of h is read",
    "cell": "no cell state: h is the memory",
}


def part_of(role: Role, flow: GradientFlow) -> Part:
    """What plays a role in a run."""
    trace, family = flow.trace, flow.network.cell.family
    if role.id == GRADIENT:
        memory = memory_of(trace)
        symbol = look(memory).symbol
        return Part(f"|∂L/∂{symbol}|", f"gradient by the {look(memory).name}", memory, flow.log10(memory))
    signal = next((name for name in role.signals if name in trace.names), None)
    if signal is None:
        is_open = role.id == "keep" and family == "lstm"
        return Part("", "", "", None, _NO_FORGET_GATE if is_open else _ABSENT[role.id])
    its = look(signal, family)
    if (role.id, signal) == ("write", "update"):
        return Part(f"1 − {its.symbol}", f"1 minus the {its.name}", signal, 1 - trace[signal])
    return Part(its.symbol, its.name, signal, trace[signal], _fixed(trace, signal))


def _fixed(trace: Trace, signal: str) -> str:
    """What is to be said of a gate that is shown although it has no weights; not where an intervention changed it."""
    if signal not in ("input", "forget", "output") or f"{signal}_pre" in trace.names:
        return ""
    if trace.cell.coupled:
        return "coupled: f = 1 − i" if (trace[signal] == 1 - trace["input"]).all() else ""
    return "fixed at 1" if (trace[signal] == 1).all() else ""
