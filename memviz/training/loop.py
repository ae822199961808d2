"""The loop: draw sequences, take a step against the gradient, look at the score now and then."""

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memviz.experiment import Experiment
from memviz.tasks import Task
from memviz.tensor_files import MOST_SIZE
from memviz.training.learners import Learner, ReadoutLayer, learner_of
from memviz.training.optimisers import Adam, Parameters, Sgd
from memviz.training.settings import TrainingSettings
from memviz.training.trained import Checkpoint, Outcome, Readout, TrainedNetwork

_SCORED_STEPS = 2**15
"""Timesteps of all sequences that a look at the score takes."""
_SCORED = (32, 256)
_SCORED_AT_END = 512
_COUNTED = 4
"""A task whose score has no end is looked at on the way up to so many times what counts as solved."""
_APART = 1.4
"""From one checkpoint to the next the number of updates grows by this factor."""

_OVERFLOWS = "the network's own numbers are no finite numbers any more"


@dataclass(frozen=True, eq=False)
class Progress:
    """Where a training stands.

    Attributes:
        update: how many updates are done.
        updates: how many there are at most.
        loss: the mean loss since the look before.
        score: over sequences that it has not seen.
        seconds: since the start.
        checkpoint: the network, where one is kept.
    """

    update: int
    updates: int
    loss: float
    score: float
    seconds: float
    checkpoint: Checkpoint | None = None

    @property
    def updates_per_second(self) -> float:
        """How fast it goes."""
        return self.update / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float:
        """How long it takes if all updates are needed."""
        return (self.updates - self.update) * self.seconds / self.update if self.update else float("inf")


def never() -> bool:
    """Nobody asks to stop."""
    return False


def fit(
    experiment: Experiment,
    task: Task,
    settings: TrainingSettings | None = None,
    should_stop: Callable[[], bool] = never,
    on_progress: Callable[[Progress], object] | None = None,
) -> TrainedNetwork:
    """Teach a network a task; see `train`, whose progress `on_progress` is told."""
    steps = train(experiment, task, settings, should_stop)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            trained: TrainedNetwork = end.value
            return trained
        if on_progress is not None:
            on_progress(progress)


def train(
    experiment: Experiment,
    task: Task,
    settings: TrainingSettings | None = None,
    should_stop: Callable[[], bool] = never,
) -> Generator[Progress, None, TrainedNetwork]:
    """Teach a network a task, and yield where it stands at each look at the score; what it returns is what was learnt.

    The same experiment, task and settings give the same network, if time does not end it.

    Args:
        experiment: what the network begins as, its edits included.
        task: the task.
        settings: how it is taught.
        should_stop: asked before each update.

    Raises:
        ValueError: if the experiment has interventions, which act in a run and not in a training, or if its numbers
            overflow before the first update.
    """
    if experiment.interventions:
        raise ValueError(
            f"A network is taught without interventions; got {len(experiment.interventions)}. They act in its runs."
        )
    run = _Training(experiment, task, settings or TrainingSettings())
    if (first := run.look()) is None:
        raise ValueError(
            "The numbers of a network must be finite before its first update; this one overflows. Lower its recurrent "
            "scale or its weights."
        )
    yield first
    while (outcome := run.outcome(should_stop)) is None:
        run.update()
        if run.is_time_to_look() and (progress := run.look()) is not None:
            yield progress
    return run.end(outcome)


class _Training:
    """A training under way."""

    def __init__(self, experiment: Experiment, task: Task, settings: TrainingSettings) -> None:
        self.experiment, self.task, self.settings = experiment, task, settings
        draws = [_generator(settings.seed, which) for which in range(4)]
        self._drawn, of_readout, self._scored, self._scored_at_end = draws
        self.learner: Learner = learner_of(experiment.build(task.alphabet()))
        self._readout = ReadoutLayer(experiment.hidden_size, len(task.outputs), of_readout)
        self._parameters = Parameters([*self.learner.parameters(), *self._readout.parameters()])
        kind = Adam if settings.optimiser == "adam" else Sgd
        self._optimiser: Adam | Sgd = kind(self._parameters, settings.rate)
        self._started = time.monotonic()
        self.done, self._losses, self._kept_losses = 0, list[float](), list[float]()
        self._history: list[tuple[float, float, float]] = []
        self._checkpoints: list[Checkpoint] = []
        self._diverged = ""
        self._next_kept = 0
        self._time = 1

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def update(self) -> None:
        """One step against the gradient, unless its numbers are no longer finite."""
        self._parameters.gradient.zero_()
        loss = self._loss()
        loss.backward()
        value, norm = float(loss.detach()), self._parameters.clip(self.settings.clip)
        if not (math.isfinite(value) and math.isfinite(norm)):
            what = "gradient" if math.isfinite(value) else "loss"
            self._diverged = f"the {what} is no finite number any more"
            return
        self._optimiser.step()
        self.done += 1
        if not float(self._parameters.values.abs().max()) <= MOST_SIZE:  # NaN is not
            self._diverged = f"a weight grew beyond {MOST_SIZE:,.0f}"
            return
        self._losses.append(value)
        self._kept_losses.append(self._losses[-1])

    def is_time_to_look(self) -> bool:
        """Whether the score is looked at after this update; after the last one it always is."""
        every, last = self.settings.evaluate_every, self.settings.updates
        is_due = self.done % every == 0 or self.done >= min(self._next_kept, last)
        return is_due and not self._diverged

    def look(self) -> Progress | None:
        """The score, and a checkpoint if one is due; None where a number is not finite, which is not kept."""
        if not self.done:
            with torch.no_grad():
                self._losses = self._kept_losses = [float(self._loss())]
        loss, score = float(np.mean(self._losses)), self._score(self._scored)
        self._losses = []
        if not (math.isfinite(loss) and math.isfinite(score)):
            self._diverged = _OVERFLOWS
            return None
        self._history.append((self.done, loss, score))
        checkpoint = None
        if self.done >= self._next_kept:
            checkpoint = self._keep(score)
            self._next_kept = max(self.done + 1, round(self.done * _APART))
        return Progress(self.done, self.settings.updates, loss, score, self.seconds, checkpoint)

    def outcome(self, should_stop: Callable[[], bool]) -> Outcome | None:
        """Why it ends here, or None."""
        settings, goal = self.settings, self.task.solved
        last = [score for _, _, score in self._history[-2:]]
        if self._diverged:
            return self._ended("diverged", f"After {self.done:,} updates {self._diverged}")
        is_last = self.done >= settings.updates
        is_solved = len(last) == 2 and min(last) >= goal and self.done > 0
        if is_solved and (settings.stop_when_solved or is_last):
            return self._ended("solved", f"Solved after {self.done:,} updates: a score of {last[-1]:.3g}")
        if should_stop():
            return self._ended("stopped", f"Stopped after {self.done:,} updates, as asked")
        if is_last:
            return self._ended("updates", f"Not solved after {self.done:,} updates, which were all")
        if settings.seconds is not None and self.seconds >= settings.seconds:
            return self._ended("seconds", f"Not solved after {settings.seconds:g} seconds, which were all")
        return None

    def end(self, outcome: Outcome) -> TrainedNetwork:
        """What was learnt; where it diverged, what was good last."""
        if outcome.kind != "diverged" and self._checkpoints[-1].update != self.done:
            looked_at, _, seen = self._history[-1]
            score = seen if looked_at == self.done else self._score(self._scored)
            if math.isfinite(score):
                self._keep(score)
            else:
                outcome = self._ended("diverged", f"After {self.done:,} updates {_OVERFLOWS}")
        last = self._checkpoints[-1]
        if outcome.kind == "diverged":
            outcome = self._ended(
                "diverged",
                f"{outcome.sentence.removesuffix('.')}. A lower learning rate or a clipped gradient may help; the "
                f"network is that of update {last.update}, the last good checkpoint",
            )
        return TrainedNetwork(
            self.experiment,
            self.task,
            self.settings,
            last.network,
            last.readout,
            last.score if outcome.kind == "stopped" else self._last_score(last),
            outcome,
            np.array(self._history),
            tuple(self._checkpoints),
        )

    def _last_score(self, last: Checkpoint) -> float:
        """The score over many sequences, which takes as long as many updates; that of the look where some overflow."""
        learner = learner_of(last.network)
        score = _score(self.task, self._scored_at_end, learner, last.readout, _SCORED_AT_END, None)
        return score if math.isfinite(score) else last.score

    def _ended(self, kind: str, sentence: str) -> Outcome:
        return Outcome(kind, self.done, f"{sentence}.")

    def _loss(self) -> Tensor:
        batch = self.task.batch(self.settings.batch, self._drawn)
        self._time = batch.mask.shape[1]
        outputs = self._readout(self.learner.hidden(batch.inputs)[batch.mask])
        return self.task.loss_of(outputs, batch.targets[batch.mask])

    def _score(self, generator: torch.Generator) -> float:
        few, many = _SCORED
        size = min(many, max(few, _SCORED_STEPS // self._time))
        return _score(
            self.task, generator, self.learner, self._readout, size, round(_COUNTED * self.task.solved)
        )

    def _keep(self, score: float) -> Checkpoint:
        loss = float(np.mean(self._kept_losses))
        self._kept_losses = []
        readout = Readout(self._readout.weight, self._readout.bias)
        kept = Checkpoint(self.done, loss, score, self.learner.network(), readout)
        self._checkpoints.append(kept)
        return kept


@torch.no_grad()
def _score(
    task: Task,
    generator: torch.Generator,
    learner: Learner,
    readout: Callable[[Tensor], Tensor],
    size: int,
    most: int | None,
) -> float:
    """The score of a network over fresh sequences; NaN where it overflows, whatever a task makes of such outputs."""
    are_finite = []

    def run(inputs: Tensor) -> Tensor:
        hidden = learner.hidden(inputs)
        outputs = readout(hidden.double() if isinstance(readout, Readout) else hidden).float()
        are_finite.append(bool(torch.isfinite(outputs).all()))
        return outputs

    score = task.evaluate(run, generator, size, most)
    return score if all(are_finite) else math.nan


def _generator(seed: int, which: int) -> torch.Generator:
    """One of several generators that follow from a seed and are independent of each other."""
    state = np.random.SeedSequence([seed, which]).generate_state(1)
    return torch.Generator().manual_seed(int(state[0]))
