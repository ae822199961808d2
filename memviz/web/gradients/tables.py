"""The numbers of each panel as a table; log10 where a number may be out of a float's range."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from memviz.gradients import (
    Check,
    Curve,
    GradientFlow,
    Horizon,
    MemoryProducts,
    Sources,
    Split,
    WeightContributions,
)
from memviz.theme import number
from memviz.trace import Array


def reach(curves: Sequence[Curve], labels: Sequence[str], seed: int, last: int) -> pd.DataFrame:
    """log10 |dL/ds_t| of each network and seed."""
    frames = [
        pd.DataFrame(
            {
                "lag": last - np.arange(last + 1),
                "timestep": np.arange(last + 1),
                "network": label,
                "seed": seed + row,
                "log10 |dL/dc|, or |dL/dh| without c": curve.memory[row, : last + 1],
                "log10 |dL/dh|": curve.hidden[row, : last + 1],
            }
        )
        for curve, label in zip(curves, labels, strict=True)
        for row in range(len(curve.memory))
    ]
    return pd.concat(frames, ignore_index=True)


def summary(curves: Sequence[Curve], labels: Sequence[str], last: int) -> pd.DataFrame:
    """What is left of the gradient at the first step: mean and standard deviation over seeds of its log10."""
    rows: list[dict[str, Any]] = []
    for curve, label in zip(curves, labels, strict=True):
        for state in ("c", "h") if curve.has_cell else ("h",):
            reach = curve.reach(last, "memory" if state == "c" else "hidden")
            with np.errstate(invalid="ignore"):
                mean, deviation = (
                    float(np.mean(reach)),
                    float(np.std(reach, ddof=1)) if len(reach) > 1 else None,
                )
            rows.append(
                {
                    "network": label,
                    "s": state,
                    "seeds": len(reach),
                    "mean of log10 (|dL/ds| first / loss's step)": number(mean),
                    "standard deviation": "" if deviation is None else number(deviation),
                }
            )
    return pd.DataFrame(rows)


def norms(flow: GradientFlow) -> pd.DataFrame:
    """log10 of the norms of all signals' gradients, and the loss's own term."""
    with np.errstate(divide="ignore"):
        direct = np.log10(np.linalg.norm(flow.direct, axis=1))
    columns = {f"log10 |dL/d {name}|": flow.log10_norms(name) for name in flow.scaled}
    return _steps(flow, columns | {"log10 |dL_t/dh_t|, the loss's own": direct})


def units(flow: GradientFlow, name: str) -> pd.DataFrame:
    """log10 of the gradient of a signal by each unit."""
    return _steps(flow, {f"log10 |dL/d {name}|, unit {u}": row for u, row in enumerate(flow.log10(name).T)})


def gates(flow: GradientFlow, slopes: dict[str, Array]) -> pd.DataFrame:
    """|dL/da| and the mean slope of each gate."""
    columns = {}
    for name, slope in slopes.items():
        columns[f"log10 |dL/da {name}|"] = flow.log10_norms(f"{name}_pre")
        columns[f"saturation factor {name}, mean"] = slope.mean(axis=1)
    return _steps(flow, columns)


def paths(flow: GradientFlow, split: Split) -> pd.DataFrame:
    """The shares of the paths, and each part and the total by unit, over 2^exponent."""
    columns: dict[str, Any] = {f"share {name}": share for name, share in split.shares().items()}
    columns["exponent"] = split.exponent
    for name, part in (*split.parts.items(), ("total", split.total)):
        columns |= {f"{name}, unit {unit}, / 2^exponent": row for unit, row in enumerate(part.T)}
    return _steps(flow, columns)


def products(found: MemoryProducts) -> pd.DataFrame:
    """The product of the gates, the whole derivative and the rest."""
    return pd.DataFrame(
        {
            "lag": found.lags,
            "log10 whole derivative": found.log10_full,
            "log10 product of gates": found.log10_direct,
            "log10 through the gates": found.log10_through,
        }
    )


def singular_values(logs: Array) -> pd.DataFrame:
    """log10 of all singular values by lag."""
    return pd.DataFrame(
        {"lag": range(len(logs))}
        | {f"log10 singular value {k + 1}": column for k, column in enumerate(logs.T)}
    )


def contributions(flow: GradientFlow, found: WeightContributions) -> pd.DataFrame:
    """What each timestep adds to the weight gradient."""
    columns = {"log10 norm": found.log10_norms, "cosine with the total": found.cosines, "share": found.shares}
    return _steps(flow, columns)


def inputs(flow: GradientFlow) -> pd.DataFrame:
    """|dL/dx_t|."""
    return _steps(flow, {"log10 |dL/dx|": flow.inputs.log10_norms()})


def lives(flow: GradientFlow, found: Array) -> pd.DataFrame:
    """The half-life of each unit at each step, in steps."""
    return _steps(flow, {f"half-life, unit {unit}": row for unit, row in enumerate(found.T)})


def horizon(found: Horizon) -> pd.DataFrame:
    """The measured effect of moving an input."""
    return pd.DataFrame({"lag": found.lags, "effect on the memory of moving x by 1": found.effects})


def sources(flow: GradientFlow, found: Sources) -> pd.DataFrame:
    """log10 |dL_tau/dh_t| by source."""
    pairs = zip(found.timesteps, found.log10_norms, strict=True)
    return _steps(flow, {f"log10, loss of step {tau}": row for tau, row in pairs})


def powers(rates: Sequence[float], logs: Array) -> pd.DataFrame:
    """r^n."""
    pairs = zip(rates, logs, strict=True)
    return pd.DataFrame({"n": range(logs.shape[1])} | {f"log10 of {rate:g}^n": row for rate, row in pairs})


def sigmoids(x: Any, values: Array, slopes: Array) -> pd.DataFrame:
    """sigma applied n times, and its slope."""
    columns: dict[str, Any] = {"x": x}
    for n, (value, slope) in enumerate(zip(values, slopes, strict=True), start=1):
        columns |= {f"applied {n} times": value, f"slope, {n} times": slope}
    return pd.DataFrame(columns)


def check(found: Check) -> pd.DataFrame:
    """One number in three ways."""
    unseen = f"too small for a difference (below {number(10 * found.resolution, 1)})"
    missing = "not where a gradient is cut"
    error = found.difference_error
    return pd.DataFrame(
        {
            "computed by": ["product of Jacobians", "autograd", "central difference"],
            "value": [
                number(found.jacobians, 12),
                number(found.autograd, 12),
                missing if found.difference is None else number(found.difference, 12),
            ],
            "relative error": [
                "",
                number(found.autograd_error, 2),
                "" if found.difference is None else unseen if error is None else number(error, 2),
            ],
        }
    )


def _steps(flow: GradientFlow, columns: dict[str, Any]) -> pd.DataFrame:
    time = len(flow.tokens)
    steps = {"timestep": range(time), "lag": flow.last - np.arange(time), "token": flow.tokens}
    return pd.DataFrame(steps | columns)
