"""What a notebook shows of a run."""

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from memviz.comparison import MEETING, Comparison, compare
from memviz.figures import MOST_UNITS
from memviz.findings import main_finding, meeting_step, what_if_finding
from memviz.gradients import GradientFlow
from memviz.network import Network
from memviz.products import products
from memviz.share.charts import gradient_chart, state_chart
from memviz.share.page import page_html
from memviz.stage.gradients import stage_gradients
from memviz.stage.payload import stage_payload
from memviz.trace import Trace

_HEIGHT = 800
"""Of the frame in pixels, until the page inside says how high it is."""
_ALIKE = 0.02
"""How far W x may be from what the trace says of it, as a share of the largest: bfloat16 has three digits."""


@dataclass(frozen=True, eq=False, repr=False)
class View:
    """A run as a page: shown below the cell of a notebook that ends with it, or saved as a file.

    Attributes:
        title: what it is of.
        html: the whole page, which needs no server and no network.
    """

    title: str
    html: str = field(repr=False)

    def __repr__(self) -> str:
        """What a terminal shows: there is no picture in it."""
        return f"<memviz: {self.title}. A notebook shows it; save('run.html') writes it as a page.>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that its styles and keys are not the notebook's."""
        return (
            f'<iframe class="memviz" title="{html.escape(f"memviz: {self.title}")}" srcdoc="{html.escape(self.html)}" '
            f'style="width: 100%; height: {_HEIGHT}px; border: 0" allow="fullscreen"></iframe>'
        )

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write the page, UTF-8, which any browser opens without a network."""
        Path(file).write_text(self.html, encoding="utf-8")


@runtime_checkable
class HasRun(Protocol):
    """What holds a run and its network, such as a layer of a recording."""

    @property
    def trace(self) -> Trace:
        """The run."""

    @property
    def network(self) -> Network:
        """What made it."""


def show(
    run: Trace | GradientFlow | Comparison | HasRun,
    network: Network | None = None,
    *,
    flow: GradientFlow | None = None,
    before: Trace | None = None,
    units: Sequence[int] | None = None,
    timestep: int = 0,
    unit: int = 0,
    title: str | None = None,
    figures: bool = True,
    dark: bool | None = None,
) -> View:
    """Show a run in a notebook: the cell as a machine, step by step, and its states and gradients over time.

    A page has at most 6 MB, 2 of which draw the figures: an LSTM of 16 units may have 3,000 timesteps and one of 64
    units 1,200; with gradients 800 and 220.

    Args:
        run: a trace; a gradient, which is shown with its run; a comparison, whose second run is shown over its first;
            or what holds a trace and its network.
        network: what made the trace; without it no gate is taken apart into its products.
        flow: a gradient of this run.
        before: another run to lay under it, step by step.
        units: the units whose states are drawn as lines, at most 6; by default the first ones.
        timestep: the step that is shown first.
        unit: the unit that is shown first.
        title: the heading.
        figures: whether there are figures; without them a page is 2 MB smaller.
        dark: the ground; None is that of the notebook.

    Raises:
        TypeError: if `run` is nothing of that.
        ValueError: if the network or the gradient is of another run, if there is no such timestep or unit, or if the
            page would be too large.
    """
    trace, network, flow, comparison = _parts(run, network, flow, before)
    chosen = list(range(min(MOST_UNITS, trace.units))) if units is None else list(units)
    _check(trace, network, flow, chosen, timestep, unit)
    second, alignment = (None, None) if comparison is None else (comparison.a, comparison.pairs)
    payload = stage_payload(network, trace, second=second, alignment=alignment)
    charts = [state_chart(trace, chosen)] if figures else []
    if flow is not None:
        payload["gradients"] = stage_gradients(flow.network, flow)
        charts += [gradient_chart(flow)] if figures else []
    heading = title or f"{trace.cell.title}, {_count(trace.units, 'unit')}, {_count(len(trace), 'timestep')}"
    finding = main_finding(trace) if comparison is None else _what_differs(comparison)
    place = {"timestep": timestep, "unit": unit}
    return View(heading, page_html(heading, finding, payload, charts, place, dark))


def _parts(
    run: Any, network: Network | None, flow: GradientFlow | None, before: Trace | None
) -> tuple[Trace, Network | None, GradientFlow | None, Comparison | None]:
    """The trace, its network and its gradient where they are known, and the comparison with a run before."""
    if isinstance(run, GradientFlow):
        run, flow = run.trace, flow or run
    comparison = run if isinstance(run, Comparison) else None
    if comparison is not None:
        run = comparison.b
    elif not isinstance(run, Trace) and isinstance(run, HasRun):
        run, network = run.trace, network or run.network
    if not isinstance(run, Trace):
        raise TypeError(
            "What is shown is a Trace, a GradientFlow, a Comparison or a layer of a recording; "
            f"got {type(run).__name__}."
        )
    if before is not None:
        comparison = compare(before, run)
    if network is None and flow is not None:
        network = flow.network
    return run, network, flow, comparison


def _check(
    trace: Trace,
    network: Network | None,
    flow: GradientFlow | None,
    units: list[int],
    timestep: int,
    unit: int,
) -> None:
    if network is not None:
        trace.check_is_of(network)
        _check_weights(trace, network)
    if flow is not None and not _is_same(flow.trace, trace):
        raise ValueError("The gradient is that of the run that is shown; got one of another run.")
    if not 1 <= len(units) <= MOST_UNITS or not all(0 <= each < trace.units for each in [*units, unit]):
        raise ValueError(
            f"The units of this run are 0 to {trace.units - 1}, and 1 to {MOST_UNITS} of them are drawn as lines; "
            f"got units {units} and unit {unit}."
        )
    if not 0 <= timestep < len(trace):
        raise ValueError(f"The timesteps of this run are 0 to {len(trace) - 1}; got {timestep}.")


def _check_weights(trace: Trace, network: Network) -> None:
    """Refuse a network of the same shape with other weights: what is taken apart would not add up."""
    for name, part in products(network).items():
        if part.vector != "inputs" or part.weights is None:
            continue
        found, said = trace.inputs @ part.weights.T, trace.made.get(name, trace[name])
        if np.abs(found - said).max() > _ALIKE * max(np.abs(found).max(), np.abs(said).max()):
            raise ValueError(
                f"The network is the one that made the run; got another: {name} of the trace is not W x with its "
                "weights."
            )


def _is_same(a: Trace, b: Trace) -> bool:
    return a is b or (
        (a.cell.name, a.tokens, a.interventions) == (b.cell.name, b.tokens, b.interventions)
        and all(np.array_equal(a[name], b[name]) for name in a.names)
    )


def _what_differs(comparison: Comparison) -> str:
    near = compare(comparison.a, comparison.b, comparison.pairs, tolerance=MEETING)
    return what_if_finding(comparison, meeting_step(near))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
