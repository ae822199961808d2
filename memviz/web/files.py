"""A page's state as one JSON file: what is too long for a link, and what a class hands in."""

import json
from dataclasses import replace
from typing import Any

from memviz.experiment import Experiment
from memviz.interventions.values import shown
from memviz.web.address import BROKEN, SEQUENCE, Codec, S, written

VERSION = 1
MOST_BYTES = 2**20
_KEYS = {"memviz", "page", "experiment", "state"}


def to_file(page: str, codec: Codec[S], state: S) -> str:
    """The whole state of a page as JSON; `from_file` gives exactly this state back."""
    view = {
        name: written(getattr(state, name))
        for name in codec.fields
        if name in SEQUENCE or getattr(state, name) != getattr(codec.default, name)
    }
    experiment = json.loads(state.experiment.to_json())
    return json.dumps({"memviz": VERSION, "page": page, "experiment": experiment, "state": view}, indent=1)


def from_file(page: str, codec: Codec[S], content: bytes) -> S:
    """The state that `to_file` wrote; what is missing in it takes its default.

    Raises:
        ValueError: if it is too large, no such file, of another version or page, or a part breaks its rule.
    """
    data = _read(content)
    if data.get("page") != page:
        raise ValueError(f'This page opens files of the page "{page}"; got one of {shown(data.get("page"))}.')
    experiment, view = data.get("experiment", {}), data.get("state", {})
    if not isinstance(experiment, dict) or not isinstance(view, dict):
        raise ValueError("A memviz file holds an experiment and a state as objects; got something else.")
    values: dict[str, Any] = {"experiment": Experiment.from_json(json.dumps(experiment))}
    for name, raw in view.items():
        if name not in codec.fields:
            raise ValueError(f"The state of this page holds {', '.join(codec.fields)}; got {shown(name)}.")
        parse, rule = codec.fields[name]
        values[name] = parse(raw) if isinstance(raw, str) else BROKEN
        if values[name] is BROKEN:
            raise ValueError(f"{rule}; got {shown(raw)}.")
    return replace(codec.default, **values)


def _read(content: bytes) -> dict[str, Any]:
    if len(content) > MOST_BYTES:
        raise ValueError(f"A memviz file has at most {MOST_BYTES:,} bytes; got {len(content):,}.")
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError("A memviz file is a JSON object in UTF-8; this file is not.") from error
    if not isinstance(data, dict) or "memviz" not in data or not set(data) <= _KEYS:
        raise ValueError(
            'A memviz file is a JSON object with "memviz", "page", "experiment" and "state"; this is not.'
        )
    if type(data["memviz"]) is not int or data["memviz"] != VERSION:
        raise ValueError(f"A memviz file is of version {VERSION}; got version {shown(data['memviz'])}.")
    return data
