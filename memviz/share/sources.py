"""What may be shown, and the run in it: with its network, its gradients and a run before it, where they are known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from memviz.comparison import Comparison, compare
from memviz.gradients import GradientFlow
from memviz.network import Network
from memviz.products import products
from memviz.torch_modules import Call, Recorded, Recording, Sample
from memviz.trace import Array, Trace

_ALIKE = 0.02
"""How far W x may be from what the trace says of it, as a share of the largest: bfloat16 has three digits."""


@runtime_checkable
class HasRun(Protocol):
    """What holds a run and its network, as a layer of a recording does."""

    @property
    def trace(self) -> Trace:
        """The run."""

    @property
    def network(self) -> Network:
        """What made it."""


Shown = Trace | GradientFlow | Comparison | HasRun | Recording | Recorded | Call | Sample


@dataclass(frozen=True, eq=False)
class Source:
    """A run that is shown.

    Attributes:
        trace: the run.
        network: what made it, if that is known.
        flow: a gradient of it.
        comparison: it beside a run before it.
        gradients: recorded gradients of somebody's own loss, by signal, (time, unit); a gate's is dL/da.
        what: which part of a recording it is.
    """

    trace: Trace
    network: Network | None = None
    flow: GradientFlow | None = None
    comparison: Comparison | None = None
    gradients: Mapping[str, Array] = field(default_factory=dict)
    what: str = ""


def source(run: Any, network: Network | None, flow: GradientFlow | None, before: Trace | None) -> Source:
    """The run in what is shown, as `memviz.show` takes it.

    Raises:
        TypeError: if there is no run in it.
        ValueError: if the network or the gradient is another run's, or if a recording has no call, or several.
    """
    gradients: Mapping[str, Array] = {}
    what = ""
    if isinstance(run, Recording | Recorded | Call | Sample):
        run, gradients, what = _first(run)
    if isinstance(run, GradientFlow):
        run, flow = run.trace, flow or run
    comparison = run if isinstance(run, Comparison) else None
    if comparison is not None:
        run = comparison.b
    elif not isinstance(run, Trace) and isinstance(run, HasRun):
        run, network = run.trace, network or run.network
    if not isinstance(run, Trace):
        raise TypeError(
            "What is shown is a Trace, a GradientFlow, a Comparison or a part of a Recording; "
            f"got {type(run).__name__}."
        )
    if before is not None:
        comparison = compare(before, run)
    if network is None and flow is not None:
        network = flow.network
    if network is not None:
        run.check_is_of(network)
        _check_weights(run, network)
    if flow is not None and not _is_same(flow.trace, run):
        raise ValueError("The gradient is that of the run that is shown; got one of another run.")
    return Source(run, network, flow, comparison, gradients, what)


def _first(recorded: Recording | Recorded | Call | Sample) -> tuple[HasRun, Mapping[str, Array], str]:
    """The first layer and direction of the first sample, its recorded gradients, and which part it is, in words."""
    if isinstance(recorded, Recording):
        recorded = recorded.only
    if isinstance(recorded, Recorded):
        recorded = recorded.call
    sample = recorded.sample(0) if isinstance(recorded, Call) else recorded
    call = sample.call
    layer = sample.layer(call.layers[0])
    time = len(layer.trace)
    gradients = {
        name: values[0, 0, sample.index, :time].double().cpu().numpy()
        for name, values in call.gradients.items()
    }
    what = f"layer {call.layers[0]} of 0 to {call.form.layers - 1}, " * (call.form.layers > 1)
    what += "the forward direction, " * (call.form.directions > 1)
    batch = call.shape[2]
    return layer, gradients, f"{what}sample {sample.index} of 0 to {batch - 1} of {call.form}"


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
