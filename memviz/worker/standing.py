"""Where a lesson stands, as a frozen value; and what the process says of it, as JSON."""

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from memviz import tensor_files
from memviz.cells import CELLS
from memviz.network import Network
from memviz.training import Checkpoint, Outcome, Progress, Readout, TrainedNetwork
from memviz.worker.orders import Lesson

STATES = ("waiting", "running", "ended", "failed", "left")
"""It has not begun; is under way; has ended with an outcome; went wrong; or was left out when the order ended early."""
_READOUT = "readout."


@dataclass(frozen=True, eq=False)
class Standing:
    """Where one lesson stands.

    Attributes:
        lesson: the lesson.
        state: one of STATES.
        looks: at each look at the score the update, the loss and the score.
        checkpoints: the network on its way.
        seconds: for how long it has been taught, without the turns of others.
        outcome: why it ended.
        score: at the end, over many fresh sequences; on its way the latest.
        sentence: what went wrong.
    """

    lesson: Lesson
    state: str = "waiting"
    looks: tuple[tuple[int, float, float], ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    seconds: float = 0.0
    outcome: Outcome | None = None
    score: float = float("nan")
    sentence: str = ""

    @property
    def update(self) -> int:
        """How many updates are known to be done."""
        if self.outcome is not None:
            return self.outcome.update
        return self.looks[-1][0] if self.looks else 0

    @property
    def updates_per_second(self) -> float:
        """How fast it goes, in its own turns."""
        return self.update / self.seconds if self.seconds else 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.state not in ("waiting", "running")

    @property
    def is_solved(self) -> bool:
        """Whether it reached the task's goal."""
        return self.outcome is not None and self.outcome.kind == "solved"

    def trained(self) -> TrainedNetwork | None:
        """The network as far as it is known; None before its first checkpoint."""
        if not self.checkpoints:
            return None
        last, lesson = self.checkpoints[-1], self.lesson
        outcome = self.outcome or Outcome("stopped", last.update, f"Under way after {last.update:,} updates.")
        score = self.score if self.outcome is not None else last.score
        history = np.array(self.looks, dtype=np.float64).reshape(-1, 3)
        return TrainedNetwork(
            lesson.experiment,
            lesson.task,
            lesson.settings,
            last.network,
            last.readout,
            score,
            outcome,
            history,
            self.checkpoints,
        )

    def told(self, event: Mapping[str, Any]) -> "Standing":
        """The standing after an event.

        Raises:
            ValueError: if the event is none that the process says.
        """
        kind = event.get("kind")
        if kind == "progress":
            return self._looked(event)
        if kind == "ended":
            kept = self._with_checkpoint(event["checkpoint"])
            outcome = Outcome(**event["outcome"])
            return replace(
                kept,
                state="ended",
                outcome=outcome,
                score=float(event["score"]),
                seconds=float(event["seconds"]),
            )
        if kind == "failed":
            return replace(self, state="failed", sentence=str(event["sentence"]))
        if kind == "left":
            return replace(self, state="left")
        raise ValueError(f"A training says progress, ended, failed or left; got {kind!r:.40}.")

    def broken_off(self, outcome: str, why: str) -> "Standing":
        """The standing where its process is gone: what was learnt up to the last checkpoint stays."""
        if self.is_over:
            return self
        if self.state == "waiting" or not self.checkpoints:
            return replace(self, state="left")
        ended = Outcome(outcome, self.update, why)
        return replace(self, state="ended", outcome=ended, score=self.checkpoints[-1].score)

    def _looked(self, event: Mapping[str, Any]) -> "Standing":
        look = (int(event["update"]), float(event["loss"]), float(event["score"]))
        looked = replace(
            self,
            state="running",
            looks=(*self.looks, look),
            seconds=float(event["seconds"]),
            score=look[2],
        )
        return looked._with_checkpoint(event["checkpoint"])

    def _with_checkpoint(self, data: Mapping[str, Any] | None) -> "Standing":
        if data is None:
            return self
        return replace(self, checkpoints=(*self.checkpoints, _checkpoint(self.lesson, data)))


def progress_event(lesson: int, progress: Progress, seconds: float) -> dict[str, Any]:
    """What the process says at a look at the score; `seconds` are those of this lesson's turns."""
    kept = progress.checkpoint
    return {
        "kind": "progress",
        "lesson": lesson,
        "update": progress.update,
        "loss": progress.loss,
        "score": progress.score,
        "seconds": seconds,
        "checkpoint": None if kept is None else _checkpoint_data(kept),
    }


def ended_event(
    lesson: int, trained: TrainedNetwork, outcome: Outcome, seconds: float, known: int
) -> dict[str, Any]:
    """What the process says at the end; the last checkpoint goes along where it is later than the `known` update."""
    last = trained.checkpoints[-1]
    return {
        "kind": "ended",
        "lesson": lesson,
        "score": trained.score,
        "seconds": seconds,
        "outcome": asdict(outcome),
        "checkpoint": _checkpoint_data(last) if last.update > known else None,
    }


def _checkpoint_data(checkpoint: Checkpoint) -> dict[str, Any]:
    readout = {
        f"{_READOUT}weight": checkpoint.readout.weight,
        f"{_READOUT}bias": checkpoint.readout.bias,
    }
    tensors = {name: value.float() for name, value in {**checkpoint.network.parameters, **readout}.items()}
    return {
        "update": checkpoint.update,
        "loss": checkpoint.loss,
        "score": checkpoint.score,
        "tensors": base64.b64encode(tensor_files.write(tensors, {})).decode(),
    }


def _checkpoint(lesson: Lesson, data: Mapping[str, Any]) -> Checkpoint:
    tensors, _ = tensor_files.read(base64.b64decode(data["tensors"]))
    parameters = {name: value for name, value in tensors.items() if not name.startswith(_READOUT)}
    readout = Readout(tensors[f"{_READOUT}weight"], tensors[f"{_READOUT}bias"])
    network = Network(CELLS[lesson.experiment.cell], parameters)
    return Checkpoint(int(data["update"]), float(data["loss"]), float(data["score"]), network, readout)
