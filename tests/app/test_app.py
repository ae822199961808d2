"""app.py is the navigation and nothing else: Streamlit runs it as a script, the server imports it once."""

import runpy
from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from memviz.paths import APP_SCRIPT, PAGES


def test_the_app_opens_its_default_page_without_an_exception() -> None:
    app = AppTest.from_file(str(APP_SCRIPT), default_timeout=300).run()
    assert not app.exception
    assert len(app.title) == 1


def test_the_server_imports_the_app_without_running_a_page() -> None:
    assert isinstance(runpy.run_path(str(APP_SCRIPT), run_name="app")["app"], st.App)


def test_a_link_to_a_page_never_runs_that_page_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        PagesManager, "uses_pages_directory", True
    )  # as Streamlit finds it beside a folder pages/
    runpy.run_path(str(APP_SCRIPT), run_name="app")
    assert PagesManager.uses_pages_directory is False


def test_every_page_is_in_the_navigation() -> None:
    source = APP_SCRIPT.read_text(encoding="utf-8")
    missing = [page.name for page in Path(PAGES).glob("*.py") if f'"{page.name}"' not in source]
    assert not missing
