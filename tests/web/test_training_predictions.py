"""What a network says after each step: against the definitions, by hand."""

import numpy as np
import pytest
import torch

from memviz import tasks
from memviz.web.training import predictions
from memviz.web.training.engine import Example


def example(task: tasks.Task) -> Example:
    batch = task.batch(1, torch.Generator().manual_seed(3))
    sequence = task.sequence(batch, 0)
    time = len(sequence)
    taught = tasks.Taught(batch.targets[0, :time], batch.mask[0, :time])
    return Example(task, sequence, taught, int(taught.mask.nonzero()[-1]))


def test_a_class_is_said_with_its_probability() -> None:
    assert predictions.said(tasks.latch(3), np.array([0.25, 0.75])) == "B with 0.750"


def test_symbols_that_may_follow_are_those_above_a_half() -> None:
    task = tasks.counting()
    row = np.full(len(task.outputs), 0.1)
    assert predictions.said(task, row) == "next: nothing above 0.5"
    row[1] = 0.9
    assert predictions.said(task, row) == f"next: {task.outputs[1]} 0.900"


def test_a_number_is_said_as_it_is() -> None:
    assert predictions.said(tasks.adding(8), np.array([1.25])) == "sum = 1.25"


@pytest.mark.parametrize("name", sorted(tasks.TASKS))
def test_the_right_answer_is_right_and_is_known_ahead_of_the_step_that_asks(name: str) -> None:
    task = tasks.TASKS[name]()
    shown = example(task)
    time, outputs = len(shown.mask), len(task.outputs)
    asked = np.flatnonzero(shown.mask)
    perfect = np.zeros((time, outputs))
    for t in range(time):
        later = asked[asked >= t]
        target = shown.targets[later[0] if len(later) else asked[-1]]
        if task.loss == "cross-entropy":
            perfect[t, int(target)] = 1.0
        else:
            perfect[t] = target
    np.testing.assert_allclose(predictions.rightness(shown, perfect), 1.0)
    if task.loss == "cross-entropy":
        np.testing.assert_allclose(
            predictions.rightness(shown, np.full((time, outputs), 1 / outputs)), 1 / outputs
        )
    assert all(bool(predictions.wanted(shown, t)) == bool(shown.mask[t]) for t in range(time))
