"""Which units of a wide layer are drawn: typed as numbers and runs, or those that do most."""

import re

import numpy as np

from memviz.interventions.text import runs_of
from memviz.interventions.values import shown
from memviz.stage import MOST_DRAWN
from memviz.trace import Trace

_RUN = re.compile(r"([0-9]{1,4})(?:\s*[-\u2013]\s*([0-9]{1,4}))?")


def read(text: str, count: int) -> tuple[int, ...]:
    """Units as they are typed, 0-31, 100 say, in ascending order, each once.

    Args:
        text: what is typed.
        count: how many units there are.

    Raises:
        ValueError: if these are no units, or more than are drawn at once.
    """
    rule = f"The units drawn are 1 to {MOST_DRAWN} of 0 to {count - 1}, such as 0-31, 100"
    found: set[int] = set()
    for part in filter(None, re.split(r"\s*[,;]\s*", text.strip())):
        match = _RUN.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < count:
            raise ValueError(f"{rule}; got {shown(part)}.")
        found.update(range(first, last + 1))
    if not 1 <= len(found) <= MOST_DRAWN:
        raise ValueError(f"{rule}; got {len(found) or 'none'}.")
    return tuple(sorted(found))


def written(units: tuple[int, ...]) -> str:
    """Units in ascending order as `read` takes them."""
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs_of(units))


def liveliest(trace: Trace) -> tuple[int, ...]:
    """The units whose hidden states have the largest standard deviations over time, as many as are drawn at once."""
    spread = trace["hidden"].std(axis=0)
    return tuple(sorted(np.argsort(-spread, kind="stable")[:MOST_DRAWN].tolist()))
