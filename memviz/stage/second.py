"""Another run laid over the one on the stage: which step is whose partner, and where the two part and meet again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from memviz.comparison import MEETING, Pair, compare
from memviz.trace import Array, Trace


@dataclass(frozen=True)
class Overlay:
    """A second run beside the steps of a first.

    Attributes:
        second: the second run.
        partners: by each step of the first, its partner in the second, or None.
        removed: the steps of the first before which the second has steps without a partner; T is behind the last.
        parts: the first step whose state differs or that has no partner; None if there is none.
        meets: the step from which on no number differs by more than MEETING; None if they never part or meet.
        is_small: whether they part by no more than MEETING, and every step has its partner.
        differences: the first run minus the second, (step with a partner, unit), by signal.
    """

    second: Trace
    partners: tuple[int | None, ...]
    removed: tuple[int, ...]
    parts: int | None
    meets: int | None
    is_small: bool
    differences: Mapping[str, Array]


def overlay(trace: Trace, second: Trace, alignment: Iterable[Pair] | None = None) -> Overlay:
    """Lay a second run over a first.

    Args:
        trace: the first run.
        second: the second.
        alignment: (timestep of the second, timestep of the first), None for none, as an edit of the second's input
            gives it; without it both have as many steps, and each is the partner of its like.

    Raises:
        ValueError: if the second run has another cell, other units or, without an alignment, another number of
            steps, or if the alignment does not fit.
    """
    pairs = None if alignment is None else tuple(alignment)
    _check_alike(trace, second, has_alignment=pairs is not None)
    found = compare(second, trace, pairs, tolerance=MEETING)
    partner = {step: its for its, step in found.pairs}
    partners = tuple(partner.get(t) for t in range(len(trace)))
    removed = _removed(found.pairs, len(second), len(trace))
    alone = {t for t, its in enumerate(partners) if its is None}
    apart = alone | {found.pairs[pair][1] for pair in np.flatnonzero(found.differs)}
    meets = max([t + 1 for t in apart] + list(removed), default=len(trace))
    return Overlay(
        second,
        partners,
        removed,
        compare(second, trace, pairs).parts_at,
        meets if meets < len(trace) else None,
        not apart and not removed,
        found.differences,
    )


def _removed(pairs: tuple[tuple[int, int], ...], count: int, time: int) -> tuple[int, ...]:
    """Where steps of the second run are left out: between two partners, before the first or behind the last."""
    ends = [(-1, -1), *pairs, (count, time)]
    return tuple(t for (a, _), (b, t) in pairwise(ends) if b > a + 1)


def _check_alike(trace: Trace, second: Trace, has_alignment: bool) -> None:
    here, there = ((t.cell.name, len(t), t.units) for t in (trace, second))
    if (here[0], here[2]) != (there[0], there[2]) or not (has_alignment or here[1] == there[1]):
        raise ValueError(
            f"A second trace has the cell, steps and units of the first, {here[0]}, {here[1]} and {here[2]}; "
            f"got {there[0]}, {there[1]} and {there[2]}."
        )
