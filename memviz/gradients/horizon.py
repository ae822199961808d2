"""How far a network really remembers: the input of one step is moved, and the memory at the end is looked at.

No derivative is used: two runs differ in one input. It stands beside the horizon that a product of gates promises.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from memviz.cells import identity
from memviz.gradients.paths import memory_of
from memviz.network import Network
from memviz.trace import Trace

SIZE = 1e-4
"""How far an input is moved, up and down, all features alike."""
MOST_MOVED = 400
"""How many lags are measured at once."""


@dataclass(frozen=True, eq=False)
class Horizon:
    """The measured effect of moving x_{T-k} on the memory after step T, for some lags k.

    Attributes:
        lags: the lags, ascending, from 0.
        effects: |change of the memory| for a change of x by 1, (lag,).
        floor: effects smaller than this are rounding.
    """

    lags: tuple[int, ...]
    effects: Float[np.ndarray, " lag"]
    floor: float

    @property
    def lag(self) -> int | None:
        """The largest measured lag with at least 1/e of the effect at lag 0; None if nothing has an effect there."""
        if self.effects[0] <= self.floor:
            return None
        return self.lags[int(np.flatnonzero(self.effects >= self.effects[0] / np.e).max())]


@torch.inference_mode()
def measured_horizon(
    network: Network, trace: Trace, last: int | None = None, lags: Iterable[int] | None = None
) -> Horizon:
    """Move the input of one step up and down and run on to `last`, by default the end of the trace.

    Args:
        network: the network.
        trace: a run of it; its interventions act in the moved runs too, and what it froze stays a constant.
        last: the timestep T at which the memory is read.
        lags: which lags k; by default all, or MOST_MOVED of them, spread evenly over the logarithm.

    Raises:
        ValueError: if there is no such timestep or lag, or if there are more than MOST_MOVED lags.
    """
    trace.check_is_of(network)
    last = len(trace) - 1 if last is None else last
    if not 0 <= last < len(trace):
        raise ValueError(f"The memory is read after a step from 0 to {len(trace) - 1}; got {last}.")
    chosen = sorted({0, *(spread_lags(last, MOST_MOVED) if lags is None else lags)})
    if chosen[0] < 0 or chosen[-1] > last or len(chosen) > MOST_MOVED:
        raise ValueError(f"Up to {MOST_MOVED} lags from 0 to {last} are measured; got {len(chosen)} lags.")
    memory = trace[memory_of(trace)]
    up, down = _moved(network, trace, last, chosen)
    effects = np.linalg.norm(up - down, axis=1) / (2 * SIZE)
    floor = float(
        np.finfo(np.float64).eps * max(1.0, np.abs(memory[: last + 1]).max()) * len(memory[0]) / SIZE
    )
    return Horizon(tuple(chosen), effects, floor)


def spread_lags(last: int, most: int) -> list[int]:
    """At most so many lags from 0 to `last`: all, or evenly spread over the logarithm."""
    if last < most:
        return list(range(last + 1))
    return sorted({0, *np.rint(np.geomspace(1, last, most - 1)).astype(int).tolist()})


def _moved(network: Network, trace: Trace, last: int, lags: list[int]) -> Float[np.ndarray, "way lag unit"]:
    """The memory after step `last` of runs that each have one input moved, up and down, all as one batch."""
    cell = network.cell
    first = last - lags[-1]
    before = torch.from_numpy(trace.state_before()[first])
    widths = cell.state_widths(trace.units)
    state = cell.state_type(*(part.expand(2 * len(lags), -1) for part in before.split(widths)))
    inputs = torch.tensor(trace.inputs)
    starts = torch.tensor([last - lag for lag in lags]).repeat(2)
    sizes = torch.tensor([SIZE, -SIZE], dtype=torch.float64).repeat_interleave(len(lags))
    signals, plan = None, trace.plan()
    zeros, taps = cell.state_type(*(torch.zeros_like(part) for part in state)), plan.taps()
    for t in range(first, last + 1):
        x = inputs[t] + torch.where(starts == t, sizes, 0.0)[:, None]
        state, signals = network.step(x, zeros if t in plan.resets else state, taps[t] or identity)
    memory: Float[np.ndarray, "run unit"] = getattr(signals, memory_of(trace)).numpy()
    return memory.reshape(2, len(lags), -1)
