"""Interventions as text for an address, and as JSON for a file, both exactly there and back.

In an address: `clamp~forget~1.0~u0_3~t3-5`, an intervention: its kind, signal and number, then its units and steps, as
single ones and runs with `_` between; without them it acts on all. Between two interventions stands `~~`. No character
of it needs an escape in an address. A patch has too many numbers for that; it goes into JSON alone.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from memviz.interventions.values import KINDS, Freeze, Intervention, Patch, rows_of, shown

VERSION = 1
MOST_IN_TEXT = 32
"""How many interventions a text may hold."""
MOST_INDEX_IN_TEXT = 9_999
"""The largest timestep or unit in a text: a short address must not ask for long work."""
_OPERANDS = {"clamp": "value", "scale": "factor", "add": "amount", "freeze": "at"}
NUMBER = re.compile(r"-?([0-9]{1,20}\.?[0-9]{0,25}|\.[0-9]{1,25})(e-?[0-9]{1,3})?")
"""How a number is written in an address."""
_RUN = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")
_FORM = "An intervention is written as in clamp~forget~1~u0_3~t3-5"


def to_text(interventions: Iterable[Intervention]) -> str:
    """The interventions as text for an address; none are an empty text.

    Raises:
        ValueError: if one is a patch or acts beyond MOST_INDEX_IN_TEXT, or if there are more than MOST_IN_TEXT.
    """
    chosen = list(interventions)
    if any(isinstance(intervention, Patch) for intervention in chosen):
        raise ValueError("An address holds no patch, which has too many numbers; a patch goes into JSON.")
    _check_count(len(chosen))
    if (last := max(map(last_index, chosen), default=0)) > MOST_INDEX_IN_TEXT:
        raise ValueError(f"In an address steps and units are 0 to {MOST_INDEX_IN_TEXT:,}; got {last:,}.")
    return "~~".join(_written(intervention) for intervention in chosen)


def from_text(text: str) -> tuple[Intervention, ...]:
    """The interventions that `to_text` wrote, or that someone typed in its form.

    Raises:
        ValueError: if the text has another form, or a part breaks its rule.
    """
    if not text:
        return ()
    parts = text.split("~~", MOST_IN_TEXT)
    _check_count(len(parts))
    return tuple(_read(part) for part in parts)


def to_data(interventions: Iterable[Intervention]) -> list[dict[str, Any]]:
    """The interventions as lists, dictionaries and numbers, for JSON."""
    return [
        {"kind": _kind(intervention)}
        | {field.name: _plain(getattr(intervention, field.name)) for field in fields(intervention)}
        for intervention in interventions
    ]


def from_data(data: object) -> tuple[Intervention, ...]:
    """The interventions that `to_data` wrote.

    Raises:
        ValueError: if it is something else, or a part breaks its rule.
    """
    if not isinstance(data, list):
        raise ValueError(f"Interventions are a list; got {shown(data)}.")
    return tuple(_built(entry) for entry in data)


def to_json(interventions: Iterable[Intervention]) -> str:
    """The interventions as a JSON object with its version."""
    return json.dumps({"version": VERSION, "interventions": to_data(interventions)})


def from_json(text: str) -> tuple[Intervention, ...]:
    """The interventions that `to_json` wrote.

    Raises:
        ValueError: if the text is no such JSON object, is of another version, or a part breaks its rule.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Interventions are a JSON object; got {shown(text)}.") from error
    if not isinstance(data, dict) or set(data) != {"version", "interventions"}:
        raise ValueError(
            f'Interventions are a JSON object with "version" and "interventions"; got {shown(text)}.'
        )
    if type(data["version"]) is not int or data["version"] != VERSION:
        raise ValueError(f"Interventions are of version {VERSION}; got version {shown(data['version'])}.")
    return from_data(data["interventions"])


def plain_number(value: int | float) -> str:
    """A number as an address holds it, exactly: 1e+16 is written as 1e16, because a plus would need an escape."""
    return repr(value).replace("+", "")


def _check_count(count: int) -> None:
    if count > MOST_IN_TEXT:
        raise ValueError(f"An address holds at most {MOST_IN_TEXT} interventions; got more.")


def last_index(intervention: Intervention) -> int:
    """The largest timestep or unit that an intervention names."""
    chosen = [getattr(intervention, name, None) or (0,) for name in ("units", "steps")]
    return max(
        *(indexes[-1] for indexes in chosen), intervention.at if isinstance(intervention, Freeze) else 0
    )


def _kind(intervention: Intervention) -> str:
    return type(intervention).__name__.lower()


def _written(intervention: Intervention) -> str:
    kind, parts = _kind(intervention), [_kind(intervention)]
    if hasattr(intervention, "signal"):
        parts.append(intervention.signal)
    if kind in _OPERANDS:
        parts.append(plain_number(getattr(intervention, _OPERANDS[kind])))
    for name in ("units", "steps"):
        if (chosen := getattr(intervention, name, None)) is not None:
            parts.append(("u" if name == "units" else "t") + _runs(chosen))
    return "~".join(parts)


def _runs(indexes: Sequence[int]) -> str:
    """Ascending whole numbers as single ones and runs: 0_3-5."""
    return "_".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs_of(indexes))


def runs_of(indexes: Sequence[int]) -> list[list[int]]:
    """Ascending whole numbers, those that follow one another together."""
    runs = np.split(np.array(indexes), np.flatnonzero(np.diff(indexes) != 1) + 1)
    return [run.tolist() for run in runs]


def _read(text: str) -> Intervention:
    kind, *parts = text.split("~", 6)
    if kind == "patch" or kind not in KINDS:
        known = ", ".join(name for name in KINDS if name != "patch")
        raise ValueError(f"In an address an intervention is one of {known}; got {shown(kind)}.")
    arguments: dict[str, Any] = {}
    names = {field.name for field in fields(KINDS[kind])}
    if "signal" in names:
        arguments["signal"] = parts.pop(0) if parts else ""
    if kind in _OPERANDS:
        arguments[_OPERANDS[kind]] = _number(parts.pop(0) if parts else "", text, kind == "freeze")
    for letter, name in (("u", "units"), ("t", "steps")):
        if name in names and parts and parts[0].startswith(letter):
            arguments[name] = _indexes(parts.pop(0)[1:], text)
    if parts:
        raise ValueError(f"{_FORM}; got {shown(text)}.")
    intervention: Intervention = KINDS[kind](**arguments)
    return intervention


def _number(written: str, text: str, is_whole: bool) -> int | float:
    if is_whole and _RUN.fullmatch(written) and "-" not in written:
        return int(written)
    if is_whole or not NUMBER.fullmatch(written):
        raise ValueError(f"{_FORM}, with a number where it has its 1; got {shown(text)}.")
    return float(written)


def _indexes(written: str, text: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in written.split("_"):
        run = _RUN.fullmatch(part)
        if not run or int(run[1]) > int(run[2] or run[1]) or len(found) > MOST_INDEX_IN_TEXT:
            raise ValueError(f"{_FORM}, with runs from low to high; got {shown(text)}.")
        found += range(int(run[1]), int(run[2] or run[1]) + 1)
    return tuple(found)


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def entry_of(entry: object, kinds: Mapping[str, type[Any]], noun: str) -> tuple[type[Any], dict[str, Any]]:
    """The kind of an entry of JSON data, and its parts, of which it has all and no others.

    Raises:
        ValueError: if it is something else.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str) or entry["kind"] not in kinds:
        raise ValueError(f"{noun} is an object of a kind, one of {', '.join(kinds)}; got {shown(entry)}.")
    kind = kinds[entry["kind"]]
    names = [field.name for field in fields(kind)]
    given = {name: value for name, value in entry.items() if name != "kind"}
    if set(given) != set(names):
        raise ValueError(f"A {entry['kind']} has {', '.join(names)}; got {shown(', '.join(given))}.")
    return kind, given


def _built(entry: object) -> Intervention:
    kind, given = entry_of(entry, KINDS, "An intervention")
    if kind is Patch:
        given["values"] = rows_of(given["values"])
    intervention: Intervention = kind(**given)
    return intervention
