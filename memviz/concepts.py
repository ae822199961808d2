"""Units that mean something: how far each unit of each gate and state goes with what its task asks it to know.

Over many sequences of the task, Pearson's correlation of each number with each of the task's variables, such as the
depth of brackets. It shows what can be read off a unit, not that the network uses it: that is asked by holding the unit
and looking at the score. After Strobelt, Gehrmann, Pfister & Rush, LSTMVis (arXiv 1606.07461), who find units by a
threshold, and Karpathy, Johnson & Fei-Fei (arXiv 1506.02078).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from memviz.interventions import Freeze, Intervention, Plan, fitting
from memviz.network import Network
from memviz.tasks import Task

SEED = 0
"""Of the sequences, so that a score before and one after are of the same."""
_STEPS = 2**13
"""Timesteps of all sequences: what a server computes for one of many visitors takes under 0.1 s."""
_SEQUENCES = (32, 256)
_COUNTED = 4
"""A score without end is looked at up to so many times what counts as solved."""
SHUFFLES = 19
"""The largest of so many and the true one is the true one by luck 1 time in 20."""
_CONSTANT = 1e-12
"""What varies by less than this part of its size does not vary."""


@dataclass(frozen=True)
class Found:
    """A unit of a gate or state that goes with a variable.

    Attributes:
        signal: the gate or state.
        unit: the unit.
        correlation: Pearson's, -1 to 1.
        mean: of the number over all steps: what it is held at to silence it.
    """

    signal: str
    unit: int
    correlation: float
    mean: float


@dataclass(frozen=True, eq=False)
class Correlations:
    """Pearson's correlation of each unit with each variable, over all steps of some sequences.

    Attributes:
        variables: what the task asks to be known.
        signals: the gates, candidate and states.
        values: the correlations; NaN where the unit or the variable is constant.
        means: of each number over all steps.
        luck: of each variable the largest correlation in size of any unit, once the variables of each sequence are
            paired with the numbers of another one, in SHUFFLES ways: what as many units reach by luck, and by going
            with the time alone. NaN where there is none.
        sequences, steps: how many there were.
    """

    variables: tuple[str, ...]
    signals: tuple[str, ...]
    values: Float[np.ndarray, "variable signal unit"]
    means: Float[np.ndarray, "signal unit"]
    luck: Float[np.ndarray, " variable"]
    sequences: int
    steps: int

    def __post_init__(self) -> None:
        for array in (self.values, self.means, self.luck):
            array.setflags(write=False)

    def of(self, variable: str) -> list[Found]:
        """All units that vary, by the size of their correlation with a variable, the largest first.

        Raises:
            ValueError: if the task has no such variable.
        """
        if variable not in self.variables:
            raise ValueError(f"The variables are {', '.join(self.variables)}; got {variable!r:.40}.")
        values = self.values[self.variables.index(variable)]
        found = [
            Found(signal, unit, float(values[row, unit]), float(self.means[row, unit]))
            for row, signal in enumerate(self.signals)
            for unit in range(values.shape[1])
            if np.isfinite(values[row, unit])
        ]
        return sorted(found, key=lambda each: -abs(each.correlation))

    def above(self, variable: str, threshold: float) -> list[Found]:
        """Those of `of` whose correlation is at least so large, of either sign."""
        return [each for each in self.of(variable) if abs(each.correlation) >= threshold]

    def luck_of(self, variable: str) -> float:
        """What as many units reach by luck with a variable."""
        return float(self.luck[self.variables.index(variable)])

    def to_frame(self) -> "Any":
        """A tidy pandas DataFrame with the columns variable, signal, unit, correlation and mean.

        The correlation of a unit that never varies, or with a variable that does not, is NaN.
        """
        import pandas as pd  # only here: the engine runs without it

        units = self.values.shape[2]
        return pd.DataFrame(
            {
                "variable": np.repeat(self.variables, len(self.signals) * units),
                "signal": np.tile(np.repeat(self.signals, units), len(self.variables)),
                "unit": np.tile(np.arange(units), len(self.variables) * len(self.signals)),
                "correlation": self.values.ravel(),
                "mean": np.tile(self.means.ravel(), len(self.variables)),
            }
        )


def correlations(network: Network, task: Task, sequences: int | None = None) -> Correlations:
    """How far each unit goes with each variable of a task.

    Args:
        network: a network of the task's features.
        task: the task.
        sequences: how many, 2 to 4096; by default as many as take a moment.

    Raises:
        ValueError: if the network reads other features.
    """
    _check(network, task)
    generator = torch.Generator().manual_seed(SEED)
    batch = task.batch(sequences or _size(task), generator)
    is_step = (torch.arange(batch.inputs.shape[1]) < batch.lengths[:, None]).numpy()
    signals = run(network, batch.inputs.double())
    names = tuple(batch.variables)
    known = np.stack([batch.variables[name].double().numpy()[is_step] for name in names])
    shown = signal_names(network)
    values = np.stack([signals[name].numpy()[is_step] for name in shown])  # (signal, step, unit)
    found = np.stack([_pearson(variable, values) for variable in known])
    luck = _luck(known, values, is_step, np.isfinite(found))
    return Correlations(names, shown, found, values.mean(axis=1), luck, len(batch), int(is_step.sum()))


def signal_names(network: Network) -> tuple[str, ...]:
    """The gates, candidate and states of a network."""
    cell = network.cell
    states = [name for name in ("cell", "hidden") if name in cell.signal_names]
    return (*cell.activations, *states)


def looked_at(task: Task) -> str:
    """What `score` scores, in words: so many sequences, or how far a score without end is looked at."""
    count = scored_sequences(task)
    return f"{count} sequences" if count else f"n up to {round(_COUNTED * task.solved)}"


def scored_sequences(task: Task) -> int:
    """How many sequences `score` draws; 0 for a score without end, which draws none."""
    return _size(task) if task.solved <= 1 else 0


def score(
    network: Network,
    readout: Callable[[Float[Tensor, "*batch unit"]], Float[Tensor, "*batch output"]],
    task: Task,
    interventions: Iterable[Intervention] = (),
) -> float:
    """The score of a network on its task while some signals are held; always over the same sequences.

    An intervention at steps that a sequence does not have is left out of it, and so is a freeze, whose value is that
    of one sequence.

    Raises:
        ValueError: if the network reads other features.
    """
    _check(network, task)
    held = tuple(each for each in interventions if not isinstance(each, Freeze))

    def outputs(inputs: Tensor) -> Tensor:
        return readout(run(network, inputs.double(), held, ("hidden",))["hidden"]).float()

    generator = torch.Generator().manual_seed(SEED)
    return task.evaluate(outputs, generator, _size(task), round(_COUNTED * task.solved))


@torch.no_grad()
def run(
    network: Network,
    inputs: Float[Tensor, "sequence time features"],
    interventions: Iterable[Intervention] = (),
    names: tuple[str, ...] | None = None,
) -> dict[str, Float[Tensor, "sequence time unit"]]:
    """Some signals of a network over many sequences at once, from a zero state on, in float64."""
    time, units = inputs.shape[1], network.hidden_size
    fits, _ = fitting(interventions, network.cell, units, time)
    if not fits and names == ("hidden",) and network.cell.torch_name is not None:
        hidden, _ = network.to_torch()(inputs.transpose(0, 1))  # half the time of the loop, the same to 1e-15
        return {"hidden": hidden.transpose(0, 1)}
    plan = Plan(fits, units, time)
    taps, state = plan.taps(), network.cell.zero_state(inputs[:, 0], units)
    chosen = signal_names(network) if names is None else names
    found: dict[str, list[Tensor]] = {name: [] for name in chosen}
    for t, x in enumerate(inputs.unbind(dim=1)):
        if t in plan.resets:
            state = network.cell.zero_state(x, units)
        tap = taps[t]
        state, signals = network.step(x, state) if tap is None else network.step(x, state, tap)
        for name in chosen:
            found[name].append(getattr(signals, name))
    return {name: torch.stack(steps, dim=1).expand(len(inputs), -1, -1) for name, steps in found.items()}


def _check(network: Network, task: Task) -> None:
    if network.features != len(task.features):
        raise ValueError(
            f"A network of this task reads {len(task.features)} features; got one of {network.features}."
        )


def _size(task: Task) -> int:
    """As many sequences as take a moment."""
    time = task.batch(1, torch.Generator().manual_seed(SEED)).inputs.shape[1]
    few, many = _SEQUENCES
    return min(many, max(few, _STEPS // time))


def _pearson(
    variable: Float[np.ndarray, " step"], values: Float[np.ndarray, "signal step unit"]
) -> Float[np.ndarray, "signal unit"]:
    x, y = variable - variable.mean(), values - values.mean(axis=1, keepdims=True)
    x_size, y_size = np.sqrt((x**2).sum()), np.sqrt((y**2).sum(axis=1))
    varies = _varies(x_size, variable, 0) & _varies(y_size, values, 1)
    products = np.einsum("s,gsu->gu", x, y)
    found: Float[np.ndarray, "signal unit"] = np.full(products.shape, np.nan)
    np.divide(products, x_size * y_size, out=found, where=varies)
    return np.clip(found, -1.0, 1.0)  # rounding may go beyond; NaN stays


def _luck(
    known: Float[np.ndarray, "variable step"],
    values: Float[np.ndarray, "signal step unit"],
    is_step: Bool[np.ndarray, "sequence time"],
    varies: Bool[np.ndarray, "variable signal unit"],
) -> Float[np.ndarray, " variable"]:
    """The largest correlation of any unit with each variable, that of another sequence at the same steps.

    Sums instead of differences from each mean, since a product of matrices gives them for all pairings at once; what is
    summed is centred over all steps before, so that nothing is lost.
    """
    sequences, time = is_step.shape
    shifts = range(1, min(SHUFFLES, sequences - 1) + 1)
    if not shifts:
        return np.full(len(known), np.nan)
    y = (values - values.mean(axis=1, keepdims=True)).transpose(1, 0, 2).reshape(values.shape[1], -1)
    x = np.zeros((len(known), sequences, time))
    x[:, is_step] = known - known.mean(axis=1, keepdims=True)
    shared = np.stack([(is_step & np.roll(is_step, shift, axis=0))[is_step] for shift in shifts]).astype(
        float
    )
    other = np.stack([np.roll(x, shift, axis=1)[:, is_step] for shift in shifts], axis=1) * shared
    count = shared.sum(axis=1)[:, None]
    y_sum, y_squares = shared @ y, shared @ y**2
    x_sum, x_squares = other.sum(axis=2)[..., None], (other**2).sum(axis=2)[..., None]
    y_spread, x_spread = y_squares - y_sum**2 / count, x_squares - x_sum**2 / count
    is_spread = (y_spread > _CONSTANT * y_squares) & (x_spread > _CONSTANT * x_squares)
    is_spread &= varies.reshape(len(known), 1, -1)
    products = other @ y - x_sum * y_sum / count
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.abs(products) / np.sqrt(x_spread * y_spread)
    largest = np.where(is_spread, found, -1.0).max(axis=(1, 2))
    return np.where(largest >= 0, np.minimum(largest, 1.0), np.nan)


def _varies(
    size: Float[np.ndarray, "..."] | float, values: Float[np.ndarray, "..."], axis: int
) -> Bool[np.ndarray, "..."]:
    scale = np.sqrt((values**2).sum(axis=axis))
    return np.asarray(size > _CONSTANT * np.maximum(scale, 1e-300))
