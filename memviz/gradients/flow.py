"""The gradient of a loss at every step, from one-step Jacobians.

With every state known, time is a batch: one differentiated call of the step gives each one-step Jacobian
J_t = d state_t / d state_{t-1}. A gradient over time is then a product of them, run backwards:
lambda_{t-1} = J_t^T lambda_t + dL/d state_{t-1} with L's own, direct term. No derivative is written by hand;
each comes from the one step function in `memviz.cells`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells import identity
from memviz.gradients.backward import carry_back
from memviz.gradients.loss import Loss
from memviz.gradients.scaled import Scaled, tame
from memviz.gradients.steps import Steps, chunks, differentiated
from memviz.interventions import Intervention, Plan
from memviz.network import Network
from memviz.trace import Array, Inputs, Trace, record

_REPLAY_TOLERANCE = 1e-9
_MOST_KEPT = 2**20
"""Numbers of Jacobian that are kept with a flow: 8 MB."""
_SUM_OF_LAST = Loss()


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """The gradient of a loss at every step, of any size: a lag of 3,000 steps neither under- nor overflows.

    Attributes:
        loss: what was differentiated.
        tokens: one for each timestep.
        direct: dL/dh_t with every later step cut: the loss's own term, (time, unit).
        scaled_state: dL/d state_t with each part of the state (hidden, cell) held independent, (time, state).
        scaled: the total derivative, all paths, as `retain_grad` gives it, by signal, (time, unit): each
            gate and candidate "G" and its "G_pre", "cell", "cell_tanh" and "hidden". Where the run has interventions
            it is by what they left: by a clamped gate, what moving the number that it is held at would do.
        network: what was differentiated.
        trace: the run that was differentiated.
        detached: whether gates and candidate saw the state as a constant, the truncation of 1997.
    """

    loss: Loss
    tokens: tuple[str, ...]
    direct: Array
    scaled_state: Scaled = field(repr=False)
    scaled: Mapping[str, Scaled] = field(repr=False)
    network: Network = field(repr=False)
    trace: Trace = field(repr=False)
    detached: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "scaled", MappingProxyType(dict(self.scaled)))
        for number in (self.scaled_state, *self.scaled.values()):
            number.mantissa.setflags(write=False)
            number.exponent.setflags(write=False)
        self.direct.setflags(write=False)

    def __reduce__(self) -> tuple[type["GradientFlow"], tuple[object, ...]]:
        """Pickled and copied through its constructor."""
        parts = (self.loss, self.tokens, self.direct, self.scaled_state, dict(self.scaled))
        return GradientFlow, (*parts, self.network, self.trace, self.detached)

    @cached_property
    def state(self) -> Float[np.ndarray, "time state"]:
        """dL/d state_t with each part of the state held independent, as floats. Shape (time, state)."""
        return self.scaled_state.floats()

    @cached_property
    def signals(self) -> Mapping[str, Array]:
        """The total derivative, all paths, by signal, as floats: 0 or infinite where it is out of their range."""
        return MappingProxyType({name: scaled.floats() for name, scaled in self.scaled.items()})

    @property
    def hidden(self) -> Array:
        """dL/dh_t, all paths. Shape (time, unit)."""
        return self.signals["hidden"]

    @property
    def cell(self) -> Array | None:
        """dL/dc_t, all paths: also the one out through h_t. Shape (time, unit); None where a cell has no c."""
        return self.signals.get("cell")

    @property
    def pre(self) -> dict[str, Array]:
        """dL/da_t of the pre-activation of each gate and candidate, by name. Shape (time, unit)."""
        return {name: self.signals[f"{name}_pre"] for name in self.network.cell.pre_activations}

    @property
    def interventions(self) -> tuple[Intervention, ...]:
        """What was changed in the run."""
        return self.trace.interventions

    @property
    def last(self) -> int:
        """The last timestep that the loss reads."""
        return self.loss.steps(len(self.tokens))[-1]

    @cached_property
    def inputs(self) -> Scaled:
        """dL/dx_t, all paths. Shape (time, features)."""
        cell, size = self.network.cell, self.trace.units
        weights, plan = self.network.parameters["weight_ih"].numpy(), self.trace.plan()
        total = Scaled.zeros(len(self.tokens), weights.shape[1])
        for name in cell.pre_activations:
            # W x is a plain summand of every pre-activation, so that its gradient is dL/da times what taps let through.
            block, pre = weights[cell.rows(name, size)], self.scaled[f"{name}_pre"]
            slope = plan.slopes(f"{name}_pre") * plan.slopes(f"{name}_from_input")
            through = Scaled.of(pre.mantissa * slope, pre.exponent) if plan.has_taps else pre
            total = total + through.times(block, tame(block))
        return total

    @cached_property
    def initial(self) -> dict[str, Float[np.ndarray, " width"]]:
        """dL/d state before step 0, its parts held independent, by part. Shape (width,)."""
        first = _Replay(self.network, self.trace, self.detached).steps(slice(0, 1)).jacobians()[0].numpy()
        before = self.scaled_state[0].times(first, tame(first)).floats()
        cell = self.network.cell
        ends = np.cumsum(cell.state_widths(self.trace.units))[:-1]
        return {part: value for (part, _), value in zip(cell.state, np.split(before, ends), strict=True)}

    @property
    def jacobians(self) -> Float[np.ndarray, "time state state"]:
        """d state_t / d state_{t-1}, computed when asked for. Shape (time, state, state)."""
        backwards = [steps.jacobians().numpy() for _, steps in self.replay(len(self.tokens) - 1)]
        return np.concatenate(backwards[::-1])

    def replay(self, last: int | None = None) -> Iterator[tuple[slice, Steps]]:
        """The steps up to `last`, by default the last that the loss reads, backwards in chunks of bounded size."""
        replay = _Replay(self.network, self.trace, self.detached)
        for span in chunks(self.last if last is None else last, replay.states.shape[1]):
            yield span, replay.steps(span)

    def singular_values(self, lag: int) -> Float[np.ndarray, " state"]:
        """All singular values of d state_T / d state_{T-lag}, largest first, T being the last step that the loss reads.

        What is out of a float's range is 0 or infinite.

        Raises:
            ValueError: as `memviz.gradients.log10_singular_values` does, which gives every lag at any size.
        """
        from memviz.gradients.lags import log10_singular_values  # only here: that module is built on this one

        with np.errstate(over="ignore"):
            values: Float[np.ndarray, " state"] = 10.0 ** log10_singular_values(self, lag)[lag]
        return values

    def backwards(self) -> Iterator[tuple[slice, Float[np.ndarray, "time state state"]]]:
        """The Jacobians up to the last step that the loss reads, backwards in chunks; a small run keeps them."""
        kept = self.__dict__.get("_jacobians")
        if kept is None:
            width = self.scaled_state.mantissa.shape[1]
            chunks_of = ((span, steps.jacobians().numpy()) for span, steps in self.replay())
            if (self.last + 1) * width**2 > _MOST_KEPT:
                yield from chunks_of
                return
            kept = self.__dict__["_jacobians"] = list(chunks_of)
        yield from kept

    def norms(self, name: str) -> Float[np.ndarray, " time"]:
        """The Euclidean norm over units of the gradient of a signal, such as "hidden" or "forget_pre"."""
        values = self.scaled[name]
        top = values.top()
        relative = np.sqrt((values.over(top) ** 2).sum(axis=1))
        return Scaled.of(relative, top[:, 0]).floats()

    def log10_norms(self, name: str) -> Float[np.ndarray, " time"]:
        """log10 of the norm over units, also where the norm itself is out of a float's range; an exact zero is -inf."""
        return self.scaled[name].log10_norms()

    def log10(self, name: str) -> Array:
        """log10 of the magnitude of the gradient of a signal, unit by unit; an exact zero is -inf."""
        return self.scaled[name].log10()

    def to_frame(self) -> Any:
        """A tidy pandas DataFrame with the columns timestep, token, signal, norm and log10 of the norm."""
        import pandas as pd  # only here: the engine runs without it

        frames = [
            pd.DataFrame(
                {
                    "timestep": range(len(self.tokens)),
                    "token": self.tokens,
                    "signal": name,
                    "norm": self.norms(name),
                    "log10_norm": self.log10_norms(name),
                }
            )
            for name in self.scaled
        ]
        return pd.concat(frames, ignore_index=True)


def gradient_flow(
    network: Network,
    inputs: Inputs | Trace,
    loss: Loss = _SUM_OF_LAST,
    *,
    detached: bool = False,
    interventions: Iterable[Intervention] = (),
) -> GradientFlow:
    """The gradient of a loss with respect to every state and pre-activation at every step.

    Args:
        network: the network.
        inputs: a Sequence, numbers (time, features), or a Trace of this network.
        loss: by default the sum of the last hidden state.
        detached: whether gates and candidate see the state as a constant, the truncation of 1997: then what is left of
            the flow is the direct path, the product of the forget gates (of a GRU's update gates).
        interventions: what is changed in the run, as `record` takes it; a trace brings its own.

    Raises:
        ValueError: if the loss does not fit the run, a trace is of another network or was recorded with other
            interventions than those given, or as `record` does.
    """
    trace = _recorded(network, inputs, tuple(interventions))
    trace.check_is_of(network)
    direct = loss.direct(trace["hidden"])
    adjoint, signals = _run_back(network, trace, direct, detached)
    return GradientFlow(loss, trace.tokens, direct, adjoint, signals, network, trace, detached)


def _recorded(network: Network, inputs: Inputs | Trace, interventions: tuple[Intervention, ...]) -> Trace:
    if not isinstance(inputs, Trace):
        return record(network, inputs, interventions=interventions)
    if interventions and interventions != inputs.interventions:
        raise ValueError(
            f"A trace brings its own interventions; got one that was recorded with {len(inputs.interventions)}, "
            "and others beside it."
        )
    return inputs


def _run_back(
    network: Network, trace: Trace, direct: Array, detached: bool
) -> tuple[Scaled, dict[str, Scaled]]:
    """The adjoint of the state, lambda_{t-1} += J_t^T lambda_t from the end, and the gradients by all signals."""
    replay = _Replay(network, trace, detached)
    width = replay.states.shape[1]
    padding = np.zeros((len(trace), width - trace.units))
    adjoint = Scaled.of(np.concatenate([direct, padding], axis=1))  # h is the first part of every state
    names = differentiated(network.cell)
    signals = Scaled.zeros(len(names), *direct.shape)
    read = np.flatnonzero(direct.any(axis=1))
    if read.size == 0:  # such as a squared error that is met exactly
        return adjoint, {name: signals[k] for k, name in enumerate(names)}

    for span in chunks(int(read[-1]), width):  # nothing after the loss can change it
        steps = replay.steps(span)
        _check_replay(steps, trace["hidden"][span])
        carry_back(adjoint, direct, steps.jacobians().numpy(), span)
        signals[:, span] = gradients_by(steps, names, adjoint[span])
    return adjoint, {name: signals[k] for k, name in enumerate(names)}


_BAND = 400
"""Bits between the largest and the smallest number of a row that go through one backward pass."""


def gradients_by(steps: Steps, names: list[str], adjoint: Scaled) -> Scaled:
    """The total derivative by each signal, (signal, ..., unit): every later step is in the adjoint.

    A pass works in floats relative to the largest number of each timestep; what is too small beside it for that
    goes through a pass of its own.
    """
    found: Scaled | None = None
    while True:
        top = adjoint.top()
        near = adjoint.exponent >= top - _BAND
        relative = np.where(near, adjoint.over(top), 0.0)
        together = torch.stack(steps.gradients(names, torch.from_numpy(relative)))
        gradients = Scaled.of(together.numpy(), top)
        found = gradients if found is None else found + gradients
        rest = ~near & (adjoint.mantissa != 0)
        if not rest.any():
            return found
        adjoint = Scaled.of(np.where(rest, adjoint.mantissa, 0.0), adjoint.exponent)


class _Replay:
    """The steps of a run again, each from its known state and with its interventions, differentiable."""

    def __init__(self, network: Network, trace: Trace, detached: bool) -> None:
        self._network, self._detached = network, detached
        self.states: Float[Tensor, "time state"] = torch.from_numpy(trace.state_before())
        self._values: Float[Tensor, "time features"] = torch.tensor(trace.inputs)
        self._plan: Plan = trace.plan()
        self._is_reset = self._plan.is_reset()

    def steps(self, span: slice) -> Steps:
        """Some of them, as one batch."""
        cell, parameters = self._network.cell, self._network.parameters
        tap = self._plan.tap(self._plan.rows(span)) if self._plan.has_taps else identity
        states, values, is_reset = self.states[span], self._values[span], self._is_reset[span]
        return Steps(cell, parameters, states, values, self._detached, tap, is_reset)


def _check_replay(steps: Steps, hidden: Array) -> None:
    """A trace of another network would give a wrong gradient in silence."""
    replayed = steps.signals.hidden.detach().numpy()
    if not np.abs(replayed - hidden).max() <= _REPLAY_TOLERANCE * max(1.0, np.abs(hidden).max()):
        raise ValueError("The trace was recorded from another network than the one given.")
