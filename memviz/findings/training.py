"""What to look at on the training page: which networks learnt the task and after how many updates, and the takeaway of
the thousand steps. Everything is read off the results.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log1p

import torch

from memviz.experiment import Experiment
from memviz.tasks import Task
from memviz.theme import number
from memviz.training import TrainedNetwork

_NEAR_CHANCE = 0.1
"""Of the way from chance to the goal: a score below it is called near chance."""

_SCORED = 2
"""Of so many networks the scores are said."""


@dataclass(frozen=True, eq=False)
class Taught:
    """What became of one side's networks, one for each seed.

    Attributes:
        letter: its letter.
        label: its name.
        networks: those that were taught, by seed; the others were not begun.
    """

    letter: str
    label: str
    networks: tuple[TrainedNetwork, ...]

    @property
    def solved(self) -> list[int]:
        """After how many updates each of those was done that solved the task."""
        return sorted(each.outcome.update for each in self.networks if each.outcome.kind == "solved")

    @property
    def counted(self) -> str:
        """How many of its seeds solved the task."""
        return f"{len(self.solved)} of {len(self.networks)}"


def training_finding(taught: Sequence[Taught]) -> str:
    """Which of them learnt the task, and how fast."""
    known = [each for each in taught if each.networks]
    if not known:
        return "Nothing is trained yet."
    if all(len(each.networks) == 1 for each in known):
        return _of_one_seed(known)
    solved = [each for each in known if each.solved]
    parts = [
        f"{each.letter} learns it with {each.counted} seeds, after {_span(each.solved)} updates"
        for each in solved
    ]
    none = [each for each in known if not each.solved]
    if none:
        seeds = max(len(each.networks) for each in none)
        verb = "learn" if len(none) > 1 else "learns"
        parts.append(f"{_listed([each.letter for each in none])} {verb} it with none of {seeds}")
    return f"{'; '.join(parts)}."


def under_way(task: Task, taught: Sequence[Taught], networks: int) -> str:
    """How far some networks are that are taught now.

    Args:
        task: what they are taught.
        taught: those that are over, by side.
        networks: how many there are in all.
    """
    learnt = sum(len(each.solved) for each in taught)
    if networks == 1:
        return f"One network learns “{task.title}”"
    if not learnt:
        return f"{networks} networks learn “{task.title}”"
    return f"{learnt} of {networks} networks {'have' if learnt > 1 else 'has'} learnt “{task.title}” so far"


def thousand_takeaway(taught: Sequence[Taught]) -> str:
    """What four beginnings of an LSTM teach: torch's, a forget gate that is open, the LSTM of 1997, and ln T biases.

    Args:
        taught: these four in this order.
    """
    plain, opened, of_1997, biased = taught
    if not all(each.networks for each in taught):
        return ""
    if any(network.outcome.kind == "stopped" for each in taught for network in each.networks):
        return "Not all of them were taught to the end, so which beginning is best stays open here."
    task = biased.networks[0].task
    steps = task.batch(1, _generator()).mask.shape[1] - 1
    f, i = (
        _start(opened.networks[0].experiment, "forget_bias"),
        _start(of_1997.networks[0].experiment, "input_bias"),
    )
    both = biased.networks[0].experiment
    said = (
        f"{plain.letter}, as torch draws it: {_how_fast(plain)}. "
        f"{opened.letter} starts with its forget gate open at {number(f)}, which leaves {number(f**steps)} of what it "
        f"stored after {steps:,} steps, and its input gate is half open: {_how_fast(opened)}. "
        f"{of_1997.letter}, as in 1997, forgets nothing and lets little in (i = {number(i)}): {_how_fast(of_1997)}. "
        f"{biased.letter} holds (f = {number(_start(both, 'forget_bias'), 4)}) and lets nearly nothing in "
        f"(i = {number(_start(both, 'input_bias'))}): {_how_fast(biased)}."
    )
    if any(network.outcome.kind == "seconds" for each in taught for network in each.networks):
        said += " Where time ran out, more of it might have done."
    share = {each.letter: len(each.solved) / len(each.networks) for each in taught}
    if share[biased.letter] > share[opened.letter]:
        return (
            f"An open forget gate alone is not enough: the input gate must start nearly closed, too. {said}"
        )
    return f"Here the ln T biases do no better than an open forget gate alone; other seeds may differ. {said}"


def _of_one_seed(known: Sequence[Taught]) -> str:
    """Those that learnt it, the fastest first; those that did not, together where they ended alike.

    Short enough for a line: of more than two networks the scores are left to whoever lists them.
    """
    task = known[0].networks[0].task
    solved: list[tuple[int, str]] = []
    diverged: list[str] = []
    others: dict[tuple[int, bool], list[tuple[str, float]]] = {}
    is_scored = len(known) <= _SCORED
    for each in known:
        (network,) = each.networks
        outcome, name = network.outcome, each.letter if len(known) > 1 else each.label
        if outcome.kind == "solved":
            solved.append((outcome.update, f"{name} learns it after {outcome.update:,} updates"))
        elif outcome.kind == "diverged":
            diverged.append(f"{name} diverges after {outcome.update:,} updates")
        else:
            near = is_scored and _is_near_chance(network.score, task)
            others.setdefault((outcome.update, near), []).append((name, network.score))
    parts = [said for _, said in sorted(solved)]
    for (update, is_near), group in others.items():
        scored = f": {_scored(group, is_near, task)}" if is_scored else ""
        verb = "have" if len(group) > 1 else "has"
        names = _listed([name for name, _ in group])
        parts.append(f"{names} {verb} not learnt it after {update:,} updates{scored}")
    return f"{'; '.join([*parts, *diverged])}."


def _is_near_chance(score: float, task: Task) -> bool:
    return score < task.chance + _NEAR_CHANCE * (task.solved - task.chance)


def _scored(group: Sequence[tuple[str, float]], is_near: bool, task: Task) -> str:
    """The scores of networks, and what they are to be compared with."""
    scores = _listed([number(score) for _, score in group])
    verb = "they score" if len(group) > 1 else "it scores"
    return f"{verb} {scores}{', about what chance scores' if is_near else f' of {number(task.solved)}'}"


def _how_fast(taught: Taught) -> str:
    """How many seeds learnt it, and after how many updates."""
    after = f" after {_span(taught.solved)} updates" if taught.solved else ""
    return f"{taught.counted} seeds learn it{after}"


def _start(experiment: Experiment, name: str) -> float:
    """Where a gate starts whose bias is set and whose other summands are near 0."""
    bias = getattr(experiment, name)
    return exp(-log1p(exp(-bias)))


def _span(updates: Sequence[int]) -> str:
    low, high = updates[0], updates[-1]
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _listed(letters: Sequence[str]) -> str:
    return letters[0] if len(letters) == 1 else f"{', '.join(letters[:-1])} and {letters[-1]}"


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
