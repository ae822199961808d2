"""Interventions as the tap of a step: which numbers of which signal at which timestep become what.

Masks and constants are tensors (time, unit). One timestep of them goes through a step, or a span of them through a
batch of steps, or each row by itself under vmap. A mask chooses with `torch.where`, so that what is not touched, or is
held at its own value, stays the same to the bit.
"""

from collections.abc import Callable, Iterable, Iterator
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


def _scale(mask: Tensor, constant: Tensor, value: Tensor) -> Tensor:
    return torch.where(mask, value * constant, value)


def _add(mask: Tensor, constant: Tensor, value: Tensor) -> Tensor:
    return torch.where(mask, value + constant, value)


def _detach(mask: Tensor, constant: Tensor, value: Tensor) -> Tensor:
    return torch.where(mask, value.detach(), value)


class _Op(NamedTuple):
    """What one intervention does.

    Attributes:
        act: what becomes of a value.
        mask: where it acts: some units, the same at each of its steps.
        constant: its numbers, the same at each of its steps unless it is a patch; of a freeze for each network.
        steps: the timesteps at which it acts.
        slope: d what it gives back / d what it was given, where it acts.
        frozen_at: the step whose value its constant waits for.
        is_patch: whether its constant differs from step to step.
    """

    act: Act
    mask: Bool[Tensor, "time unit"]
    constant: Float[Tensor, "*networks time unit"]
    steps: list[int]
    slope: float
    frozen_at: int | None = None
    is_patch: bool = False


class Plan:
    """The interventions of one run, or of the runs of several networks as one batch, which `check` has let through.

    Of several networks each freezes its own value: those constants are (network, time, unit).

    Attributes:
        resets: the timesteps before which the state is set to zero.
        has_taps: whether any signal is touched.
        cuts: whether a gradient is cut where values stay, which no central difference can see.
    """

    def __init__(
        self, interventions: Iterable[Intervention], units: int, time: int, networks: int | None = None
    ) -> None:
        self._time, self._units = time, units
        self._ops: dict[str, list[_Op]] = {}
        resets: set[int] = set()
        self.cuts = False
        with torch.inference_mode(False):  # a tensor made in inference mode can never be differentiated
            for intervention in interventions:
                if isinstance(intervention, Reset):
                    resets |= set(steps_of(intervention, time))
                    continue
                self._ops.setdefault(intervention.signal, []).append(
                    _op(intervention, units, time, () if networks is None else (networks,))
                )
                self.cuts |= isinstance(intervention, Detach)
        self.resets = frozenset(resets)
        self.has_taps = bool(self._ops)
        self._acts = {name: [op.act for op in ops] for name, ops in self._ops.items()}
        self._noted: dict[str, list[Tensor]] = {name: [] for name in self._ops}
        self._awaited = {op.frozen_at for ops in self._ops.values() for op in ops} - {None}

    def settle(self, timestep: int, signals: Any) -> None:
        """Tell the freezes what a step left, by name (unit,), or of several networks (network, 1, unit)."""
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
        """The tap of each timestep, to be called step after step; None where nothing is touched."""
        acting: list[list[tuple[str, _Op]]] = [[] for _ in range(self._time)]
        for name, ops in self._ops.items():
            for op in ops:
                for t in op.steps:
                    acting[t].append((name, op))
        shared: dict[tuple[int, ...], Tap] = {}  # most steps are touched alike: they share one tap
        self._noted = {name: [] for name in self._ops}
        return [
            _step_tap(t, ops_of_step, shared, self._noted) if ops_of_step else None
            for t, ops_of_step in enumerate(acting)
        ]

    def made(self) -> Iterator[tuple[str, list[int], Float[np.ndarray, "step unit"]]]:
        """Each signal with the steps at which the taps of `taps` acted on it, and what those had made of it before."""
        if not self._noted:
            return
        rows = (
            torch.cat([row for noted in self._noted.values() for row in noted]).view(-1, self._units).numpy()
        )
        for name, ops in self._ops.items():
            steps = ops[0].steps if len(ops) == 1 else sorted({t for op in ops for t in op.steps})
            yield name, steps, rows[: len(steps)]
            rows = rows[len(steps) :]

    def rows(self, span: slice) -> Rows:
        """The masks and constants of some timesteps, as inputs of a batch of steps, or of vmap."""
        return {
            name: [(op.mask[span], op.constant[..., span, :]) for op in ops]
            for name, ops in self._ops.items()
        }

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

    def touches(self, name: str) -> bool:
        """Whether a signal is touched anywhere."""
        return name in self._ops

    def slopes(self, name: str) -> Float[np.ndarray, "time unit"]:
        """d what the tap gives back / d what the step made, for one signal: 1 where it is not touched."""
        slopes = np.ones((self._time, self._units))
        for op in self._ops.get(name, []):
            slopes = np.where(op.mask.numpy(), slopes * op.slope, slopes)
        return slopes


class _Tap:
    """What becomes of each signal; `touched` spares a step the calls that would change nothing.

    `noted` keeps each value that is going to be changed.
    """

    __slots__ = ("_by_name", "_noted", "touched")

    def __init__(
        self,
        by_name: dict[str, list[tuple[Act, Tensor, Tensor]]],
        noted: dict[str, list[Tensor]] | None = None,
    ) -> None:
        self._by_name, self._noted = by_name, noted
        self.touched = frozenset(by_name)

    def __call__(self, name: str, value: Tensor) -> Tensor:
        if name not in self._by_name:
            return value
        if self._noted is not None:
            self._noted[name].append(value)
        for act, mask, constant in self._by_name[name]:
            value = act(mask, constant, value)
        return value


def _step_tap(
    timestep: int,
    acting: list[tuple[str, _Op]],
    shared: dict[tuple[int, ...], Tap],
    noted: dict[str, list[Tensor]],
) -> Tap:
    """The tap of one timestep, made once for all steps at which the same acts with the same constants."""
    patched = timestep if any(op.is_patch for _, op in acting) else -1
    key = (patched, *(id(op) for _, op in acting))
    if key not in shared:
        by_name: dict[str, list[tuple[Act, Tensor, Tensor]]] = {}
        for name, op in acting:
            by_name.setdefault(name, []).append((op.act, op.mask[timestep], op.constant[timestep]))
        shared[key] = _Tap(by_name, noted)
    return shared[key]


def _op(intervention: Intervention, units: int, time: int, networks: tuple[int, ...]) -> _Op:
    mask = torch.from_numpy(mask_of(intervention, units, time))
    steps = steps_of(intervention, time)

    def every(number: float) -> Tensor:  # one number in memory, however long the run
        return torch.tensor(number, dtype=torch.float64).expand(time, units)

    match intervention:
        case Scale():
            return _Op(_scale, mask, every(intervention.factor), steps, intervention.factor)
        case Add():
            return _Op(_add, mask, every(intervention.amount), steps, 1.0)
        case Detach():
            return _Op(_detach, mask, every(0.0), steps, 0.0)
        case Clamp():
            return _Op(torch.where, mask, every(intervention.value), steps, 0.0)
        case Freeze():
            held = every(0.0).repeat(*networks, 1, 1)
            return _Op(torch.where, mask, held, steps, 0.0, frozen_at=intervention.at)
        case Patch():
            rows, given = every(0.0).clone(), intervention.values[:time]
            rows[: len(given)] = torch.tensor(given)
            return _Op(torch.where, mask, rows, steps, 0.0, is_patch=True)
    return _Op(torch.where, mask, every(0.0), steps, 0.0)
