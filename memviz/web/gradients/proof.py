"""Check this: one number of the gradient in three ways; and what compounding does to any number."""

import numpy as np
import streamlit as st

from memviz.figures import power_lines, sigmoid_lines
from memviz.gradients import RATES, GradientFlow, log10_powers, repeated_sigmoids
from memviz.theme import power_of_ten
from memviz.web.charts import chart, is_dark
from memviz.web.gradients import engine, tables
from memviz.web.gradients.address import RATE_RANGE, GradientsState
from memviz.web.gradients.page import PAGE

_SIGNAL = "gradients-signal"
_TIMES = 5
_X = np.linspace(-8.0, 8.0, 161)


def check(state: GradientsState, flow: GradientFlow) -> None:
    """Autograd, the product of Jacobians and a central difference, side by side."""
    with st.expander(
        "Check this: one number in three ways",
        icon=":material/fact_check:",
        on_change="rerun",
        key="gradients-check",
    ) as expander:
        if not expander.open:
            return
        timestep, unit = min(state.timestep, flow.last), min(state.unit, flow.trace.units - 1)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            names = list(flow.scaled)
            if st.session_state.get(_SIGNAL) not in names:
                st.session_state[_SIGNAL] = "cell" if "cell" in names else "hidden"
            signal = st.selectbox("dL/d", names, width=200, key=_SIGNAL)
            st.number_input(
                "Timestep",
                0,
                flow.last,
                step=1,
                width=130,
                **PAGE.bound("timestep", timestep, lambda step: PAGE.change(timestep=step), fits=flow.last),
            )
            st.number_input(
                "Unit",
                0,
                flow.trace.units - 1,
                step=1,
                width=110,
                **PAGE.bound("unit", unit, lambda chosen: PAGE.change(unit=chosen), fits=flow.trace.units),
            )
        found = engine.checked(state.study, state.network, state.detached, signal, timestep, unit)
        st.dataframe(tables.check(found), hide_index=True, width=680)
        size = power_of_ten(float(flow.log10(signal)[timestep, unit]), 3)
        st.caption(
            f"At any size, as the page draws it: |dL/d {signal}| = {size} at step {timestep}, unit {unit}."
        )


def compounding(state: GradientsState) -> None:
    """Any number that is multiplied often, and any value that is squashed often."""
    st.header("Compounding: nothing here is special to networks", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        rates = tuple(dict.fromkeys((*RATES, state.rate)))
        logs = log10_powers(rates, state.lag)
        end = {rate: power_of_ten(float(line[-1])) for rate, line in zip(rates, logs, strict=True)}
        title = f"Multiplied {state.lag:,} times, 0.99 becomes {end[0.99]} and 1.01 becomes {end[1.01]}"
        figure = power_lines(rates, logs, title, is_dark())
        chart(PAGE, "powers", figure, f"Powers of some numbers. {title}.", lambda: tables.powers(rates, logs))
        st.number_input(
            "A number of your own",
            *RATE_RANGE,
            step=0.01,
            width=200,
            **PAGE.bound("rate", state.rate, lambda rate: PAGE.change(rate=rate)),
        )
    with right:
        values, slopes = repeated_sigmoids(_X, _TIMES)
        steepest = power_of_ten(float(np.log10(slopes[-1].max())))
        title = f"A sigmoid applied {_TIMES} times is nearly flat: its steepest slope is {steepest}"
        figure = sigmoid_lines(_X, values, title, is_dark())
        alt = f"A sigmoid applied one to {_TIMES} times. {title}."
        chart(PAGE, "sigmoids", figure, alt, lambda: tables.sigmoids(_X, values, slopes))
