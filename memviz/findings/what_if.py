"""What a what-if does: an intervention in words, and one sentence about a run beside the one before it."""

from collections.abc import Sequence

import numpy as np

from memviz.cells import is_part
from memviz.comparison import MEETING, Comparison, GradientEffect
from memviz.findings.gates import quoted
from memviz.interventions import (
    Ablate,
    Add,
    Clamp,
    Detach,
    Freeze,
    Intervention,
    Patch,
    Reset,
    Scale,
)
from memviz.theme import LOOKS, look, number, power_of_ten
from memviz.trace import Trace

_PARTS = {
    "from_input": "its input's part W x",
    "from_hidden": "its hidden state's part U h",
    "from_cell": "its peephole",
    "from_gates": "its gates' part",
    "bias": "its bias",
    "pre": "its pre-activation",
}


def signal_in_words(name: str, family: str = "lstm") -> str:
    """What a signal of a trace is called: "forget gate f", "forget gate f: its pre-activation"."""
    head, part = name, ""
    if is_part(name) or name.endswith("_pre"):
        head = name.removesuffix("_pre").removesuffix("_bias").partition("_from_")[0]
        part = _PARTS.get(name.removeprefix(f"{head}_"), "")
    if head not in LOOKS or (head != name and not part):  # a link may name anything
        return name
    its = look(head, family)
    called = its.name if head == "cell_tanh" else f"{its.name} {its.symbol}"
    return f"{called}: {part}" if part else called


def what_is_done(intervention: Intervention) -> str:
    """What an intervention does to its signal: "held at 1.00"."""
    match intervention:
        case Clamp():
            return f"held at {number(intervention.value)}"
        case Scale():
            return f"multiplied by {number(intervention.factor)}"
        case Add():
            sign = "" if intervention.amount < 0 else "+"
            return f"shifted by {sign}{number(intervention.amount)}"
        case Ablate():
            return "cut to 0"
        case Freeze():
            return f"frozen at its value of step {intervention.at}"
        case Patch():
            return "taken from another run"
        case Detach():
            return "kept, its gradient cut"
    return "reset to 0"


def in_words(intervention: Intervention, family: str = "lstm") -> str:
    """An intervention as a reader would say it: "forget gate f held at 1.00, units 0 and 3, steps 2 to 5"."""
    if isinstance(intervention, Reset):
        where = "each step" if intervention.steps is None else indexes("step", intervention.steps)
        return f"state reset to 0 before {where}"
    parts = [f"{signal_in_words(intervention.signal, family)} {what_is_done(intervention)}"]
    for name, chosen in (("unit", intervention.units), ("step", intervention.steps)):
        if chosen is not None:
            parts.append(indexes(name, chosen))
    return ", ".join(parts)


def indexes(name: str, chosen: Sequence[int]) -> str:
    """Whole numbers in ascending order as a reader would say them: "steps 2 to 5 and 9"."""
    runs = np.split(np.array(chosen), np.flatnonzero(np.diff(chosen) != 1) + 1)
    said = [part for run in runs for part in (map(str, run) if len(run) < 3 else [f"{run[0]} to {run[-1]}"])]
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"{name}{'s' * (len(chosen) > 1)} {listed}"


def what_if_finding(comparison: Comparison, meeting: int | None = None) -> str:
    """Which step changes first, how much the output changes, and the gradient to the first input.

    Args:
        comparison: the run beside the one before it, with their gradients.
        meeting: the timestep from which on the runs are within `MEETING` of each other again, if they are.
    """
    gradient = (
        f"; the gradient to the first input {_gradient(comparison.gradient)}" if comparison.gradient else ""
    )
    if comparison.first is None:
        return f"No number of the run changes{gradient}."
    named = (name for name in ("cell", "hidden") if name in comparison.names)
    found = [first for name in named if (first := comparison.first_of(name))]
    if not found:
        return f"No state changes{gradient}."
    first = min(found, key=lambda difference: difference.pair)
    token = quoted(comparison.b.tokens[first.step_b])
    start = f"From step {first.step_b} ({token}) the {look(first.signal).name} changes"
    said = f"{start}, the last hidden state {_output(comparison)}{gradient}."
    if meeting is None:
        return said
    return f"{said} From step {meeting} on the runs are within {number(MEETING, 1)} again."


def _output(comparison: Comparison) -> str:
    change = comparison.output_change
    if change == 0:
        return "stays"
    return "was 0 before" if np.isinf(change) else f"by {_percent(change)}"


def _gradient(effect: GradientEffect) -> str:
    a, b = (_size(log10) for log10 in (effect.log10_norm_a, effect.log10_norm_b))
    if effect.relative == 0:
        return f"stays {a}"
    if a == b:
        return f"stays {a} in size and turns by {_percent(effect.relative)}"
    return f"goes from {a} to {b}"


def _size(log10: float) -> str:
    return "exactly 0" if np.isneginf(log10) else power_of_ten(log10)


def _percent(share: float) -> str:
    """A change in percent: of any size, never rounded to none."""
    return f"{number(share * 100, 2)}%"


def meeting_step(comparison: Comparison) -> int | None:
    """The timestep of the second run from which on a comparison finds no difference any more; None if never."""
    return None if comparison.meets_at is None else comparison.pairs[comparison.meets_at][1]


def opposite(trace: Trace, name: str) -> float:
    """Where holding a signal shows most: a gate that is rather open is shut, one that is rather shut is opened."""
    return 0.0 if name not in trace.names or float(trace[name].mean()) >= 0.5 else 1.0
