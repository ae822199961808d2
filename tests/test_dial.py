"""A dial says where it was moved to, and nothing that is not finite numbers, whatever the browser says."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def script() -> None:
    import streamlit as st

    from memviz.live import dialled

    st.session_state["read"] = dialled("dial", st.session_state["count"])


@pytest.mark.parametrize(
    ("said", "count", "read"),
    [
        ({"at": {"values": [0.5], "serial": 3}}, 1, [0.5]),
        ({"at": {"values": [2, 7], "serial": 3}}, 2, [2, 7]),
        ({"at": {"values": [2, 7]}}, 1, None),
        ({"at": {"values": [float("nan")]}}, 1, None),
        ({"at": {"values": [float("inf")]}}, 1, None),
        ({"at": {"values": [10**5_000]}}, 1, None),
        ({"at": {"values": [None]}}, 1, None),
        ({"at": {"values": [True]}}, 1, None),
        ({"at": {"values": ["1"]}}, 1, None),
        ({"at": {"values": "1"}}, 1, None),
        ({"at": [0.5]}, 1, None),
        ({"at": None}, 1, None),
        ({}, 1, None),
    ],
)
def test_only_finite_numbers_are_read(said: dict[str, Any], count: int, read: list[float] | None) -> None:
    app = AppTest.from_function(script, default_timeout=60)
    app.session_state["dial"] = said
    app.session_state["count"] = count
    app.run()
    assert not app.exception
    assert app.session_state["read"] == read
