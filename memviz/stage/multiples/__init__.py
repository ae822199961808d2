"""Runs side by side: small multiples, a column for each run and a row for each role, with one cursor."""

from memviz.stage.multiples.component import multiples, multiples_position
from memviz.stage.multiples.payload import multiples_payload
from memviz.stage.multiples.roles import ROLES, Part, Role, part_of

__all__ = [
    "ROLES",
    "Part",
    "Role",
    "multiples",
    "multiples_payload",
    "multiples_position",
    "part_of",
]
