"""Interventions as the tap of a step: which numbers of which signal at which timestep become what.

Masks and constants are tensors (time, unit). One timestep of them goes through a step, or a span of them through a
batch of steps, or each row by itself under vmap. A mask chooses with `torch.where`, so that what is not touched, or is
held at its own value, stays the same to the bit.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from memviz.interventions.rules import mask_of, steps_of
from memviz.interventions.values import Add, Clamp, Detach, Freeze, Intervention, Patch, Reset, Scale

Tap = Callable[[str, Tensor], Tensor]
Act = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A mask, a constant and a value: what becomes of the value."""
Rows = dict[str, list[tuple[Tensor, Tensor]]]
"""The masks and constants of each signal, some or one of their timesteps."""


def _hold(mask: Tensor, constant: Tensor, value: Tensor) -> Tensor:
    return torch.where(mask, constant, value)


def _scale(mask: Tensor, constant: Tensor, value: Tensor) -> Tensor:
    return torch.where(mask, value * constant, value)


def _add(mask: Tensor, constant: Tensor, value: Tensor) -> Tensor:
    return torch.where(mask, value + constant, value)


def _detach(mask: Tensor, constant: Tensor, value: Tensor) -> Tensor:
    return torch.where(mask, value.detach(), value)


class _Op(NamedTuple):
    """What one intervention does: `frozen_at` is the step whose value its constant waits for."""

    act: Act
    mask: Bool[Tensor, "time unit"]
    constant: Float[Tensor, "time unit"]
    slope: float
    frozen_at: int | None


class Plan:
    """The interventions of one run, which `check` has let through.

    Attributes:
        resets: the timesteps before which the state is set to zero.
        has_taps: whether any signal is touched.
        cuts: whether a gradient is cut where values stay, which no central difference can see.
    """

    def __init__(self, interventions: Iterable[Intervention], units: int, time: int) -> None:
        self._time, self._units = time, units
        self._ops: dict[str, list[_Op]] = {}
        resets: set[int] = set()
        self.cuts = False
        with torch.inference_mode(False):  # a tensor made in inference mode can never be differentiated
            for intervention in interventions:
                if isinstance(intervention, Reset):
                    resets |= set(steps_of(intervention, time))
                    continue
                self._ops.setdefault(intervention.signal, []).append(_op(intervention, units, time))
                self.cuts |= isinstance(intervention, Detach)
        self.resets = frozenset(resets)
        self.has_taps = bool(self._ops)
        self._acts = {name: [op.act for op in ops] for name, ops in self._ops.items()}
        self._awaited = {op.frozen_at for ops in self._ops.values() for op in ops} - {None}

    def settle(self, timestep: int, signals: Any) -> None:
        """Tell the freezes what a step left, each signal (unit,) by its name."""
        if timestep in self._awaited:
            self._settle(lambda name, at: getattr(signals, name) if at == timestep else None)

    def settle_all(self, read: Callable[[str, int], Float[Tensor, " unit"]]) -> None:
        """Tell the freezes what a whole run left; `read` gives a signal after a step, (unit,)."""
        self._settle(read)

    def _settle(self, read: Callable[[str, int], Float[Tensor, " unit"] | None]) -> None:
        for name, ops in self._ops.items():
            for op in ops:
                if op.frozen_at is not None and (value := read(name, op.frozen_at)) is not None:
                    op.constant.copy_(value)

    def taps(self) -> list[Tap | None]:
        """The tap of each timestep; None where nothing is touched."""
        steps: list[dict[str, list[tuple[Act, Tensor, Tensor]]]] = [{} for _ in range(self._time)]
        for name, ops in self._ops.items():
            for op in ops:
                masks, constants = op.mask.unbind(), op.constant.unbind()
                for t in op.mask.any(1).nonzero()[:, 0].tolist():
                    steps[t].setdefault(name, []).append((op.act, masks[t], constants[t]))
        return [_Tap(of_step) if of_step else None for of_step in steps]

    def rows(self, span: slice) -> Rows:
        """The masks and constants of some timesteps, as inputs of a batch of steps, or of vmap."""
        return {name: [(op.mask[span], op.constant[span]) for op in ops] for name, ops in self._ops.items()}

    def tap(self, rows: Rows) -> Tap:
        """The tap that goes with `rows`, or with one of them."""
        return _Tap(
            {
                name: [(act, *row) for act, row in zip(self._acts[name], of_signal, strict=True)]
                for name, of_signal in rows.items()
            }
        )

    def is_reset(self) -> Bool[np.ndarray, " time"]:
        """Whether the state is set to zero before each step."""
        flags = np.zeros(self._time, bool)
        flags[list(self.resets)] = True
        return flags

    def slopes(self, name: str) -> Float[np.ndarray, "time unit"]:
        """d what the tap gives back / d what the step made, for one signal: 1 where it is not touched."""
        slopes = np.ones((self._time, self._units))
        for op in self._ops.get(name, []):
            slopes = np.where(op.mask.numpy(), slopes * op.slope, slopes)
        return slopes


class _Tap:
    """What becomes of each signal; `touched` spares a step the calls that would change nothing."""

    __slots__ = ("_by_name", "touched")

    def __init__(self, by_name: dict[str, list[tuple[Act, Tensor, Tensor]]]) -> None:
        self._by_name = by_name
        self.touched = frozenset(by_name)

    def __call__(self, name: str, value: Tensor) -> Tensor:
        if name in self._by_name:
            for act, mask, constant in self._by_name[name]:
                value = act(mask, constant, value)
        return value


def _op(intervention: Intervention, units: int, time: int) -> _Op:
    mask = torch.from_numpy(mask_of(intervention, units, time))
    constant = torch.zeros(time, units, dtype=torch.float64)
    if isinstance(intervention, Scale):
        constant += intervention.factor
        return _Op(_scale, mask, constant, intervention.factor, None)
    if isinstance(intervention, Add):
        constant += intervention.amount
        return _Op(_add, mask, constant, 1.0, None)
    if isinstance(intervention, Detach):
        return _Op(_detach, mask, constant, 0.0, None)
    if isinstance(intervention, Clamp):
        constant += intervention.value
    if isinstance(intervention, Patch):
        given = intervention.values[:time]
        constant[: len(given)] = torch.tensor(given)
    frozen_at = intervention.at if isinstance(intervention, Freeze) else None
    return _Op(_hold, mask, constant, 0.0, frozen_at)
