"""The numbers of a comparison as tables: what differs, the parameters, a step, and everything."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from memviz.comparison import Comparison, Difference, compare
from memviz.findings.compare import TOLERANCE, Contender, shown_signals
from memviz.gradients import half_lives, memory_of
from memviz.stage.multiples import ROLES, part_of
from memviz.theme import look, number, power_of_ten
from memviz.web.compare.sides import Side
from memviz.web.compare.words import own_settings

_NONE = "none"


def differences(sides: Sequence[Side], contenders: Sequence[Contender]) -> dict[str, list[str]]:
    """What differs as it is shown: by the name of each row a text for each side."""
    columns = [
        _column(side, contender, contenders[0]) for side, contender in zip(sides, contenders, strict=True)
    ]
    return {name: [column[name] for column in columns] for name in columns[0]}


def differences_csv(sides: Sequence[Side], contenders: Sequence[Contender]) -> pd.DataFrame:
    """What differs, a row for each side, as numbers; log10 where a number may be out of a float's range."""
    return pd.DataFrame(
        [_record(side, contender, contenders[0]) for side, contender in zip(sides, contenders, strict=True)]
    )


def parameters(contenders: Sequence[Contender]) -> pd.DataFrame:
    """Each side's parameters, one by one."""
    return pd.DataFrame(
        [
            {
                "side": contender.letter,
                "cell": contender.trace.cell.title,
                "parameter": name,
                "shape": " × ".join(map(str, value.shape)),
                "numbers": value.numel(),
            }
            for contender in contenders
            for name, value in contender.flow.network.parameters.items()
        ]
    )


def step(contenders: Sequence[Contender], timestep: int) -> pd.DataFrame:
    """Every number of the panels at one step: a row for each role and unit, a column for each side."""
    rows = []
    for role in ROLES:
        parts = {contender.letter: part_of(role, contender.flow) for contender in contenders}
        for unit in range(contenders[0].trace.units):
            values = {
                letter: (
                    part.says or _NONE
                    if part.values is None
                    else _written(role.scale, part.values[timestep, unit])
                )
                for letter, part in parts.items()
            }
            rows.append({"what": role.title, "unit": unit, **values})
    return pd.DataFrame(rows)


def everything(contenders: Sequence[Contender]) -> pd.DataFrame:
    """Every number of the panels at every step, a row each."""
    frames = []
    for contender in contenders:
        trace = contender.trace
        time, units = len(trace), trace.units
        for role in ROLES:
            part = part_of(role, contender.flow)
            if part.values is None:
                continue
            frames.append(
                pd.DataFrame(
                    {
                        "side": contender.letter,
                        "label": contender.label,
                        "timestep": np.repeat(np.arange(time), units),
                        "token": np.repeat(np.array(trace.tokens, dtype=object), units),
                        "what": role.title,
                        "symbol": f"log10 {part.symbol}" if role.scale == "log" else part.symbol,
                        "unit": np.tile(np.arange(units), time),
                        "value": part.values.ravel(),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def count(contender: Contender) -> int:
    """How many numbers a side's network has to learn."""
    return sum(value.numel() for value in contender.flow.network.parameters.values())


def half_life(contender: Contender) -> float | None:
    """The median over units and steps of after how many steps half is left by the gate that keeps; None without one."""
    lives = half_lives(contender.trace)
    return None if lives is None else float(np.median(lives))


def _column(side: Side, contender: Contender, first: Contender) -> dict[str, str]:
    """A side in words and numbers."""
    trace, life = contender.trace, half_life(contender)
    found = None if contender is first else compare(first.trace, trace, tolerance=TOLERANCE)
    torch_name = trace.cell.torch_name
    symbol = contender.symbol
    return {
        "cell": trace.cell.title,
        "set for this side": ", ".join(own_settings(side)) or "nothing",
        "parameters": f"{count(contender):,}" + (f", as torch.nn.{torch_name} has" if torch_name else ""),
        f"first step that differs from {first.letter}": _first(found, trace),
        f"largest difference to {first.letter}": _largest(found, trace),
        "norm of the last h": number(float(np.linalg.norm(trace["hidden"][-1]))),
        "gradient at the first step": f"|∂L/∂{symbol}| = {power_of_ten(contender.first, 3)}",
        "half-life by what keeps, median": "no gate keeps" if life is None else f"{number(life)} steps",
    }


def _record(side: Side, contender: Contender, first: Contender) -> dict[str, Any]:
    trace = contender.trace
    found = compare(first.trace, trace, tolerance=TOLERANCE)
    largest, parting = _largest_of(found), _first_of(found)
    return {
        "side": contender.letter,
        "label": contender.label,
        "cell": side.cell,
        "set": ";".join(str(side).split(";")[1:]),
        "parameters": count(contender),
        "first_step_that_differs": None if parting is None else parting.step_b,
        "largest_difference": 0.0 if largest is None else largest.value,
        "largest_difference_signal": None if largest is None else largest.signal,
        "largest_difference_step": None if largest is None else largest.step_b,
        "largest_difference_unit": None if largest is None else largest.unit,
        "last_hidden_norm": float(np.linalg.norm(trace["hidden"][-1])),
        "memory": memory_of(trace),
        "log10_gradient_at_first_step": contender.first,
        "half_life_median": half_life(contender),
    }


def _first_of(found: Comparison) -> Difference | None:
    """The first difference of the signals that are shown."""
    parts = [part for name in shown_signals(found) if (part := found.first_of(name)) is not None]
    return min(parts, key=lambda part: part.pair, default=None)


def _largest_of(found: Comparison) -> Difference | None:
    """The largest difference of the signals that are shown."""
    parts = [part for name in shown_signals(found) if (part := found.largest_of(name)) is not None]
    return max(parts, key=lambda part: abs(part.value), default=None)


def _first(found: Comparison | None, trace: Any) -> str:
    if found is None:
        return "—"
    part = _first_of(found)
    return "none" if part is None else f"step {part.step_b}, in {_symbol(part, trace)}"


def _largest(found: Comparison | None, trace: Any) -> str:
    if found is None:
        return "—"
    part = _largest_of(found)
    if part is None:
        return "none"
    return f"{number(abs(part.value))} in {_symbol(part, trace)}, step {part.step_b}, unit {part.unit}"


def _symbol(part: Difference, trace: Any) -> str:
    return look(part.signal, trace.cell.family).symbol


def _written(scale: str, value: float) -> str:
    return power_of_ten(value, 3) if scale == "log" else number(value)
