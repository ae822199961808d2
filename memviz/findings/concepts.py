"""What the units of a trained network go with, and what becomes of its task when some are held."""

from collections.abc import Sequence

from memviz.concepts import Found
from memviz.theme import number
from memviz.words import signal_in_words

_SAME = 0.01
"""A change of a score by less than this part of what there is between chance and the best is none."""


def concept_finding(units: Sequence[Found], variable: str, family: str) -> str:
    """The unit that goes best with a variable.

    Args:
        units: those that vary, the best first.
        variable: the variable.
        family: that of the cell.
    """
    if not units:
        return f"No unit varies with “{variable}”"
    best = units[0]
    where = f"unit {best.unit} of the {signal_in_words(best.signal, family)}"
    return f"“{variable}” goes best with {where}: a correlation of {number(best.correlation)}"


def holding_finding(before: float, after: float, chance: float, best: float) -> str:
    """What holding does to the score of a task.

    Args:
        before: the score with nothing held.
        after: with what is held.
        chance: what the best guess by the current input scores.
        best: the highest score that was looked for.
    """
    scores = f"The score was {number(before)} and is {number(after)}"
    if abs(after - before) <= _SAME * abs(best - chance):
        return f"{scores}: the task does not need what is held."
    if after > before:
        return f"{scores}: it does better so."
    if after <= chance + _SAME * abs(best - chance):
        return f"{scores}, no better than chance ({number(chance)}): the task breaks."
    return f"{scores}; chance is {number(chance)}: the task suffers."
