"""The state of the gates page and its codec."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from memviz.edits import TokenEdit
from memviz.encoding import KINDS, MAX_BYTES, EncodingError
from memviz.experiment import MOST_WHAT_IFS, Experiment
from memviz.models import load
from memviz.stage import NODES, PHASES
from memviz.theme import LOOKS
from memviz.web.address import BROKEN, Codec, on_off, one_of, optional, several, text, whole
from memviz.web.models import FIELD as MODEL
from memviz.web.models import ModelCodec
from memviz.web.setup import Setup

MOST_UNITS = 6
_MOST_TEXT = max(MAX_BYTES.values())
_MOST_STEP = 2999
_MOST_UNIT = 63
_MOST_CONCEPT = 9
_MOST_CHOSEN = MOST_WHAT_IFS["interventions"] - 1
_WEIGHT = re.compile(r"[a-z]{1,20}_(from_(input|hidden|cell|gates)|bias)~[0-9]{1,5}")


@dataclass(frozen=True)
class GatesState:
    """Everything that the gates page shows follows from this.

    Attributes:
        text: the sequence as typed.
        kind: how it is read; one of `memviz.encoding.KINDS`.
        standardise: whether numbers are standardised.
        experiment: the network's settings.
        timestep: where the cursor stands; past the end it means the last step.
        unit: the unit whose equations are shown.
        signal: what tints the ribbon; "" lets the stage choose.
        phase: the phase of the step that is lit; "" is the whole step.
        node: the node of the machine that is pinned; "" is none.
        units: the units that are drawn as lines.
        loss_timestep: the step that the loss reads; None is the last.
        loss_unit: the unit that the loss reads; None is the sum.
        gradients: whether the stage shows gradients instead of values.
        change: the token that is changed in the sequence; None is none.
        what_if: whether the panel of the what-ifs is open.
        chosen: which of the interventions the panel shows; past the end it means the last.
        weight: the weight that is lit on the machine, such as "forget_from_hidden~2"; "" is none.
        model: the trained network that is open, one of `memviz.models.NAMES`; "" is none. It has its own cell, units
            and alphabet: of the experiment only what-ifs are then the reader's.
        concept: which variable of its task units are looked for by.
        threshold: from which correlation on a unit is found, in hundredths.
    """

    text: str = "hello world"
    kind: str = "text"
    standardise: bool = False
    experiment: Experiment = field(
        default_factory=lambda: Experiment(seed=1, forget_bias=3.0, update_bias=3.0)
    )
    timestep: int = 4
    unit: int = 5
    signal: str = ""
    phase: str = ""
    node: str = ""
    units: tuple[int, ...] = (0, 2, 5, 7)
    loss_timestep: int | None = None
    loss_unit: int | None = None
    gradients: bool = False
    change: TokenEdit | None = None
    what_if: bool = False
    chosen: int = 0
    weight: str = ""
    model: str = ""
    concept: int = 0
    threshold: int = 80

    def __post_init__(self) -> None:
        if self.model:
            self._settle()
        counts = (self.timestep, self.unit, self.chosen, self.concept, self.threshold, *self.units)
        optional = tuple(value for value in (self.loss_timestep, self.loss_unit) if value is not None)
        if not all(type(value) is int and value >= 0 for value in counts + optional):
            raise TypeError("Timesteps and units are whole numbers from 0 on.")
        for value, known in ((self.signal, LOOKS), (self.phase, PHASES), (self.node, NODES)):
            if value != "" and value not in known:
                raise TypeError(f"A signal, a phase and a node are known by name; got {value!r}.")

    @property
    def setup(self) -> Setup:
        """What is run."""
        return Setup(self.experiment, self.text, self.kind, self.standardise, self.change, self.model)

    def _settle(self) -> None:
        """What a trained network brings with it."""
        trained, mine = load(self.model), self.experiment
        began = replace(trained.experiment, edits=mine.edits, interventions=mine.interventions)
        for name, value in (
            ("experiment", began),
            ("kind", trained.task.typed_kind),
            ("standardise", False),
        ):
            object.__setattr__(self, name, value)

    def to_query(self) -> dict[str, str]:
        """The state as URL parameters; `CODEC.read` gives exactly this state back."""
        return CODEC.to_query(self)


def _change(raw: str) -> Any:
    try:
        return TokenEdit.from_text(raw)
    except EncodingError:
        return BROKEN


def _weight(raw: str) -> Any:
    return raw if raw == "" or _WEIGHT.fullmatch(raw) else BROKEN


DEFAULT = GatesState()
CODEC: Codec[GatesState] = ModelCodec(
    DEFAULT,
    {
        "text": (text(_MOST_TEXT), f"The text in a link has at most {_MOST_TEXT:,} characters"),
        "kind": (one_of(KINDS), f"The kind is one of {', '.join(KINDS)}"),
        "standardise": (on_off, "Standardise is 0 or 1"),
        "timestep": (whole(_MOST_STEP), f"The timestep is a whole number from 0 to {_MOST_STEP}"),
        "unit": (whole(_MOST_UNIT), f"The unit is a whole number from 0 to {_MOST_UNIT}"),
        "signal": (one_of(LOOKS), f"The signal is one of {', '.join(LOOKS)}"),
        "phase": (one_of(PHASES), f"The phase is one of {', '.join(PHASES)}"),
        "node": (one_of(NODES), f"The node is one of {', '.join(NODES)}"),
        "units": (
            several(whole(_MOST_UNIT), MOST_UNITS),
            f"The units are 1 to {MOST_UNITS} whole numbers from 0 to {_MOST_UNIT} with commas between",
        ),
        "loss_timestep": (whole(_MOST_STEP), f"The loss's timestep is a whole number from 0 to {_MOST_STEP}"),
        "loss_unit": (whole(_MOST_UNIT), f"The loss's unit is a whole number from 0 to {_MOST_UNIT}"),
        "gradients": (on_off, "Gradients is 0 or 1"),
        "change": (optional(_change), "A changed token is written as in replace~3~x or delete~3"),
        "what_if": (on_off, "What if is 0 or 1"),
        "chosen": (
            whole(_MOST_CHOSEN),
            f"The chosen intervention is a whole number from 0 to {_MOST_CHOSEN}",
        ),
        "weight": (_weight, "A weight is written as in forget_from_hidden~2"),
        "model": MODEL,
        "concept": (whole(_MOST_CONCEPT), f"The concept is a whole number from 0 to {_MOST_CONCEPT}"),
        "threshold": (whole(100), "The threshold is a whole number of hundredths from 0 to 100"),
    },
)
