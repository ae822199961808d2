"""Text in Markdown."""

_MARKS = r"\`*_{}[]()#+!|<>~$:^=&-."


def escaped(text: str) -> str:
    """Text as Markdown shows it literally: a visitor's tokens may hold any mark, and a link is a beacon."""
    return "".join(f"\\{letter}" if letter in _MARKS else letter for letter in text)
