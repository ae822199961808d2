"""One codec for every URL key: the address of a page -> its state and what was wrong with it, and back."""

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import Field, dataclass, fields, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from memviz.experiment import Experiment, fields_of

VERSION = "1"
MOST_ADDRESS_BYTES = 2000
NONE = "none"
SEQUENCE = ("text", "kind")
"""The fields of a sequence: written in every link, except where they are too long for one."""
WHAT_IFS = ("edits", "interventions", "change")
"""What comes next to be left out of a link that has no room."""
_MOST_DIGITS = 6
_ON_OFF = {"0": False, "1": True}
_REAL_LETTERS = frozenset("0123456789.eE+-")
_MOST_REAL = 40

Parser = Callable[[str], Any]
BROKEN: Any = object()
"""What a parser gives for a text that breaks its rule."""


def text(most: int) -> Parser:
    """Any text of at most so many characters."""
    return lambda raw: raw if len(raw) <= most else BROKEN


def one_of(known: Container[str]) -> Parser:
    """One of the names that are known."""
    return lambda raw: raw if raw in known else BROKEN


def on_off(raw: str) -> Any:
    """A switch: 0 or 1."""
    return _ON_OFF.get(raw, BROKEN)


def whole(most: int) -> Parser:
    """A whole number from 0 to `most`, which has at most six digits."""

    def parse(raw: str) -> Any:
        fits = raw.isascii() and raw.isdigit() and len(raw) <= _MOST_DIGITS and int(raw) <= most
        return int(raw) if fits else BROKEN

    return parse


def real(low: int | float, high: int | float) -> Parser:
    """A finite number in plain notation from `low` to `high`: no underscores, other digits, nan or inf."""

    def parse(raw: str) -> Any:
        try:
            plain = len(raw) <= _MOST_REAL and _REAL_LETTERS.issuperset(raw)
            value = float(raw) if plain else math.nan
        except ValueError:
            return BROKEN
        return value if math.isfinite(value) and low <= value <= high else BROKEN

    return parse


def optional(parse: Parser) -> Parser:
    """What `parse` takes, or "none" for None."""
    return lambda raw: None if raw == NONE else parse(raw)


def several(parse: Parser, most: int) -> Parser:
    """1 to `most` different values with commas between, as a tuple; a repeated one counts once."""

    def parse_all(raw: str) -> Any:
        values = tuple(dict.fromkeys(parse(part) for part in raw.split(",", most)))
        return values if len(values) <= most and BROKEN not in values else BROKEN

    return parse_all


@runtime_checkable
class State(Protocol):
    """A frozen dataclass that says everything a page shows, a network's settings among it."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def experiment(self) -> Experiment:
        """The network's settings."""


S = TypeVar("S", bound=State)


@dataclass(frozen=True)
class Codec(Generic[S]):
    """How the state of one page is written in its address.

    The experiment has its own keys; each other field of the state is a key of its own.

    Attributes:
        default: the state that an empty address means.
        fields: for each field but the experiment what reads it, and its rule as the start of a sentence.

    Raises:
        ValueError: if a field of the state cannot be read, or another one can.
    """

    default: S
    fields: Mapping[str, tuple[Parser, str]]

    def __post_init__(self) -> None:
        names = {field.name for field in fields(self.default)} - {"experiment"}
        if names != set(self.fields):
            raise ValueError(
                f"A codec reads {', '.join(sorted(names))}; got {', '.join(sorted(self.fields))}."
            )

    def read(self, query: Mapping[str, str]) -> tuple[S, list[str]]:
        """The state that an address asks for, and a sentence for each parameter that is unknown or broken.

        What is broken or missing takes its default.
        """
        problems: list[str] = []
        if query.get("v", VERSION) != VERSION:
            problems.append(f"This link is of version {_shown(query['v'])}, which this memviz does not know.")
        experiment, broken = Experiment.from_query(query, self.default.experiment)
        problems += broken
        values: dict[str, Any] = {"experiment": experiment}
        for name, (parse, rule) in self.fields.items():
            value = parse(query[name]) if name in query else getattr(self.default, name)
            if value is BROKEN:
                problems.append(f"{rule}; got {_shown(query[name])}.")
            else:
                values[name] = value
        known = {"v", *self.fields, *fields_of(Experiment)}
        unknown = sorted(_shown(name) for name in query if name not in known)
        if unknown:
            listed = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
            problems.append(f"The link has parameters that this page does not know: {listed}.")
        return replace(self.default, **values), problems

    def to_query(self, state: S) -> dict[str, str]:
        """The state as URL parameters; `read` gives exactly this state back."""
        sequence = {name: written(getattr(state, name)) for name in SEQUENCE if name in self.fields}
        view = {
            name: written(getattr(state, name))
            for name in self.fields
            if getattr(state, name) != getattr(self.default, name)
        }
        return {"v": VERSION} | sequence | state.experiment.to_query() | view


def written(value: Any) -> str:
    """A part of a state as its address holds it."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _shown(raw: str) -> str:
    """What arrived, in at most 40 visible ASCII characters."""
    shown = ascii(raw)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"
