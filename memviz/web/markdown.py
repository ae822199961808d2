"""Text in Markdown."""

_JOINER = "\N{WORD JOINER}"
_BEHIND = dict.fromkeys(":-<", _JOINER)
_BEFORE = dict.fromkeys(".@=", _JOINER)
_MARKS = r"\`*_{}[]()#+!|<>~$:^=&-."


def escaped(text: str) -> str:
    """Text as Markdown shows it literally: a visitor's tokens may hold any mark, and a link is a beacon.

    Streamlit looks for icons, addresses and arrows after Markdown has taken the backslashes away; a word joiner,
    which has no width, keeps it from finding them.
    """
    return "".join(_BEFORE.get(c, "") + (f"\\{c}" if c in _MARKS else c) + _BEHIND.get(c, "") for c in text)
