"""The trained networks of `assets/models/`, and the list of what became of every seed."""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from memviz.models.lent import lent
from memviz.models.recipes import RECIPES, recipe_of
from memviz.paths import ASSETS
from memviz.theme import number
from memviz.training import TrainedNetwork
from memviz.training.files import from_bytes

FOLDER = ASSETS / "models"
LIST = "models.json"
NAMES = tuple(recipe.name for recipe in RECIPES if (FOLDER / f"{recipe.name}.safetensors").exists())
"""Of the networks that are there, in the order of a picker."""


@dataclass(frozen=True)
class Attempt:
    """What became of one seed.

    Attributes:
        seed: of the network, its sequences and its read-out.
        score: at the end.
        outcome: one of `memviz.training.OUTCOMES`.
        update: after how many updates it ended.
    """

    seed: int
    score: float
    outcome: str
    update: int

    @property
    def is_solved(self) -> bool:
        """Whether the task's goal was reached."""
        return self.outcome == "solved"


@dataclass(frozen=True)
class Shipped:
    """A network as the list has it.

    Attributes:
        name: its name.
        seed: the seed that was kept.
        command: what made it; empty where a visitor did.
        attempts: every seed that was tried.
    """

    name: str
    seed: int
    command: str
    attempts: tuple[Attempt, ...]

    @property
    def sentence(self) -> str:
        """Which seeds reached the goal and which failed; of a visitor's network, what became of it."""
        if not self.command:
            (only,) = self.attempts
            end = "reached the goal" if only.is_solved else f"ended ({only.outcome})"
            return f"Trained on this server from seed {self.seed}: it {end} after {only.update:,} updates."
        if not self.attempts:
            return f"This is seed {self.seed}; the list of the other seeds cannot be read."
        solved = [str(each.seed) for each in self.attempts if each.is_solved]
        failed = [str(each.seed) for each in self.attempts if not each.is_solved]
        goal = number(recipe_of(self.name).task.solved, 3)
        parts = [f"{len(solved)} of {len(self.attempts)} seeds reached the goal, a score of {goal}"]
        if failed and solved:
            parts.append(f"seed{'s' * (len(failed) > 1)} {', '.join(failed)} failed")
        return f"{'; '.join(parts)}. This is seed {self.seed}, the best."


def is_known(name: str) -> bool:
    """Whether there is a trained network of this name that can be read."""
    return lent(name) is not None or (name in NAMES and problem(name) == "")


def problem(name: str) -> str:
    """Why the file of a network that comes with memviz cannot be read; "" where it can."""
    try:
        _read(name)
    except ValueError as error:
        return str(error)
    return ""


def load(name: str) -> TrainedNetwork:
    """A trained network.

    Raises:
        ValueError: if there is none of this name, or its file cannot be read.
    """
    own = lent(name)
    return _read(name) if own is None else own.trained


@cache
def _read(name: str) -> TrainedNetwork:
    _check(name)
    file, recipe = f"{name}.safetensors", recipe_of(name)
    try:
        trained = from_bytes((FOLDER / file).read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{file} of assets/models/ cannot be read. {why}") from error
    began = replace(trained.experiment, seed=recipe.experiment.seed)
    if (began, trained.task) != (recipe.experiment, recipe.task):
        raise ValueError(
            f"{file} of assets/models/ holds “{recipe.task.title}” for the cell {recipe.experiment.cell}; got "
            f"“{trained.task.title}” for {trained.experiment.cell}."
        )
    return trained


def about(name: str) -> Shipped:
    """What the list says of a network.

    Raises:
        ValueError: if there is none of this name.
    """
    own = lent(name)
    if own is not None:
        trained, outcome = own.trained, own.trained.outcome
        attempt = Attempt(trained.experiment.seed, trained.score, outcome.kind, outcome.update)
        return Shipped(name, attempt.seed, "", (attempt,))
    return _listed(name)


@cache
def _listed(name: str) -> Shipped:
    """Without seeds where the list cannot be read: the network itself is still there."""
    _check(name)
    try:
        return next(each for each in listed(FOLDER) if each.name == name)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return Shipped(name, _read(name).experiment.seed, recipe_of(name).command, ())


def _check(name: str) -> None:
    if name not in NAMES:
        raise ValueError(f"The trained networks are {', '.join(NAMES)}; got {name!r:.40}.")


def listed(folder: Path) -> list[Shipped]:
    """The whole list of a folder; none where it has none."""
    file = folder / LIST
    entries = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return [
        Shipped(
            entry["name"],
            entry["seed"],
            entry["command"],
            tuple(Attempt(**attempt) for attempt in entry["attempts"]),
        )
        for entry in entries
    ]
