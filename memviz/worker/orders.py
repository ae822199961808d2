"""What a visitor orders: lessons, each a network, a task and how it is taught; and how much of that a server gives."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from memviz.cells import CELLS
from memviz.experiment import Experiment
from memviz.interventions.values import shown
from memviz.tasks import Task
from memviz.tasks import from_data as task_of
from memviz.training import FUSED, TrainingSettings

MOST_LESSONS = 20
MOST_ABREAST = 4
MOST_SECONDS = 180
MOST_UPDATES = 5_000
MOST_BATCH = 128
MOST_UNITS = 32
MOST_WORK = 2_000_000
"""The most that timesteps * sequences of an update * units may be: an update then takes at most about a second."""
STEPPED_TIME = 200
"""The longest sequence of a cell that no fused kernel runs: a step of it takes as long as 30 of theirs."""
_FEWEST_BETWEEN_LOOKS = 5
_PARTS = ("experiment", "task", "settings")


@dataclass(frozen=True)
class Lesson:
    """One network to be taught one task.

    Attributes:
        experiment: what it begins as.
        task: what it is taught.
        settings: how; the order's seconds hold as well.

    Raises:
        ValueError: if it is more than a server gives, or the cell cannot be taught it; the message states the rule.
    """

    experiment: Experiment
    task: Task
    settings: TrainingSettings

    def __post_init__(self) -> None:
        if self.experiment.interventions:
            raise ValueError("A network is taught without interventions, which act in its runs; got some.")
        _at_most("units", self.experiment.hidden_size, MOST_UNITS)
        _at_most("updates", self.settings.updates, MOST_UPDATES)
        _at_most("sequences for each update", self.settings.batch, MOST_BATCH)
        if self.settings.evaluate_every < _FEWEST_BETWEEN_LOOKS:
            raise ValueError(
                f"Here the score is looked at after {_FEWEST_BETWEEN_LOOKS} updates or more; got "
                f"{self.settings.evaluate_every}."
            )
        time = timesteps(self.task)
        if self.experiment.cell not in FUSED and time > STEPPED_TIME:
            raise ValueError(
                f"{CELLS[self.experiment.cell].title} has no fused kernel in torch and is taught step by step, here on "
                f"sequences of at most {STEPPED_TIME} steps; got {time:,}. These have one: "
                f"{', '.join(CELLS[name].title for name in FUSED)}."
            )
        work = time * self.settings.batch * self.experiment.hidden_size
        if work > MOST_WORK:
            raise ValueError(
                f"Timesteps × sequences × units are at most {MOST_WORK:,} here; got {time:,} × "
                f"{self.settings.batch} × {self.experiment.hidden_size}."
            )

    def to_data(self) -> dict[str, Any]:
        """The lesson for JSON."""
        return {
            "experiment": self.experiment.to_json(),
            "task": self.task.to_data(),
            "settings": self.settings.to_data(),
        }

    @classmethod
    def from_data(cls, data: object) -> "Lesson":
        """The lesson that `to_data` wrote.

        Raises:
            ValueError: if it is none.
        """
        if not isinstance(data, dict) or set(data) != set(_PARTS) or not isinstance(data["experiment"], str):
            raise ValueError(f"A lesson has {', '.join(_PARTS)}; got {shown(data)}.")
        return cls(
            Experiment.from_json(data["experiment"]),
            task_of(data["task"]),
            TrainingSettings.from_data(data["settings"]),
        )


@dataclass(frozen=True)
class Order:
    """Lessons that are given together.

    Attributes:
        lessons: in the order in which they begin.
        abreast: how many are given at once, in turns.
        seconds: how long all of them may take.

    Raises:
        ValueError: if it is more than a server gives; the message states the rule.
    """

    lessons: tuple[Lesson, ...]
    abreast: int = MOST_ABREAST
    seconds: int | float = 60

    def __post_init__(self) -> None:
        if not 1 <= len(self.lessons) <= MOST_LESSONS:
            raise ValueError(
                f"From 1 to {MOST_LESSONS} networks are trained at once; got {len(self.lessons)}."
            )
        if not 1 <= self.abreast <= MOST_ABREAST:
            raise ValueError(f"From 1 to {MOST_ABREAST} networks take turns; got {self.abreast}.")
        if not 0 < self.seconds <= MOST_SECONDS:
            raise ValueError(f"A training takes at most {MOST_SECONDS} seconds here; got {self.seconds:g}.")

    def to_data(self) -> dict[str, Any]:
        """The order for JSON."""
        lessons = [lesson.to_data() for lesson in self.lessons]
        return {"lessons": lessons, "abreast": self.abreast, "seconds": self.seconds}

    @classmethod
    def from_data(cls, data: object) -> "Order":
        """The order that `to_data` wrote.

        Raises:
            ValueError: if it is none.
        """
        if not isinstance(data, dict) or set(data) != {"lessons", "abreast", "seconds"}:
            raise ValueError(f"An order has lessons, abreast and seconds; got {shown(data)}.")
        return cls(tuple(map(Lesson.from_data, data["lessons"])), data["abreast"], data["seconds"])


@lru_cache(maxsize=256)
def timesteps(task: Task) -> int:
    """How long the sequences of a task are: the longest of a few that are drawn."""
    return task.batch(32, torch.Generator().manual_seed(0)).mask.shape[1]


def _at_most(what: str, value: int, most: int) -> None:
    if value > most:
        raise ValueError(f"A training on this server has at most {most:,} {what}; got {value:,}.")
