"""One intervention under the hand: what is done, to which signal, by how much, in which units and at which steps."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from memviz.findings import opposite
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
from memviz.live import dial, dialled
from memviz.theme import is_gate
from memviz.trace import Trace
from memviz.web.gates.page import PAGE
from memviz.words import indexes, signal_in_words

_KINDS: dict[str, str] = {
    "clamp": "hold at",
    "scale": "multiply by",
    "add": "add",
    "ablate": "cut to 0",
    "freeze": "freeze at step",
    "detach": "cut the gradient",
    "reset": "reset the state",
}
_OPERANDS = {"clamp": "value", "scale": "factor", "add": "amount"}
_SLIDER = {"scale": (-2.0, 2.0), "add": (-2.0, 2.0)}
_STATE_END, _PRE_END = 1.0, 10.0


def controls(intervention: Intervention, place: int, trace: Trace, time: int) -> None:
    """Everything that can be said of it, and what takes it away.

    Args:
        intervention: the one that is shown.
        place: where it stands among the interventions.
        trace: the run without any what-if.
        time: how many timesteps the run has.
    """
    kind = type(intervention).__name__.lower()
    if isinstance(intervention, Patch):
        called = signal_in_words(intervention.signal, trace.cell.family)
        st.caption(f"{called}: a patch comes from a file and is not edited here.", width="content")
    else:
        options = list(_KINDS)
        st.selectbox(
            "Do",
            options,
            format_func=_KINDS.__getitem__,
            width=145,
            **PAGE.bound(
                f"do-{place}", kind, lambda name: _put(place, _converted(intervention, name, trace))
            ),
        )
    if not isinstance(intervention, Reset | Patch):
        _signal(intervention, place, trace)
    if kind in _OPERANDS:
        _operand(intervention, place, kind, trace)
    elif isinstance(intervention, Freeze):
        _freeze_step(intervention, place, time)
    if not isinstance(intervention, Reset):
        _units(intervention, place, trace.units)
    _steps(intervention, place, time)
    st.button("", icon=":material/delete:", on_click=_remove, args=(place,), help="Take this one away")
    st.caption(_where(intervention), width="content")


def _where(intervention: Any) -> str:
    """Which units and steps: what the buttons beside it open."""
    units, steps = getattr(intervention, "units", None), intervention.steps
    said = (
        [] if isinstance(intervention, Reset) else ["all units" if units is None else indexes("unit", units)]
    )
    return ", ".join([*said, "all steps" if steps is None else indexes("step", steps)])


def _signal(intervention: Any, place: int, trace: Trace) -> None:
    cell = trace.cell
    drawn = [*cell.activations, *(name for name in ("cell", "cell_tanh", "hidden") if name in trace.names)]
    names = list(dict.fromkeys([*drawn, *cell.signal_names, intervention.signal]))
    st.selectbox(
        "to the",
        names,
        format_func=lambda name: signal_in_words(name, cell.family),
        width=190,
        **PAGE.bound(
            f"signal-{place}",
            intervention.signal,
            lambda name: _put(place, _changed(intervention, signal=name)),
            fits=tuple(names),
        ),
    )


def _operand(intervention: Any, place: int, kind: str, trace: Trace) -> None:
    part = _OPERANDS[kind]
    ends = _SLIDER.get(kind) or _range(intervention.signal, trace)

    def moved(values: list[float]) -> None:
        _put(place, _changed(intervention, **{part: values[0]}))

    _dial(_KINDS[kind], [getattr(intervention, part)], ends, 0.01, f"{part}-{place}", moved, width=260)


def _dial(
    label: str,
    values: Sequence[int | float],
    ends: tuple[int | float, int | float],
    step: int | float,
    name: str,
    emit: Callable[[list[float]], None],
    **options: Any,
) -> None:
    key = f"{PAGE.name}-{name}"

    def moved() -> None:
        # Infinite or no numbers come from no reader: there is nothing to say.
        if (found := dialled(key, len(values))) is not None:
            emit(found)

    dial(label, values, ends, step, key=key, on_change=moved, **options)


def _range(name: str, trace: Trace) -> tuple[float, float]:
    if is_gate(name):
        return 0.0, 1.0
    is_state = name in trace.cell.activations or name in ("cell", "cell_tanh", "hidden")
    end = _STATE_END if is_state else _PRE_END
    return -end, end


def _freeze_step(intervention: Freeze, place: int, time: int) -> None:
    def moved(values: list[float]) -> None:
        _put(place, _changed(intervention, at=int(values[0])))

    ends = (0, max(time - 2, intervention.at))
    _dial(_KINDS["freeze"], [intervention.at], ends, 1, f"at-{place}", moved, whole=True, width=220)


def _units(intervention: Any, place: int, units: int) -> None:
    chosen = intervention.units
    with PAGE.lazy_popover("Units", "view_week", "units-held") as popover:
        if popover.open:
            options = sorted({*range(units), *(chosen or ())})
            st.multiselect(
                "Units",
                options,
                placeholder="All units",
                help="None chosen means all of them.",
                **PAGE.bound(
                    f"units-{place}",
                    list(chosen or ()),
                    lambda picked: _put(place, _changed(intervention, units=tuple(picked) or None)),
                    fits=tuple(options),
                ),
            )


def _steps(intervention: Any, place: int, time: int) -> None:
    with PAGE.lazy_popover("Steps", "timeline", "steps-held") as popover:
        if popover.open:
            _step_controls(intervention, place, time)


def _step_controls(intervention: Any, place: int, time: int) -> None:
    lowest = intervention.at + 1 if isinstance(intervention, Freeze) else 0
    last = max(time - 1, lowest)
    first, final = (
        (lowest, last) if intervention.steps is None else (intervention.steps[0], intervention.steps[-1])
    )
    last = max(last, final)

    def moved(ends: list[float]) -> None:
        low, high = (int(end) for end in ends)
        is_whole = (low, high) == (lowest, last)
        _put(place, _changed(intervention, steps=None if is_whole else range(low, high + 1)))

    ends = (lowest, last)
    _dial("Steps", [first, final], ends, 1, f"steps-{place}", moved, names=("from", "to"), whole=True)
    if isinstance(intervention, Reset):
        st.caption(
            "The whole state is set to 0 before each of these steps, as at the beginning of a new document."
        )


def _converted(intervention: Any, kind: str, trace: Trace) -> Intervention:
    """The same signal, units and steps, with something else done to them."""
    steps = intervention.steps
    if kind == "reset":
        return Reset(steps if steps is not None else (min(1, len(trace) - 1),))
    signal, units = getattr(intervention, "signal", keeper(trace)), getattr(intervention, "units", None)
    made: dict[str, Any] = {
        "clamp": lambda: Clamp(signal, opposite(trace, signal) if is_gate(signal) else 0.0, units, steps),
        "scale": lambda: Scale(signal, 0.5, units, steps),
        "add": lambda: Add(signal, 0.5, units, steps),
        "ablate": lambda: Ablate(signal, units, steps),
        "freeze": lambda: Freeze(signal, 0, units),
        "detach": lambda: Detach(signal, units, steps),
    }
    found: Intervention = made[kind]()
    return found


def _changed(intervention: Any, **parts: Any) -> Intervention | str:
    """The intervention with other parts, or the sentence that says why there is none."""
    try:
        found: Intervention = replace(intervention, **parts)
    except ValueError as error:
        return str(error)
    return found


def keeper(trace: Trace) -> str:
    """The signal by which a cell keeps its memory."""
    names = trace.cell.signal_names
    return next(name for name in ("forget", "update", "hidden") if name in names)


def _put(place: int, intervention: Intervention | str) -> None:
    if isinstance(intervention, str):
        PAGE.refuse(intervention)
        return
    held = list(PAGE.current().experiment.interventions)
    held[place : place + 1] = [intervention]
    PAGE.change_experiment(interventions=tuple(held))


def _remove(place: int) -> None:
    experiment = PAGE.current().experiment
    held = list(experiment.interventions)
    del held[place : place + 1]
    PAGE.change(experiment=replace(experiment, interventions=tuple(held)), chosen=max(0, place - 1))
