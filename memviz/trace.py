"""Run a network over a sequence, one pure step at a time, and keep every signal that it made."""

import html
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells import CELLS, Cell, State, identity
from memviz.encoding import Sequence
from memviz.interventions import Intervention, Plan, Reset, check, from_data, to_data
from memviz.network import Network

Array = Float[np.ndarray, "time unit"]
Inputs = Sequence | Tensor | np.ndarray
File = str | os.PathLike[str] | io.BufferedIOBase
_PREDICTION = "prediction"
_FORMATS = (1, 2)
"""Of a file without interventions, and of one with them, which a reader of the first must refuse."""


@dataclass(frozen=True, eq=False)
class Trace:
    """Every signal of a network at every step of a sequence.

    `trace["forget"]` is a read-only float64 array (time, unit); row t is the value after step t, t = 0 to
    T - 1. `trace.initial["cell"]` (unit,) is the state before step 0.

    Attributes:
        cell: the cell.
        tokens: one for each timestep.
        inputs: float64 (time, features).
        signals: arrays by name, in the order of the equations.
        initial: the parts of the state before step 0, by name; a `Reset` before step 0 leaves them unread.
        interventions: what was changed in the run, in the order in which it was applied.
        made: by each signal that they touch, what the steps made of it before they acted, (time, unit); where none
            acts it is what the signal is.
        prediction: what a trained network's read-out says after each step; `trace["prediction"]` as well.

    Raises:
        ValueError: if a signal is missing or unknown, if an array has another shape than the others ask for, if
            an intervention does not fit, or if what was made of a touched signal is missing.
    """

    cell: Cell
    tokens: tuple[str, ...]
    inputs: Float[np.ndarray, "time features"]
    signals: Mapping[str, Array]
    initial: Mapping[str, Float[np.ndarray, " width"]]
    interventions: tuple[Intervention, ...] = ()
    made: Mapping[str, Array] = field(default_factory=dict)
    prediction: Float[np.ndarray, "time output"] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", _frozen(self.inputs))
        for name in ("signals", "initial", "made"):
            arrays = {key: _frozen(value) for key, value in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(arrays))
        if self.prediction is not None:
            object.__setattr__(self, "prediction", _frozen(self.prediction))
        _check(self)

    def __reduce__(self) -> tuple[type["Trace"], tuple[object, ...]]:
        """Pickled and copied through its constructor."""
        about = self.cell, self.tokens, self.inputs, dict(self.signals), dict(self.initial)
        return Trace, (*about, self.interventions, dict(self.made), self.prediction)

    def __getitem__(self, name: str) -> Array:
        """One signal, (time, unit).

        Raises:
            KeyError: if the cell has no such signal; the message names those it has.
        """
        if name == _PREDICTION and self.prediction is not None:
            return self.prediction
        if name not in self.signals:
            raise KeyError(f'"{self.cell.name}" has the signals {", ".join(self.names)}; got "{name}".')
        return self.signals[name]

    def __len__(self) -> int:
        """The number of timesteps."""
        return len(self.tokens)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the signals in the order of the equations."""
        return tuple(self.signals)

    @property
    def units(self) -> int:
        """The number of units."""
        return self.signals["hidden"].shape[1]

    def check_is_of(self, network: Network) -> None:
        """Refuse a network that cannot have made this trace; a wrong number would come of it in silence.

        Raises:
            ValueError: if the cell, the number of units or the number of features differs.
        """
        here = f'"{self.cell.name}", {self.units} units, {self.inputs.shape[1]} features'
        there = f'"{network.cell.name}", {network.hidden_size} units, {network.features} features'
        if here != there:
            raise ValueError(f"The trace is of another network: it is of {here}; the network is {there}.")

    def state_before(self) -> Float[np.ndarray, "time state"]:
        """The state that each step started from, its parts side by side: row t is the state before step t."""
        parts = []
        for part, signals in self.cell.state:
            after = np.concatenate([self.signals[name] for name in signals], axis=1)
            parts.append(np.concatenate([self.initial[part][None], after[:-1]]))
        states = np.concatenate(parts, axis=1)
        states[sorted(self.resets)] = 0.0
        return states

    def before(self, name: str) -> Array:
        """A signal of the state, such as "cell", as each step finds it: row t is from before step t, 0 after a reset.

        Raises:
            KeyError: if the state has no such part.
        """
        values = np.concatenate([self.initial[name][None], self.signals[name][:-1]])
        values[sorted(self.resets)] = 0.0
        return values

    @cached_property
    def resets(self) -> frozenset[int]:
        """The timesteps before which the state was set to zero."""
        return self.plan().resets

    def plan(self) -> Plan:
        """The interventions as taps of its steps; what was frozen is a constant, the value that this run had."""
        plan = Plan(self.interventions, self.units, len(self))
        plan.settle_all(lambda name, timestep: torch.tensor(self.signals[name][timestep]))
        return plan

    def to_frame(self, names: Iterable[str] | None = None) -> "Any":
        """A tidy pandas DataFrame with the columns timestep, token, signal, unit and value.

        Rows go by signal, then timestep, then unit; `names` chooses the signals (by default all, and the prediction).
        """
        import pandas as pd  # only here: the engine runs without it

        known = self.names if self.prediction is None else (*self.names, _PREDICTION)
        chosen = known if names is None else tuple(names)
        values, tokens = [self[name] for name in chosen], np.array(self.tokens, dtype=object)
        sizes, widths = [each.size for each in values], [each.shape[1] for each in values]
        return pd.DataFrame(
            {
                "timestep": np.concatenate([np.repeat(np.arange(len(self)), width) for width in widths]),
                "token": np.concatenate([np.repeat(tokens, width) for width in widths]),
                "signal": np.repeat(np.array(chosen, dtype=object), sizes),
                "unit": np.concatenate([np.tile(np.arange(width), len(self)) for width in widths]),
                "value": np.concatenate([each.ravel() for each in values]),
            }
        )

    def save(self, file: File) -> None:
        """Write one .npz without pickles; `Trace.load` gives exactly this trace back."""
        about: dict[str, Any] = {"cell": self.cell.name, "tokens": self.tokens, "names": self.names}
        about["format"] = _FORMATS[bool(self.interventions)]
        if self.interventions:
            about["interventions"] = to_data(self.interventions)
        arrays: dict[str, Any] = {f"signal/{name}": value for name, value in self.signals.items()}
        arrays |= {f"initial/{name}": value for name, value in self.initial.items()}
        arrays |= {f"made/{name}": value for name, value in self.made.items()}
        arrays |= {} if self.prediction is None else {_PREDICTION: self.prediction}
        np.savez_compressed(
            file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), inputs=self.inputs, **arrays
        )

    @classmethod
    def load(cls, file: File) -> "Trace":
        """Read a trace that `save` wrote.

        Raises:
            OSError: if the file cannot be opened.
            ValueError: if the file is no such trace.
        """
        if not isinstance(file, io.BufferedIOBase):
            with Path(file).open("rb") as opened:
                return cls.load(opened)
        try:
            return cls._read(file)
        except Exception as error:  # a broken zip or array can raise nearly anything
            raise ValueError("A trace is an .npz file written by Trace.save; got another file.") from error

    @classmethod
    def _read(cls, source: Any) -> "Trace":
        with np.load(source, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            if about["format"] not in _FORMATS:
                raise ValueError(f"The format is one of {_FORMATS}; got {about['format']}.")
            if not isinstance(about["tokens"], list):
                raise ValueError("The tokens are a list.")
            if any(arrays[key].dtype != np.float64 for key in arrays if key != "about"):
                raise ValueError("Each array is float64.")
            cell = CELLS[about["cell"]]
            return cls(
                cell,
                tuple(about["tokens"]),
                arrays["inputs"],
                {name: arrays[f"signal/{name}"] for name in about["names"]},
                {part: arrays[f"initial/{part}"] for part, _ in cell.state},
                from_data(about.get("interventions", [])),
                {key.removeprefix("made/"): arrays[key] for key in arrays if key.startswith("made/")},
                arrays.get(_PREDICTION),
            )

    def to_bytes(self) -> bytes:
        """The .npz file that `save` writes."""
        buffer = io.BytesIO()
        self.save(buffer)
        return buffer.getvalue()

    def __repr__(self) -> str:
        shown = " ".join(self.tokens[:12]) + (" …" if len(self) > 12 else "")
        return (
            f'<Trace "{self.cell.name}": {len(self)} timesteps, {self.units} units\n'
            f"  tokens   {shown}\n"
            f"  signals  {', '.join(self.names)}>"
        )

    def _repr_html_(self) -> str:
        """A table for notebooks: each gate and state with its range and a picture of units by time."""
        shown = [n for n in self.names if n in (*self.cell.activations, "cell", "hidden")]
        rows = "".join(
            f"<tr><th>{name}</th><td>{self[name].min():.3g}</td><td>{self[name].mean():.3g}</td>"
            f"<td>{self[name].max():.3g}</td><td>{_strip(self[name])}</td></tr>"
            for name in shown
        )
        tokens = html.escape(" ".join(self.tokens[:40])) + (" …" if len(self) > 40 else "")
        return (
            f"<p><b>{html.escape(self.cell.title)}</b>, {len(self)} timesteps, {self.units} units<br>"
            f"<bdi>{tokens}</bdi></p><table><tr><th>signal</th><th>min</th><th>mean</th><th>max</th>"
            f"<th>units by time</th></tr>{rows}</table>"
        )


@torch.inference_mode()
def record(
    network: Network, inputs: Inputs, state: State | None = None, interventions: Iterable[Intervention] = ()
) -> Trace:
    """Run a network over a sequence and keep every signal at every step.

    Args:
        network: the network.
        inputs: a Sequence, or numbers (time, features).
        state: the state before step 0, each part (width,); zeros by default.
        interventions: what is changed in the run, applied in this order: each takes what the one before it made.

    Raises:
        ValueError: if the inputs have another number of features than the network, have no timestep, or are
            not finite, if the state has other widths or is not finite, if an intervention does not fit the run or
            contradicts another, or if the network overflows float64.
    """
    tokens, values = checked_inputs(network, inputs)
    cell, zeros = network.cell, network.cell.zero_state(values[0], network.hidden_size)
    state = _state(network, zeros, state)
    chosen = check(interventions, cell, network.hidden_size, len(values))
    plan = Plan(chosen, network.hidden_size, len(values))
    initial = {part: value.numpy() for (part, _), value in zip(cell.state, state, strict=True)}

    kept: list[Tensor] = []
    for t, (x, tap) in enumerate(zip(values.unbind(), plan.taps(), strict=True)):
        before = zeros if t in plan.resets else state
        state, signals = network.step(x, before, tap or identity)
        plan.settle(t, signals)
        kept.extend(signals)
    rows = torch.cat(kept).view(len(values), -1, network.hidden_size)  # (time, signal, unit)
    check_finite(rows)
    by_signal = rows.transpose(0, 1).contiguous().numpy()
    by_signal.setflags(write=False)
    arrays = dict(zip(signals.columns, by_signal, strict=True))
    named = {name: arrays[name] for name in signals.names}
    return Trace(cell, tokens, values.numpy(), named, initial, chosen, _made(plan, named))


def _made(plan: Plan, signals: Mapping[str, Array]) -> dict[str, Array]:
    """What the steps made of the touched signals: where no tap acted, what they are."""
    made = {}
    for name, steps, rows in plan.made():
        values = rows if len(steps) == len(signals[name]) else signals[name].copy()
        if values is not rows:
            values[steps] = rows
        values.setflags(write=False)
        made[name] = values
    return made


def check_finite(rows: Float[Tensor, "time ..."]) -> None:
    """Refuse numbers that overflowed.

    Raises:
        ValueError: with the first such timestep.
    """
    if not torch.isfinite(rows).all():
        step = int((~torch.isfinite(rows)).flatten(1).any(1).nonzero()[0])
        raise ValueError(
            f"The numbers of a network must stay finite; this one overflows float64 at step {step}. "
            "Lower its recurrent scale, its weights or what an intervention puts in."
        )


def _state(network: Network, zeros: State, state: State | None) -> State:
    if state is None:
        return zeros
    cell = network.cell
    widths = cell.state_widths(network.hidden_size)
    if [tuple(part.shape) for part in state] != [(width,) for width in widths]:
        raise ValueError(
            f"The state of this network has the parts {', '.join(part for part, _ in cell.state)} of the "
            f"widths {widths}; got {[tuple(part.shape) for part in state]}."
        )
    state = cell.state_type(*(torch.as_tensor(part).detach().to(torch.float64) for part in state))
    if not all(torch.isfinite(part).all() for part in state):
        raise ValueError("The state is finite numbers; got NaN or infinity.")
    return state


def checked_inputs(
    network: Network, inputs: Inputs
) -> tuple[tuple[str, ...], Float[Tensor, "time features"]]:
    """The tokens and the numbers of a network's inputs.

    Raises:
        ValueError: if they do not fit the network, have no timestep, or are not finite.
    """
    raw = inputs.inputs if isinstance(inputs, Sequence) else inputs
    if isinstance(raw, Tensor):
        raw = raw.detach().cpu().numpy()
    values = torch.tensor(np.asarray(raw, dtype=np.float64))
    if values.ndim != 2 or values.shape[0] < 1 or values.shape[1] != network.features:
        raise ValueError(
            f"The inputs are (time, {network.features}) with at least one timestep; got {tuple(values.shape)}."
        )
    if not torch.isfinite(values).all():
        raise ValueError("The inputs are finite numbers; got NaN or infinity.")
    if isinstance(inputs, Sequence):
        return inputs.tokens, values
    return tuple(str(t) for t in range(len(values))), values


def _check(trace: Trace) -> None:
    cell, time = trace.cell, len(trace.tokens)
    if time < 1 or not all(isinstance(token, str) for token in trace.tokens):
        raise ValueError("A trace has 1 or more tokens, which are text.")
    if trace.names != cell.signal_names:
        raise ValueError(f"The signals are {', '.join(cell.signal_names)}; got {', '.join(trace.names)}.")
    shapes = {array.shape for array in trace.signals.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or shape[0] != time or shape[1] < 1:
        raise ValueError(f"Each signal is (time, unit) with {time} timesteps; got other shapes.")
    if trace.inputs.ndim != 2 or len(trace.inputs) != time:
        raise ValueError(f"The inputs are (time, features) with {time} timesteps; got {trace.inputs.shape}.")
    said = trace.prediction
    if said is not None and (said.ndim != 2 or len(said) != time):
        raise ValueError(f"The prediction is (time, output) with {time} timesteps; got {said.shape}.")
    widths = {part: (len(signals) * shape[1],) for part, signals in cell.state}
    if {part: value.shape for part, value in trace.initial.items()} != widths:
        raise ValueError(f"The initial state has the parts and shapes {widths}; got others.")
    chosen = check(trace.interventions, cell, shape[1], time)
    touched = {each.signal for each in chosen if not isinstance(each, Reset)}
    made = {name: array.shape for name, array in trace.made.items()}
    if made != dict.fromkeys(touched, shape):
        raise ValueError(
            f"A trace holds what its steps made of each touched signal, {sorted(touched)} of {shape}; got {made}."
        )


def _frozen(array: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """A read-only float64 array: the same if it is one already, else a copy."""
    if array.dtype == np.float64 and not array.flags.writeable:
        return array
    copy = np.array(array, dtype=np.float64)
    copy.setflags(write=False)
    return copy


def _strip(values: Array, width: int = 240, height: int = 40) -> str:
    """A small SVG of units by time, black for the largest magnitude; at most 120 timesteps of 16 units."""
    shown = np.abs(values[:: -(-len(values) // 120), :16])
    shade = shown / (shown.max() or 1.0)
    dx, dy = width / shade.shape[0], height / shade.shape[1]
    cells = "".join(
        f'<rect x="{t * dx:.1f}" y="{u * dy:.1f}" width="{dx:.1f}" height="{dy:.1f}" '
        f'fill-opacity="{shade[t, u]:.2f}"/>'
        for t in range(shade.shape[0])
        for u in range(shade.shape[1])
    )
    return f'<svg width="{width}" height="{height}" fill="currentColor" role="img">{cells}</svg>'
