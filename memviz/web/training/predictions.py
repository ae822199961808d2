"""What a trained network says after each step of an example, in words and as a share of what it should say."""

import numpy as np
from jaxtyping import Float

from memviz.tasks import Task
from memviz.theme import number
from memviz.web.training.engine import Example


def said(task: Task, predicted: Float[np.ndarray, " output"]) -> str:
    """What the read-out says at one step: the likeliest symbol, the symbols that may follow, or numbers."""
    names = task.outputs
    if task.loss == "cross-entropy":
        best = int(predicted.argmax())
        return f"{names[best]} with {number(predicted[best])}"
    if task.loss == "binary cross-entropy":
        follow = [f"{name} {number(p)}" for name, p in zip(names, predicted, strict=True) if p > 0.5]
        return f"next: {', '.join(follow)}" if follow else "next: nothing above 0.5"
    return ", ".join(f"{name} = {number(p)}" for name, p in zip(names, predicted, strict=True))


def wanted(shown: Example, timestep: int) -> str:
    """What it should say there; empty where the loss does not look."""
    if not shown.mask[timestep]:
        return ""
    task, target = shown.task, shown.targets[timestep]
    if task.loss == "cross-entropy":
        return str(task.outputs[int(target)])
    if task.loss == "binary cross-entropy":
        return ", ".join(name for name, p in zip(task.outputs, target, strict=True) if p > 0)
    return ", ".join(number(float(value)) for value in target)


def rightness(shown: Example, predicted: Float[np.ndarray, "time output"]) -> Float[np.ndarray, " time"]:
    """How right it is at each step, 0 to 1: the probability of the target, one less the mean error, or of the number.

    Where the loss does not look, the last target that it will look at is taken: so it shows from where on the network
    knows the answer.
    """
    targets = _ahead(shown)
    if shown.task.loss == "cross-entropy":
        right: Float[np.ndarray, " time"] = predicted[np.arange(len(predicted)), targets.astype(int)]
        return right
    return np.clip(1 - np.abs(predicted - targets).mean(axis=1), 0, 1)


def _ahead(shown: Example) -> np.ndarray:
    """The target of each step, or where there is none that of the next step that has one."""
    read = np.flatnonzero(shown.mask)
    following = np.searchsorted(read, np.arange(len(shown.mask)))
    return shown.targets[read[np.minimum(following, len(read) - 1)]]
