"""The recurrent layers among the tensors of a file, found by torch's names, their sizes by their shapes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.interventions.values import shown
from memviz.model_files.problem import SAVE, SAVE_KEPT, SAVE_LAYERS, ModelFileError
from memviz.network import Network

MOST_UNITS = 256
MOST_INPUTS = 256
MOST_LAYERS = 4
NONLINEARITIES = ("tanh", "relu")
_MOST_NAME = 200
_KINDS = {1: "rnn", 3: "gru", 4: "lstm"}
_MODULES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
_CELLS = {"gru": "gru", "lstm": "lstm"}
_ELMAN = {"tanh": "elman", "relu": "elman-relu"}
_SUFFIX = r"(?:_l(?P<layer>[0-9]{1,3})(?P<reverse>_reverse)?)?"
_NAME = re.compile(rf"(?:(?P<prefix>.*)\.)?(?P<part>weight_(?:ih|hh|hr)|bias_(?:ih|hh)){_SUFFIX}", re.DOTALL)
_NEAR = re.compile(r"(weight|bias)_(ih|hh|hr)|peephole_(input|forget|output)|weight_gates")
_TYPES = {torch.float16: "float16", torch.float32: "float32", torch.float64: "float64"}

Place = tuple[int, int]
"""The number of a layer and of a direction, both from 0."""


@dataclass(frozen=True, eq=False)
class RecurrentLayers:
    """A `torch.nn.RNN`, `LSTM` or `GRU`, or a cell of one, as a file has it.

    Attributes:
        prefix: what its tensors' names begin with, such as "encoder.rnn"; "" where they stand alone.
        kind: "rnn", "lstm" or "gru". Shapes do not tell whether an "rnn" has tanh or ReLU.
        is_cell: whether it is an RNNCell, LSTMCell or GRUCell, whose names have no number.
        input_size, hidden_size: as torch calls them.
        projection: the width of the projected hidden state (proj_size); 0 is none.
        has_bias: whether it has biases.
        dtype: "float16", "float32" or "float64".
        tensors: by layer and direction, then by name without suffix.
    """

    prefix: str
    kind: str
    is_cell: bool
    input_size: int
    hidden_size: int
    projection: int
    has_bias: bool
    dtype: str
    tensors: Mapping[Place, Mapping[str, Tensor]]

    @property
    def layers(self) -> int:
        """How many layers stand on each other."""
        return 1 + max(layer for layer, _ in self.tensors)

    @property
    def directions(self) -> int:
        """2 where it is bidirectional, else 1."""
        return 1 + max(direction for _, direction in self.tensors)

    @property
    def title(self) -> str:
        """The line that makes such a module: LSTM(3, 8, num_layers=2)."""
        options = {
            "num_layers": (self.layers, 1),
            "bias": (self.has_bias, True),
            "bidirectional": (self.directions == 2, False),
            "proj_size": (self.projection, 0),
        }
        given = [f"{name}={value}" for name, (value, default) in options.items() if value != default]
        name = _MODULES[self.kind] + "Cell" * self.is_cell
        return f"{name}({', '.join([str(self.input_size), str(self.hidden_size), *given])})"

    @property
    def parameters(self) -> int:
        """How many numbers it has."""
        return sum(tensor.numel() for place in self.tensors.values() for tensor in place.values())

    def network(self, layer: int = 0, direction: int = 0, nonlinearity: str = "tanh") -> Network:
        """One layer and direction; where it has no biases they are zeros.

        A projected LSTM is the plain one with U W_hr in the place of U: the same gates and cell states, and its hidden
        state is the one before the projection.

        Args:
            layer: 0 to layers - 1.
            direction: 0, or 1 for the reverse one.
            nonlinearity: one of NONLINEARITIES; heeded where the kind is "rnn".

        Raises:
            ModelFileError: if there is no such layer.
            ValueError: if there is no such nonlinearity.
        """
        if nonlinearity not in NONLINEARITIES:
            raise ValueError(
                f"The nonlinearity is one of {', '.join(NONLINEARITIES)}; got {shown(nonlinearity)}."
            )
        if (layer, direction) not in self.tensors:
            raise ModelFileError(
                f"This file has layers 0 to {self.layers - 1} and directions 0 to {self.directions - 1}; "
                f"got layer {layer}, direction {direction}."
            )
        tensors = self.tensors[layer, direction]
        recurrent = tensors["weight_hh"]
        if self.projection:
            recurrent = recurrent.double() @ tensors["weight_hr"].double()
        zeros = torch.zeros(len(recurrent))
        biases = {name: tensors.get(name, zeros) for name in ("bias_ih", "bias_hh")}
        cell = _CELLS.get(self.kind, _ELMAN[nonlinearity])
        return Network(cell, {**biases, "weight_ih": tensors["weight_ih"], "weight_hh": recurrent})

    def shown(
        self, hidden: Float[np.ndarray, "time unit"], layer: int, direction: int
    ) -> Float[np.ndarray, "time out"]:
        """What the next layer reads of a layer's hidden states: their projection, where there is one."""
        if not self.projection:
            return hidden
        return hidden @ self.tensors[layer, direction]["weight_hr"].double().numpy().T


def layers_in(tensors: Mapping[str, Tensor]) -> tuple[tuple[RecurrentLayers, ...], tuple[str, ...]]:
    """All recurrent layers, in the order of the file, and the names of the tensors that are none of theirs.

    Raises:
        ModelFileError: if a name comes near to one of a recurrent layer and is none, or if the tensors of one prefix
            are no such module; the message says which.
    """
    groups: dict[str, dict[str, Tensor]] = {}
    others = []
    for name, tensor in tensors.items():
        _check_name(name)
        match = _NAME.fullmatch(name)
        if match:
            prefix = match["prefix"] or ""
            own = name[match.start("part") :]
            if own in (group := groups.setdefault(prefix, {})):  # weight_ih_l0 and .weight_ih_l0
                raise ModelFileError(f"A layer has each of its weights once; got {shown(own)} twice.", SAVE)
            group[own] = tensor
        elif _NEAR.search(name):
            raise ModelFileError(
                "The weights of a layer are called weight_ih_l0, weight_hh_l0, bias_ih_l0 and so on, any prefix "
                f"before them; got {shown(name)}.",
                SAVE,
            )
        else:
            others.append(name)
    return tuple(_module(prefix, group) for prefix, group in groups.items()), tuple(others)


def _check_name(name: str) -> None:
    if not name or len(name) > _MOST_NAME or not name.isprintable():
        raise ModelFileError(
            f"A tensor's name has 1 to {_MOST_NAME} visible characters; got {shown(name)} ({len(name):,}).",
            SAVE,
        )


def _module(prefix: str, group: Mapping[str, Tensor]) -> RecurrentLayers:
    where = f" in {shown(prefix)}" if prefix else ""
    placed = _by_place(group, where)
    is_cell = "weight_ih" in group or "weight_hh" in group
    _check_complete(placed, where)
    first = placed[0, 0]
    dtypes = {tensor.dtype for tensor in group.values()}
    if len(dtypes) > 1:
        got = " and ".join(sorted(_TYPES[dtype] for dtype in dtypes))
        raise ModelFileError(f"The weights of a layer are of one type; got {got}{where}.", SAVE)
    kind, hidden, projection = _sizes(first, where)
    found = RecurrentLayers(
        prefix,
        kind,
        is_cell,
        _columns(first["weight_ih"]),
        hidden,
        projection,
        "bias_ih" in first,
        _TYPES[dtypes.pop()],
        MappingProxyType({place: MappingProxyType(dict(names)) for place, names in sorted(placed.items())}),
    )
    _check_sizes(found, where)
    _check_shapes(found, where)
    return found


def _by_place(group: Mapping[str, Tensor], where: str) -> dict[Place, dict[str, Tensor]]:
    placed: dict[Place, dict[str, Tensor]] = {}
    numbered = set()
    for name, tensor in group.items():
        match = _NAME.fullmatch(name)
        assert match
        place = (int(match["layer"] or 0), int(match["reverse"] is not None))
        if match["part"] in placed.setdefault(place, {}):  # weight_ih_l0 and weight_ih_l00, say
            raise ModelFileError(
                f"A layer has each of its weights once; got {shown(name)} twice{where}.", SAVE
            )
        placed[place][match["part"]] = tensor
        numbered.add(match["layer"] is not None)
    if len(numbered) > 1:
        raise ModelFileError(
            f"Weights have the number of their layer (weight_ih_l0) or, of a cell, none; got both{where}.",
            SAVE,
        )
    return placed


def _check_complete(placed: Mapping[Place, Mapping[str, Tensor]], where: str) -> None:
    """Each layer and direction has the same weights, and none is left out."""
    layers = 1 + max(layer for layer, _ in placed)
    if layers > MOST_LAYERS:
        raise ModelFileError(f"A model has at most {MOST_LAYERS} layers; got {layers}{where}.", SAVE_LAYERS)
    directions = 1 + max(direction for _, direction in placed)
    wanted = {"weight_ih", "weight_hh"}
    has = set().union(*placed.values())
    if has & {"bias_ih", "bias_hh"}:
        wanted |= {"bias_ih", "bias_hh"}
    if "weight_hr" in has:
        wanted |= {"weight_hr"}
    for layer in range(layers):
        for direction in range(directions):
            missing = sorted(wanted - set(placed.get((layer, direction), {})))
            if missing:
                reverse = ", reverse direction" * direction
                raise ModelFileError(
                    f"A layer has {', '.join(sorted(wanted))}; got layer {layer}{reverse} without "
                    f"{', '.join(missing)}{where}.",
                    SAVE_KEPT,
                )


def _sizes(first: Mapping[str, Tensor], where: str) -> tuple[str, int, int]:
    """The kind, the number of units and the width of the projection (0 for none), by the shapes of the first layer."""
    rows, columns = len(first["weight_hh"]), _columns(first["weight_hh"])
    hidden, projection = columns, 0
    if "weight_hr" in first:
        hidden, projection = _columns(first["weight_hr"]), len(first["weight_hr"])
    gates, rest = divmod(rows, hidden)
    if rest or gates not in _KINDS or (projection and _KINDS[gates] != "lstm"):
        rule = "4 (a projected LSTM)" if projection else "1 (RNN), 3 (GRU) or 4 (LSTM)"
        raise ModelFileError(
            f"weight_hh has {rule} rows for each unit; got {rows:,} rows for {hidden:,} units{where}.",
            SAVE_LAYERS,
        )
    return _KINDS[gates], hidden, projection


def _check_sizes(found: RecurrentLayers, where: str) -> None:
    for what, most, got in (
        ("units", MOST_UNITS, found.hidden_size),
        ("inputs", MOST_INPUTS, found.input_size),
    ):
        if got > most:
            raise ModelFileError(f"A layer has at most {most} {what}; got {got:,}{where}.")


def _check_shapes(found: RecurrentLayers, where: str) -> None:
    for place, tensors in found.tensors.items():
        for name, (rule, got) in _shapes(found, place, tensors):
            if rule != got:
                suffix = "" if found.is_cell else f"_l{place[0]}" + "_reverse" * place[1]
                raise ModelFileError(
                    f"In {found.title} the weights {name}{suffix} are {_spelt(rule)}; got {_spelt(got)}{where}.",
                    SAVE,
                )


def _shapes(
    found: RecurrentLayers, place: Place, tensors: Mapping[str, Tensor]
) -> Iterator[tuple[str, tuple[tuple[int, ...], tuple[int, ...]]]]:
    """The shape that each tensor has to have, and the one that it has."""
    hidden, out = found.hidden_size, found.projection or found.hidden_size
    rows = hidden * next(gates for gates, kind in _KINDS.items() if kind == found.kind)
    columns = found.input_size if place[0] == 0 else found.directions * out
    rules = {
        "weight_ih": (rows, columns),
        "weight_hh": (rows, out),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
        "weight_hr": (out, hidden),
    }
    for name, tensor in tensors.items():
        yield name, (rules[name], tuple(tensor.shape))


def _columns(matrix: Tensor) -> int:
    if matrix.ndim != 2:
        raise ModelFileError(f"The weights of a layer are matrices; got {_spelt(tuple(matrix.shape))}.", SAVE)
    return matrix.shape[1]


def _spelt(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
