"""What a training leaves: the network and its read-out, how it got there, and by what settings."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.encoding import Sequence
from memviz.experiment import Experiment
from memviz.network import Network
from memviz.tasks import Task
from memviz.trace import Trace, record
from memviz.training.settings import TrainingSettings

OUTCOMES = ("solved", "updates", "seconds", "stopped", "diverged")
"""Why a training ended."""


@dataclass(frozen=True, eq=False)
class Readout:
    """y = V h + b, in float64.

    Attributes:
        weight: V.
        bias: b.

    Raises:
        ValueError: if the shapes do not fit, or a number is not finite.
    """

    weight: Float[Tensor, "output unit"]
    bias: Float[Tensor, " output"]

    def __post_init__(self) -> None:
        for name in ("weight", "bias"):
            value = getattr(self, name).detach().to(torch.float64).clone()
            if not torch.isfinite(value).all():
                raise ValueError(f"A read-out has finite numbers; got NaN or infinity in its {name}.")
            object.__setattr__(self, name, value)
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[:1]:
            raise ValueError(
                f"A read-out has a bias for each row of its weight; got {tuple(self.weight.shape)} and "
                f"{tuple(self.bias.shape)}."
            )

    def __call__(self, hidden: Float[Tensor, "*batch unit"]) -> Float[Tensor, "*batch output"]:
        """The outputs of hidden states."""
        return hidden @ self.weight.T + self.bias


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network on its way.

    Attributes:
        update: after how many updates.
        loss: the mean loss since the checkpoint before; of the first batch at update 0.
        score: over sequences that it has not seen.
        network: the network.
        readout: its read-out.
    """

    update: int
    loss: float
    score: float
    network: Network
    readout: Readout


@dataclass(frozen=True)
class Outcome:
    """Why a training ended.

    Attributes:
        kind: one of OUTCOMES.
        update: after how many updates.
        sentence: what happened, for readers.
    """

    kind: str
    update: int
    sentence: str


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network that was taught a task.

    Attributes:
        experiment: what it began as.
        task: what it was taught.
        settings: how.
        network: what it became, in float64.
        readout: what reads its hidden state.
        score: its score at the end, over many fresh sequences; where somebody stopped it, that of the last checkpoint.
        outcome: why the training ended; where it diverged, the network is that of the last good checkpoint.
        history: at each look at the score: the update, the mean loss since the look before, the score, (look, 3).
        checkpoints: networks on the way, spaced in log time; the last is the network itself.

    Raises:
        ValueError: if the network or its read-out does not fit the task or the experiment.
    """

    experiment: Experiment
    task: Task
    settings: TrainingSettings
    network: Network
    readout: Readout
    score: float
    outcome: Outcome
    history: Float[np.ndarray, "look 3"]
    checkpoints: tuple[Checkpoint, ...]

    def __post_init__(self) -> None:
        shape = (self.experiment.cell, len(self.task.features), self.experiment.hidden_size)
        for network, readout in [
            (self.network, self.readout),
            *((each.network, each.readout) for each in self.checkpoints),
        ]:
            arrived = (network.cell.name, network.features, network.hidden_size)
            if arrived != shape:
                raise ValueError(f"This experiment and task make a network of {shape}; got {arrived}.")
            expected = (len(self.task.outputs), self.experiment.hidden_size)
            if tuple(readout.weight.shape) != expected:
                raise ValueError(
                    f"The read-out of this task is {expected}; got {tuple(readout.weight.shape)}."
                )
        self.history.setflags(write=False)

    def run(self, sequence: Sequence) -> Trace:
        """The trace of a sequence of the task, such as `task.encode("...")` or `task.sequence(batch, row)`.

        What the read-out says after each step joins it as `trace["prediction"]`, (time, output).
        """
        trace = record(self.network, sequence)
        return replace(trace, prediction=self.predict(trace))

    def predict(self, trace: Trace) -> Float[np.ndarray, "time output"]:
        """What the read-out says after each step of a trace: probabilities, or numbers as they are.

        Raises:
            ValueError: if the trace is of another network.
        """
        trace.check_is_of(self.network)
        outputs = self.readout(torch.tensor(trace["hidden"]))
        predicted: Float[np.ndarray, "time output"] = self.task.predicted(outputs).numpy()
        return predicted

    def at(self, checkpoint: int) -> "TrainedNetwork":
        """The same as it was at one of its checkpoints."""
        chosen = self.checkpoints[checkpoint]
        return replace(self, network=chosen.network, readout=chosen.readout, score=chosen.score)
