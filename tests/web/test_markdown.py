"""Visitors' text in Markdown: every mark that Markdown, LaTeX or Streamlit reads is escaped, nothing else changes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.web.markdown import escaped

# What can begin or end something in CommonMark, in GitHub's tables, strikethrough and footnotes, in LaTeX ($),
# and in Streamlit's directives (:red[..], :material/..:, :smile:).
MARKS = r"\`*_{}[]()<>#+-.!|~$:^&="
WORD_JOINER = "\u2060"

# What Streamlit looks for after Markdown has been parsed, where a backslash is of no help any more: its icons and
# logo, and the links that GitHub's Markdown makes of bare addresses. Seen in Chromium with Streamlit 1.67.
AFTER_PARSING = {
    ":material/delete:": r":material/\w+:",
    ":streamlit:": r":streamlit:",
    "https://a.bc": r"https?://",
    "www.a.bc": r"www\.",
    "a@b.cd": r"[-\w.+]+@[-\w]+\.\w+",
}


def parsed(markdown: str) -> str:
    """The text that a parser makes of escapes: a backslash before punctuation stands for that mark."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_is_behind_a_backslash(mark: str) -> None:
    assert escaped(f"a{mark}b").replace(WORD_JOINER, "") == f"a\\{mark}b"


@given(st.text())
def test_no_mark_is_without_its_backslash(text: str) -> None:
    rest = re.sub(r"\\[!-/:-@\[-`{-~]", "", escaped(text))  # every escaped mark taken out
    assert not set(rest) & set(MARKS)


@given(st.text(st.characters(exclude_characters=WORD_JOINER)))
def test_unescaping_gives_the_text_back(text: str) -> None:
    assert parsed(escaped(text)).replace(WORD_JOINER, "") == text


@given(st.text(st.sampled_from(r"\`*_[]()<>$:~ab ")))
def test_unescaping_gives_the_text_back_where_marks_are_dense(text: str) -> None:
    assert parsed(escaped(text)).replace(WORD_JOINER, "") == text


@given(st.text(st.characters(categories=["L", "N", "M", "So"])))
def test_letters_digits_and_emoji_are_left_alone(text: str) -> None:
    assert escaped(text) == text


def test_a_beacon_becomes_its_own_text() -> None:
    beacon = r"\!\[x\]\(https\://a\.b/c\)"
    assert escaped("![x](https://a.b/c)").replace(WORD_JOINER, "") == beacon


@pytest.mark.parametrize("text", AFTER_PARSING)
def test_nothing_is_left_that_streamlit_reads_after_parsing(text: str) -> None:
    assert re.search(AFTER_PARSING[text], text)
    assert not re.search(AFTER_PARSING[text], parsed(escaped(text)))
