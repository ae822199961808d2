"""One token of the sequence changed, beside the original."""

from dataclasses import replace
from typing import Any

import streamlit as st

from memviz.edits import TOKEN_EDITS, TokenEdit
from memviz.encoding import EncodingError
from memviz.findings import quoted
from memviz.web.engine import Run
from memviz.web.gates.address import GatesState
from memviz.web.gates.page import PAGE

_CHANGES = {"replace": "replace", "insert": "insert before", "delete": "delete"}


def popover(state: GatesState, before: Run) -> None:
    """What is done to which token of the run without any what-if."""
    with PAGE.lazy_popover("Change a token", "edit", "token") as opened:
        if opened.open:
            _controls(state, before)


def in_words(change: TokenEdit) -> str:
    """A changed token as a reader would say it."""
    token = quoted("␣" if change.token == " " else change.token)
    return {
        "replace": f"{token} in the place of step {change.timestep}",
        "insert": f"{token} inserted at step {change.timestep}",
        "delete": f"step {change.timestep} deleted",
    }[change.kind]


def _controls(state: GatesState, before: Run) -> None:
    sequence = before.sequence
    at = min(state.timestep, len(sequence) - 1)
    change = state.change or TokenEdit("replace", at, _other(before, at))
    st.segmented_control(
        "Do",
        list(TOKEN_EDITS),
        format_func=_CHANGES.__getitem__,
        required=True,
        **PAGE.bound("change-kind", change.kind, lambda kind: _change(change, kind=kind)),
    )
    last = len(sequence) - (change.kind != "insert")
    st.number_input(
        "at step",
        0,
        max(last, change.timestep),
        step=1,
        **PAGE.bound(
            "change-step",
            change.timestep,
            lambda step: _change(change, timestep=step),
            fits=(change.kind, last),
        ),
    )
    if change.kind != "delete" and sequence.symbols is not None:
        known = list(dict.fromkeys([*sequence.features, change.token]))
        st.selectbox(
            "Token",
            known,
            format_func=lambda token: "␣" if token == " " else token,
            **PAGE.bound(
                "change-token", change.token, lambda token: _change(change, token=token), fits=tuple(known)
            ),
        )
    elif change.kind != "delete":
        st.text_input(
            f"Numbers ({'; '.join(sequence.features)})",
            **PAGE.bound(
                "change-token", change.token, lambda token: _change(change, token=token), fits="numbers"
            ),
        )
    if state.change is None:
        st.button("Change it", on_click=PAGE.change, kwargs={"change": change}, width="stretch")
    else:
        st.button("Back to the original", on_click=PAGE.change, kwargs={"change": None}, width="stretch")


def _other(before: Run, at: int) -> str:
    """A token that the network reads, and that is not the one at this step where there is another."""
    sequence = before.sequence
    if sequence.symbols is None:
        return "; ".join("0" for _ in sequence.features)
    return next((name for name in sequence.features if name != sequence.symbols[at]), sequence.features[0])


def _change(change: TokenEdit, **parts: Any) -> None:
    try:
        PAGE.change(change=replace(change, **parts))
    except EncodingError as error:
        PAGE.refuse(str(error))
