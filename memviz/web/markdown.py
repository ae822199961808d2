"""Text in Markdown."""

_JOINER = "\N{WORD JOINER}"
_BEHIND = dict.fromkeys(":-<", _JOINER)
_BEFORE = dict.fromkeys(".@=", _JOINER)
_MARKS = r"\`*_{}[]()#+!|<>~$:^=&-."


def escaped(text: str) -> str:
    """Text as Markdown shows it literally: a visitor's tokens may hold any mark, and a link is a beacon.

    Streamlit looks for icons, addresses and arrows after Markdown has taken the backslashes away; a word joiner,
    which has no width, keeps it from finding them. The point of a number stays as it is.
    """
    return "".join(_escaped(letter, text[index + 1 : index + 2]) for index, letter in enumerate(text))


def _escaped(letter: str, following: str) -> str:
    before = "" if letter == "." and not following.isalpha() else _BEFORE.get(letter, "")
    return before + (f"\\{letter}" if letter in _MARKS else letter) + _BEHIND.get(letter, "")
