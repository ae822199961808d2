"""Tasks with known answers, each with its generator, its encoding, its score, what chance scores, and its source.

The classes have their names in lower case as well, as functions: `tasks.latch(steps=1000)`.
"""

from memviz.tasks.base import Batch, LossKind, Run, Task, Taught
from memviz.tasks.counting import MOST_ACCEPTED, Counting, Parity
from memviz.tasks.grammar import REBER, Characters, Reber
from memviz.tasks.memory import Copy, Latch, TemporalOrder
from memviz.tasks.numbers import Adding, Sine
from memviz.tasks.registry import TASKS, from_data

latch, order, copy, parity, counting = Latch, TemporalOrder, Copy, Parity, Counting
reber, characters, adding, sine = Reber, Characters, Adding, Sine

__all__ = [
    "MOST_ACCEPTED",
    "REBER",
    "TASKS",
    "Adding",
    "Batch",
    "Characters",
    "Copy",
    "Counting",
    "Latch",
    "LossKind",
    "Parity",
    "Reber",
    "Run",
    "Sine",
    "Task",
    "Taught",
    "TemporalOrder",
    "adding",
    "characters",
    "copy",
    "counting",
    "from_data",
    "latch",
    "order",
    "parity",
    "reber",
    "sine",
]
