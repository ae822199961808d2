"""The settings of a network, frozen: the same settings give the same numbers, on any thread and machine."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from torch import Tensor

from memviz import edits as network_edits
from memviz import interventions as what_ifs
from memviz.cells import CELLS, Cell
from memviz.edits import Edit
from memviz.encoding import Sequence
from memviz.initialisation import INITIALISATIONS, chrono_biases, draw_parameters
from memviz.interventions import Intervention, Patch
from memviz.interventions.values import shown
from memviz.network import Network

VERSION = 1
"""The version of the JSON of an experiment."""

HIDDEN_SIZE_RANGE = (1, 64)
SEED_RANGE = (0, 2**32 - 1)
BIAS_RANGE = (-100.0, 100.0)
RECURRENT_SCALE_RANGE = (0.0, 1000.0)
CHRONO_STEPS_RANGE = (3, 100_000)
NO_BIAS = "none"
MOST_WHAT_IFS = {"edits": 1_000, "interventions": 64}
"""How many of them an experiment may hold."""


@dataclass(frozen=True)
class Experiment:
    """Frozen, hashable settings that a network is built from.

    Attributes:
        cell: a name in `memviz.CELLS`.
        hidden_size: the number of units, 1 to 64.
        seed: 0 to 2**32 - 1.
        initialisation: "uniform" as torch draws, "orthogonal" or "normal" recurrent weights, "chrono" biases, or
            "non-normal", one fixed matrix and no input; see `memviz.initialisation.draw_parameters`.
        chrono_steps: the longest time that chrono biases aim at, in timesteps.
        forget_bias: None keeps the draw; a number sets the forget gate's block of bias_ih and zeroes that
            block of bias_hh. For "lstm-coupled", where f = 1 - i, the input gate's block gets the negative.
            Cells without a forget gate ignore it.
        update_bias: the same for the update gate of a GRU.
        input_bias: the same for the input gate of an LSTM; of "lstm-coupled" only where no forget bias is set.
        recurrent_scale: a factor on weight_hh (and weight_gates), 0 to 1000.
        edits: what `build` changes in the network that it has drawn, in this order; see `memviz.edits`.
        interventions: what is held, cut or changed while the network runs; whoever runs it gives them to `record` and
            `gradient_flow`.

    Raises:
        ValueError: if a setting is out of its range; the message states the rule and what arrived.
    """

    cell: str = "lstm"
    hidden_size: int = 8
    seed: int = 0
    initialisation: str = "uniform"
    chrono_steps: int = 100
    forget_bias: float | None = None
    update_bias: float | None = None
    input_bias: float | None = None
    recurrent_scale: float = 1.0
    edits: tuple[Edit, ...] = ()
    interventions: tuple[Intervention, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = _checked(field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    def build(self, features: int | Sequence) -> Network:
        """The network of these settings for a number of input features, or for a sequence.

        With a sequence each symbol's input weights come from (seed, symbol), so that typing on never changes
        earlier steps; numeric features are keyed by their column.

        Raises:
            ValueError: if the number of features is not from 1 on, or an edit is of a place that the network does not
                have.
        """
        if isinstance(features, int) and features < 1:
            raise ValueError(f"A network has 1 or more input features; got {features}.")
        keys = (
            features.feature_keys
            if isinstance(features, Sequence)
            else [f"column:{index}" for index in range(features)]
        )
        cell = CELLS[self.cell]
        parameters = draw_parameters(cell, keys, self.hidden_size, self.seed, self.initialisation)
        for name in ("weight_hh", "weight_gates"):
            if name in parameters:
                parameters[name] = parameters[name] * self.recurrent_scale
        for gate, bias in self._biases(cell).items():
            rows = cell.rows(gate, self.hidden_size)
            parameters["bias_ih"][rows] = bias
            parameters["bias_hh"][rows] = 0.0
        return network_edits.apply(Network(cell, parameters), self.edits)

    @property
    def plain(self) -> "Experiment":
        """The same settings without edits and interventions."""
        return replace(self, edits=(), interventions=())

    @property
    def in_address(self) -> "Experiment":
        """What of it an address can hold: no patches, and as many edits and interventions as `to_query` writes."""
        short = [
            each
            for each in self.interventions
            if not isinstance(each, Patch) and what_ifs.last_index(each) <= what_ifs.MOST_INDEX_IN_TEXT
        ]
        return replace(
            self,
            edits=self.edits[: network_edits.MOST_IN_TEXT],
            interventions=tuple(short[: what_ifs.MOST_IN_TEXT]),
        )

    def to_query(self) -> dict[str, str]:
        """The settings as URL parameters; `from_query` gives what is `in_address` of them exactly back."""
        short = self.in_address
        written = {name: getattr(short, name) for name in _SETTINGS}
        query = {name: NO_BIAS if value is None else str(value) for name, value in written.items()}
        return query | {
            name: room.to_text(getattr(short, name))
            for name, room in _WHAT_IFS.items()
            if getattr(short, name)
        }

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], default: "Experiment | None" = None
    ) -> "tuple[Experiment, list[str]]":
        """The settings of URL parameters, with one sentence for each that is broken and was left at its default.

        Parameters of other names are not looked at; a missing one takes the value of `default`, but that edits and
        interventions are missing where there are none.
        """
        experiment, problems = (default or cls()).plain, []
        for name in fields_of(cls):
            if name not in query:
                continue
            try:
                setting: dict[str, Any] = {name: _parsed(name, query[name])}
                experiment = replace(experiment, **setting)
            except ValueError as error:
                problems.append(str(error))
        return experiment, problems

    def to_json(self) -> str:
        """The settings as a JSON object with its version; `from_json` gives exactly these settings back."""
        settings = {name: getattr(self, name) for name in _SETTINGS}
        lists = {name: room.to_data(getattr(self, name)) for name, room in _WHAT_IFS.items()}
        return json.dumps({"version": VERSION, **settings, **lists})

    @classmethod
    def from_json(cls, text: str) -> "Experiment":
        """The settings of a JSON object; missing ones take their default.

        Raises:
            ValueError: if the text is no JSON object or of another version, or a setting breaks its rule.
        """
        try:
            settings = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"The settings are a JSON object; got {shown(text)}.") from error
        if not isinstance(settings, dict):
            raise ValueError(f"The settings are a JSON object; got {shown(text)}.")
        version = settings.pop("version", VERSION)
        if type(version) is not int or version != VERSION:
            raise ValueError(f"The settings are of version {VERSION}; got version {shown(version)}.")
        names = fields_of(cls)
        if unknown := [name for name in settings if name not in names]:
            raise ValueError(f"The settings are {', '.join(names)}; got {shown(unknown[0])}.")
        for name, room in _WHAT_IFS.items():
            if name in settings:
                settings[name] = room.from_data(settings[name])
        return cls(**settings)

    def _biases(self, cell: Cell) -> dict[str, Tensor | float]:
        """The biases that are set rather than drawn, by gate; later ones win."""
        biases: dict[str, Tensor | float] = {}
        if self.initialisation == "chrono":
            biases |= chrono_biases(cell, self.hidden_size, self.seed, self.chrono_steps)
        if self.input_bias is not None and "input" in cell.gates:
            biases["input"] = self.input_bias
        if self.forget_bias is not None:
            if "forget" in cell.gates:
                biases["forget"] = self.forget_bias
            elif cell.coupled:  # f = 1 - i = sigma(-a_i)
                biases["input"] = -self.forget_bias
        if self.update_bias is not None and "update" in cell.gates:
            biases["update"] = self.update_bias
        return biases


def fields_of(kind: type) -> list[str]:
    """The names of the fields of a dataclass."""
    return [field.name for field in fields(kind)]


_WHAT_IFS: dict[str, Any] = {"edits": network_edits, "interventions": what_ifs}
_SETTINGS = [name for name in fields_of(Experiment) if name not in _WHAT_IFS]
_CHOICES = {"cell": tuple(CELLS), "initialisation": INITIALISATIONS}
_WHOLE = {"hidden_size": HIDDEN_SIZE_RANGE, "seed": SEED_RANGE, "chrono_steps": CHRONO_STEPS_RANGE}
_OPTIONAL = ("forget_bias", "update_bias", "input_bias")
_REAL = dict.fromkeys(_OPTIONAL, BIAS_RANGE) | {"recurrent_scale": RECURRENT_SCALE_RANGE}
_WHOLE_FORM = re.compile(r"[0-9]{1,12}")
_REAL_FORM = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,4})?", re.IGNORECASE)


def _checked(name: str, value: object) -> object:
    """A setting in its own type, or a ValueError that states its rule."""
    if name in _OPTIONAL and value is None:
        return None
    if name in _WHAT_IFS:
        return _checked_what_ifs(name, value)
    if name in _CHOICES:
        if isinstance(value, str) and value in _CHOICES[name]:
            return value
    elif name in _WHOLE:
        low, high = _WHOLE[name]
        if isinstance(value, int | np.integer) and not isinstance(value, bool) and low <= value <= high:
            return int(value)
    elif isinstance(value, int | float | np.number) and not isinstance(value, bool):
        lowest, highest = _REAL[name]
        if lowest <= value <= highest:  # False for NaN
            return float(value)
    raise ValueError(f"{_rule(name)}; got {shown(value)}.")


def _checked_what_ifs(name: str, value: object) -> tuple[Any, ...]:
    """Edits or interventions as a tuple of bounded length."""
    kind: Any = {"edits": Edit, "interventions": Intervention}[name]
    most = MOST_WHAT_IFS[name]
    if not isinstance(value, tuple | list) or len(value) > most:
        arrived = f"{len(value):,}" if isinstance(value, tuple | list) else shown(value)
        raise ValueError(f"An experiment holds at most {most:,} {name}; got {arrived}.")
    for each in value:
        if not isinstance(each, kind):
            raise ValueError(f"The {name} are those of memviz.{name}; got {shown(each)}.")
    return tuple(value)


def _parsed(name: str, text: str) -> object:
    """A setting out of its text in a URL, or a ValueError that states its rule."""
    if name in _WHAT_IFS:
        return _WHAT_IFS[name].from_text(text)
    if name in _OPTIONAL and text == NO_BIAS:
        return None
    if name in _WHOLE and _WHOLE_FORM.fullmatch(text):
        return int(text)
    if name in _REAL and len(text) <= 40 and _REAL_FORM.fullmatch(text):
        return float(text)
    return _checked(name, text)


def _rule(name: str) -> str:
    label = name.replace("_", " ")
    if name in _CHOICES:
        return f"The {label} is one of {', '.join(_CHOICES[name])}"
    if name in _WHOLE:
        low, high = _WHOLE[name]
        return f"The {label} is a whole number from {low} to {high}"
    lowest, highest = _REAL[name]
    return f"The {label} is a number from {lowest:g} to {highest:g}" + (
        f' or "{NO_BIAS}"' if name in _OPTIONAL else ""
    )
