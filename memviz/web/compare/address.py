"""What the compare page shows, and how that is written in its address."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from memviz.encoding import KINDS, MAX_BYTES
from memviz.experiment import Experiment
from memviz.interventions.values import shown
from memviz.models import load
from memviz.web.address import BROKEN, on_off, one_of, optional, text, whole
from memviz.web.compare.sides import MOST_SIDES, Side, read_sides
from memviz.web.models import FIELD as MODEL
from memviz.web.models import ModelCodec

_MOST_TEXT = max(MAX_BYTES.values())
_MOST_STEP = 2999
_MOST_UNIT = 63
_CELL = "cell"

FOUR_SIDES = (Side("elman"), Side("gru"), Side("lstm"), Side("lstm", (("forget_bias", 3.0),)))
"""What the page opens on: no gates, both gated cells as torch draws them, and a forget gate that starts open."""


@dataclass(frozen=True)
class CompareState:
    """Everything that the compare page shows follows from this.

    Attributes:
        text: the sequence as typed.
        kind: how it is read; one of `memviz.encoding.KINDS`.
        standardise: whether numbers are standardised.
        experiment: what all sides share; its cell is not looked at, since each side names its own.
        sides: what is compared, 1 to 6 of them.
        timestep: where the cursor stands; past the end it means the last step.
        unit: the unit whose numbers are shown.
        loss_timestep: the step that the loss reads; None is the last.
        loss_unit: the unit that the loss reads; None is the sum.
        model: the trained network that is compared with itself under the edits and interventions of the experiment,
            with what it began as and with others of its kind, one of `memviz.models.NAMES`; "" compares `sides`.

    Raises:
        ValueError: if there is no side, or more than six.
    """

    text: str = "remember this letter"
    kind: str = "text"
    standardise: bool = False
    experiment: Experiment = field(default_factory=lambda: Experiment(seed=1))
    sides: tuple[Side, ...] = FOUR_SIDES
    timestep: int = 0
    unit: int = 0
    loss_timestep: int | None = None
    loss_unit: int | None = None
    model: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.sides) <= MOST_SIDES:
            raise ValueError(f"From 1 to {MOST_SIDES} sides are compared; got {len(self.sides)}.")
        places = (self.timestep, self.unit, self.loss_timestep or 0, self.loss_unit or 0)
        if not all(type(value) is int and value >= 0 for value in places):
            raise TypeError("Timesteps and units are whole numbers from 0 on.")
        shared = replace(self.experiment, cell=Experiment.cell)
        if self.model:
            trained = load(self.model)
            began = trained.experiment
            shared = replace(shared, hidden_size=began.hidden_size, seed=began.seed)
            object.__setattr__(self, "kind", trained.task.typed_kind)
            object.__setattr__(self, "standardise", False)
        object.__setattr__(self, "experiment", shared)

    def experiment_of(self, side: Side) -> Experiment:
        """The settings of a side's network."""
        return side.experiment(self.experiment)


class _SidesCodec(ModelCodec[CompareState]):
    """A side that cannot be read is left out, and the others stay."""

    def read(self, query: Mapping[str, str]) -> tuple[CompareState, list[str]]:
        """The state that an address asks for, and a sentence for each part that is unknown or broken."""
        readable, left_out = dict(query), []
        if _CELL in readable:
            got = shown(readable.pop(_CELL))
            left_out.append(f"On this page each side names its own cell; got {got} for all of them.")
        if "sides" in readable:
            sides, problems = read_sides(readable.pop("sides"))
            left_out += problems
            if sides:
                readable["sides"] = ",".join(map(str, sides))
        state, others = super().read(readable)
        return state, others + left_out

    def to_query(self, state: CompareState) -> dict[str, str]:
        """The state as URL parameters; `read` gives exactly this state back."""
        return {name: value for name, value in super().to_query(state).items() if name != _CELL}


def _sides(raw: str) -> Any:
    sides, problems = read_sides(raw)
    return BROKEN if problems else sides


DEFAULT = CompareState()
CODEC = _SidesCodec(
    DEFAULT,
    {
        "text": (text(_MOST_TEXT), f"The text in a link has at most {_MOST_TEXT:,} characters"),
        "kind": (one_of(KINDS), f"The kind is one of {', '.join(KINDS)}"),
        "standardise": (on_off, "Standardise is 0 or 1"),
        "sides": (_sides, f"The sides are 1 to {MOST_SIDES}, with commas between"),
        "timestep": (whole(_MOST_STEP), f"The timestep is a whole number from 0 to {_MOST_STEP}"),
        "unit": (whole(_MOST_UNIT), f"The unit is a whole number from 0 to {_MOST_UNIT}"),
        "loss_timestep": (
            optional(whole(_MOST_STEP)),
            f"The loss's timestep is a whole number from 0 to {_MOST_STEP}, or none for the last",
        ),
        "loss_unit": (
            optional(whole(_MOST_UNIT)),
            f"The loss's unit is a whole number from 0 to {_MOST_UNIT}, or none for the sum",
        ),
        "model": MODEL,
    },
)
