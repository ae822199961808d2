"""Numbers as lines of code."""

import textwrap
from collections.abc import Iterable

WIDTH = 100
TYPED = "dtype=torch.float64"


def vector(head: str, values: Iterable[float | int], tail: str) -> str:
    """Numbers between a head and a tail, on one line if that fits, else wrapped on lines of their own."""
    numbers = ", ".join(map(repr, values))
    if len(line := f"{head}{numbers}{tail}") <= WIDTH:
        return line
    margin = " " * (len(head) - len(head.lstrip()))
    indent = f"{margin}    "
    body = textwrap.wrap(
        f"{numbers},", WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return "\n".join([head, *body, f"{margin}{tail}"])


def matrix(head: str, rows: Iterable[Iterable[float]], tail: str) -> str:
    """Rows of numbers between a head and a tail, a line for each."""
    return "\n".join([head, *(vector("    [", row, "],") for row in rows), tail])
