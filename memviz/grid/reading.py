"""A weight as somebody types it: read strictly, because a number that is guessed at is a wrong number."""

import re

from memviz.edits import WEIGHT_RANGE
from memviz.encoding.characters import shown
from memviz.theme import MINUS

_MOST_CHARACTERS = 40
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,4})?", re.IGNORECASE)
_ONE_COMMA = re.compile(r"[^,.]*,[^,.]*")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
RULE = f"A weight is a number from {MINUS}10,000 to 10,000, such as {MINUS}0.25"
"""The twin of assets/grid/reading.js says the same."""
TWO_WAYS = "Write a decimal point: a comma before three digits can be read in two ways"


def read_weight(text: object) -> float:
    """The number of a text: ASCII digits with a decimal point and an exponent if need be.

    The minus may be U+2212. A decimal comma is taken where it cannot be one between thousands: "0,25" but not "1,250".

    Raises:
        ValueError: if it is no such number; the message states the rule and what arrived.
    """
    if not isinstance(text, str):
        raise ValueError(f"{RULE}; got no text.")
    plain = text[: 2 * _MOST_CHARACTERS].strip(" ").replace(MINUS, "-")
    if _THOUSANDS.fullmatch(plain):
        raise ValueError(f"{TWO_WAYS}; got {shown(text)}.")
    if _ONE_COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    if len(plain) > _MOST_CHARACTERS or not _NUMBER.fullmatch(plain):
        raise ValueError(f"{RULE}; got {shown(text)}.")
    value = float(plain)
    if not WEIGHT_RANGE[0] <= value <= WEIGHT_RANGE[1]:
        raise ValueError(f"{RULE}; got {shown(text)}.")
    return value + 0.0  # no negative zero
