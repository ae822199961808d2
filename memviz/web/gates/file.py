"""Save the whole page as one file, and open such a file."""

from dataclasses import replace

import streamlit as st

from memviz.web.files import from_file, to_file
from memviz.web.gates.address import CODEC, GatesState
from memviz.web.gates.page import PAGE

_UPLOAD = "gates-upload"


def popover(state: GatesState) -> None:
    """What saves and opens a file; it holds also what a link has no room for."""
    with PAGE.lazy_popover("File", "save", "file") as opened:
        if not opened.open:
            return
        st.download_button(
            "Save this experiment",
            to_file(PAGE.name, CODEC, state),
            "memviz-experiment.json",
            "application/json",
            on_click="ignore",
            icon=":material/download:",
            width="stretch",
        )
        st.file_uploader(
            "Open an experiment (JSON, at most 1 MB)", type=["json"], key=_UPLOAD, on_change=_open
        )


def _open() -> None:
    uploaded = st.session_state.get(_UPLOAD)
    if uploaded is None:
        return
    try:
        PAGE.take(
            replace(from_file(PAGE.name, CODEC, uploaded.getvalue()), what_if=True)
        )  # here a file is opened
    except ValueError as error:
        PAGE.refuse(str(error))
