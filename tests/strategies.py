"""What hypothesis draws in more than one file: interventions and edits that an address can hold.

They are drawn as calls that a test makes: beartype, which checks their tuples, draws from `random`, and a strategy of
hypothesis must not.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.edits import SetWeight, SwapUnits, ZeroBlock
from memviz.edits.values import GATES, PARAMETERS
from memviz.experiment import Experiment
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Reset, Scale


def made(calls: Iterable[Callable[[], Any]]) -> tuple[Any, ...]:
    """What was drawn."""
    return tuple(call() for call in calls)


def experiment_of(drawn: dict[str, Any]) -> Experiment:
    """The experiment of settings whose edits and interventions are drawn as calls."""
    what_ifs = {name: made(drawn[name]) for name in ("edits", "interventions")}
    return Experiment(**{**drawn, **what_ifs})


def _call(kind: Callable[..., Any], *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(partial, st.just(kind), *arguments)


numbers = st.floats(allow_nan=False, allow_infinity=False)
indexes = (
    st.none()
    | st.lists(st.integers(0, 9_999), min_size=1, max_size=8)
    | st.builds(lambda low, length: range(low, low + length), st.integers(0, 9_000), st.integers(1, 900))
)
signals = st.sampled_from(sorted({name for cell in CELLS.values() for name in cell.signal_names}))
interventions = st.one_of(
    *(_call(kind, signals, numbers, indexes, indexes) for kind in (Clamp, Scale, Add)),
    *(_call(kind, signals, indexes, indexes) for kind in (Ablate, Detach)),
    _call(Reset, indexes),
    _call(Freeze, signals, st.integers(0, 9_999), indexes, st.none()),
    _call(Freeze, signals, st.just(0), indexes, st.just((1, 2, 9))),
)
places = st.integers(0, 9_999)
edits = st.one_of(
    _call(
        SetWeight,
        st.sampled_from(PARAMETERS),
        places,
        st.none() | places,
        st.floats(-10_000, 10_000),
        st.sampled_from(["", "lstm-8", "lstm-1997-64", "gru-v3-5"]),
    ),
    _call(ZeroBlock, st.sampled_from(PARAMETERS), st.sampled_from(["", *GATES])),
    _call(SwapUnits, places, places),
)
