"""What the read-out of a trained network says after each step of a sequence, whether it is right, and its loss."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from memviz.encoding import Sequence
from memviz.gradients import Loss
from memviz.models.recipes import recipe_of
from memviz.tasks import Taught
from memviz.tasks.numbers import CLOSE
from memviz.theme import number
from memviz.training import TrainedNetwork

_NONE = "–"
_NAMED = 3
"""How many outputs are named in words."""


@dataclass(frozen=True)
class Said:
    """What the read-out says after one step.

    Attributes:
        answer: in a sign or two: the likeliest output, those that may follow, or a number.
        certainty: the probability of the answer, 0 to 1; 1 for a number.
        is_right: whether it is the answer of the task, or one of those where the task draws at random; None where the
            task asks nothing at this step.
        words: all of it, for readers.
    """

    answer: str
    certainty: float
    is_right: bool | None
    words: str


def said(
    trained: TrainedNetwork,
    sequence: Sequence,
    predicted: Float[np.ndarray, "time output"],
    taught: Taught | None = None,
    steps: Iterable[int] | None = None,
) -> list[Said]:
    """What the read-out says after each step, or after some of them.

    Args:
        trained: the network, its task and its read-out.
        sequence: what the network ran over.
        predicted: what `TrainedNetwork.predict` made of its hidden states, what-ifs included.
        taught: what is right; by default what the task says of the sequence.
        steps: which ones; by default all.
    """
    task = trained.task
    taught = taught or task.taught(sequence)
    found = []
    for t in range(len(sequence)) if steps is None else steps:
        token, row = sequence.tokens[t], predicted[t]
        target = taught.targets[t].tolist() if taught is not None and taught.mask[t] else None
        answer, certainty, right = _answer(task.loss, task.outputs, row, target)
        words = f"Step {t}, after {token}: {_words(task.loss, task.outputs, row)}"
        if taught is not None and taught.may_follow is not None:
            may = [name for name, may in zip(task.outputs, taught.may_follow[t].tolist(), strict=True) if may]
            words += f"; {_whether_it_may_follow(answer, may)}"
            found.append(Said(answer, certainty, answer in may if may else None, words))
        elif right is not None:
            is_right = answer == right if task.loss != "squared error" else _is_close(row, target)
            words += f"; {'right' if is_right else f'the task says {right}'}"
            found.append(Said(answer, certainty, is_right, words))
        else:
            found.append(Said(answer, certainty, None, words))
    return found


def task_loss(trained: TrainedNetwork, sequence: Sequence, timestep: int | None = None) -> Loss | None:
    """The task's loss at one step of a sequence, through the read-out; None where the task does not say what is right.

    A squared error is halved, as `Loss` has it.

    Args:
        trained: the network, its task and its read-out.
        sequence: of the task.
        timestep: a step that the task reads; by default, and for another step, the last one that it reads.
    """
    taught = trained.task.taught(sequence)
    return None if taught is None else loss_of(trained, taught, timestep)


def loss_of(trained: TrainedNetwork, taught: Taught, timestep: int | None = None) -> Loss | None:
    """As `task_loss`, of a sequence whose answers are known; None where the task reads no step of it."""
    steps = taught.mask.nonzero()[:, 0].tolist()
    if not steps:
        return None
    at = timestep if timestep in steps else steps[-1]
    target: Any = taught.targets[at].tolist()
    return Loss(
        at,
        kind=trained.task.loss,
        readout=tuple(map(tuple, trained.readout.weight.tolist())),
        targets=(target,) if isinstance(target, int) else (tuple(target),),
        bias=tuple(trained.readout.bias.tolist()),
    )


def examples(name: str, trained: TrainedNetwork) -> list[str]:
    """Texts of the network's task: those of its recipe, and one that the task draws."""
    batch = trained.task.batch(1, torch.Generator().manual_seed(0))
    return [*recipe_of(name).examples, trained.task.spelt(trained.task.sequence(batch, 0))]


def _answer(
    loss: str, outputs: tuple[str, ...], row: Float[np.ndarray, " output"], target: Any
) -> tuple[str, float, str | None]:
    """The answer, its probability, and the right one."""
    if loss == "squared error":
        right = ", ".join(number(value, 2) for value in target) if isinstance(target, list) else None
        return ", ".join(number(float(value), 2) for value in row), 1.0, right
    if loss == "cross-entropy":
        best = int(row.argmax())
        return outputs[best], float(row[best]), outputs[target] if isinstance(target, int) else None
    likely = row > 0.5
    right = None
    if isinstance(target, list):
        right = _several(outputs, np.array(target) > 0.5)
    return _several(outputs, likely), float(np.where(likely, row, 1 - row).min()), right


def _whether_it_may_follow(answer: str, may: list[str]) -> str:
    if not may:
        return "the task lets nothing follow here"
    right = may[0] if len(may) == 1 else f"{', '.join(may[:-1])} or {may[-1]}"
    return f"right: {right} may follow" if answer in may else f"wrong: {right} may follow"


def _several(outputs: tuple[str, ...], chosen: "np.ndarray") -> str:
    return "".join(name for name, is_in in zip(outputs, chosen, strict=True) if is_in) or _NONE


def _words(loss: str, outputs: tuple[str, ...], row: Float[np.ndarray, " output"]) -> str:
    if loss == "squared error":
        return ", ".join(
            f"{name} {number(float(value), 3)}" for name, value in zip(outputs, row, strict=True)
        )
    order = np.argsort(-row)[:_NAMED] if loss == "cross-entropy" else range(len(outputs))
    return ", ".join(f"{outputs[index]} {number(float(row[index]), 2)}" for index in order)


def _is_close(row: Float[np.ndarray, " output"], target: Any) -> bool:
    return bool(np.abs(row - np.array(target)).max() < CLOSE)
