"""What the browser asks for, read as strictly as anything that comes from outside."""

from dataclasses import dataclass
from typing import Any

from memviz.grid.reading import read_weight

MOST_COMMANDS = 200
UNIT = "unit "
_MOST_INDEX = 10_000
_MOST_SERIAL = 2**31
_MOST_NAME = 40


@dataclass(frozen=True)
class At:
    """A cell of a grid.

    Attributes:
        key: of the network that it belongs to; see `memviz.grid.network_key`.
        rows: the gate of all rows, or "unit 3" for all gates of that unit.
        source: what the weights multiply.
        row, column: the cell.
    """

    key: str
    rows: str
    source: str
    row: int = 0
    column: int = 0

    @property
    def unit(self) -> int | None:
        """The unit whose gates are the rows, where they are."""
        number = self.rows.removeprefix(UNIT)
        return int(number) if number != self.rows and number.isascii() and number.isdigit() else None


@dataclass(frozen=True)
class Set:
    """Give a weight a value; None is the one as drawn."""

    at: At
    value: float | None


@dataclass(frozen=True)
class Zero:
    """Set the weights of a block to zero."""

    at: At


@dataclass(frozen=True)
class Swap:
    """Exchange two units."""

    first: int
    second: int


@dataclass(frozen=True)
class Remove:
    """Take back one edit of those that are listed, which reads `text`."""

    index: int
    text: str


@dataclass(frozen=True)
class Undo:
    """Take back all edits."""


Command = Set | Zero | Swap | Remove | Undo


def read_commands(message: object, after: int) -> tuple[list[Command | str], int]:
    """The commands of a message that come after a serial number, and the serial number of the last.

    One that breaks a rule is a sentence in the place of a command; what is no command at all is left out.
    """
    found: list[Command | str] = []
    for entry in message[:MOST_COMMANDS] if isinstance(message, list) else []:
        serial = _whole(entry.get("serial"), _MOST_SERIAL) if isinstance(entry, dict) else None
        if serial is None or serial <= after:
            continue
        after = serial
        try:
            command = _command(entry)
        except ValueError as error:
            found.append(str(error))
            continue
        if command is not None:
            found.append(command)
    return found, after


def read_place(message: object) -> At | None:
    """The cell that a message names, or None."""
    if not isinstance(message, dict):
        return None
    key, rows, source = (_name(message.get(name)) for name in ("key", "rows", "source"))
    row, column = (_whole(message.get(name, 0), _MOST_INDEX) for name in ("row", "column"))
    if key is None or rows is None or source is None or row is None or column is None:
        return None
    return At(key, rows, source, row, column)


def _command(entry: dict[Any, Any]) -> Command | None:
    kind, at = entry.get("do"), read_place(entry)
    if kind == "set" and at is not None:
        text = entry.get("text")
        return Set(at, None if text is None else read_weight(text))
    if kind == "zero" and at is not None:
        return Zero(at)
    if kind == "swap":
        return _swap(entry.get("units"))
    if kind == "remove":
        index, text = _whole(entry.get("index"), _MOST_INDEX), entry.get("text")
        return Remove(index, text) if index is not None and isinstance(text, str) else None
    return Undo() if kind == "undo" else None


def _swap(units: object) -> Swap:
    texts = [str(unit).strip()[:12] for unit in units[:2]] if isinstance(units, list) else []
    read = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) <= 4]
    if len(read) != 2 or read[0] == read[1]:
        got = " and ".join(ascii(text) for text in texts) or "none"
        raise ValueError(f"Two different units are swapped, each a whole number from 0; got {got}.")
    return Swap(*read)


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= _MOST_NAME else None


def _whole(value: object, most: int) -> int | None:
    """A whole number from 0 on; JSON's true is none, and a browser may write 1 as 1.0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return int(value) if int(value) == value else None
