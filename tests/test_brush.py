"""A brush on a figure: what the browser gets of it, and what is read of what it says."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def script() -> None:
    import streamlit as st

    from memviz.live import Brush, brushed, figure

    def moved() -> None:
        """The page asks for it below."""

    figure(
        {"data": [{"type": "scatter", "y": [0.5]}], "layout": {"height": 200, "shapes": []}},
        name="dots",
        alt="Dots",
        key="chart",
        table=lambda: None,
        html=lambda: b"",
        brush=Brush("From", 0.25, (0.0, 1.0), 0.01, moved) if st.session_state["has_brush"] else None,
    )
    st.session_state["read"] = brushed("chart")


def opened(said: dict[str, Any], has_brush: bool = True, **state: Any) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    app.session_state["chart"] = said
    app.session_state["has_brush"] = has_brush
    for name, value in state.items():
        app.session_state[name.replace("_", "-")] = value
    app.run()
    assert not app.exception
    return app


def sent(app: AppTest) -> dict[str, Any]:
    (part,) = app.get("bidi_component")
    data: dict[str, Any] = json.loads(part.proto.bytes)
    return data


def test_the_browser_gets_the_threshold_and_the_number_of_its_last_move() -> None:
    expected = {"label": "From", "value": 0.25, "low": 0.0, "high": 1.0, "step": 0.01}
    assert sent(opened({}))["brush"] == expected | {"serial": 0}
    assert sent(opened({"at": {"value": 0.5, "serial": 7}}))["brush"] == expected | {"serial": 7}
    assert sent(opened({"at": {"value": 0.5, "serial": "7"}}))["brush"]["serial"] == 0
    assert "brush" not in sent(opened({}, has_brush=False))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"at": {"value": 0.5, "serial": 3}}, 0.5),
        ({"at": {"value": 1}}, 1.0),
        ({"at": {"value": float("nan")}}, None),
        ({"at": {"value": float("inf")}}, None),
        ({"at": {"value": 10**5_000}}, None),
        ({"at": {"value": True}}, None),
        ({"at": {"value": "0.5"}}, None),
        ({"at": {"value": None}}, None),
        ({"at": [0.5]}, None),
        ({"at": None}, None),
        ({}, None),
    ],
)
def test_only_a_finite_number_is_read(said: dict[str, Any], read: float | None) -> None:
    assert opened(said).session_state["read"] == read


def test_where_figures_cannot_be_drawn_in_place_a_dial_stands_in() -> None:
    app = opened({}, live_failed=True)
    (part,) = app.get("bidi_component")
    assert part.proto.component_name == "memviz_dial"
