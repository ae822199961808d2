"""A page's state in the session, by Streamlit's own tester: when the address is read, kept and written."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from memviz.edits import SetWeight
from memviz.web import state
from memviz.web.gates.address import DEFAULT, GatesState

Query = dict[str, str]


def script() -> None:
    """One of two pages, as `where` in the session says, each with one widget."""
    import streamlit as st

    from memviz.web.gates.address import CODEC
    from memviz.web.state import Page

    page = Page(st.session_state.get("where", "first"), CODEC)
    shown = page.current()
    st.text_input("Text", **page.bound("text", shown.text, lambda text: page.change(text=text)))
    st.button("Break", on_click=page.change_experiment, kwargs={"hidden_size": 1000})
    for sentence in page.problems():
        st.warning(sentence)
    page.publish(shown)
    st.session_state["shown"] = shown


def at(app: AppTest, query: Query | None = None) -> GatesState:
    """Run the script, at another address if one is given; what it shows."""
    if query is not None:
        app.query_params.clear()
        app.query_params.update(query)
    app.run()
    assert not app.exception
    shown: GatesState = app.session_state["shown"]
    return shown


def address(app: AppTest) -> Query:
    return dict(app.query_params)


def typed(app: AppTest, text: str) -> GatesState:
    app.text_input[0].set_value(text)
    return at(app)


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(script, default_timeout=60)


@pytest.fixture
def go_back(monkeypatch: pytest.MonkeyPatch) -> Callable[[AppTest, Query], GatesState]:
    """Run the script as after Back in the browser, at the address that it leads to."""

    def go(app: AppTest, query: Query) -> GatesState:
        with monkeypatch.context() as patch:
            patch.setattr(state, "_came_by_history", lambda: True)
            return at(app, query)

    return go


def test_the_address_is_read_when_the_page_is_opened_and_follows_the_state_then(app: AppTest) -> None:
    assert at(app, {"text": "abc", "unit": "2"}) == replace(DEFAULT, text="abc", unit=2)
    assert typed(app, "abcd") == replace(DEFAULT, text="abcd", unit=2)
    assert address(app) == replace(DEFAULT, text="abcd", unit=2).to_query()


def test_another_link_is_read_anew_and_the_widgets_follow_it(app: AppTest) -> None:
    at(app, {"text": "abc", "unit": "2"})
    assert at(app, {"text": "xyz"}) == replace(DEFAULT, text="xyz")
    assert app.text_input[0].value == "xyz"
    assert at(app, {"text": "abc", "unit": "2"}) == replace(DEFAULT, text="abc", unit=2)
    at(app, {"unit": "x"})
    assert len(app.warning) == 1


def test_a_link_is_read_again_after_the_state_has_changed(app: AppTest) -> None:
    at(app, {"text": "abc"})
    typed(app, "abcd")
    typed(app, "abcde")
    assert at(app, {"text": "abc"}).text == "abc"


def test_an_empty_address_keeps_the_state_and_is_filled_again(app: AppTest) -> None:
    at(app)
    typed(app, "mine")
    assert at(app, {}).text == "mine"
    assert address(app)["text"] == "mine"


def test_a_change_that_overtakes_the_address_is_kept(app: AppTest) -> None:
    at(app, {"text": "a"})
    before = address(app)
    typed(app, "ab")
    between = address(app)
    typed(app, "abc")
    for late in (before, before, between):  # the browser has not got the newest address yet
        app.text_input[0].set_value(app.text_input[0].value + "x")
        at(app, late)
    assert app.session_state["shown"].text == "abcxxx"
    assert at(app, before).text == "a"  # it had got a later one already: somebody opened this link


def test_back_reads_an_earlier_address_and_writes_none(
    app: AppTest, go_back: Callable[[AppTest, Query], GatesState]
) -> None:
    at(app, {"text": "a"})
    before = address(app)
    typed(app, "ab")
    after = address(app)
    assert go_back(app, before).text == "a"
    assert go_back(app, after).text == "ab"
    assert go_back(app, {"text": "a"}).text == "a"
    assert address(app) == {"text": "a"}
    assert typed(app, "b").text == "b"
    assert address(app)["text"] == "b"


def test_back_to_an_empty_address_does_not_lead_forward_again(
    app: AppTest, go_back: Callable[[AppTest, Query], GatesState]
) -> None:
    at(app)
    assert go_back(app, {}) == DEFAULT
    assert address(app) == {}


def test_each_page_is_found_as_it_was_left(app: AppTest) -> None:
    at(app, {"text": "first"})
    app.session_state["where"] = "second"
    assert at(app, {}) == DEFAULT
    typed(app, "second")
    app.session_state["where"] = "first"
    assert at(app, {}).text == "first"
    assert address(app)["text"] == "first"
    app.session_state["where"] = "second"
    assert at(app, {}).text == "second"


def test_a_link_from_another_page_is_read_even_if_it_was_opened_before(app: AppTest) -> None:
    link = replace(DEFAULT, text="link").to_query()
    at(app, link)
    typed(app, "changed")
    app.session_state["where"] = "second"
    at(app, {})
    app.session_state["where"] = "first"
    assert at(app, link).text == "link"


def test_a_broken_change_is_said_and_changes_nothing(app: AppTest) -> None:
    at(app)
    app.button[0].click()
    assert at(app) == DEFAULT
    assert "from 1 to 64" in app.warning[0].value


def test_a_sequence_that_is_too_long_for_a_link_is_left_out_and_stays_on_the_page(app: AppTest) -> None:
    long = "😀" * 200
    assert typed_first(app, long).text == long
    assert not {"text", "kind"} & set(address(app))
    assert "Too long for a link: the sequence." in app.caption[0].value
    assert at(app).text == long
    assert typed(app, "short").text == "short"
    assert not app.caption


def test_edits_of_which_a_link_can_hold_only_some_are_all_left_out_of_it(app: AppTest) -> None:
    at(app, {"edits": "swap~0~1", "interventions": "clamp~forget~1"})
    assert {"edits", "interventions"} <= set(address(app))
    many = replace(DEFAULT.experiment, edits=tuple(SetWeight("bias_ih", k, None, 1.0) for k in range(65)))
    app.session_state["first-state"] = replace(DEFAULT, experiment=many)
    assert at(app).experiment == many
    assert not {"edits", "interventions"} & set(address(app))
    assert app.caption[0].value == (
        "Too long for a link: the edits and interventions. The address of this page holds the settings without."
    )


def typed_first(app: AppTest, text: str) -> GatesState:
    at(app)
    return typed(app, text)
