"""The interventions: frozen values on a signal, some of its units and some timesteps.

`units` and `steps` are whole numbers from 0, in any order, or None for all; they are kept in ascending order, each
once, so that interventions that mean the same are equal.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from jaxtyping import Float

MOST_INDEX = 99_999
"""The largest timestep or unit that can be named."""
_SIGNAL = re.compile(r"[a-z][a-z0-9_]{0,40}")


@dataclass(frozen=True)
class Clamp:
    """Hold a signal at a number.

    Attributes:
        signal: its name in the trace, such as "forget", "cell" or "candidate_pre".
        value: the number.
        units: which units; None is all.
        steps: which timesteps; None is all.

    Raises:
        ValueError: if a part breaks its rule; the message states it and what arrived.
    """

    signal: str
    value: int | float
    units: Sequence[int] | None = None
    steps: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _settle(self, value=_number)


@dataclass(frozen=True)
class Scale:
    """Multiply a signal by a factor; see `Clamp` for the other parts."""

    signal: str
    factor: int | float
    units: Sequence[int] | None = None
    steps: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _settle(self, factor=_number)


@dataclass(frozen=True)
class Add:
    """Add a number to a signal; see `Clamp` for the other parts."""

    signal: str
    amount: int | float
    units: Sequence[int] | None = None
    steps: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _settle(self, amount=_number)


@dataclass(frozen=True)
class Ablate:
    """Hold a signal at zero; see `Clamp` for the parts."""

    signal: str
    units: Sequence[int] | None = None
    steps: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _settle(self)


@dataclass(frozen=True)
class Freeze:
    """Hold a signal at its own value of an earlier step, as that step left it after all interventions.

    The value is a constant: no gradient goes back to the step that it is from.

    Attributes:
        signal: its name in the trace.
        at: the step whose value is held.
        units: which units; None is all.
        steps: which timesteps, all later than `at`; None is every later one.

    Raises:
        ValueError: if a part breaks its rule; the message states it and what arrived.
    """

    signal: str
    at: int
    units: Sequence[int] | None = None
    steps: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _settle(self, at=_step)
        if self.steps is not None and self.steps[0] <= self.at:
            raise ValueError(
                f"A freeze holds a value of an earlier step: from step {self.at} it can be held from step "
                f"{self.at + 1} on; got step {self.steps[0]}."
            )


@dataclass(frozen=True, eq=False)
class Patch:
    """Put values of another run in the place of a signal's own; they are constants.

    Attributes:
        signal: its name in the trace.
        values: such as another trace's `trace["cell"]`, (time, unit); step t takes row t. Copied and read-only.
        units: which units; None is all.
        steps: which timesteps; None is all.

    Raises:
        ValueError: if a part breaks its rule; the message states it and what arrived.
    """

    signal: str
    values: Float[np.ndarray, "time unit"]
    units: Sequence[int] | None = None
    steps: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _settle(self, values=lambda _, value: rows_of(value))

    def __reduce__(self) -> tuple[type["Patch"], tuple[object, ...]]:
        """Pickled and copied through its constructor, so that its array comes back read-only."""
        return Patch, (self.signal, self.values, self.units, self.steps)

    def _key(self) -> tuple[object, ...]:
        return self.signal, self.values.shape, self.values.tobytes(), self.units, self.steps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patch) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


@dataclass(frozen=True)
class Detach:
    """Leave a signal's values alone and cut the gradient that goes back through it; see `Clamp` for the parts."""

    signal: str
    units: Sequence[int] | None = None
    steps: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _settle(self)


@dataclass(frozen=True)
class Reset:
    """Set the whole state to zero before some steps, as at the beginning of a new document; no gradient crosses.

    Attributes:
        steps: before which timesteps; None is before each.

    Raises:
        ValueError: if the steps break their rule; the message states it and what arrived.
    """

    steps: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _settle(self)


Intervention = Clamp | Scale | Add | Ablate | Freeze | Patch | Detach | Reset
KINDS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Clamp, Scale, Add, Ablate, Freeze, Patch, Detach, Reset)
}
"""Every kind of intervention by the name that is written in addresses and files."""
HOLDS = (Clamp, Ablate, Freeze, Patch)
"""The kinds that replace a value: two of them cannot act on the same number."""


def rows_of(value: object) -> Float[np.ndarray, "time unit"]:
    """The values of a patch as a read-only copy.

    Raises:
        ValueError: if they are no finite numbers (time, unit).
    """
    rule = "A patch has finite numbers (time, unit), a row for each timestep"
    try:
        rows = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{rule}; got {shown(value)}.") from error
    if rows.ndim != 2 or 0 in rows.shape:
        raise ValueError(f"{rule}; got the shape {rows.shape}.")
    if not np.isfinite(rows).all():
        raise ValueError(f"{rule}; got NaN or infinity.")
    rows.setflags(write=False)
    return rows


def _settle(intervention: Any, **rules: Callable[[str, Any], object]) -> None:
    """Check each part of an intervention and keep it in its normal form."""
    rules = {"signal": _name, "units": _indexes, "steps": _indexes} | rules
    for name, rule in rules.items():
        if hasattr(intervention, name):
            object.__setattr__(intervention, name, rule(name, getattr(intervention, name)))


def _name(_: str, value: object) -> str:
    if isinstance(value, str) and _SIGNAL.fullmatch(value):
        return value
    raise ValueError(f"A signal is named as in a trace, such as forget or cell; got {shown(value)}.")


def _number(name: str, value: object) -> float:
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise ValueError(f"The {name} of an intervention is a finite number; got {shown(value)}.")


def _step(_: str, value: object) -> int:
    if _is_index(value):
        return int(value)
    raise ValueError(
        f"A freeze is at a timestep, a whole number from 0 to {MOST_INDEX:,}; got {shown(value)}."
    )


def _indexes(name: str, value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    rule = f"The {name} of an intervention are one or more whole numbers from 0 to {MOST_INDEX:,}, or None"
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError(f"{rule}; got {shown(value)}.")
    # The ends of a range say all of it, however long it is.
    found = [value[0], value[-1]] if isinstance(value, range) and value else list(value)
    for index in found:
        if not _is_index(index):
            raise ValueError(f"{rule}; got {shown(index)}.")
    if not found:
        raise ValueError(f"{rule}; got none.")
    return tuple(sorted(value)) if isinstance(value, range) else tuple(sorted({int(i) for i in found}))


def _is_index(value: object) -> TypeGuard[int]:
    return (
        isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= int(value) <= MOST_INDEX
    )


def shown(value: object) -> str:
    """What arrived, in at most 40 visible characters."""
    try:
        text = ascii(value) if isinstance(value, str) else str(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= 40 else f"{text[:39]}…"
