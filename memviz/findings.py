"""What to look at: one sentence about a trace or a gradient, computed from its numbers."""

import numpy as np

from memviz.gradients import GradientFlow
from memviz.theme import is_gate, look, number
from memviz.trace import Trace

_HELD = 0.5
"""A unit holds what it wrote if at least this share of it is left at the end."""


def main_finding(trace: Trace) -> str:
    """The unit that remembers best, and how: what it wrote, where, and what is left of it at the end.

    A write is i_t * g_t, or (1 - z_t) * n_t in a GRU; what is left of it along the direct path is its product
    with the forget gates (a GRU's update gates) of all later steps.
    """
    if len(trace) < 2:
        return "One timestep: the gates stand open or shut, but there is nothing yet to remember."
    keep, write = keep_and_write(trace)
    if keep is None or write is None:
        hidden = np.abs(trace["hidden"])
        unit = int(hidden.max(axis=0).argmax())
        return (
            f"No gate protects the memory: at every step all of it passes through one function again. "
            f"Unit {unit} swings most, up to {number(float(hidden[:, unit].max()))} in size."
        )
    left = _left(keep)
    held = np.abs(write) * left
    # The last steps hold anything; a memory is what was written in the first half.
    half = max(1, len(trace) // 2)
    t, unit = divmod(int(held[:half].argmax()), trace.units)
    share, lowest = float(left[t, unit]), float(keep[t + 1 :, unit].min())
    gate = "update gate" if trace.cell.family == "gru" else "forget gate"
    wrote = f"Unit {unit} writes {number(float(write[t, unit]))} at step {t} ({quoted(trace.tokens[t])})"
    if lowest == 1.0 and "forget_pre" not in trace.names and trace.cell.family == "lstm":
        return f"{wrote} and keeps all of it to the end: nothing in this cell forgets."
    if share >= _HELD:
        return f"{wrote} and holds {share:.0%} of it to the end: its {gate} stays above {_floor(lowest)}."
    return (
        f"No unit remembers the first half: the best, unit {unit}, has {_percent(share)} left of what it wrote at "
        f"step {t} ({quoted(trace.tokens[t])}), because its {gate} falls to {number(lowest, 2)}."
    )


def gradient_finding(flow: GradientFlow) -> str:
    """How much of the gradient reaches the first step, for the state that carries it furthest."""
    name = "hidden" if flow.cell is None else "cell"
    letter = "h" if flow.cell is None else "c"
    logs = flow.log10_norms(name)
    last = int(np.flatnonzero(np.isfinite(logs)).max(initial=0))
    if last == 0:
        return "The loss reads the first step: no gradient has to travel."
    change = float(logs[0] - logs[last])
    if np.isneginf(change):
        return f"Nothing reaches the first step: |dL/d{letter}| is exactly 0 there."
    over = f"over {last} step{'s' if last > 1 else ''}"
    if abs(change) < 0.3:
        return f"The gradient arrives: |dL/d{letter}| at the first step is {10**change:.2f} times the last, {over}."
    verb = "shrinks" if change < 0 else "grows"
    return f"|dL/d{letter}| {verb} by a factor of {_factor(abs(change))} on its way back {over}."


def gates_finding(trace: Trace) -> str:
    """The range of each gate, as a title for its pictures."""
    gates = [name for name in trace.cell.activations if is_gate(name)]
    if not gates:
        return "There is no gate: the hidden state is rewritten at every step"
    ranges = [
        f"{look(name).symbol} {_range(trace[name])}".replace(" ", "\N{NO-BREAK SPACE}") for name in gates
    ]
    return f"How far each gate opens, 0 to 1: {', '.join(ranges)}"


def states_finding(trace: Trace) -> str:
    """How far the states swing, as a title for their lines."""
    hidden = float(np.abs(trace["hidden"]).max())
    if "cell" not in trace.names:
        return f"The hidden state reaches {number(hidden, 2)} in size"
    cell = float(np.abs(trace["cell"]).max())
    shown = f"the hidden state, what is shown of it, {number(hidden, 2)}"
    return f"The cell state reaches {number(cell, 2)} in size; {shown}"


def keep_and_write(trace: Trace) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What each step keeps of the memory (time, unit), a factor, and what it adds; None without a gate for it."""
    if trace.cell.family == "gru":
        return trace["update"], (1 - trace["update"]) * trace["candidate"]
    if trace.cell.family == "lstm":
        write = trace["input"] * trace["candidate"]
        return (trace["forget"] if "forget" in trace.names else np.ones_like(write)), write
    return None, None


def quoted(token: str) -> str:
    """A token in quotation marks, at most 12 characters of it."""
    return f"“{token}”" if len(token) <= 12 else f"“{token[:11]}…”"


def _left(keep: np.ndarray) -> np.ndarray:
    """The product of all later factors: what is left at the end of what step t wrote."""
    later = np.ones_like(keep)
    later[:-1] = np.cumprod(keep[:0:-1], axis=0)[::-1]
    return later


def _range(values: np.ndarray) -> str:
    low, high = float(values.min()), float(values.max())
    return f"at {low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


def _floor(value: float) -> str:
    """A bound that the value is above, in two digits: never rounded up."""
    return f"{np.floor(value * 100) / 100:.2f}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{number(share * 100, 2)}%"


def _factor(log10: float) -> str:
    return number(10**log10, 2) if log10 < 6 else f"10^{log10:.0f}"
