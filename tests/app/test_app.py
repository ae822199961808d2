"""app.py is the navigation and nothing else: Streamlit runs it as a script, the server imports it once."""

import runpy
from pathlib import Path

import streamlit as st
from streamlit.testing.v1 import AppTest

from memviz.paths import APP_SCRIPT, PAGES


def test_the_app_opens_its_default_page_without_an_exception() -> None:
    app = AppTest.from_file(str(APP_SCRIPT), default_timeout=300).run()
    assert not app.exception
    assert len(app.title) == 1


def test_the_server_imports_the_app_without_running_a_page() -> None:
    assert isinstance(runpy.run_path(str(APP_SCRIPT), run_name="app")["app"], st.App)


def test_every_page_is_in_the_navigation() -> None:
    source = APP_SCRIPT.read_text(encoding="utf-8")
    missing = [page.name for page in Path(PAGES).glob("*.py") if f'"{page.name}"' not in source]
    assert not missing
