"""A table out of a CSV file, and the columns of it that a model is fed, as the text that is typed elsewhere."""

import csv
import io
import re
from dataclasses import dataclass

from memviz.encoding import EncodingError
from memviz.interventions.values import shown

MOST_BYTES = 300_000
MOST_LINES = 3001
MOST_COLUMNS = 500
_MOST_NAME = 40
_SEPARATORS = ",;\t"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]{0,39}")
_NO_NAMES = {"nan", "inf", "infinity", "na", "n.a", "null", "none"}


@dataclass(frozen=True)
class Table:
    """The cells of a CSV file.

    Attributes:
        names: of the columns, each with its number where two are alike.
        rows: the cells below them, as text.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self, columns: tuple[int, ...]) -> str:
        """Some columns, in this order, as `memviz.encode` reads a table of numbers.

        The names stand above them where all are plain enough and different.
        """
        names = [self.names[column] for column in columns]
        is_plain = all(_NAME.fullmatch(name) and name.casefold() not in _NO_NAMES for name in names)
        header = [names] if is_plain and len(set(names)) == len(names) else []
        lines = [*header, *([row[column] for column in columns] for row in self.rows)]
        return "\n".join(", ".join(map(_cell, line)) for line in lines)

    def numeric(self) -> tuple[int, ...]:
        """The columns that hold nothing but numbers."""
        return tuple(
            column for column in range(len(self.names)) if all(_is_number(row[column]) for row in self.rows)
        )


def table(data: bytes) -> Table:
    """The table of a CSV file with commas, semicolons or tabs; without a header the columns are called x1, x2, ...

    Raises:
        EncodingError: if it is too large, no text in UTF-8, empty or ragged; the message states the rule.
    """
    if len(data) > MOST_BYTES:
        raise EncodingError(f"A CSV file has at most {MOST_BYTES:,} bytes; got {len(data):,}.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EncodingError(
            "A CSV file is text in UTF-8; got something else. Save it as CSV UTF-8."
        ) from error
    if "\0" in text:
        raise EncodingError("A CSV file is text without NUL; got some. Save it as CSV UTF-8.")
    rows = _rows(text)
    width = len(rows[0])
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise EncodingError(
                f"Each line of a CSV file has as many cells as the first, {width:,}; "
                f"got {len(row):,} in row {number:,}."
            )
    if width > MOST_COLUMNS:
        raise EncodingError(f"A CSV file has at most {MOST_COLUMNS} columns; got {width:,}.")
    names = tuple(f"x{column + 1}" for column in range(width))
    if not any(map(_is_number, rows[0])):
        names = tuple(_visible(cell) or default for cell, default in zip(rows[0], names, strict=True))
        names = tuple(
            name if names.count(name) == 1 else f"{name} ({column + 1})" for column, name in enumerate(names)
        )
        rows = rows[1:]
    if not rows:
        raise EncodingError("A CSV file has a line of numbers below its header; got none.")
    return Table(names, tuple(map(tuple, rows)))


def _rows(text: str) -> list[list[str]]:
    first = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator, strict=True) if row]
    except csv.Error as error:
        raise EncodingError(
            f"A CSV file closes its quotes and has short cells; got: {shown(str(error))}."
        ) from error
    if not rows:
        raise EncodingError("A CSV file has a line of numbers; got none.")
    if len(rows) > MOST_LINES:
        raise EncodingError(f"A CSV file has at most {MOST_LINES:,} lines; got {len(rows):,}.")
    return [[cell.strip() for cell in row] for row in rows]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _visible(cell: str) -> str:
    return "".join(sign for sign in cell if sign.isprintable())[:_MOST_NAME]


def _cell(cell: str) -> str:
    """A cell that stays one, whatever is in it."""
    return '"' + cell.replace('"', "'").replace("\n", " ") + '"' if re.search(r"[,;\t\"\n]", cell) else cell
