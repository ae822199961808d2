"""Edits of a network as text for an address, and as data for a JSON file, both exactly there and back.

In an address: `set~weight_hh~3~2~0.5`, `set~bias_ih~3~0.5~lstm-8`, `zero~weight_hh~forget`, `swap~0~1`; between two
stands `~~`. No character of it needs an escape in an address.
"""

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from memviz.edits.values import KINDS, Edit, SetWeight, SwapUnits, ZeroBlock
from memviz.interventions.text import NUMBER, entry_of, plain_number
from memviz.interventions.values import shown

MOST_IN_TEXT = 64
"""How many edits a text may hold."""
_INDEX = re.compile(r"[0-9]{1,6}")
_OF = re.compile(r"[a-z][a-z0-9-]{1,30}-[0-9]{1,3}")
_FORM = "An edit is written as in set~weight_hh~3~2~0.5, zero~weight_hh~forget or swap~0~1"


def to_text(edits: Iterable[Edit]) -> str:
    """The edits as text for an address; none are an empty text.

    Raises:
        ValueError: if there are more than MOST_IN_TEXT.
    """
    chosen = list(edits)
    _check_count(len(chosen))
    return "~~".join(map(_written, chosen))


def from_text(text: str) -> tuple[Edit, ...]:
    """The edits that `to_text` wrote, or that someone typed in its form.

    Raises:
        ValueError: if the text has another form, or a part breaks its rule.
    """
    if not text:
        return ()
    parts = text.split("~~", MOST_IN_TEXT)
    _check_count(len(parts))
    return tuple(map(_read, parts))


def to_data(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """The edits as dictionaries, for JSON."""
    return [
        {"kind": _kind(edit)} | {field.name: getattr(edit, field.name) for field in fields(edit)}
        for edit in edits
    ]


def from_data(data: object) -> tuple[Edit, ...]:
    """The edits that `to_data` wrote.

    Raises:
        ValueError: if it is something else, or a part breaks its rule.
    """
    if not isinstance(data, list):
        raise ValueError(f"Edits are a list; got {shown(data)}.")
    return tuple(map(_built, data))


def _check_count(count: int) -> None:
    if count > MOST_IN_TEXT:
        raise ValueError(f"An address holds at most {MOST_IN_TEXT} edits; got more.")


def _kind(edit: Edit) -> str:
    return next(name for name, kind in KINDS.items() if isinstance(edit, kind))


def _written(edit: Edit) -> str:
    match edit:
        case SetWeight():
            place = [edit.row] if edit.column is None else [edit.row, edit.column]
            parts = [edit.parameter, *place, plain_number(edit.value), *([edit.of] if edit.of else [])]
        case ZeroBlock():
            parts = [edit.parameter, *([edit.gate] if edit.gate else [])]
        case SwapUnits():
            parts = [edit.first, edit.second]
    return "~".join(map(str, (_kind(edit), *parts)))


def _read(text: str) -> Edit:
    kind, *parts = text.split("~", 6)
    of = parts.pop() if kind == "set" and parts and _OF.fullmatch(parts[-1]) else ""
    if kind == "set" and len(parts) in (3, 4) and NUMBER.fullmatch(parts[-1]):
        row, *column = (_index(part, text) for part in parts[1:-1])
        return SetWeight(parts[0], row, column[0] if column else None, float(parts[-1]), of)
    if kind == "zero" and len(parts) in (1, 2):
        return ZeroBlock(*parts)
    if kind == "swap" and len(parts) == 2:
        return SwapUnits(*(_index(part, text) for part in parts))
    raise ValueError(f"{_FORM}; got {shown(text)}.")


def _index(written: str, text: str) -> int:
    if not _INDEX.fullmatch(written):
        raise ValueError(f"{_FORM}; got {shown(text)}.")
    return int(written)


def _built(entry: object) -> Edit:
    kind, given = entry_of(entry, KINDS, "An edit")
    edit: Edit = kind(**given)
    return edit
