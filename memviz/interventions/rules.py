"""Which interventions fit a run, and which contradict one another."""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool

from memviz.interventions.values import HOLDS, Freeze, Intervention, Patch, Reset, shown

Held = dict[str, Bool[np.ndarray, "time unit"]]
"""Which numbers of each signal are replaced already."""


@runtime_checkable
class Taps(Protocol):
    """What a cell says of itself here; `memviz.cells.Cell` does."""

    @property
    def name(self) -> str:
        """As written in code."""

    @property
    def signal_names(self) -> tuple[str, ...]:
        """Every signal that a step passes through its tap."""


def check(
    interventions: Iterable[Intervention], cell: Taps, units: int, time: int
) -> tuple[Intervention, ...]:
    """The interventions, if they fit a run of a cell with so many units and timesteps.

    Raises:
        ValueError: if a signal, unit or step does not exist, a patch is too small, or two of them replace the same
            number; the message states the rule and what arrived.
    """
    chosen = tuple(interventions)
    held: Held = {}
    for intervention in chosen:
        _check_one(intervention, cell, units, time, held)
    return chosen


def fitting(
    interventions: Iterable[Intervention], cell: Taps, units: int, time: int
) -> tuple[tuple[Intervention, ...], dict[int, str]]:
    """Those that fit a run and one another, earlier ones first, and why each of the others does not, by its place."""
    applied: list[Intervention] = []
    problems: dict[int, str] = {}
    held: Held = {}
    for place, intervention in enumerate(interventions):
        try:
            _check_one(intervention, cell, units, time, held)
        except ValueError as error:
            problems[place] = str(error)
        else:
            applied.append(intervention)
    return tuple(applied), problems


def _check_one(intervention: Intervention, cell: Taps, units: int, time: int, held: Held) -> None:
    if not isinstance(intervention, Intervention):
        raise ValueError(
            f"An intervention is a Clamp, Scale, Add, Ablate, Freeze, Patch, Detach or Reset; "
            f"got {shown(intervention)}."
        )
    _check_range("steps", intervention.steps, time)
    if isinstance(intervention, Reset):
        return
    if intervention.signal not in cell.signal_names:
        raise ValueError(
            f'"{cell.name}" has the signals {", ".join(cell.signal_names)}; got {intervention.signal}.'
        )
    _check_range("units", intervention.units, units)
    if isinstance(intervention, Freeze):
        _check_range("steps", (intervention.at,), time)
        if intervention.at == time - 1:
            raise ValueError(
                f"A freeze holds a value of an earlier step; after step {intervention.at}, the last, is none."
            )
    if isinstance(intervention, Patch):
        _check_patch(intervention, units, time)
    if isinstance(intervention, HOLDS):
        _check_held(intervention, held, units, time)


def steps_of(intervention: Intervention, time: int) -> list[int]:
    """The timesteps of a run at which it acts."""
    if intervention.steps is not None:
        return list(intervention.steps)
    return list(range(intervention.at + 1 if isinstance(intervention, Freeze) else 0, time))


def mask_of(intervention: Intervention, units: int, time: int) -> Bool[np.ndarray, "time unit"]:
    """Where it acts."""
    chosen = None if isinstance(intervention, Reset) else intervention.units
    mask: Bool[np.ndarray, "time unit"] = np.zeros((time, units), bool)
    columns = range(units) if chosen is None else chosen
    mask[np.ix_(steps_of(intervention, time), list(columns))] = True
    return mask


def _check_range(name: str, chosen: Sequence[int] | None, count: int) -> None:
    if chosen is not None and chosen[-1] >= count:
        raise ValueError(f"The {name} of this run are 0 to {count - 1}; got {chosen[-1]}.")


def _check_patch(patch: Patch, units: int, time: int) -> None:
    rows, columns = patch.values.shape
    last = max(steps_of(patch, time))
    if columns != units:
        raise ValueError(f"A patch has a number for each of the {units} units; got {columns}.")
    if rows <= last:
        raise ValueError(
            f"A patch has a row for each step up to the last that it acts at, step {last}; got {rows} rows."
        )


def _check_held(intervention: Intervention, held: Held, units: int, time: int) -> None:
    assert not isinstance(intervention, Reset)
    mask, signal = mask_of(intervention, units, time), intervention.signal
    before = held.get(signal)
    if before is not None and (both := mask & before).any():
        step, unit = np.argwhere(both)[0]
        raise ValueError(
            "A clamp, ablation, freeze or patch may not overlap with another on the same signal; "
            f"got two for {signal} at step {step}, unit {unit}."
        )
    held[signal] = mask if before is None else mask | before
