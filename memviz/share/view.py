"""What a notebook shows of a run."""

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memviz.comparison import MEETING, Comparison, compare
from memviz.figures import MOST_UNITS
from memviz.findings import main_finding, meeting_step, what_if_finding
from memviz.gradients import GradientFlow
from memviz.network import Network
from memviz.share.charts import Chart, gradient_chart, recorded_chart, state_chart
from memviz.share.page import page_html
from memviz.share.sources import Shown, Source, source
from memviz.stage.chosen import MOST_DRAWN, chosen_payload
from memviz.stage.gradients import stage_gradients
from memviz.stage.payload import stage_payload
from memviz.trace import Trace

_HEIGHT = 800
"""Of the frame in pixels, until the page inside says how high it is."""


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


def show(
    run: Shown,
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
    units 1,200; with gradients 800 and 220. A wider layer's stage draws 64 units, from `unit` on, and no gradients.

    Args:
        run: a trace; a gradient, which is shown with its run; a comparison, whose second run is shown over its first;
            a layer of a recording; or a recording, a module, a call or a sample of one, whose first layer, direction
            and sample are shown, as the heading says, with the gradient of your own loss if it was recorded.
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
    its = source(run, network, flow, before)
    trace, comparison = its.trace, its.comparison
    chosen = list(range(min(MOST_UNITS, trace.units))) if units is None else list(units)
    _check_place(trace, chosen, timestep, unit)
    payload, first = _payload(its, unit)
    size = f"{_count(trace.units, 'unit')}, {_count(len(trace), 'timestep')}"
    heading = title or ", ".join(filter(None, (trace.cell.title, size, its.what)))
    finding = main_finding(trace) if comparison is None else _what_differs(comparison)
    if payload["units"] < trace.units:
        finding += (
            f" The stage draws units {first} to {first + payload['units'] - 1}, which read all {trace.units}."
        )
    place = {"timestep": timestep, "unit": unit - first}
    charts = _charts(its, chosen) if figures else []
    return View(heading, page_html(heading, finding, payload, charts, place, dark))


def _payload(its: Source, unit: int) -> tuple[dict[str, Any], int]:
    """What the stage draws, and which unit is its first: of a wide layer some, from the one that is shown first on."""
    trace, comparison = its.trace, its.comparison
    if (
        trace.units > MOST_DRAWN
        and its.network is not None
        and comparison is None
        and not trace.interventions
    ):
        first = min(unit, trace.units - MOST_DRAWN)
        return chosen_payload(its.network, trace, range(first, first + MOST_DRAWN)), first
    second, alignment = (None, None) if comparison is None else (comparison.a, comparison.pairs)
    payload = stage_payload(its.network, trace, second=second, alignment=alignment)
    if its.flow is not None:
        payload["gradients"] = stage_gradients(its.flow.network, its.flow)
    return payload, 0


def _charts(its: Source, units: list[int]) -> list[Chart]:
    charts = [state_chart(its.trace, units)]
    if its.flow is not None:
        charts.append(gradient_chart(its.flow))
    if its.gradients:
        charts.append(recorded_chart(its.gradients, its.trace))
    return charts


def _check_place(trace: Trace, units: list[int], timestep: int, unit: int) -> None:
    if not 1 <= len(units) <= MOST_UNITS or not all(0 <= each < trace.units for each in [*units, unit]):
        raise ValueError(
            f"The units of this run are 0 to {trace.units - 1}, and 1 to {MOST_UNITS} of them are drawn as lines; "
            f"got units {units} and unit {unit}."
        )
    if not 0 <= timestep < len(trace):
        raise ValueError(f"The timesteps of this run are 0 to {len(trace) - 1}; got {timestep}.")


def _what_differs(comparison: Comparison) -> str:
    near = compare(comparison.a, comparison.b, comparison.pairs, tolerance=MEETING)
    return what_if_finding(comparison, meeting_step(near))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
