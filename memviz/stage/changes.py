"""What the stage shows of interventions: where each acts, what it does, and what the steps had made before it."""

from typing import Any

from memviz.interventions import Intervention, Plan, Reset
from memviz.interventions.rules import steps_of
from memviz.stage.packing import packed
from memviz.trace import Trace
from memviz.words import done_by, mark_of


def changes(trace: Trace, drawn: list[str]) -> dict[str, Any]:
    """The interventions of a run as plain JSON; empty where there are none, so that nothing more is sent.

    Args:
        trace: the run.
        drawn: the signals that are sent anyway; of a touched one that is not, every step is sent here.
    """
    if not trace.interventions:
        return {}
    return {
        "resets": sorted(trace.resets),
        "touches": [_touch(each, trace) for each in trace.interventions if not isinstance(each, Reset)],
        "made": {name: packed(made) for name, made in trace.made.items()},
        "values": {name: packed(trace[name]) for name in trace.made if name not in drawn},
    }


def _touch(intervention: Intervention, trace: Trace) -> dict[str, Any]:
    """Where it acts, all steps or units being None; its words; and what share of a gradient it lets back."""
    assert not isinstance(intervention, Reset)
    steps, signal = steps_of(intervention, len(trace)), intervention.signal
    units = None if intervention.units is None else list(intervention.units)
    slopes = Plan((intervention,), trace.units, len(trace)).slopes(signal)
    return {
        "signal": signal,
        "units": units,
        "steps": None if len(steps) == len(trace) else steps,
        "words": done_by(intervention),
        "mark": mark_of(intervention),
        "slope": float(slopes[steps[0], 0 if units is None else units[0]]),
    }
