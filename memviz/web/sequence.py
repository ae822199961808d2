"""How a sequence is typed, on every page that reads several kinds."""

from typing import Any

import streamlit as st

from memviz.web.models import FIXED
from memviz.web.state import Page

KIND_LABELS = {
    "text": "text",
    "words": "words",
    "bits": "bits",
    "numbers": "numbers",
    "signal": "a signal",
}

EXAMPLES = {
    "hello world": ("hello world", "text"),
    "aⁿbⁿ: count, then match": ("aaaaaabbbbbb", "text"),
    "Bit latch: one 1, then 0s": ("1000000000000000", "bits"),
    "Sine": ("sine 60 period=20", "signal"),
    "Words": ("the cat that the dogs chased runs", "words"),
    "Numbers": ("0.5, 1, -0.5, 0, 0, 0, 2, 0, 0, 0", "numbers"),
}
"""Sequences worth a look: label -> (text, kind); the first of each kind stands in when that kind is chosen."""


def sequence_controls(page: Page[Any]) -> None:
    """What is typed, and as what it is read; the state of the page has a `text`, a `kind` and a `model`."""
    state = page.current()
    bound = page.bound("text", state.text, lambda text: page.change(text=text))
    # No max_chars: with it Streamlit drops a longer paste without a word; the server says what the rule is.
    if state.kind == "numbers":
        st.text_area(
            "Sequence",
            height=80,
            help="Numbers with commas, spaces or newlines between them; paste one column or several.",
            **bound,
        )
    else:
        st.text_input("Sequence", live="200ms", **bound)
    st.selectbox(
        "Read as",
        list(KIND_LABELS),
        format_func=KIND_LABELS.__getitem__,
        width=105,
        disabled=bool(state.model),
        help=FIXED if state.model else None,
        **page.bound("kind", state.kind, lambda kind: _read_as(page, kind)),
    )


def _read_as(page: Page[Any], kind: str) -> None:
    """Read the sequence as another kind; each kind remembers what was typed for it."""
    state = page.current()
    texts: dict[str, str] = st.session_state.setdefault(f"{page.name}-texts", {})
    texts[state.kind] = state.text
    examples = {kind: text for text, kind in reversed(EXAMPLES.values())}
    page.change(kind=kind, text=texts.get(kind, examples[kind]))
