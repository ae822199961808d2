"""What the training page shows, and how that is written in its address."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import log
from typing import Any

from memviz.experiment import Experiment
from memviz.interventions.values import shown
from memviz.stage import NODES, PHASES
from memviz.tasks import Latch, Task
from memviz.theme import LOOKS
from memviz.training import OPTIMISERS, TrainingSettings
from memviz.web.address import BROKEN, Codec, on_off, one_of, optional, real, whole
from memviz.web.compare.sides import Side, read_sides
from memviz.web.training.task_text import read_task, task_text
from memviz.worker import (
    MOST_ABREAST,
    MOST_BATCH,
    MOST_SECONDS,
    MOST_UNITS,
    MOST_UPDATES,
    Lesson,
    Order,
)

MOST_SIDES = MOST_ABREAST
MOST_SEEDS = 5
RATE_RANGE = (1e-5, 10.0)
CLIP_RANGE = (1e-3, 1e3)
_MOST_STEP = 2999
_MOST_CHECKPOINT = 199
_CELL = "cell"


def log_biased(steps: int) -> Side:
    """An LSTM whose forget gate starts open by ln T, and its input gate as nearly closed."""
    bias = round(log(steps), 3)
    return Side("lstm", (("forget_bias", bias), ("input_bias", -bias)))


@dataclass(frozen=True)
class TrainingState:
    """Everything that the training page shows follows from this.

    Attributes:
        task: what is taught.
        experiment: what all networks share; its cell is not looked at, since each side names its own.
        sides: what is taught it, 1 to 4 of them.
        seeds: how many networks of each side are taught, each with its own seed.
        optimiser, rate, clip, batch, updates: how; see TrainingSettings.
        seconds: how long all of it may take.
        shown: which network the stage shows, counted through the sides and then through the seeds.
        checkpoint: which of its checkpoints; None is the last.
        timestep: where the cursor stands; past the end it means the last step.
        unit: the unit whose numbers are shown.
        signal: what tints the ribbon; "" lets the stage choose.
        phase: the phase of the step that is lit; "" is the whole step.
        node: the node of the machine that is pinned; "" is none.
        gradients: whether the stage shows gradients instead of values.

    Raises:
        ValueError: if there is no side, more than 4, or a number is out of its range.
    """

    task: Task = field(default_factory=Latch)
    experiment: Experiment = field(default_factory=lambda: Experiment(hidden_size=4))
    sides: tuple[Side, ...] = (Side("lstm"), log_biased(100))
    seeds: int = 1
    optimiser: str = "adam"
    rate: float = 0.02
    clip: float | None = 1.0
    batch: int = 32
    updates: int = 500
    seconds: int = 60
    shown: int = 1
    checkpoint: int | None = None
    timestep: int = 0
    unit: int = 0
    signal: str = ""
    phase: str = ""
    node: str = ""
    gradients: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.sides) <= MOST_SIDES:
            raise ValueError(f"From 1 to {MOST_SIDES} networks are trained at once; got {len(self.sides)}.")
        if any(dict(side.settings).get("interventions") for side in self.sides):
            raise ValueError("A network is trained without interventions, which act in its runs; got some.")
        for name, most in (("seeds", MOST_SEEDS), ("seconds", MOST_SECONDS)):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"The {name} are a whole number from 1 to {most}; got {shown(value)}.")
        places = (self.shown, self.timestep, self.unit, self.checkpoint or 0)
        if not all(type(value) is int and value >= 0 for value in places):
            raise TypeError("Places are whole numbers from 0 on.")
        for value, known in ((self.signal, LOOKS), (self.phase, PHASES), (self.node, NODES)):
            if value != "" and value not in known:
                raise TypeError(f"A signal, a phase and a node are known by name; got {value!r}.")
        object.__setattr__(self, "experiment", replace(self.experiment.plain, cell=Experiment.cell))
        self.settings(0)

    def settings(self, seed: int) -> TrainingSettings:
        """How the network of a seed is taught."""
        return TrainingSettings(
            self.optimiser,
            self.rate,
            self.batch,
            self.clip,
            self.updates,
            seed=(self.experiment.seed + seed) % 2**32,
        )

    def lesson(self, side: int, seed: int) -> Lesson:
        """One network to be taught.

        Raises:
            ValueError: if it is more than the server gives.
        """
        seeded = replace(self.experiment, seed=(self.experiment.seed + seed) % 2**32)
        return Lesson(self.sides[side].experiment(seeded), self.task, self.settings(seed))

    def order(self) -> Order:
        """All networks, the first seed of each side first.

        Raises:
            ValueError: if one of them is more than the server gives.
        """
        lessons = [self.lesson(side, seed) for seed in range(self.seeds) for side in range(len(self.sides))]
        return Order(tuple(lessons), len(self.sides), self.seconds)

    def looked_at_as(self, other: "TrainingState") -> "TrainingState":
        """The same training, where another state looks at it."""
        return replace(
            self,
            shown=other.shown,
            checkpoint=other.checkpoint,
            timestep=other.timestep,
            unit=other.unit,
            signal=other.signal,
            phase=other.phase,
            node=other.node,
            gradients=other.gradients,
        )

    def side_of(self, lesson: int) -> int:
        """Whose network a lesson of the order teaches."""
        return lesson % len(self.sides)


class _TrainingCodec(Codec[TrainingState]):
    """A task or a side that cannot be read is said, and the rest stays."""

    def read(self, query: Mapping[str, str]) -> tuple[TrainingState, list[str]]:
        """The state that an address asks for, and a sentence for each part that is unknown or broken."""
        readable, left_out = dict(query), []
        if _CELL in readable:
            got = shown(readable.pop(_CELL))
            left_out.append(f"On this page each side names its own cell; got {got} for all of them.")
        if "task" in readable:
            try:
                read_task(readable["task"])
            except ValueError as error:
                left_out.append(f"The task of the link cannot be read. {error}")
                del readable["task"]
        if "sides" in readable:
            sides, problems = _trainable(readable.pop("sides"))
            left_out += problems
            if sides:
                readable["sides"] = ",".join(map(str, sides))
        state, others = super().read(readable)
        return state, others + left_out

    def to_query(self, state: TrainingState) -> dict[str, str]:
        """The state as URL parameters; `read` gives exactly this state back."""
        query = {name: value for name, value in super().to_query(state).items() if name != _CELL}
        return query | ({"task": task_text(state.task)} if "task" in query else {})


def _trainable(raw: str) -> tuple[tuple[Side, ...], list[str]]:
    """The sides of an address that can be trained, and a sentence for each that is left out."""
    sides, problems = read_sides(raw)
    without = [side.without("interventions") for side in sides]
    if without != list(sides):
        problems.append("A network is trained without interventions: those of the link are left out.")
    if len(without) > MOST_SIDES:
        problems.append(
            f"Up to {MOST_SIDES} networks are trained at once; the link has more, which are left out."
        )
    return tuple(without[:MOST_SIDES]), problems


def _sides(raw: str) -> Any:
    sides, problems = _trainable(raw)
    return BROKEN if problems else sides


def _task(raw: str) -> Any:
    try:
        return read_task(raw)
    except ValueError:
        return BROKEN


def _from_one(most: int) -> Any:
    return lambda raw: BROKEN if raw in ("", "0") else whole(most)(raw)


def _number(name: str, most: int) -> tuple[Any, str]:
    return _from_one(most), f"The {name} are a whole number from 1 to {most:,}"


DEFAULT = TrainingState()
CODEC = _TrainingCodec(
    DEFAULT,
    {
        "task": (_task, "The task is written as in latch;steps:1000"),
        "sides": (_sides, f"The sides are 1 to {MOST_SIDES}, with commas between"),
        "seeds": _number("seeds", MOST_SEEDS),
        "optimiser": (one_of(OPTIMISERS), f"The optimiser is one of {', '.join(OPTIMISERS)}"),
        "rate": (
            real(*RATE_RANGE),
            f"The learning rate is a number from {RATE_RANGE[0]:.5f} to {RATE_RANGE[1]:g}",
        ),
        "clip": (
            optional(real(*CLIP_RANGE)),
            f"The gradient is clipped at a norm from {CLIP_RANGE[0]:g} to {CLIP_RANGE[1]:g}, or none",
        ),
        "batch": _number("sequences for each update", MOST_BATCH),
        "updates": _number("updates", MOST_UPDATES),
        "seconds": _number("seconds", MOST_SECONDS),
        "shown": (whole(_MOST_STEP), f"The network that is shown is a whole number from 0 to {_MOST_STEP}"),
        "checkpoint": (
            optional(whole(_MOST_CHECKPOINT)),
            f"The checkpoint is a whole number from 0 to {_MOST_CHECKPOINT}, or none for the last",
        ),
        "timestep": (whole(_MOST_STEP), f"The timestep is a whole number from 0 to {_MOST_STEP}"),
        "unit": (whole(MOST_UNITS - 1), f"The unit is a whole number from 0 to {MOST_UNITS - 1}"),
        "signal": (one_of(LOOKS), f"The signal is one of {', '.join(LOOKS)}"),
        "phase": (one_of(PHASES), f"The phase is one of {', '.join(PHASES)}"),
        "node": (one_of(NODES), f"The node is one of {', '.join(NODES)}"),
        "gradients": (on_off, "Gradients is 0 or 1"),
    },
)
THOUSAND = replace(
    DEFAULT,
    task=Latch(1000),
    sides=(
        Side("lstm"),
        Side("lstm", (("forget_bias", 5.0),)),
        Side("lstm-1997", (("input_bias", -round(log(1000), 3)),)),
        log_biased(1000),
    ),
    seeds=3,
    seconds=150,
    shown=3,
)
"""The thousand steps: which beginnings of an LSTM let it learn to remember one symbol for so long.

The input gate of 1997 starts at 1/1000, since nothing forgets what distractors write: at a bias of -4 they have moved c
by some 10 before the end, where tanh(c) has no slope left, and 7 of 30 seeds learn it (7 of 30 as well of a plain
torch.nn.LSTM with f = 1).
"""
