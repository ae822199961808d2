"""What to look at on the compare page: which sides carry the gradient back, and the takeaway of each preset.

Everything that is said of a side is read off its numbers; what a paper found is said to be the paper's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memviz.comparison import Comparison, compare
from memviz.gradients import GradientFlow, kept, memory_of
from memviz.theme import look, number, power_of_ten
from memviz.trace import Trace

TOLERANCE = 1e-12
"""Numbers that are nearer to each other than this are called equal: the rest is rounding."""
_ALIKE = 0.3
"""Gradients within a factor of two are called alike."""


@dataclass(frozen=True, eq=False)
class Contender:
    """One side of a comparison.

    Attributes:
        letter: its letter.
        label: its name.
        flow: the gradient through its run.
    """

    letter: str
    label: str
    flow: GradientFlow

    @property
    def trace(self) -> Trace:
        """Its run."""
        return self.flow.trace

    @property
    def symbol(self) -> str:
        """The letter of its memory: c, or h where it has no c."""
        return look(memory_of(self.trace)).symbol

    @property
    def first(self) -> float:
        """log10 of the norm of dL/dc_0, or dL/dh_0 where there is no c; an exact zero is -inf."""
        return float(self.flow.log10_norms(memory_of(self.trace))[0])

    @property
    def named(self) -> str:
        """Letter and name."""
        return f"{self.letter} ({self.label})"


def shown_signals(found: Comparison) -> list[str]:
    """The gates, candidate and states that two runs share, in the order of the equations."""
    known = {*found.a.cell.activations, *found.b.cell.activations, "cell", "hidden"}
    return [name for name in found.names if name in known]


def compare_finding(sides: Sequence[Contender], what: str) -> str:
    """How much of the gradient the sides carry back to the first step.

    Args:
        sides: the runs, one or more.
        what: the sequence, as it is named in a sentence.
    """
    first, last = sides[0], sides[0].flow.last
    if last == 0:
        return f"The loss reads the first step of {what}: no gradient has to travel; look at the gates."
    over = f"over {last} step{'s' * (last != 1)} of {what}"
    if len(sides) == 1:
        size = f"|dL/d{first.symbol}| at the first step is {power_of_ten(first.first)}"
        return f"{first.label} alone: {over} {size}. Add a side to compare it with."
    if not any(_differ(first, other) for other in sides[1:]):
        return f"Nothing differs: all {len(sides)} sides have the same numbers at every step of {what}."
    best, worst = max(sides, key=lambda side: side.first), min(sides, key=lambda side: side.first)
    if np.isneginf(best.first):
        return f"Nothing reaches the first step {over}: the gradient there is exactly 0 in every side."
    arrives = f"{over[0].upper()}{over[1:]} |dL/d{best.symbol}| arrives as {power_of_ten(best.first)} in {best.named}"
    if np.isneginf(worst.first):
        return f"{arrives}; in {worst.named} it is exactly 0."
    gap = best.first - worst.first
    if gap < _ALIKE:
        return (
            f"{over[0].upper()}{over[1:]} the gradient arrives alike in all {len(sides)} sides: from "
            f"{power_of_ten(worst.first)} to {power_of_ten(best.first)} at the first step."
        )
    return (
        f"{arrives}; in {worst.named} |dL/d{worst.symbol}| is {power_of_ten(worst.first)}, "
        f"{_times(gap)} times less."
    )


def ablation_takeaway(sides: Sequence[Contender]) -> str:
    """Of some variants beside the vanilla cell: which moves the gradient most, and which the output."""
    vanilla, others = sides[0], list(sides[1:])
    if not others:
        return ""
    moved = max(others, key=lambda side: _distance(side, vanilla))
    output = {side.letter: compare(vanilla.trace, side.trace).output_change for side in others}
    changed = max(others, key=lambda side: output[side.letter])
    return (
        f"Beside {vanilla.named}, {moved.named} moves the gradient to the first step most, from "
        f"{power_of_ten(vanilla.first)} to {power_of_ten(moved.first)}; the last hidden state is moved most by "
        f"{changed.named}, by {_percent(output[changed.letter])} of its norm. This is one untrained network: it "
        "shows what each part does to signals and gradient, not which part matters. Greff et al., who trained them, "
        "found the forget gate and the output activation function to matter most."
    )


def gru_takeaway(sides: Sequence[Contender]) -> str:
    """Of the two conventions of a GRU: where they part, and what they share."""
    after, before = sides[0], sides[1]
    found = compare(after.trace, before.trace, tolerance=TOLERANCE)
    part = found.first_of("candidate")
    largest = found.largest_of("hidden")
    if part is None or largest is None:
        return "Both conventions have the same numbers here."
    return (
        f"With the same weights the candidate n parts at step {part.step_a}: r acts after the matrix product in "
        f"{after.letter}, before it in {before.letter}; h differs by at most {number(abs(largest.value), 2)}, at "
        f"step {largest.step_a}. In both, z = 1 keeps the old state (z is {_averages(sides)} on average); in Chung et "
        "al. (arXiv 1412.3555) z = 1 writes the new one."
    )


def bias_takeaway(sides: Sequence[Contender]) -> str:
    """Of rising forget biases: what they do to the gate and to the gradient."""
    rises = all(a.first < b.first for a, b in pairwise(sides))
    sizes = ", ".join(power_of_ten(side.first) for side in sides)
    grows = "rises with each:" if rises else "is, side by side,"
    return (
        f"The forget gate's average is {_averages(sides)}, and |dL/dc| at the first step {grows} {sizes}. "
        "At f near 1 the memory is carried on nearly unchanged, and so is its gradient."
    )


def carousel_takeaway(sides: Sequence[Contender]) -> str:
    """Of the cell of 1997 beside today's: what never forgetting does."""
    old, others = sides[0], sides[1:]
    sizes = ", ".join(
        f"{number(float(np.abs(side.trace['cell']).max()), 2)} in {side.letter}" for side in (old, *others)
    )
    arrives = ", ".join(f"{power_of_ten(side.first)} in {side.letter}" for side in (old, *others))
    return (
        f"Without a forget gate c is a plain sum: |c| reaches {sizes}, and |dL/dc| at the first step is {arrives}. "
        "What is never forgotten also never makes room: that is why the forget gate came in 2000."
    )


def against_first_takeaway(sides: Sequence[Contender]) -> str:
    """Of some sides beside the first: what each does to output and gradient."""
    first = sides[0]
    said = [
        f"{side.letter} changes the last hidden state by "
        f"{_percent(compare(first.trace, side.trace).output_change)} of its norm and the gradient to the first step "
        f"from {power_of_ten(first.first)} to {power_of_ten(side.first)}"
        for side in sides[1:]
    ]
    return f"Beside {first.named}: {'; '.join(said)}."


def clamp_takeaway(sides: Sequence[Contender]) -> str:
    """Of a network without and with its forget gate held at 1."""
    free, held = sides[0], sides[1]
    found = compare(free.trace, held.trace, tolerance=TOLERANCE)
    part = found.first_of("cell")
    where = "c never differs" if part is None else f"c parts at step {part.step_a}"
    fades = held.first - free.first > 1
    return (
        f"The weights are the same; in {held.letter} the forget gate, on average {_averages([free])} in {free.letter}, "
        f"is held at {_averages([held])}: {where}, and |dL/dc| at the first step goes from "
        f"{power_of_ten(free.first)} to {power_of_ten(held.first)}."
        + " With the same weights it is the gate that lets the gradient fade."
        * fades
    )


def _differ(a: Contender, b: Contender) -> bool:
    if a.trace.names != b.trace.names:
        return True
    return compare(a.trace, b.trace, tolerance=TOLERANCE).first is not None


def _distance(side: Contender, other: Contender) -> float:
    """By how many powers of ten the gradients at the first step differ."""
    if np.isneginf([side.first, other.first]).any():
        return 0.0 if side.first == other.first else float("inf")
    return abs(side.first - other.first)


def _averages(sides: Sequence[Contender]) -> str:
    """The mean of what keeps, side by side."""
    return ", ".join(
        number(float(keep.mean()), 2) for side in sides if (keep := kept(side.trace)) is not None
    )


def _times(log10: float) -> str:
    """A factor in two digits, with its thousands apart."""
    return f"{float(f'{10**log10:.1e}'):,.0f}" if 2 <= log10 < 6 else power_of_ten(log10)


def _percent(share: float) -> str:
    return f"{number(100 * share, 2)}%"
