"""What to look at on the gates page."""

from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float

from memviz.gradients import GradientFlow, kept
from memviz.theme import number
from memviz.trace import Trace

_HARDLY = 1e-3
"""A write below this is hardly one, and a gradient that enters c below this share of the one by h hardly enters."""
_HELD = 0.5
"""A unit holds what it wrote if at least this share of it is left at the end."""


def main_finding(trace: Trace) -> str:
    """The unit that remembers best, and how: what it wrote, where, and what is left of it at the end.

    A write is i_t * g_t, or (1 - z_t) * n_t in a GRU; what is left of it along the direct path is its product
    with the forget gates (a GRU's update gates) of all later steps.
    """
    if len(trace) < 2:
        return (
            "One timestep: each gate stands between shut, 0, and open, 1; there is nothing yet to remember."
        )
    keep, write = keep_and_write(trace)
    if keep is None or write is None:
        hidden = np.abs(trace["hidden"])
        unit = int(hidden.max(axis=0).argmax())
        return (
            f"No gate protects the memory: at every step all of it passes through one function again. "
            f"Unit {unit} swings most, up to {number(float(hidden[:, unit].max()))} in size."
        )
    # The last steps hold anything; a memory is what was written in the first half.
    half = max(1, len(trace) // 2)
    left, written = _left(keep)[:half], np.abs(write)[:half]
    if not written.any():
        return "No unit writes anything in the first half of the sequence."
    held = written * left
    remembering = np.where(left >= _HELD, held, 0.0)
    if not remembering.any():
        return _forgetting(trace, keep, *_largest(held), left)
    t, unit = _largest(remembering)
    wrote = f"Unit {unit} writes {number(float(write[t, unit]))} at step {t} ({quoted(trace.tokens[t])})"
    if abs(write[t, unit]) < _HARDLY:
        wrote = f"Hardly anything is let in: unit {unit}{wrote.removeprefix(f'Unit {unit}')}"
    if trace.cell.family == "lstm" and "forget_pre" not in trace.names and not trace.cell.coupled:
        return f"{wrote} and keeps all of it to the end: nothing in this cell forgets."
    share, lowest = float(left[t, unit]), float(keep[t + 1 :, unit].min())
    return (
        f"{wrote} and holds {_percent(share)} of it to the end: its {_keeper(trace)} never falls below "
        f"{_floor(lowest)}."
    )


def _forgetting(trace: Trace, keep: np.ndarray, t: int, unit: int, left: np.ndarray) -> str:
    steps = len(trace) - 1 - t
    with np.errstate(divide="ignore"):
        average = float(np.exp(np.log(keep[t + 1 :, unit]).mean()))
    return (
        f"By its {_keeper(trace)}s alone no unit holds half of what it wrote in the first half: most is left of unit "
        f"{unit}'s write at step {t} ({quoted(trace.tokens[t])}), {_percent(float(left[t, unit]))} after {steps} "
        f"step{'s' if steps > 1 else ''} of a {_keeper(trace)} at {number(average)} on average."
    )


def _keeper(trace: Trace) -> str:
    return "update gate" if trace.cell.family == "gru" else "forget gate"


def _largest(values: np.ndarray) -> tuple[int, int]:
    """The timestep and unit of the largest value."""
    t, unit = divmod(int(values.argmax()), values.shape[1])
    return t, unit


def gradient_finding(flow: GradientFlow) -> str:
    """How much of the gradient reaches the first step, for the state that carries it furthest."""
    name = "hidden" if flow.cell is None else "cell"
    letter = "h" if flow.cell is None else "c"
    logs = flow.log10_norms(name)
    last = len(flow.tokens) - 1 if flow.loss.timestep is None else flow.loss.timestep
    if last == 0:
        return "The loss reads the first step: no gradient has to travel."
    start = float(flow.norms(name)[last])
    if name == "cell" and start < _HARDLY**2 * float(flow.norms("hidden")[last]):
        return (
            f"Hardly any gradient enters c: |dL/dc| is {number(start, 2)} at step {last} where |dL/dh| is "
            f"{number(float(flow.norms('hidden')[last]), 2)}; tanh(c) is saturated or the output gate shut."
        )
    if np.isneginf(logs[0]):
        return f"Nothing reaches the first step: |dL/d{letter}| is exactly 0 there."
    change = float(logs[0] - logs[last])
    over = f"over {last} step{'s' if last > 1 else ''}"
    if abs(change) < 0.3:
        return f"The gradient arrives: |dL/d{letter}| at the first step is {10**change:.2f} times the last, {over}."
    verb = "shrinks" if change < 0 else "grows"
    return f"|dL/d{letter}| {verb} by a factor of {_factor(abs(change))} on its way back {over}."


def recorded_finding(norms: Mapping[str, Float[np.ndarray, " time"]]) -> str:
    """How large the gradient of somebody's own loss is at both ends, by the state that carries it.

    Args:
        norms: over units, of dL/dh "hidden" and, where there is one, dL/dc "cell".
    """
    name = "cell" if "cell" in norms else "hidden"
    symbol = f"|dL/d{'c' if name == 'cell' else 'h'}|"
    first, last = (number(float(norms[name][step]), 2) for step in (0, -1))
    if len(norms[name]) == 1:
        return f"The gradient of your loss: {symbol} is {last} at the only step."
    return f"The gradient of your loss: {symbol} is {first} at the first step, {last} at the last."


def states_finding(trace: Trace, units: Iterable[int] | None = None) -> str:
    """How far the states of some units, of all by default, swing: a title for their lines."""
    chosen = list(range(trace.units) if units is None else units)
    hidden = float(np.abs(trace["hidden"][:, chosen]).max())
    if "cell" not in trace.names:
        return f"The hidden state reaches {number(hidden, 2)} in size"
    cell = float(np.abs(trace["cell"][:, chosen]).max())
    shown = f"the hidden state, what is shown of it, {number(hidden, 2)}"
    return f"The cell state reaches {number(cell, 2)} in size; {shown}"


def keep_and_write(trace: Trace) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What each step keeps of the memory (time, unit), a factor, and what it adds; None without a gate for it."""
    keep = kept(trace)
    if trace.cell.family == "gru":
        return keep, (1 - trace["update"]) * trace["candidate"]
    return keep, (None if keep is None else trace["input"] * trace["candidate"])


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
    """A share in whole percent, 100 only for all of it; a small one in two digits."""
    if share < 0.01:
        return f"{number(share * 100, 2)}%"
    return "100%" if share >= 1 else f"{min(99, round(share * 100))}%"


def _factor(log10: float) -> str:
    return number(10**log10, 2) if log10 < 6 else f"10^{log10:.0f}"
