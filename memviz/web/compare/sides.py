"""One side of a comparison: a cell, and what is set for it that the others do not share; with its text in an address.

In an address: `lstm;forget_bias:3.0;initialisation:chrono`, the cell, then each setting as the address of a network
writes it; between two sides stands a comma.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from memviz.cells import Cell
from memviz.experiment import Experiment
from memviz.interventions.values import shown

MOST_SIDES = 6
MOST_SIDE_TEXT = 240
"""The most characters of a side's text: six fit into an address of 2 kB."""
LETTERS = "ABCDEF"
_SHARED = ("cell", "hidden_size", "seed")
SETTINGS = tuple(field.name for field in fields(Experiment) if field.name not in _SHARED)
"""What a side can set for itself. One seed and one number of units are shared, so that weights can be compared."""
_MARKS = "%,;:"


@dataclass(frozen=True)
class Side:
    """A cell and its own settings; everything else is as all sides have it.

    Attributes:
        cell: a name in `memviz.CELLS`.
        settings: (name, value) of some of SETTINGS, kept in their order.

    Raises:
        ValueError: if the cell or a setting is unknown or out of its range, one is set twice, or the text of the side
            has more than MOST_SIDE_TEXT characters.
    """

    cell: str = "lstm"
    settings: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        given = dict(self.settings)
        if unknown := [name for name in given if name not in SETTINGS]:
            raise ValueError(f"A side sets {', '.join(SETTINGS)}; got {shown(unknown[0])}.")
        if len(given) < len(self.settings):
            raise ValueError(f"A side sets each thing once; got {shown(self.settings[-1][0])} twice.")
        checked = Experiment(self.cell, **given)
        if checked != checked.in_address:
            raise ValueError(
                "A side holds what an address can hold: no patches, and no step or unit beyond 9,999."
            )
        settled = tuple((name, getattr(checked, name)) for name in SETTINGS if name in given)
        object.__setattr__(self, "settings", settled)
        if (length := len(str(self))) > MOST_SIDE_TEXT:
            raise ValueError(
                f"What a side sets takes at most {MOST_SIDE_TEXT} characters in a link; got {length}."
            )

    def __str__(self) -> str:
        """The side as an address has it; `read_side` gives exactly this side back."""
        query = Experiment(self.cell, **dict(self.settings)).to_query()
        return ";".join([self.cell, *(f"{name}:{_quoted(query.get(name, ''))}" for name, _ in self.settings)])

    def with_setting(self, name: str, value: Any) -> "Side":
        """The side with one thing set."""
        return Side(self.cell, tuple({**dict(self.settings), name: value}.items()))

    def without(self, name: str) -> "Side":
        """The side with one thing as all sides have it."""
        return Side(self.cell, tuple(pair for pair in self.settings if pair[0] != name))

    def experiment(self, base: Experiment) -> Experiment:
        """The settings of this side's network, given those that all sides share."""
        return replace(base, cell=self.cell, **dict(self.settings))


def read_side(text: str) -> Side:
    """The side that `str` wrote, or that someone typed in its form.

    Raises:
        ValueError: with a sentence, if it has another form or breaks a rule.
    """
    if len(text) > 2 * MOST_SIDE_TEXT:
        raise ValueError(f"What a side sets takes at most {MOST_SIDE_TEXT} characters in a link; got more.")
    cell, *parts = text.split(";")
    settings: list[tuple[str, Any]] = []
    for part in parts:
        name, colon, value = part.partition(":")
        if name not in SETTINGS or not colon:
            raise ValueError(
                f"A side is written as in lstm;forget_bias:3 and sets {', '.join(SETTINGS)}; got {shown(part)}."
            )
        found, problems = Experiment.from_query({name: _unquoted(value)})
        if problems:
            raise ValueError(problems[0])
        settings.append((name, getattr(found, name)))
    return Side(cell, tuple(settings))


def read_sides(text: str) -> tuple[tuple[Side, ...], list[str]]:
    """The sides of an address that can be read, at most MOST_SIDES, and a sentence for each that is left out."""
    found, problems = [], []
    parts = text.split(",", MOST_SIDES)
    for letter, part in zip(LETTERS, parts, strict=False):
        try:
            found.append(read_side(part))
        except ValueError as error:
            problems.append(f"Side {letter} of the link is left out. {error}")
    if len(parts) > MOST_SIDES:
        problems.append(f"Up to {MOST_SIDES} sides are compared; the link has more, which are left out.")
    return tuple(found), problems


def heeds(cell: Cell, name: str) -> bool:
    """Whether a setting makes a difference to a cell: one without a forget gate has no bias of it."""
    gate = name.removesuffix("_bias")
    if name == "forget_bias":
        return gate in cell.gates or cell.coupled
    return gate in cell.gates if name in ("update_bias", "input_bias") else True


def _quoted(text: str) -> str:
    return "".join(f"%{ord(letter):02X}" if letter in _MARKS else letter for letter in text)


def _unquoted(text: str) -> str:
    for mark in reversed(_MARKS):  # the percent sign last
        text = text.replace(f"%{ord(mark):02X}", mark)
    return text
