"""The file that is open: the example, or that of `memviz open`, or what a visitor uploaded.

An upload is kept in the session and nowhere else.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import streamlit as st

from memviz import models
from memviz.model_files import ModelFile, ModelFileError, read
from memviz.training.files import from_bytes
from memviz.web import engine
from memviz.web import opened as handed_over
from memviz.web.opened import Opened
from memviz.web.your_model.address import DEFAULT, DIGITS, YourModelState
from memviz.web.your_model.example import FILE
from memviz.web.your_model.example import text as example_text
from memviz.web.your_model.page import PAGE

_UPLOAD = "your_model-upload"
_UPLOADS = "your_model-uploads"
_FILE = "your_model-file"
_AWAITED = "your_model-awaited"
_PROBLEM = "your_model-problem"
_TRAINED = "your_model-trained"
_MOST_NAME = 60
_OF_MEMVIZ = b'"memviz"'


@dataclass(frozen=True, eq=False)
class OpenFile:
    """A file that is open.

    Attributes:
        key: what tells its content from others.
        name: of the file, for readers.
        content: what it holds.
        is_example: whether it came with memviz.
        text: what its first module reads until something is typed; "" is a sequence that memviz makes.
    """

    key: str
    name: str
    content: ModelFile
    is_example: bool = False
    text: str = ""

    @property
    def digest(self) -> str:
        """What an address calls it."""
        return self.key[:DIGITS]


def current() -> tuple[YourModelState, OpenFile]:
    """What the page shows, and of which file.

    The file of a link does not travel with it. Where it is not here, another is shown as if it had just been opened,
    the page says so, and what the link shows waits for its file.
    """
    state, uploaded = PAGE.current(), _uploaded()
    if uploaded is not None and state.file == uploaded.digest:
        return state, uploaded
    if state.file in ("", first().digest):
        return state, first()
    st.session_state[_AWAITED] = state
    file = uploaded or first()
    other = DEFAULT if uploaded is None else replace(DEFAULT, file=uploaded.digest)
    PAGE.take(other)
    PAGE.refuse(
        f"A link does not hold its file: this one shows a file whose SHA-256 begins with {state.file}; got "
        f"{file.name}, of {file.digest}. Open that file below, and what the link shows comes back."
    )
    return other, file


def upload_key() -> str:
    """The key of the widget that takes a file; it is emptied by another one."""
    return f"{_UPLOAD}-{st.session_state.get(_UPLOADS, 0)}"


def first() -> OpenFile:
    """The file that the page opens on: that of `memviz open`, else the example."""
    given = handed_over.opened()
    return _example() if given is None else _given(given)


def problem() -> ModelFileError | None:
    """Why the last upload was not opened."""
    found: ModelFileError | None = st.session_state.get(_PROBLEM)
    return found


def trained() -> tuple[str, str] | None:
    """The name and title by which the other pages know an upload that memviz itself had trained."""
    found: tuple[str, str] | None = st.session_state.get(_TRAINED)
    return found if found and models.is_known(found[0]) else None


def changed() -> None:
    """The visitor chose a file, or took away the one that was there."""
    uploaded = st.session_state.get(upload_key())
    is_other = _PROBLEM in st.session_state or _TRAINED in st.session_state
    _forget(_PROBLEM, _TRAINED)
    if uploaded is None:
        if not is_other:  # what was taken away is what is open
            close()
        return
    data, name = uploaded.getvalue(), _short(uploaded.name)
    try:
        if _OF_MEMVIZ in data[: 64 * 2**10]:
            st.session_state[_TRAINED] = _lent(data, name)
            return
        content = engine.call(read, data)
    except ModelFileError as error:
        st.session_state[_PROBLEM] = error
        return
    st.session_state[_FILE] = found = OpenFile(hashlib.sha256(data).hexdigest(), name, content)
    awaited: YourModelState | None = st.session_state.pop(_AWAITED, None)
    if awaited is None or awaited.file != found.digest:
        awaited = replace(DEFAULT, file=found.digest)
    PAGE.take(awaited)


def close() -> None:
    """Back to the file that the page opens on."""
    _forget(_FILE, _PROBLEM, _TRAINED, _AWAITED)
    st.session_state[_UPLOADS] = st.session_state.get(_UPLOADS, 0) + 1
    PAGE.take(DEFAULT)


def _lent(data: bytes, name: str) -> tuple[str, str]:
    try:
        found = engine.call(from_bytes, data)
    except ValueError as error:
        raise ModelFileError(str(error)) from error
    return models.lend(found, name), name


def _uploaded() -> OpenFile | None:
    found: OpenFile | None = st.session_state.get(_FILE)
    return found


def _forget(*names: str) -> None:
    for name in names:
        st.session_state.pop(name, None)


def _short(name: Any) -> str:
    text = "".join(sign for sign in str(name) if sign.isprintable())
    return text if len(text) <= _MOST_NAME else f"{text[: _MOST_NAME - 1]}…"


@cache
def _example() -> OpenFile:
    data = FILE.read_bytes()
    return OpenFile(
        hashlib.sha256(data).hexdigest(), FILE.name, read(data), is_example=True, text=example_text()
    )


@lru_cache(maxsize=1)
def _given(given: Opened) -> OpenFile:
    return OpenFile(
        hashlib.sha256(given.data).hexdigest(), _short(given.name), read(given.data), text=given.text or ""
    )
