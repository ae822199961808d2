"""What the units of a trained network go with, and what becomes of its task when some are held."""

import math
from collections.abc import Sequence

from memviz.concepts import SHUFFLES, Found
from memviz.theme import number
from memviz.words import signal_in_words

_SAME = 0.01
"""A change of a score by less than this part of what there is between chance and the best is none."""


def concept_finding(units: Sequence[Found], variable: str, family: str, luck: float = math.nan) -> str:
    """The unit that goes best with a variable, if that is more than luck.

    Args:
        units: those that vary, the best first.
        variable: the variable.
        family: that of the cell.
        luck: the largest correlation in size of as many units with what has nothing to do with them; NaN if not known.
    """
    if not units:
        return f"Nothing goes with “{variable}”: it or every unit stays the same"
    best = units[0]
    where = f"unit {best.unit} of the {signal_in_words(best.signal, family)}"
    if abs(best.correlation) <= luck:
        return f"No unit goes with “{variable}” more than by luck: the most is {number(best.correlation)}, {where}"
    return f"“{variable}” goes best with {where}: a correlation of {number(best.correlation)}"


def luck_in_words(units: int, luck: float, unvarying: int) -> str:
    """How large a correlation is to be taken for one, and which units have none.

    Args:
        units: how many vary.
        luck: as for `concept_finding`.
        unvarying: how many do not.
    """
    said = []
    if math.isfinite(luck):
        said.append(
            f"With each sequence's answers paired with another sequence, in {SHUFFLES} ways, the largest of the "
            f"{units} correlations was {number(luck, 2)}: up to there it is luck, or the time alone."
        )
    if unvarying:
        verbs = "stays the same and has" if unvarying == 1 else "stay the same and have"
        said.append(f"{unvarying} more {verbs} no correlation.")
    return " ".join(said)


def holding_finding(
    before: float, after: float, chance: float, best: float, looked_at: str = "", sequences: int = 0
) -> str:
    """What holding does to the score of a task.

    Args:
        before: the score with nothing held.
        after: with what is held.
        chance: what the best guess by the current input scores.
        best: the highest score that was looked for.
        looked_at: what was scored, in words.
        sequences: how many, where the score is a share of them: what is nearer to chance than two standard errors is no
            better than chance.
    """
    over = f" ({looked_at})" if looked_at else ""
    scores = (
        f"The score{over} was {number(before)} and is {number(after)} with what is held or edited; chance is "
        f"{number(chance)}"
    )
    range_ = abs(best - chance)
    error = math.sqrt(chance * (1 - chance) / sequences) if sequences and 0 < chance < 1 else 0.0
    no_better = chance + max(_SAME * range_, 2 * error)
    if before <= no_better:
        return f"{scores}. The network was no better than chance before, so that this tells nothing."
    if abs(after - before) <= _SAME * range_:
        return f"{scores}. The task does not need it: the other units do without, or stand in for it."
    if after > before:
        return f"{scores}. It does better so."
    if after <= no_better:
        return f"{scores}. The task breaks: that is no better than chance."
    left = (after - chance) / (before - chance)
    return f"{scores}. The task suffers: {number(100 * left, 2)}% of what lies above chance is left."
