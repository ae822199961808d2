"""A pasted series or table of numbers, read strictly: nothing is guessed, what is refused is named."""

import re
import unicodedata

import numpy as np
from jaxtyping import Float

from memviz.encoding.characters import one_kind_of_newline, shown, visible
from memviz.encoding.sequence import EncodingError, Sequence

MAX_BYTES = 300_000
MAX_TIMESTEPS = 3000
MAX_COLUMNS = 16
MAX_CHARACTERS_IN_CELL = 40
LARGEST = 1e9

Rows = list[tuple[int, list[str]]]  # each line's number, from 1, and its cells

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_QUOTED = re.compile(r'"[^"]*"')
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
# Words that stand for a number that is missing or none, and so never name a column.
_NO_NAMES = {"nan", "inf", "infinity", "na", "n/a", "null", "none"}


def encode_numbers(text: str, standardise: bool = False, most_columns: int = MAX_COLUMNS) -> Sequence:
    """A numeric sequence from one line (a series) or several (a table), (time, columns).

    - One line is a series of one feature. Several lines are a table, one timestep a line, with equally many
      cells in each. When every line but the last ends in a comma or semicolon, they are one wrapped series.
      A blank line between lines, a ragged table and an empty cell are refused.
    - One separator throughout: commas, semicolons or tabs, with spaces around them as you like, or else
      spaces. A cell may be in double quotes.
    - A table's first line names the columns when each of its cells starts with a letter or underscore (an
      empty one gets its default name). Otherwise the names are "x", or "x1", "x2", and so on.
    - A number is ASCII digits with a decimal point and an exponent if need be, such as -1.5 or 2e-3; the
      minus may be U+2212. It has at most 40 characters and lies in [-1e9, 1e9]; one too small for
      float64 becomes 0. Decimal commas are refused where they can be told from separators: "1,5" alone is
      two numbers.

    Args:
        text: valid text; see `check_text`. A byte order mark at its start is dropped.
        standardise: see `standardised`.
        most_columns: how many columns a table may have.

    Raises:
        EncodingError: if the text breaks a rule, with line and cell counted from 1; or if it has more than
            3,000 timesteps or `most_columns` columns.
    """
    lines = _lines(text)
    if len(lines) > MAX_TIMESTEPS + 1:  # the header, too; counted before anything is read
        raise EncodingError(f"Enter 1 to {MAX_TIMESTEPS:,} lines of numbers; got {len(lines):,}.")
    separator = _separator(lines)
    several = len(lines) > 1
    rows = [(number, _cells(number, line, separator)) for number, line in lines]
    if not several or (separator in ",;" and all(line.endswith(separator) for _, line in lines[:-1])):
        return numeric_sequence(_series(rows), ("x",), "numbers", standardise)
    names = _header(rows, separator, most_columns)
    if names:
        rows = rows[1:]
    values = _table(rows, most_columns)
    return numeric_sequence(values, names or _default_names(values.shape[1]), "numbers", standardise)


def numeric_sequence(
    values: Float[np.ndarray, "time features"], features: tuple[str, ...], kind: str, standardise: bool
) -> Sequence:
    """A sequence of numbers whose tokens show the values before they are standardised."""
    tokens = tuple("; ".join(short(value) for value in row) for row in values.tolist())
    return Sequence(tokens, None, standardised(values) if standardise else values, features, kind)


def standardised(values: Float[np.ndarray, "time features"]) -> Float[np.ndarray, "time features"]:
    """Each column minus its mean, over its population standard deviation (ddof=0); a constant one is 0."""
    low, high = values.min(axis=0), values.max(axis=0)
    constant = low == high
    # First onto [0, 1]: squares of tiny numbers would underflow, and means of huge ones lose their digits.
    scaled = (values - low) / np.where(constant, 1.0, high - low)
    centred = scaled - scaled.mean(axis=0)
    deviation = np.sqrt((centred**2).mean(axis=0))
    return np.where(constant, 0.0, centred / np.where(constant, 1.0, deviation))


def _lines(text: str) -> list[tuple[int, str]]:
    """The lines from the first to the last that is not blank, with their numbers."""
    lines = one_kind_of_newline(text.removeprefix("\ufeff")).split("\n")
    numbered = [(number, line.strip(" ")) for number, line in enumerate(lines, start=1)]
    while numbered and not numbered[-1][1].strip():
        numbered.pop()
    first = next((index for index, (_, line) in enumerate(numbered) if line.strip()), 0)
    if not numbered:
        raise EncodingError(f"Enter 1 to {MAX_TIMESTEPS:,} numbers; got none.")
    for number, line in numbered[first:]:
        if not line.strip():
            raise EncodingError(f"Every line holds numbers; got a blank one, line {number:,}.")
    return numbered[first:]


def _separator(lines: list[tuple[int, str]]) -> str:
    bare = "\n".join(_QUOTED.sub("", line) for _, line in lines)
    found = [separator for separator in _SEPARATORS if separator in bare]
    if len(found) > 1:
        raise EncodingError(
            "Use one separator, and decimal points rather than commas (1.5); "
            f"got {' and '.join(_SEPARATORS[separator] for separator in found)}."
        )
    return found[0] if found else " "


def _cells(number: int, line: str, separator: str) -> list[str]:
    """The cells of a line, without quotes and the spaces around them."""
    pieces = line.split('"')
    if len(pieces) % 2 == 0:
        raise EncodingError(f"A quote closes on the line where it opens; got an open one on line {number:,}.")
    # Every second piece is inside quotes. NUL has been refused, so it can keep a quoted separator's place.
    pieces[1::2] = [piece.replace(separator, "\0") for piece in pieces[1::2]]
    cells = '"'.join(pieces).split(separator)
    if separator == " ":
        cells = [cell for cell in cells if cell]  # several spaces separate as one does
    return [_unquoted(cell.strip(" ").replace("\0", separator)) for cell in cells]


def _unquoted(cell: str) -> str:
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"').strip(" ")
    return cell


def _series(rows: Rows) -> Float[np.ndarray, "time 1"]:
    rows = [(number, cells[:-1] if len(cells) > 1 and cells[-1] == "" else cells) for number, cells in rows]
    if (time := sum(len(cells) for _, cells in rows)) > MAX_TIMESTEPS:
        raise EncodingError(f"Enter 1 to {MAX_TIMESTEPS:,} numbers; got {time:,}.")
    return np.array([[value] for row in rows for value in _values(row)])


def _table(rows: Rows, most_columns: int) -> Float[np.ndarray, "time features"]:
    if len(rows) > MAX_TIMESTEPS:
        raise EncodingError(f"Enter 1 to {MAX_TIMESTEPS:,} lines of numbers; got {len(rows):,}.")
    _check_width(rows, most_columns)
    return np.array([_values(row) for row in rows])


def _check_width(rows: Rows, most_columns: int) -> None:
    first, width = rows[0][0], len(rows[0][1])
    for number, cells in rows:
        if len(cells) != width:
            raise EncodingError(
                "Each line has as many cells as the first, or ends in a comma where one series goes on; "
                f"got {width:,} on line {first:,} and {len(cells):,} on line {number:,}."
            )
    if width > most_columns:
        raise EncodingError(f"A table has at most {most_columns} columns; got {width:,}.")


def _header(rows: Rows, separator: str, most_columns: int) -> tuple[str, ...] | None:
    """The names of a table's columns if its first line gives them."""
    (number, cells), (_, below) = rows[:2]
    if not any(cells) or not all(cell == "" or _is_name(cell) for cell in cells):
        return None
    if separator == " " and len(below) == 1:
        cells = [" ".join(cells)]  # spaces separate nothing in a single column: "body temperature"
    _check_width([(number, cells), *rows[1:2]], most_columns)
    for index, cell in enumerate(cells, start=1):
        _check_length(cell, number, index)
    pairs = zip(cells, _default_names(len(cells)), strict=True)
    names = tuple(_visible_name(cell) if cell else default for cell, default in pairs)
    for name in names:
        if names.count(name) > 1:
            raise EncodingError(f"Columns have different names; got {shown(name)} twice.")
    return names


def _visible_name(cell: str) -> str:
    return visible(unicodedata.normalize("NFC", cell), keep_spaces=True)


def _is_name(cell: str) -> bool:
    return (cell[0].isalpha() or cell[0] == "_") and cell.casefold() not in _NO_NAMES


def _default_names(columns: int) -> tuple[str, ...]:
    return ("x",) if columns == 1 else tuple(f"x{index}" for index in range(1, columns + 1))


def _values(row: tuple[int, list[str]]) -> list[float]:
    number, cells = row
    return [_value(cell, number, index) for index, cell in enumerate(cells, start=1)]


def _value(cell: str, line: int, index: int) -> float:
    place = f"on line {line:,}, cell {index:,}"
    if not cell:
        raise EncodingError(f"Each cell holds a number; got an empty one {place}.")
    _check_length(cell, line, index)
    plain = cell.replace("\N{MINUS SIGN}", "-")
    if not _NUMBER.fullmatch(plain):
        raise EncodingError(
            "A number is digits with a decimal point if need be, such as -1.5 or 2e-3; "
            f"got {shown(cell, 20)} {place}."
        )
    value = float(plain)
    if not abs(value) <= LARGEST:
        raise EncodingError(f"A number is from -1e9 to 1e9; got {shown(cell, 20)} {place}.")
    return value + 0.0  # -0.0 becomes 0.0


def _check_length(cell: str, line: int, index: int) -> None:
    if len(cell) > MAX_CHARACTERS_IN_CELL:
        raise EncodingError(
            f"A cell has at most {MAX_CHARACTERS_IN_CELL} characters; "
            f"got {len(cell):,} on line {line:,}, cell {index:,}."
        )


def short(value: float) -> str:
    """At most four significant digits, with a true minus: 0.125, −1.5, 1.235e4."""
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    text = f"{mantissa}e{int(exponent)}" if exponent else mantissa
    return text.replace("-", "\N{MINUS SIGN}")
