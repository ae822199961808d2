"""What the gradients page shows, and how that is written in its address."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from memviz.experiment import Experiment
from memviz.gradients import GIVEN, LAG_RANGE, LOSSES, NETWORKS, SEEDS, SOURCES, Given, Study
from memviz.models import is_known, load, task_loss
from memviz.web.address import BROKEN, on_off, one_of, optional, real, text, whole
from memviz.web.models import FIELD as MODEL
from memviz.web.models import ModelCodec

_MOST_TEXT = 10_000
_MOST_UNIT = 63
_MOST_TARGET = 40
_MOST_WORK = 3000 * 16**2
"""The most that lag * units^2 may be on a server that many share: two seconds."""
RATE_RANGE = (-10.0, 10.0)
DEFAULT_NETWORK = "lstm"


@dataclass(frozen=True)
class GradientsState:
    """Everything that the gradients page shows follows from this.

    Attributes:
        source, text, lag, experiment, loss, loss_unit, loss_timestep, everywhere, target: as in
            `memviz.gradients.Study`; a step or unit that is not there means the last.
        network: which of the networks is opened up, one of `memviz.gradients.NETWORKS`.
        spread: whether 20 seeds are drawn as a band.
        detached: whether the opened network's gates see the state as a constant.
        timestep: the point that is checked; past the loss's step it means that step.
        unit: its unit.
        rate: the number of one's own that is multiplied often.
        model: the trained network that stands beside the others, one of `memviz.models.NAMES`; "" is none. The text is
            then a sequence of its task, the loss that of the task, and all have as many units as it.
    """

    source: str = "text"
    text: str = "the cat that the dogs chased runs. "
    lag: int = 100
    experiment: Experiment = field(default_factory=lambda: Experiment(forget_bias=3.0))
    loss: str = "sum"
    loss_unit: int = 0
    loss_timestep: int | None = None
    everywhere: bool = False
    target: str = ""
    network: str = DEFAULT_NETWORK
    spread: bool = False
    detached: bool = False
    timestep: int = 90
    unit: int = 0
    rate: float = 0.95
    model: str = ""

    def __post_init__(self) -> None:
        if not self.model:
            if self.network == GIVEN:
                object.__setattr__(self, "network", DEFAULT_NETWORK)
            return
        began = load(self.model).experiment  # what is edited is of its cell
        shared = replace(self.experiment, cell=began.cell, hidden_size=began.hidden_size)
        object.__setattr__(self, "experiment", shared)
        object.__setattr__(self, "everywhere", False)

    @property
    def study(self) -> Study:
        """What is compared.

        Raises:
            EncodingError: if the text is no sequence of the trained network's task.
            ValueError: if the task does not say what is right after it.
        """
        if self.model:
            given = self._given()
            lag = len(given.sequence) - 1
            return Study(text=self.text, lag=lag, experiment=self.experiment, given=given)
        timestep, lag = self.loss_timestep, min(self.lag, self.longest_lag)
        return Study(
            self.source,
            self.text,
            lag,
            self.experiment,
            self.loss,
            min(self.loss_unit, self.experiment.hidden_size - 1),
            None if timestep is None or timestep >= lag else timestep,
            self.everywhere,
            self.target,
        )

    def _given(self) -> Given:
        trained = load(self.model)
        sequence = trained.task.encode(self.text)
        if not LAG_RANGE[0] < len(sequence) <= self.longest_lag + 1:
            raise ValueError(
                f"On this page a sequence of this network has {LAG_RANGE[0] + 1} to {self.longest_lag + 1:,} steps; "
                f"got {len(sequence):,}."
            )
        loss = task_loss(trained, sequence)
        if loss is None:
            raise ValueError(
                f"The loss is that of the task, which does not say what is right after {self.text!r:.40}."
            )
        return Given(f"{self.model}: {self.text}", trained.network, sequence, loss)

    @property
    def longest_lag(self) -> int:
        """The longest lag with so many units."""
        return min(LAG_RANGE[1], _MOST_WORK // self.experiment.hidden_size**2)

    @property
    def seeds(self) -> int:
        """How many networks of each kind are run."""
        return SEEDS if self.spread else 1

    def notes(self) -> list[str]:
        """A sentence for each choice that this network or input does not have."""
        said: list[str] = []
        units = self.experiment.hidden_size
        if self.model:
            return said
        if self.lag > self.longest_lag:
            said.append(f"With {units} units the lag is at most {self.longest_lag}; got {self.lag:,}.")
        if self.loss == "unit" and self.loss_unit >= units:
            said.append(
                f"The loss reads a unit from 0 to {units - 1}; got {self.loss_unit}, so unit {units - 1} is read."
            )
        if not self.everywhere and self.loss_timestep is not None and self.loss_timestep > self.lag:
            said.append(
                f"The loss reads a timestep from 0 to {self.lag}; got {self.loss_timestep}, so the last is read."
            )
        return said


def _lag(raw: str) -> Any:
    value = whole(LAG_RANGE[1])(raw)
    return value if value is not BROKEN and value >= LAG_RANGE[0] else BROKEN


def linked(experiment: Experiment, text: str, time: int, model: str = "") -> dict[str, str]:
    """The address at which this page opens the network of another page, with its edits and interventions.

    The text is repeated to so many timesteps, 6 at least; that of a trained network is its sequence.
    """
    if model:
        return CODEC.to_query(GradientsState(text=text, experiment=experiment, network=GIVEN, model=model))
    network = experiment.cell
    if network == "lstm" and (experiment.forget_bias is not None or experiment.input_bias is not None):
        network = "lstm-biased"
    lag = min(max(time - 1, LAG_RANGE[0]), LAG_RANGE[1])
    return CODEC.to_query(GradientsState(text=text, lag=lag, experiment=experiment, network=network))


class _GradientsCodec(ModelCodec[GradientsState]):
    """A link that names a trained network opens it, on an example of its task."""

    def read(self, query: Mapping[str, str]) -> tuple[GradientsState, list[str]]:
        """The state that an address asks for, and a sentence for each parameter that is unknown or broken."""
        if is_known(query.get("model", "")) and "network" not in query:
            query = {**query, "network": GIVEN}
        return super().read(query)

    def to_query(self, state: GradientsState) -> dict[str, str]:
        """The state as URL parameters; `read` gives exactly this state back."""
        query = super().to_query(state)
        return query | {"network": state.network} if state.model else query


DEFAULT = GradientsState()
CODEC = _GradientsCodec(
    DEFAULT,
    {
        "source": (one_of(SOURCES), f"The source is one of {', '.join(SOURCES)}"),
        "text": (text(_MOST_TEXT), f"The text in a link has at most {_MOST_TEXT:,} characters"),
        "lag": (_lag, f"The lag is a whole number from {LAG_RANGE[0]} to {LAG_RANGE[1]:,}"),
        "loss": (one_of(LOSSES), f"The loss is one of {', '.join(LOSSES)}"),
        "loss_unit": (whole(_MOST_UNIT), f"The loss's unit is a whole number from 0 to {_MOST_UNIT}"),
        "loss_timestep": (
            optional(whole(LAG_RANGE[1])),
            f"The loss's timestep is a whole number from 0 to {LAG_RANGE[1]:,}, or none for the last",
        ),
        "everywhere": (on_off, "Everywhere is 0 or 1"),
        "target": (text(_MOST_TARGET), f"The target has at most {_MOST_TARGET} characters"),
        "network": (one_of((*NETWORKS, GIVEN)), f"The network is one of {', '.join(NETWORKS)}"),
        "spread": (on_off, "Spread is 0 or 1"),
        "detached": (on_off, "Detached is 0 or 1"),
        "timestep": (whole(LAG_RANGE[1]), f"The timestep is a whole number from 0 to {LAG_RANGE[1]:,}"),
        "unit": (whole(_MOST_UNIT), f"The unit is a whole number from 0 to {_MOST_UNIT}"),
        "model": MODEL,
        "rate": (real(*RATE_RANGE), f"The rate is a number from {RATE_RANGE[0]:g} to {RATE_RANGE[1]:g}"),
    },
)
