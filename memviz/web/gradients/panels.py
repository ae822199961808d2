"""The panels of the gradients page: each a figure whose title is what it shows, with its table and its files."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from memviz import live
from memviz.figures import (
    contribution_bars,
    gate_lines,
    horizon_lines,
    log_range,
    path_bars,
    product_lines,
    reach_lines,
    singular_value_lines,
    source_lines,
    state_norm_lines,
    unit_heatmap,
)
from memviz.findings import (
    contributions_finding,
    gates_finding,
    half_life_finding,
    horizon_finding,
    inputs_finding,
    norms_finding,
    paths_finding,
    products_finding,
    singular_values_finding,
    sources_finding,
    units_finding,
)
from memviz.gradients import Curve, GradientFlow, log2_direct_path, memory_of
from memviz.theme import SEQUENTIAL_DARK, SEQUENTIAL_LIGHT, look, power_of_ten
from memviz.web.charts import chart, is_dark
from memviz.web.gradients import tables
from memviz.web.gradients.address import GradientsState
from memviz.web.gradients.engine import Inside
from memviz.web.gradients.page import PAGE
from memviz.web.gradients.words import label_of
from memviz.web.markdown import escaped

_SHADES = 64


def reach(state: GradientsState, curves: Sequence[Curve], last: int) -> None:
    """The picture that the page opens on: how far the gradient of each network reaches."""
    labels = [label_of(curve.network, state) for curve in curves]
    title = "The gradient of each network, lag by lag"
    figure = reach_lines(curves, labels, last, title, state.network, is_dark())
    ends = [
        f"{label}: {power_of_ten(float(np.median(curve.memory[:, 0])))}"
        for label, curve in zip(labels, curves, strict=True)
    ]
    alt = f"Gradient norms of {len(curves)} networks against the lag; at the longest lag {', '.join(ends)}."
    seed = state.experiment.seed
    chart(PAGE, "reach", figure, alt, lambda: tables.reach(curves, labels, seed, last))
    with st.expander("The numbers at the first step", on_change="rerun", key="gradients-summary") as expander:
        if expander.open:
            st.dataframe(tables.summary(curves, labels, last), hide_index=True)


def inside(inside: Inside, proof: Callable[[], None]) -> None:
    """Why: all panels of the opened network; `proof` takes the last place, or the row below."""
    flow = inside.flow
    memory = memory_of(flow.trace)
    span = _span(flow)
    ribbon(flow)
    panels = [_norms, _units, _gates, _paths, _products, _singular_values, _contributions, _horizon]
    panels += [] if inside.lives is None else [_half_lives]
    panels += [] if inside.sources is None else [_sources]
    for first in range(0, len(panels), 2):
        left, right = st.columns(2, gap="medium")
        with left:
            panels[first](inside, span, memory)
        with right:
            if first + 1 < len(panels):
                panels[first + 1](inside, span, memory)
            else:
                proof()
    if len(panels) % 2 == 0:
        proof()


def ribbon(flow: GradientFlow) -> None:
    """The letters, coloured by how much of each the output still remembers."""
    logs = flow.inputs.log10_norms()[: flow.last + 1]
    low, high = log_range([logs])
    scale = SEQUENTIAL_DARK if is_dark() else SEQUENTIAL_LIGHT
    shades = _shades(scale)
    finite = np.clip((np.where(np.isfinite(logs), logs, low) - low) / (high - low), 0, 1)
    colours = [shades[round(float(share) * (_SHADES - 1))] for share in finite]
    texts = [
        f"step {t}, {token}: |dL/dx| {'exactly 0' if np.isneginf(log) else power_of_ten(float(log))}"
        for t, (token, log) in enumerate(zip(flow.tokens, logs, strict=False))
    ]
    st.header(escaped(inputs_finding(flow)), anchor=False)
    live.ribbon(
        flow.tokens[: flow.last + 1],
        colours,
        alt=f"Each input, coloured by |dL/dx| on a log scale. {inputs_finding(flow)}",
        key="gradients-ribbon",
        texts=texts,
        legend=(f"|dL/dx| {power_of_ten(low, 1)}", power_of_ten(high, 1)),
        scale=scale,
    )


def _norms(inside: Inside, span: tuple[float, float], memory: str) -> None:
    flow, finding = inside.flow, norms_finding(inside.flow)
    figure = state_norm_lines(flow, finding, span, is_dark())
    chart(
        PAGE,
        "norms",
        figure,
        f"Norms of dL/dc and dL/dh against the lag. {finding}",
        lambda: tables.norms(flow),
    )


def _units(inside: Inside, span: tuple[float, float], memory: str) -> None:
    flow, finding = inside.flow, units_finding(inside.flow)
    what = f"log10 |dL/d{look(memory).symbol}| of each unit"
    figure = unit_heatmap(flow.log10(memory), flow.last, span, finding, what, is_dark())
    chart(PAGE, "units", figure, f"{what} against the lag. {finding}", lambda: tables.units(flow, memory))


def _gates(inside: Inside, span: tuple[float, float], memory: str) -> None:
    flow, finding = inside.flow, gates_finding(inside.flow, inside.slopes)
    figure = gate_lines(flow, inside.slopes, span, finding, is_dark())
    alt = f"The gradient of each pre-activation above the slope of its gate. {finding}"
    chart(PAGE, "gates", figure, alt, lambda: tables.gates(flow, inside.slopes))


def _paths(inside: Inside, span: tuple[float, float], memory: str) -> None:
    flow, finding = inside.flow, paths_finding(inside.split, inside.flow)
    figure = path_bars(inside.split, flow.last, finding, memory, is_dark())
    alt = f"Which share of the memory's gradient came along each path. {finding}"
    chart(PAGE, "paths", figure, alt, lambda: tables.paths(flow, inside.split))


def _products(inside: Inside, span: tuple[float, float], memory: str) -> None:
    finding = products_finding(inside.products, inside.flow)
    figure = product_lines(inside.products, finding, memory, is_dark())
    alt = f"The product of the gates against the whole derivative of the memory. {finding}"
    chart(PAGE, "products", figure, alt, lambda: tables.products(inside.products))


def _singular_values(inside: Inside, span: tuple[float, float], memory: str) -> None:
    logs = inside.singular_values
    finding = singular_values_finding(logs, inside.radius)
    shown = len(logs) - 1
    note = "" if shown == inside.flow.last else f"; computed up to lag {shown:,} of {inside.flow.last:,}"
    figure = singular_value_lines(logs, finding, note, is_dark())
    chart(
        PAGE,
        "singular values",
        figure,
        f"All singular values of the product of Jacobians against the lag. {finding}",
        lambda: tables.singular_values(logs),
    )


def _contributions(inside: Inside, span: tuple[float, float], memory: str) -> None:
    flow = inside.flow
    finding = contributions_finding(inside.contributions, flow.last)
    figure = contribution_bars(inside.contributions, flow.last, finding, is_dark())
    alt = f"What each timestep adds to the gradient of weight_hh. {finding}"
    chart(PAGE, "contributions", figure, alt, lambda: tables.contributions(flow, inside.contributions))


def _horizon(inside: Inside, span: tuple[float, float], memory: str) -> None:
    flow, finding = inside.flow, horizon_finding(inside.horizon, inside.flow)
    direct = None if inside.lives is None else log2_direct_path(flow.trace, flow.last)
    figure = horizon_lines(inside.horizon, direct, finding, is_dark())
    alt = f"The measured effect of moving one input, beside the product of the gates. {finding}"
    chart(PAGE, "horizon", figure, alt, lambda: tables.horizon(inside.horizon))


def _half_lives(inside: Inside, span: tuple[float, float], memory: str) -> None:
    if inside.lives is None:
        st.caption(
            "Half-life: this cell has no gate that keeps its memory, so nothing decays by a gate alone."
        )
        return
    flow, lives = inside.flow, inside.lives
    finding = half_life_finding(lives, flow)
    with np.errstate(divide="ignore"):
        logs = np.log10(lives)
    shown = np.where(np.isposinf(logs), np.nan, logs)
    scale = log_range([shown[: flow.last + 1]])
    what = (
        "half-life by the gate, in steps; blank: for ever" if np.isnan(shown).any() else "half-life, in steps"
    )
    figure = unit_heatmap(shown, flow.last, scale, finding, what, is_dark())
    chart(
        PAGE,
        "half-lives",
        figure,
        f"{what}, of each unit against the lag. {finding}",
        lambda: tables.lives(flow, lives),
    )


def _sources(inside: Inside, span: tuple[float, float], memory: str) -> None:
    if inside.sources is None:
        st.caption(
            "With a loss at every step (under Loss), this panel takes dL/dh apart by the step it comes from."
        )
        return
    flow, found = inside.flow, inside.sources
    finding = sources_finding(found, flow)
    figure = source_lines(found, flow, finding, is_dark())
    alt = f"The gradient of h by the step whose loss it comes from. {finding}"
    chart(PAGE, "sources", figure, alt, lambda: tables.sources(flow, found))


def _span(flow: GradientFlow) -> tuple[float, float]:
    """One scale for every panel of gradients."""
    rows = slice(0, flow.last + 1)
    names = [memory_of(flow.trace), "hidden", *(f"{gate}_pre" for gate in flow.network.cell.pre_activations)]
    return log_range([flow.log10_norms(name)[rows] for name in names] + [flow.log10(names[0])[rows]])


def _shades(scale: Sequence[str]) -> list[str]:
    """A scale in so many steps that no step between two can be seen."""
    stops = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in scale], dtype=float)
    places = np.linspace(0, len(stops) - 1, _SHADES)
    channels = [np.interp(places, np.arange(len(stops)), channel) for channel in stops.T]
    return ["#" + "".join(f"{round(value):02x}" for value in colour) for colour in np.transpose(channels)]
