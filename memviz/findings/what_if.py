"""What a what-if does: one sentence about a run beside the one before it."""

import numpy as np

from memviz.comparison import MEETING, Comparison, Difference, GradientEffect
from memviz.findings.gates import quoted
from memviz.theme import look, number, power_of_ten
from memviz.trace import Trace


def what_if_finding(comparison: Comparison, meeting: int | None = None) -> str:
    """Which step changes first, how much the output changes, and the gradient to the first input.

    Args:
        comparison: the run beside the one before it, with their gradients.
        meeting: the timestep from which on the runs are within `MEETING` of each other again, if they are.
    """
    gradient = ""
    if comparison.gradient and comparison.pairs[0] == (0, 0):  # else the first inputs are not the same token
        gradient = f"; the gradient to the first input {_gradient(comparison.gradient)}"
    if comparison.parts_at is None:
        what = "No number of the run" if comparison.first is None else "No state"
        if comparison.output_change == 0:
            return f"{what} changes{gradient}."
        return f"{what} changes that both runs have, the last hidden state {_output(comparison)}{gradient}."
    step, first = comparison.parts_at, _first_state(comparison)
    memory = "cell" if "cell" in comparison.names else "hidden"
    state = look(first.signal if first and first.step_b == step else memory).name
    token = quoted(comparison.b.tokens[step])
    said = f"From step {step} ({token}) the {state} changes, the last hidden state {_output(comparison)}{gradient}."
    if meeting is None:
        return said
    return f"{said} From step {meeting} on the runs are within {number(MEETING, 1)} again."


def _first_state(comparison: Comparison) -> Difference | None:
    named = (name for name in ("cell", "hidden") if name in comparison.names)
    found = [first for name in named if (first := comparison.first_of(name))]
    return min(found, key=lambda difference: difference.pair, default=None)


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
