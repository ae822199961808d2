"""The figures of the gates page, each with its table and its files, and what the whole run can be saved as."""

from typing import Literal

import streamlit as st

from memviz.figures import MOST_UNITS, gradient_lines, state_lines
from memviz.findings import gradient_finding, states_finding
from memviz.gradients import GradientFlow
from memviz.parity import Parity
from memviz.snippet import torch_snippet
from memviz.stage import stage_gradients, stage_html
from memviz.theme import number
from memviz.trace import Trace
from memviz.web import engine
from memviz.web.charts import chart, is_dark
from memviz.web.downloads import trace_csv
from memviz.web.engine import Run
from memviz.web.gates.address import GatesState
from memviz.web.gates.page import PAGE
from memviz.web.loss import loss_popover


def show(state: GatesState, run: Run, flow: GradientFlow) -> None:
    """States and gradients over time, then the proof of the numbers and the downloads."""
    trace = run.trace
    left, right = st.columns(2, gap="medium")
    with left:
        units = [unit for unit in state.units if unit < trace.units] or [0]
        figure = state_lines(trace, units, states_finding(trace, units), is_dark())
        alt = f"Lines over time for units {', '.join(map(str, units))}. {states_finding(trace, units)}."
        chart(
            PAGE,
            "states",
            figure,
            alt,
            lambda: trace.to_frame([n for n in ("cell", "hidden") if n in trace.names]),
        )
        with PAGE.lazy_popover(f"Units drawn: {', '.join(map(str, units))}", "line_axis", "units") as popover:
            if popover.open:
                _units_control(units, trace)
    with right:
        figure = gradient_lines(flow, trace.cell.family, gradient_finding(flow), is_dark())
        alt = f"Gradient norms over time on a log axis. {gradient_finding(flow)}"
        chart(PAGE, "gradients", figure, alt, flow.to_frame)
        loss_popover(PAGE, flow.loss, trace.units, len(trace))
        if flow.loss.kind != "value":
            st.caption(
                "The loss is that of the task, through the network's read-out"
                + (", a squared error halved." if flow.loss.kind == "squared error" else ".")
            )
    _proof(engine.proof(run.setup))
    _files(run, flow)


def _units_control(units: list[int], trace: Trace) -> None:
    st.multiselect(
        "Units drawn",
        range(trace.units),
        max_selections=MOST_UNITS,
        **PAGE.bound(
            "units", units, lambda chosen: PAGE.change(units=tuple(chosen) or (0,)), fits=trace.units
        ),
    )


_PROOFS: dict[bool | None, tuple[str, Literal["green", "red", "gray"]]] = {
    True: (":material/verified:", "green"),
    False: (":material/error:", "red"),
    None: (":material/info:", "gray"),
}


def _proof(proof: Parity) -> None:
    icon, colour = _PROOFS[proof.equal]
    st.badge(
        proof.sentence + ("" if proof.equal is None else f" Tolerance {number(proof.tolerance, 1)}."),
        icon=icon,
        color=colour,
        help="The largest difference over all hidden and cell states, measured now.",
    )


def _files(run: Run, flow: GradientFlow) -> None:
    with PAGE.lazy_popover("Download", "download", "download") as popover:
        if popover.open:
            _downloads(run, flow)
    with st.expander(
        "Copy as PyTorch", icon=":material/content_copy:", on_change="rerun", key="gates-snippet"
    ) as expander:
        if expander.open:
            _snippet(run)


def _downloads(run: Run, flow: GradientFlow) -> None:
    trace, state = run.trace, PAGE.current()  # what makes a file runs without a session
    where = {
        name: getattr(state, name) for name in ("timestep", "unit", "phase", "node", "signal", "gradients")
    }
    title = f"memviz: {trace.cell.title}"

    def page() -> str:
        shown = {"gradients": stage_gradients(run.network, flow)} if state.gradients else {}
        return stage_html({**run.payload, **shown}, title, **where)

    for label, make, name, mime in (
        ("Trace as CSV", lambda: trace_csv(trace), "memviz-trace.csv", "text/csv"),
        ("Trace as .npz", trace.to_bytes, "memviz-trace.npz", "application/octet-stream"),
        ("Stage as HTML", page, "memviz-stage.html", "text/html"),
    ):
        st.download_button(
            label,
            make,
            name,
            mime,
            on_click="ignore",
            icon=":material/download:",
            width="stretch",
            key=f"gates-download-{name}",
        )


def _snippet(run: Run) -> None:
    snippet = torch_snippet(run.network, run.trace)
    if snippet.weights is not None and snippet.weights_name is not None:
        st.download_button(
            f"Download {snippet.weights_name}",
            snippet.weights,
            snippet.weights_name,
            "application/octet-stream",
            on_click="ignore",
            icon=":material/download:",
        )
    st.code(snippet.code, language="python", height=420)
