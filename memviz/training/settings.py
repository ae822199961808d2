"""How a network is taught."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from memviz.interventions.values import shown

OPTIMISERS = ("adam", "sgd")
_WHOLE = {
    "batch": (1, 1024),
    "updates": (1, 100_000),
    "evaluate_every": (1, 10_000),
    "seed": (0, 2**32 - 1),
}
_REAL = {"rate": (1e-6, 10.0), "clip": (1e-6, 1e6), "seconds": (0.01, 86_400.0)}
_OPTIONAL = ("clip", "seconds")
_NEWER = "stop_when_solved"
"""What files did not have at first: all trainings stopped."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is taught; the defaults are those of the latch in seconds.

    Attributes:
        optimiser: "adam" or "sgd", as torch has them.
        rate: the learning rate.
        batch: how many sequences an update is made from.
        clip: the largest norm of the gradient; None clips nothing.
        updates: how many updates there are at most.
        seconds: how long it may take; None is as long as it takes.
        evaluate_every: after how many updates the score is looked at; twice running at the task's goal, and it is done.
        seed: of the sequences and of the read-out; the network's is that of its experiment.
        stop_when_solved: whether it ends at the task's goal; if not, all updates are made.

    Raises:
        ValueError: if a setting is out of its range; the message states the rule and what arrived.
    """

    optimiser: str = "adam"
    rate: int | float = 0.02
    batch: int = 32
    clip: int | float | None = 1.0
    updates: int = 500
    seconds: int | float | None = None
    evaluate_every: int = 20
    seed: int = 0
    stop_when_solved: bool = True

    def __post_init__(self) -> None:
        check(asdict(self))

    @classmethod
    def from_data(cls, data: object) -> "TrainingSettings":
        """The settings that `to_data` wrote; what an earlier one did not write yet takes its default.

        Raises:
            ValueError: if it is no such object, or a setting is unknown, missing or out of its range.
        """
        names = [field.name for field in fields(cls)]
        if isinstance(data, dict):
            data = {_NEWER: True} | data
        if not isinstance(data, dict) or set(data) != set(names):
            raise ValueError(f"The settings of a training are {', '.join(names)}; got {shown(data)}.")
        check(data)
        return cls(**data)

    def to_data(self) -> dict[str, Any]:
        """The settings for JSON."""
        return asdict(self)


def check(settings: Mapping[str, object]) -> None:
    """Refuse settings, all of them by name, that are out of their range.

    Raises:
        ValueError: with the rule and what arrived.
    """
    if settings["optimiser"] not in OPTIMISERS:
        raise ValueError(
            f"The optimiser is one of {', '.join(OPTIMISERS)}; got {shown(settings['optimiser'])}."
        )
    if type(settings["stop_when_solved"]) is not bool:
        raise ValueError(
            f"Whether a training stops when solved is true or false; got {shown(settings['stop_when_solved'])}."
        )
    for name, (low, high) in _WHOLE.items():
        value = settings[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            label = name.replace("_", " ")
            raise ValueError(
                f"In a training {label} is a whole number from {low:,} to {high:,}; got {shown(value)}."
            )
    for name, (lowest, highest) in _REAL.items():
        value = settings[name]
        if name in _OPTIONAL and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise ValueError(
                f"In a training {name} is a number from {lowest:g} to {highest:,g}; got {shown(value)}."
            )
