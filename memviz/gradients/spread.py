"""Many networks of one cell at once: the same input, loss and interventions, other weights, run as one batch."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells import Cell, identity
from memviz.gradients.backward import carry_back
from memviz.gradients.flow import gradients_by
from memviz.gradients.loss import Loss
from memviz.gradients.scaled import Scaled
from memviz.gradients.steps import Steps, chunks
from memviz.interventions import Intervention, Plan, check
from memviz.network import Network
from memviz.trace import Inputs, check_finite, checked_inputs, record


@dataclass(frozen=True, eq=False)
class Spread:
    """log10 of |dL/ds_t| of several networks; an exact zero is -inf.

    Attributes:
        hidden: of the hidden state, all paths, (network, time).
        memory: of the cell state, all paths, or again of the hidden state where a cell has no c, (network, time).
    """

    hidden: Float[np.ndarray, "network time"]
    memory: Float[np.ndarray, "network time"]


def gradient_spread(
    networks: Sequence[Network], inputs: Inputs, loss: Loss, interventions: Iterable[Intervention] = ()
) -> Spread:
    """The norms of the gradient for several networks of one cell and size, as `gradient_flow` gives each of them.

    Args:
        networks: the networks.
        inputs: a Sequence, or numbers (time, features).
        loss: what is differentiated.
        interventions: what is changed in the run of each; each freezes its own value.

    Raises:
        ValueError: if there is no network, they differ in cell or size, or as `record` and `gradient_flow` do.
    """
    if len({(n.cell.name, n.features, n.hidden_size) for n in networks}) != 1:
        raise ValueError(
            f"A spread is of one or more networks of one cell and size; got {len(networks)} that differ."
        )
    cell, hidden_size = networks[0].cell, networks[0].hidden_size
    _, values = checked_inputs(networks[0], inputs)
    parameters = _stacked(networks)
    chosen = check(interventions, cell, hidden_size, len(values))
    if len(networks) == 1:
        states, hidden, plan = _run_one(networks[0], inputs, chosen)
    else:
        plan = Plan(chosen, hidden_size, len(values), len(networks))
        states, hidden = _run(cell, parameters, values, plan)
    is_reset = plan.is_reset()
    direct = np.stack([loss.direct(h.numpy()) for h in hidden])
    width = states.shape[-1]
    padding = np.zeros((*direct.shape[:2], width - hidden_size))
    adjoint = Scaled.of(np.concatenate([direct, padding], axis=-1))
    memory = "cell" if "cell" in cell.signal_names else "hidden"
    names = ["hidden", memory]
    norms = {name: np.full(direct.shape[:2], -np.inf) for name in names}
    for span in chunks(loss.steps(len(values))[-1], math.ceil(width * math.sqrt(len(networks)))):
        tap = plan.tap(plan.rows(span)) if plan.has_taps else identity
        batch = values[span].expand(len(networks), -1, -1)
        steps = Steps(cell, parameters, states[:, span], batch, tap=tap, is_reset=is_reset[span])
        carry_back(adjoint, direct, steps.jacobians().numpy(), span)
        gradients = gradients_by(steps, names, adjoint[:, span]).log10_norms()
        for name, logs in zip(names, gradients, strict=True):
            norms[name][:, span] = logs
    return Spread(norms["hidden"], norms[memory])


def _stacked(networks: Sequence[Network]) -> dict[str, Tensor]:
    """The parameters with networks in front; vectors get an axis for the batch."""
    stacked = {name: torch.stack([n.parameters[name] for n in networks]) for name in networks[0].parameters}
    return {name: value if value.ndim == 3 else value[:, None] for name, value in stacked.items()}


def _run_one(
    network: Network, inputs: Inputs, interventions: tuple[Intervention, ...]
) -> tuple[Float[Tensor, "network time state"], Float[Tensor, "network time unit"], Plan]:
    """The same as `_run`, without what a batch of one costs: three times as much."""
    trace = record(network, inputs, interventions=interventions)
    return torch.from_numpy(trace.state_before())[None], torch.tensor(trace["hidden"])[None], trace.plan()


@torch.inference_mode()
def _run(
    cell: Cell, parameters: dict[str, Tensor], values: Float[Tensor, "time features"], plan: Plan
) -> tuple[Float[Tensor, "network time state"], Float[Tensor, "network time unit"]]:
    """The state that each step starts from, and the hidden state after it; the plan's freezes are settled."""
    count = len(parameters["weight_hh"])
    inputs = values.expand(count, 1, *values.shape)  # network, a batch of one, time, feature
    state = zeros = cell.zero_state(inputs[:, :, 0], parameters["weight_hh"].shape[-1])
    befores, hidden, largest = [], [], []
    for t in range(len(values)):
        before = zeros if t in plan.resets else state
        tap = plan.tap(plan.rows(slice(t, t + 1))) if plan.has_taps else identity
        state, signals = cell.step(parameters, inputs[:, :, t], before, tap)
        plan.settle(t, signals)
        befores.append(torch.cat(before, dim=-1))
        hidden.append(signals.hidden)
        largest.append(torch.cat(tuple(signals), dim=-1).abs().amax()[None])
    check_finite(torch.stack(largest))
    return torch.cat(befores, dim=1), torch.cat(hidden, dim=1)
