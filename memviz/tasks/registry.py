"""Every task by its name, and tasks out of files."""

from dataclasses import fields

from memviz.interventions.values import shown
from memviz.tasks.base import Task
from memviz.tasks.counting import Counting, Parity
from memviz.tasks.grammar import Characters, Reber
from memviz.tasks.memory import Copy, Latch, TemporalOrder
from memviz.tasks.numbers import Adding, Sine

TASKS: dict[str, type[Task]] = {
    kind.name: kind
    for kind in (Latch, Parity, Counting, Reber, Adding, TemporalOrder, Copy, Sine, Characters)
}
"""The kinds of task by their names."""


def from_data(data: object) -> Task:
    """The task that `to_data` wrote.

    Raises:
        ValueError: if it is no such object, of an unknown name, or a setting is unknown, missing or out of its range.
    """
    if not isinstance(data, dict) or not isinstance(data.get("name"), str) or data["name"] not in TASKS:
        raise ValueError(f"A task is an object with a name, one of {', '.join(TASKS)}; got {shown(data)}.")
    kind = TASKS[data["name"]]
    names = [each.name for each in fields(kind)]
    if set(data) != {"name", *names}:
        raise ValueError(
            f"The task {kind.name} has the settings {', '.join(names) or 'none'}; got "
            f"{shown(', '.join(map(str, data)))}."
        )
    kind.check(data)
    return kind(**{name: data[name] for name in names})
