"""The figures of a page: drawn for light and for dark, each with its words and its table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from memviz.figures import Figure, gradient_lines, norm_lines, state_lines
from memviz.figures.payload import payload, table_payload
from memviz.findings import gradient_finding, recorded_finding, states_finding
from memviz.gradients import GradientFlow
from memviz.trace import Array, Trace


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure of a page.

    Attributes:
        name: what its tools and its files are called by.
        alt: what it shows in words.
        light: the figure on a light ground.
        dark: the same on a dark one.
        table: a DataFrame of its numbers.
    """

    name: str
    alt: str
    light: Figure
    dark: Figure
    table: Any

    def to_data(self) -> dict[str, Any]:
        """As the page's script reads it: numbers packed, the table as texts."""
        drawn = {
            scheme: json.loads(payload(figure, self.name, self.alt))["figure"]
            for scheme, figure in (("light", self.light), ("dark", self.dark))
        }
        return {"name": self.name, "alt": self.alt, "table": table_payload(self.table), **drawn}


def state_chart(trace: Trace, units: Sequence[int]) -> Chart:
    """The cell state and the hidden state of some units over time."""
    title = states_finding(trace, units)
    light, dark = (state_lines(trace, units, title, is_dark) for is_dark in (False, True))
    frame = trace.to_frame([name for name in ("cell", "hidden") if name in trace.names])
    alt = f"Lines over time for units {', '.join(map(str, units))}. {title}."
    return Chart("states", alt, light, dark, frame[frame["unit"].isin(list(units))])


def recorded_chart(gradients: Mapping[str, Array], trace: Trace) -> Chart:
    """The norms of recorded gradients of somebody's own loss: of dL/da by gate, of dL/dc and of dL/dh."""
    by = {name: f"{name}_pre" for name in trace.cell.pre_activations if name != "hidden"}
    norms = {by.get(name, name): np.linalg.norm(values, axis=1) for name, values in gradients.items()}
    norms = {name: norms[name] for name in ("hidden", "cell", *by.values()) if name in norms}
    with np.errstate(divide="ignore"):
        logs = {name: np.log10(values) for name, values in norms.items()}
    title, family = recorded_finding(norms), trace.cell.family
    light, dark = (norm_lines(trace.tokens, logs, family, title, is_dark) for is_dark in (False, True))
    frame = pd.DataFrame({"timestep": range(len(trace)), "token": trace.tokens, **norms})
    alt = f"Norms over time on a log axis of the recorded gradient. {title}"
    return Chart("gradients", alt, light, dark, frame)


def gradient_chart(flow: GradientFlow) -> Chart:
    """The norms of the gradients by the states and the gates over time."""
    title, family = gradient_finding(flow), flow.trace.cell.family
    light, dark = (gradient_lines(flow, family, title, is_dark) for is_dark in (False, True))
    alt = f"Gradient norms over time on a log axis. {title}"
    return Chart("gradients", alt, light, dark, flow.to_frame())
