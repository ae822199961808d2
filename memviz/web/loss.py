"""Which loss is differentiated: the sum of the hidden state over units, or one unit's, at a step."""

from typing import Any

import streamlit as st

from memviz.gradients import Loss
from memviz.web.state import Page

_SUM = "sum"  # a select box takes None for no choice


def loss_popover(page: Page[Any], read: Loss, units: int, time: int) -> None:
    """A popover that is labelled with the loss; the state of the page has a `loss_unit` and a `loss_timestep`.

    Args:
        page: the page.
        read: the loss as this run has it.
        units: how many units the run has.
        time: how many timesteps it has.
    """
    last = time - 1
    step = last if read.timestep is None else read.timestep
    chosen = _SUM if read.unit is None else read.unit
    with page.lazy_popover(f"Loss: {_label(chosen, read)} at step {step}", "flag", "loss") as popover:
        if not popover.open:
            return
        st.selectbox(
            "Loss",
            [_SUM, *range(units)],
            format_func=lambda unit: _label(unit, read),
            **page.bound(
                "loss_unit",
                chosen,
                lambda unit: page.change(loss_unit=None if unit == _SUM else unit),
                fits=units,
            ),
        )
        if last > 0:
            st.slider(
                "read at timestep",
                0,
                last,
                **page.bound(
                    "loss_timestep",
                    step,
                    lambda timestep: page.change(loss_timestep=None if timestep == last else timestep),
                    fits=last,
                ),
            )


def _label(unit: int | str, read: Loss) -> str:
    if unit != _SUM:
        return f"h of unit {unit}"
    return "sum of h over units" if read.kind == "value" else f"{read.kind} of the task"
