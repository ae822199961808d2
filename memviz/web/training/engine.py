"""What the training page asks for: trainings of the worker, and what is drawn of a network at one of its checkpoints.

The worker stands in this plain module because any visitor can clear Streamlit's caches.
"""

import atexit
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
import torch
from jaxtyping import Bool, Float
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from memviz import models
from memviz.encoding import Sequence
from memviz.gradients import GradientFlow, gradient_flow, memory_of
from memviz.stage import stage_gradients, stage_payload
from memviz.tasks import Reber, Task, Taught
from memviz.trace import Trace
from memviz.training import TrainedNetwork
from memviz.web import engine
from memviz.web.training.address import TrainingState
from memviz.web.training.task_text import task_text
from memviz.worker import Job, Worker

WORKER = Worker()
atexit.register(WORKER.close)
_KEPT = 24
_SEED = 20


@dataclass(frozen=True, eq=False)
class Example:
    """One sequence of a task, always the same, on which networks are watched.

    Attributes:
        task: the task.
        sequence: its tokens and inputs.
        taught: what is right after each step.
        read: the last timestep that the task's score looks at. Its loss alone is differentiated: that of all steps at
            once would hide how little of the gradient comes from afar.
    """

    task: Task
    sequence: Sequence
    taught: Taught
    read: int

    @property
    def targets(self) -> np.ndarray:
        """The class of each step, or a number for each output of each step."""
        return self.taught.targets.numpy()

    @property
    def mask(self) -> Bool[np.ndarray, " time"]:
        """The steps that the loss reads."""
        read: Bool[np.ndarray, " time"] = self.taught.mask.numpy()
        return read


@dataclass(frozen=True, eq=False)
class Seen:
    """A network at one of its checkpoints, on the example.

    Attributes:
        trained: the network, as it was then.
        trace: its run.
        payload: what the stage draws.
        predicted: what the read-out says after each step.
        flow: the gradient of the task's loss at the example's `read`, all paths.
        gradient: log10 of |dL/ds_t| of the memory s, t from 0 to that step.
        memory: the name of the memory in the trace.
    """

    trained: TrainedNetwork
    trace: Trace
    payload: dict[str, Any]
    predicted: Float[np.ndarray, "time output"]
    flow: GradientFlow
    gradient: Float[np.ndarray, " read"]
    memory: str


def begin(state: TrainingState) -> Job:
    """Order what a state asks for.

    Raises:
        ValueError: if it is more than the server gives, or no order is taken now.
    """
    session = session_id()
    return WORKER.submit(session, state.order(), lambda: is_present(session))


def place(job: Job | None) -> int:
    """How many orders come before one; 0 as well where there is none."""
    return 0 if job is None else WORKER.place(job)


def session_id() -> str:
    """Whose script runs."""
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def is_present(session: str) -> bool:
    """Whether a visitor's browser is connected; without a server everybody is."""
    return not runtime.exists() or bool(runtime.get_instance().is_active_session(session))


def example(task: Task) -> Example:
    """The example of a task."""
    return _kept_example(task_text(task), task)


@st.cache_resource(scope="session", max_entries=2, show_spinner=False)
def _kept_example(text: str, _task: Task) -> Example:
    return engine.call(_example, _task)


@st.cache_resource(scope="session", max_entries=_KEPT, show_spinner=False)
def seen(key: tuple[str, int, int], _trained: TrainedNetwork, checkpoint: int, _example: Example) -> Seen:
    """A network at a checkpoint, on the example.

    Args:
        key: names the network: the result that it is of, its place in it, and how many updates it has had.
        checkpoint: which of its checkpoints.
    """
    return engine.call(_seen, _trained, checkpoint, _example)


@st.cache_resource(scope="session", max_entries=4, show_spinner=False)
def slopes(key: tuple[str, int, int], _found: Seen) -> dict[str, Any]:
    """What the stage draws of the gradient of such a network."""
    return engine.call(stage_gradients, _found.trained.network, _found.flow)


def _example(task: Task) -> Example:
    batch = task.batch(1, torch.Generator().manual_seed(_SEED))
    sequence = task.sequence(batch, 0)
    time = len(sequence)
    known = task.taught(sequence)
    may_follow = None if known is None else known.may_follow
    taught = Taught(batch.targets[0, :time], batch.mask[0, :time], may_follow)
    asked = taught.mask.nonzero()[:, 0].tolist()
    # After a Reber string's second T or P nothing but E comes; what is scored is the step before.
    return Example(task, sequence, taught, asked[-2] if isinstance(task, Reber) else asked[-1])


def _seen(trained: TrainedNetwork, checkpoint: int, shown: Example) -> Seen:
    then = trained.at(checkpoint)
    trace = then.run(shown.sequence)
    memory = memory_of(trace)
    loss = models.loss_of(then, shown.taught, shown.read)
    assert loss is not None  # every task reads some step
    flow = gradient_flow(then.network, trace, loss)
    return Seen(
        then,
        trace,
        stage_payload(then.network, trace, shown.sequence.features),
        then.predict(trace),
        flow,
        flow.log10_norms(memory)[: shown.read + 1],
        memory,
    )
