"""One codec for every URL key: the address of a page -> its state and what was wrong with it, and back."""

from collections.abc import Callable, Container, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from memviz.encoding import KINDS, MAX_BYTES
from memviz.experiment import Experiment
from memviz.stage import NODES, PHASES
from memviz.theme import LOOKS

VERSION = "1"
MOST_UNITS = 6
MOST_ADDRESS_BYTES = 2000
_MOST_TEXT = max(MAX_BYTES.values())
_MOST_STEP = 2999
_MOST_UNIT = 63
_ON_OFF = {"0": False, "1": True}


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

    def __post_init__(self) -> None:
        counts = (self.timestep, self.unit, *self.units)
        optional = tuple(value for value in (self.loss_timestep, self.loss_unit) if value is not None)
        if not all(type(value) is int and value >= 0 for value in counts + optional):
            raise TypeError("Timesteps and units are whole numbers from 0 on.")
        for value, known in ((self.signal, LOOKS), (self.phase, PHASES), (self.node, NODES)):
            if value != "" and value not in known:
                raise TypeError(f"A signal, a phase and a node are known by name; got {value!r}.")

    def to_query(self) -> dict[str, str]:
        """The state as URL parameters; `read` gives exactly this state back."""
        view = {
            field.name: _written(getattr(self, field.name))
            for field in fields(self)
            if field.name != "experiment" and getattr(self, field.name) != getattr(DEFAULT, field.name)
        }
        text = {"text": self.text, "kind": self.kind}
        return {"v": VERSION} | text | self.experiment.to_query() | view


DEFAULT = GatesState()


def read(query: Mapping[str, str]) -> tuple[GatesState, list[str]]:
    """The state that an address asks for, and a sentence for each parameter that is unknown or broken.

    What is broken or missing takes its default.
    """
    problems: list[str] = []
    if query.get("v", VERSION) != VERSION:
        problems.append(f"This link is of version {_shown(query['v'])}, which this memviz does not know.")
    experiment, broken = Experiment.from_query(query, DEFAULT.experiment)
    problems += broken
    state = replace(DEFAULT, experiment=experiment)
    for name, (parse, rule) in _VIEW.items():
        if name not in query:
            continue
        value = parse(query[name])
        if value is _BROKEN:
            problems.append(f"{rule}; got {_shown(query[name])}.")
        else:
            state = replace(state, **{name: value})
    known = {"v", *_VIEW, *asdict(experiment)}
    unknown = sorted(_shown(name) for name in query if name not in known)
    if unknown:
        listed = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        problems.append(f"The link has parameters that this page does not know: {listed}.")
    return state, problems


_BROKEN: Any = object()


def _text(raw: str) -> Any:
    return raw if len(raw) <= _MOST_TEXT else _BROKEN


def _one_of(known: Container[str]) -> Callable[[str], Any]:
    return lambda raw: raw if raw in known else _BROKEN


def _on_off(raw: str) -> Any:
    return _ON_OFF.get(raw, _BROKEN)


def _whole(most: int) -> Callable[[str], Any]:
    def parse(raw: str) -> Any:
        fits = raw.isascii() and raw.isdigit() and len(raw) <= 6 and int(raw) <= most
        return int(raw) if fits else _BROKEN

    return parse


def _units(raw: str) -> Any:
    parse = _whole(_MOST_UNIT)
    values = tuple(dict.fromkeys(parse(part) for part in raw.split(",", MOST_UNITS)))
    return values if len(values) <= MOST_UNITS and _BROKEN not in values else _BROKEN


_VIEW: dict[str, tuple[Callable[[str], Any], str]] = {
    "text": (_text, f"The text in a link has at most {_MOST_TEXT:,} characters"),
    "kind": (_one_of(KINDS), f"The kind is one of {', '.join(KINDS)}"),
    "standardise": (_on_off, "Standardise is 0 or 1"),
    "timestep": (_whole(_MOST_STEP), f"The timestep is a whole number from 0 to {_MOST_STEP}"),
    "unit": (_whole(_MOST_UNIT), f"The unit is a whole number from 0 to {_MOST_UNIT}"),
    "signal": (_one_of(LOOKS), f"The signal is one of {', '.join(LOOKS)}"),
    "phase": (_one_of(PHASES), f"The phase is one of {', '.join(PHASES)}"),
    "node": (_one_of(NODES), f"The node is one of {', '.join(NODES)}"),
    "units": (
        _units,
        f"The units are 1 to {MOST_UNITS} whole numbers from 0 to {_MOST_UNIT} with commas between",
    ),
    "loss_timestep": (_whole(_MOST_STEP), f"The loss's timestep is a whole number from 0 to {_MOST_STEP}"),
    "loss_unit": (_whole(_MOST_UNIT), f"The loss's unit is a whole number from 0 to {_MOST_UNIT}"),
    "gradients": (_on_off, "Gradients is 0 or 1"),
}


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _shown(raw: str) -> str:
    """What arrived, in at most 40 visible ASCII characters."""
    text = ascii(raw)
    return text if len(text) <= 40 else f"{text[:39]}…"
