"""A task as an address holds it, `latch;steps:1000`: its name, and what differs from its defaults."""

from dataclasses import fields
from typing import Any

from memviz.interventions.values import shown
from memviz.tasks import TASKS, Task

_MOST_TEXT = 120
_MOST_DIGITS = 6


def task_text(task: Task) -> str:
    """The task as an address has it; `read_task` gives exactly this task back."""
    default = TASKS[task.name]()
    given = [(each.name, getattr(task, each.name)) for each in fields(task)]
    changed = [f"{name}:{value}" for name, value in given if value != getattr(default, name)]
    return ";".join([task.name, *changed])


def read_task(text: str) -> Task:
    """The task that `task_text` wrote.

    Raises:
        ValueError: with a sentence, if it has another form or breaks a rule.
    """
    name, *parts = text[:_MOST_TEXT].split(";")
    if name not in TASKS or len(text) > _MOST_TEXT:
        raise ValueError(f"The task is one of {', '.join(TASKS)}; got {shown(text)}.")
    kind, given = TASKS[name], dict[str, Any]()
    whole = {setting for setting, _, _ in kind.ranges}
    known = [each.name for each in fields(kind)]
    for part in parts:
        setting, colon, value = part.partition(":")
        if setting not in known or not colon:
            raise ValueError(
                f"The task {name} has the settings {', '.join(known) or 'none'}; got {shown(part)}."
            )
        is_number = value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
        given[setting] = int(value) if setting in whole and is_number else value
    kind.check({each.name: getattr(kind(), each.name) for each in fields(kind)} | given)
    return kind(**given)
