"""Two runs, step beside step: what differs, from where on, by how much, and whether they meet again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from memviz.trace import Array, Trace

Pair = tuple[int | None, int | None]
MEETING = 1e-3
"""Two runs have met again where no number differs by more than this, which cannot be seen in three digits."""


@runtime_checkable
class Gradient(Protocol):
    """What is read of a gradient here; `memviz.GradientFlow` has it."""

    @property
    def trace(self) -> Trace:
        """The run that was differentiated."""

    @property
    def inputs(self) -> Any:
        """dL/dx_t, all paths, as `Scaled` numbers (time, features)."""


@dataclass(frozen=True)
class Difference:
    """One number that differs.

    Attributes:
        signal: its name.
        unit: the unit.
        pair: its place among the aligned steps.
        step_a, step_b: its timestep in each run.
        value: that of the second run minus that of the first.
    """

    signal: str
    unit: int
    pair: int
    step_a: int
    step_b: int
    value: float


@dataclass(frozen=True)
class GradientEffect:
    """What became of the gradient by the first input, dL/dx_0.

    Attributes:
        log10_norm_a, log10_norm_b: of each run; an exact zero is -inf.
        relative: |difference| / |that of the first run|; infinite where the first is 0 and the second is not.
    """

    log10_norm_a: float
    log10_norm_b: float
    relative: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """A second run beside a first, over the steps of both that are partners.

    Attributes:
        a, b: the runs.
        pairs: the partners, (timestep of a, timestep of b), ascending.
        differences: b - a by signal, (pair, unit), of the signals that both cells have.
        tolerance: up to which size of a difference two numbers are called equal; 0 is exactly.
        gradient: what became of dL/dx_0; None if no gradients were given.
    """

    a: Trace = field(repr=False)
    b: Trace = field(repr=False)
    pairs: tuple[tuple[int, int], ...] = field(repr=False)
    differences: Mapping[str, Array] = field(repr=False)
    tolerance: float = 0.0
    gradient: GradientEffect | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The signals that are compared, in the order of the equations."""
        return tuple(self.differences)

    @property
    def differs(self) -> Bool[np.ndarray, " pair"]:
        """Whether any number of a step differs."""
        differs: Bool[np.ndarray, " pair"] = np.any([self._differs(name) for name in self.names], axis=0)
        return differs

    @property
    def first(self) -> Difference | None:
        """The largest difference of the first signal that differs, at the first step that does; None if none does."""
        for pair in np.flatnonzero(self.differs)[:1].tolist():
            for name in self.names:
                if self._differs(name)[pair]:
                    return self._at(name, pair)
        return None

    def first_of(self, name: str) -> Difference | None:
        """The first difference of one signal."""
        differs = self._differs(name)
        return self._at(name, int(differs.argmax())) if differs.any() else None

    @property
    def largest(self) -> Difference | None:
        """The largest difference of all signals, the earlier one of equals; None if none differs."""
        found = [largest for name in self.names if (largest := self.largest_of(name))]
        return max(found, key=lambda difference: abs(difference.value), default=None)

    def largest_of(self, name: str) -> Difference | None:
        """The largest difference of one signal; None if it does not differ."""
        sizes = np.abs(self.differences[name]).max(axis=1)
        return self._at(name, int(sizes.argmax())) if self._differs(name).any() else None

    @property
    def meets_at(self) -> int | None:
        """The first pair from which on nothing differs any more; None if they never part or never meet again."""
        differing = np.flatnonzero(self.differs)
        if not differing.size or differing[-1] == len(self.pairs) - 1:
            return None
        return int(differing[-1]) + 1

    @property
    def parts_at(self) -> int | None:
        """The step of the second run from which its states are others: the first whose state differs, that has no
        partner, or before which steps of the first run are left out; None if there is none.
        """
        states = [self._differs(name) for name in ("cell", "hidden") if name in self.names]
        found = [self.pairs[pair][1] for pair in np.flatnonzero(np.any(states, axis=0))[:1]]
        ends = [(-1, -1), *self.pairs]
        gaps = [before + 1 for (a, before), (c, after) in pairwise(ends) if c > a + 1 or after > before + 1]
        if self.pairs[-1][1] < len(self.b) - 1:
            gaps.append(self.pairs[-1][1] + 1)
        return min([*found, *gaps], default=None)

    @property
    def output(self) -> Float[np.ndarray, " unit"]:
        """The last hidden state of the second run minus that of the first, whether they are partners or not."""
        return self.b["hidden"][-1] - self.a["hidden"][-1]

    @property
    def output_change(self) -> float:
        """|difference of the last hidden states| / |that of the first run|; infinite where only the first is 0."""
        return _ratio(float(np.linalg.norm(self.output)), float(np.linalg.norm(self.a["hidden"][-1])))

    def to_frame(self) -> Any:
        """A tidy pandas DataFrame: step_a, step_b, token_a, token_b, signal, unit, a, b, difference."""
        import pandas as pd  # only here: the engine runs without it

        steps_a, steps_b = (np.array([pair[side] for pair in self.pairs]) for side in (0, 1))
        units, signals = self.a.units, len(self.names)

        def by_step(values: Any) -> Any:
            return np.tile(np.repeat(values, units), signals)

        return pd.DataFrame(
            {
                "step_a": by_step(steps_a),
                "step_b": by_step(steps_b),
                "token_a": by_step(np.array(self.a.tokens, dtype=object)[steps_a]),
                "token_b": by_step(np.array(self.b.tokens, dtype=object)[steps_b]),
                "signal": np.repeat(np.array(self.names, dtype=object), len(steps_a) * units),
                "unit": np.tile(np.arange(units), len(steps_a) * signals),
                "a": np.concatenate([self.a[name][steps_a].ravel() for name in self.names]),
                "b": np.concatenate([self.b[name][steps_b].ravel() for name in self.names]),
                "difference": np.concatenate([self.differences[name].ravel() for name in self.names]),
            }
        )

    def _differs(self, name: str) -> Bool[np.ndarray, " pair"]:
        return (np.abs(self.differences[name]) > self.tolerance).any(axis=1)

    def _at(self, name: str, pair: int) -> Difference:
        row = self.differences[name][pair]
        unit = int(np.abs(row).argmax())
        return Difference(name, unit, pair, *self.pairs[pair], float(row[unit]))


def compare(
    trace_a: Trace,
    trace_b: Trace,
    alignment: Iterable[Pair] | None = None,
    *,
    tolerance: float = 0.0,
    gradients: tuple[Gradient, Gradient] | None = None,
) -> Comparison:
    """Two runs, step beside step; the cells may differ, then the signals that both have are compared.

    Args:
        trace_a: the first run.
        trace_b: the second run; differences are what it has more.
        alignment: (timestep of a, timestep of b), as an edit of the input gives it; a pair with None is left out. By
            default step t is the partner of step t, as far as both go.
        tolerance: up to which size of a difference two numbers are called equal; 0 is exactly.
        gradients: the gradients of both runs, for what became of dL/dx_0.

    Raises:
        ValueError: if the runs have different numbers of units, the alignment does not fit them, the tolerance is
            no number from 0 on, or a gradient is of another run.
    """
    if trace_a.units != trace_b.units:
        raise ValueError(
            f"Runs with as many units are compared; got {trace_a.units} and {trace_b.units} units."
        )
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"A tolerance is a finite number from 0 on; got {tolerance}.")
    pairs = _pairs(trace_a, trace_b, alignment)
    steps_a, steps_b = ([pair[side] for pair in pairs] for side in (0, 1))
    differences = {
        name: trace_b[name][steps_b] - trace_a[name][steps_a] for name in _common(trace_a, trace_b)
    }
    for values in differences.values():
        values.setflags(write=False)
    effect = None if gradients is None else _effect(trace_a, trace_b, *gradients)
    return Comparison(trace_a, trace_b, pairs, MappingProxyType(differences), float(tolerance), effect)


def _common(a: Trace, b: Trace) -> list[str]:
    return [name for name in a.names if name in b.names]


def _pairs(a: Trace, b: Trace, alignment: Iterable[Pair] | None) -> tuple[tuple[int, int], ...]:
    given: Iterable[Pair] = [(t, t) for t in range(min(len(a), len(b)))] if alignment is None else alignment
    pairs = tuple((s, t) for s, t in given if s is not None and t is not None)
    if not pairs:
        raise ValueError("An alignment has 1 or more pairs of timesteps; got none.")
    for (s, t), (u, v) in pairwise(pairs):
        if not (s < u and t < v):
            raise ValueError(f"The timesteps of an alignment ascend; got {(u, v)} after {(s, t)}.")
    if min(pairs[0]) < 0 or pairs[-1][0] >= len(a) or pairs[-1][1] >= len(b):
        raise ValueError(
            f"The runs have the steps 0 to {len(a) - 1} and 0 to {len(b) - 1}; got the pairs "
            f"{pairs[0]} to {pairs[-1]}."
        )
    return pairs


def _effect(trace_a: Trace, trace_b: Trace, a: Gradient, b: Gradient) -> GradientEffect:
    if a.trace is not trace_a or b.trace is not trace_b:
        raise ValueError("The gradients are those of the two runs, in their order; got one of another run.")
    first, second = a.inputs[0], b.inputs[0]
    if first.mantissa.shape != second.mantissa.shape:
        raise ValueError(
            f"Gradients by an input of as many features are compared; got {first.mantissa.size} and "
            f"{second.mantissa.size} features."
        )
    top = np.maximum(first.top(), second.top())  # sizes below every float are compared as well
    change = float(np.linalg.norm(second.over(top) - first.over(top)))
    relative = _ratio(change, float(np.linalg.norm(first.over(top))))
    return GradientEffect(float(first.log10_norms()), float(second.log10_norms()), relative)


def _ratio(change: float, size: float) -> float:
    if change == 0:
        return 0.0
    return change / size if size else float("inf")
