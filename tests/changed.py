"""Interventions once more, on the transcription of the papers: the oracle of everything that changes a run.

Nothing of memviz's taps is used. Each intervention is applied unit by unit, in a plain loop, to numpy or torch values.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from hypothesis import strategies as st

from memviz.cells import CELLS, State
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
    check,
)
from tests import oracles

Keep = Callable[[int, str, oracles.Array], oracles.Array]


def run(
    name: str,
    p: oracles.Values,
    xs: oracles.Array,
    state: oracles.Values,
    interventions: Sequence[Intervention],
    ops: oracles.Ops = oracles.NUMPY,
    keep: Keep = lambda t, signal, value: value,
    held: Sequence[oracles.Values] | None = None,
    enter: Keep = lambda t, signal, value: value,
    between: Callable[[int, oracles.Values], oracles.Values] = lambda t, state: state,
) -> list[oracles.Values]:
    """The signals of every step. `enter` gets each value before the change and `keep` after it; `held` is where freezes
    take theirs from; `between` may change the state after a step.
    """
    steps: list[oracles.Values] = []
    for t, x in enumerate(xs):
        if any(isinstance(iv, Reset) and _acts(iv.steps, t) for iv in interventions):
            state = {part: 0 * _detached(value) for part, value in state.items()}

        def tap(signal: str, value: oracles.Array, t: int = t) -> oracles.Array:
            value = enter(t, signal, value)
            for iv in interventions:
                if not isinstance(iv, Reset) and iv.signal == signal and _acts(iv.steps, t):
                    value = _changed(iv, t, value, steps if held is None else held)
            return keep(t, signal, value)

        state, signals = oracles.step(name, p, x, state, tap, ops)
        state = between(t, state)
        steps.append(signals)
    return steps


def _acts(chosen: Sequence[int] | None, index: int) -> bool:
    return chosen is None or index in chosen


def _changed(
    iv: Intervention, t: int, value: oracles.Array, steps: Sequence[oracles.Values]
) -> oracles.Array:
    if isinstance(iv, Freeze) and t <= iv.at:
        return value
    units = [_unit(iv, t, value, unit, steps) for unit in range(len(value))]
    return torch.stack(units) if isinstance(value, torch.Tensor) else np.stack(units)


def _unit(iv: Intervention, t: int, value: oracles.Array, unit: int, steps: Sequence[oracles.Values]):
    own = value[unit]
    if not _acts(iv.units, unit):
        return own
    match iv:
        case Clamp():
            return 0 * _detached(own) + iv.value
        case Ablate():
            return 0 * _detached(own)
        case Scale():
            return own * iv.factor
        case Add():
            return own + iv.amount
        case Patch():
            return 0 * _detached(own) + iv.values[t, unit]
        case Freeze():
            return _detached(steps[iv.at][iv.signal][unit])
        case Detach():
            return _detached(own)
    raise AssertionError(iv)


def _detached(value: oracles.Array) -> oracles.Array:
    """Without its gradient: in numpy, without the imaginary part of a complex step."""
    return value.detach() if isinstance(value, torch.Tensor) else np.real(value)


def state_of(before: dict[str, np.ndarray], name: str) -> State:
    """The oracle's state as a cell takes it."""
    return CELLS[name].state_type(*(torch.tensor(part) for part in before.values()))


@st.composite
def draws(draw, name: str, units: int, time: int, most: int = 4) -> list[tuple]:
    """What some interventions are made of, in plain values; `fitting` makes them."""
    kinds = [Clamp, Scale, Add, Ablate, Freeze, Patch, Detach, Reset]
    return [
        (
            draw(st.sampled_from(kinds)),
            draw(st.sampled_from(CELLS[name].signal_names)),
            draw(st.floats(-2, 2)),
            draw(st.none() | st.sets(st.integers(0, units - 1), min_size=1).map(tuple)),
            draw(st.none() | st.sets(st.integers(0, time - 1), min_size=1).map(tuple)),
            draw(st.integers(0, time - 1)),
        )
        for _ in range(draw(st.integers(1, most)))
    ]


def fitting(drawn: list[tuple], name: str, units: int, time: int) -> tuple[Intervention, ...]:
    """Those interventions that fit a run of a cell and contradict none before them."""
    chosen: list[Intervention] = []
    for parts in drawn:
        candidate = _made(*parts, units, time)
        try:
            check([*chosen, candidate], CELLS[name], units, time)
        except ValueError:
            continue
        chosen.append(candidate)
    return tuple(chosen)


def _made(kind, signal, number, units, steps, at, width: int, time: int) -> Intervention:
    if kind is Reset:
        return Reset(steps)
    if kind is Freeze:
        later = None if steps is None or at >= time - 1 else tuple({max(t, at + 1) for t in steps})
        return Freeze(signal, at, units, later)
    if kind is Patch:
        return Patch(signal, np.random.default_rng(at).standard_normal((time, width)), units, steps)
    if kind in (Ablate, Detach):
        return kind(signal, units, steps)
    return kind(signal, number, units, steps)
