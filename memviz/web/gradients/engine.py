"""What the gradients page asks of the engine, each answer in a small cache of the visitor's own."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from jaxtyping import Float

from memviz.findings import has_grown
from memviz.gradients import (
    FOUR,
    GIVEN,
    MOST_GRADED,
    Check,
    Curve,
    Fitting,
    GradientFlow,
    Horizon,
    MemoryProducts,
    Sources,
    Split,
    Study,
    WeightContributions,
    check,
    curve_of,
    curves,
    half_lives,
    log10_singular_values,
    measured_horizon,
    memory_products,
    opened,
    saturations,
    sources,
    spectral_radii,
    split,
    spread_lags,
    weight_contributions,
)
from memviz.trace import Array
from memviz.web import engine
from memviz.web.keys import KEYS

_KEPT = 3
_MOST_INSIDE = 1  # 3,000 timesteps of 64 units take 60 MB
_PRODUCT_LAGS, _MOVED_LAGS, _SOURCES = 300, 48, 8
_LONGEST_MOVED = 500
_RADII = 200  # of how many steps the spectral radius is looked at
_MOST_GRADED, _LONGEST_GRADED = MOST_GRADED // 4, 1500


@dataclass(frozen=True, eq=False)
class Inside:
    """One network opened up: its gradient, and all that the panels draw of it."""

    flow: GradientFlow
    split: Split
    slopes: dict[str, Array]
    products: MemoryProducts
    singular_values: Float[np.ndarray, "lag state"]
    radius: float | None
    contributions: WeightContributions
    lives: Array | None
    horizon: Horizon
    sources: Sources | None


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def reach(study: Study, network: str, seeds: int, detached: bool) -> list[Curve]:
    """The curves of the four networks, and of the opened one if it is another.

    Raises:
        ValueError: as `memviz.gradients.curves` does.
    """
    known = inside(study, network, False).flow if seeds == 1 and not detached else None
    return engine.call(_reach, study, network, seeds, known)


@st.cache_resource(scope="session", max_entries=_MOST_INSIDE, show_spinner=False, hash_funcs=KEYS)
def inside(study: Study, network: str, detached: bool) -> Inside:
    """One network opened up.

    Raises:
        ValueError: as `memviz.gradients.opened` does.
    """
    return engine.call(_inside, study, network, detached)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def checked(study: Study, network: str, detached: bool, signal: str, timestep: int, unit: int) -> Check:
    """One number of the opened network's gradient, in three ways."""
    return engine.call(check, inside(study, network, detached).flow, signal, timestep, unit)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False, hash_funcs=KEYS)
def what_ifs(study: Study, network: str) -> dict[str, Fitting]:
    """What of the study's edits and interventions acts in each network that the page shows."""
    return engine.call(_what_ifs, study, network)


def compute(study: Study, network: str, seeds: int, detached: bool) -> tuple[list[Curve], Inside]:
    """Everything that the page computes for a state, without a cache and on the caller's thread."""
    found = _inside(study, network, detached)
    return _reach(study, network, seeds, found.flow if seeds == 1 and not detached else None), found


def _reach(study: Study, network: str, seeds: int, known: GradientFlow | None) -> list[Curve]:
    """The curves, that of the opened network out of its gradient where it is known."""
    names = shown(study, network)
    found = {c.network: c for c in curves(study, [n for n in names if known is None or n != network], seeds)}
    if known is not None:
        found[network] = curve_of(network, known)
    return [found[name] for name in names]


def _what_ifs(study: Study, network: str) -> dict[str, Fitting]:
    sequence = study.sequence()
    return {name: study.what_ifs(name, sequence) for name in shown(study, network)}


def shown(study: Study, opened: str) -> list[str]:
    """The networks whose curves are drawn: the four, what the study was given, and the opened one if it is another."""
    always = FOUR if study.given is None else (*FOUR, GIVEN)
    return [*always, *([] if opened in always else [opened])]


def _inside(study: Study, network: str, detached: bool) -> Inside:
    flow = opened(study, network, detached=detached)
    last, width = flow.last, flow.scaled_state.mantissa.shape[1]
    values = log10_singular_values(flow, min(last, _LONGEST_GRADED, _MOST_GRADED // width**3))
    return Inside(
        flow,
        split(flow),
        saturations(flow),
        memory_products(flow, spread_evenly(last, _PRODUCT_LAGS)),
        values,
        float(spectral_radii(flow, spread_evenly(last, _RADII)).max()) if has_grown(values) else None,
        weight_contributions(flow),
        half_lives(flow.trace),
        measured_horizon(flow.network, flow.trace, last, spread_lags(min(last, _LONGEST_MOVED), _MOVED_LAGS)),
        sources(flow, spread_evenly(last, _SOURCES)) if study.everywhere else None,
    )


def spread_evenly(last: int, most: int) -> list[int]:
    """At most so many whole numbers from 0 to `last`, both among them."""
    return sorted(set(np.rint(np.linspace(0, last, min(most, last + 1))).astype(int).tolist()))
