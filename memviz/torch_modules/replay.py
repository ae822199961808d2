"""Every gate and state again, all timesteps at once, from the hidden states that the module's own kernel returned.

With h known at every step, W x_t + U h_{t-1} + b is one matrix product over time and batch. What is left of an LSTM,
c_t = f_t * c_{t-1} + i_t * g_t, has no matrix in it: `scan`. The equations are those of `memviz.cells`, written here in
place and without their summands, since this pass has to keep pace with a fused kernel.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells import CELLS, Cell
from memviz.torch_modules.forms import Weights
from memviz.torch_modules.scan import scan

Steps = Float[Tensor, "time batch unit"]


@dataclass(frozen=True)
class Pass:
    """One direction of one layer, in the order in which it read its timesteps.

    Attributes:
        cell: the cell.
        weights: as the module had them, in the type that the pass is computed in.
        inputs: (time, batch, features).
        hidden: h after each step, (time, batch, width).
        initial: the state before step 0: h (batch, width) and, of an LSTM, c (batch, unit).
        lengths: how many timesteps each sample has; None where all have all.
        fresh: whether the state before step 0 is zero.
    """

    cell: Cell
    weights: Weights
    inputs: Float[Tensor, "time batch features"]
    hidden: Float[Tensor, "time batch width"]
    initial: tuple[Float[Tensor, "batch _"], ...]
    lengths: Tensor | None = None
    fresh: bool = False

    @property
    def bias(self) -> Float[Tensor, " rows"]:
        """Both biases of each row together."""
        return self.weights["bias_ih"] + self.weights["bias_hh"]

    @property
    def before(self) -> Float[Tensor, "time batch width"]:
        """h before each step."""
        return torch.cat([self.initial[0][None], self.hidden[:-1]])


def known(cell: Cell) -> tuple[str, ...]:
    """The signals that a replay gives, in the order of the equations: gates, candidate, states, pre-activations."""
    return _known(cell.name)


def default(cell: Cell) -> tuple[str, ...]:
    """The gates, the candidate and the states."""
    return _default(cell.name)


@cache
def _known(name: str) -> tuple[str, ...]:
    cell = CELLS[name]
    pre = tuple(f"{name}_pre" for name in cell.pre_activations)
    names = {*cell.activations, *pre, "cell", "cell_tanh", "hidden"}
    return tuple(name for name in cell.signal_names if name in names)


@cache
def _default(name: str) -> tuple[str, ...]:
    return tuple(signal for signal in _known(name) if not signal.endswith(("_pre", "_tanh")))


def replay(played: Pass, wanted: frozenset[str], cells: Steps | None = None) -> dict[str, Steps]:
    """The signals of one pass by name: `default` of its cell, and those of `known` that are wanted.

    Args:
        played: the pass.
        wanted: names; others than those of the cell are left aside.
        cells: c after each step where a module has told it.
    """
    if played.cell.family == "lstm":
        return _lstm(played, wanted, cells)
    return _gru(played, wanted) if played.cell.family == "gru" else _elman(played, wanted)


def _lstm(played: Pass, wanted: frozenset[str], cells: Steps | None) -> dict[str, Steps]:
    rows = _summed(played, 4)
    signals = _pre(rows, ("input", "forget", "candidate", "output"), wanted)
    rows[:2].sigmoid_()
    rows[2].tanh_()
    rows[3].sigmoid_()
    i, f, g, o = rows.unbind()
    if cells is None:
        written = i * g
        if not played.fresh:
            written[0].addcmul_(f[0], played.initial[1])
        cells = scan(f, written)  # c_t = f_t * c_{t-1} + i_t * g_t
    signals |= {"input": i, "forget": f, "candidate": g, "output": o, "cell": cells, "hidden": played.hidden}
    if "cell_tanh" in wanted:
        signals["cell_tanh"] = torch.tanh(cells)
    return signals


def _gru(played: Pass, wanted: frozenset[str]) -> dict[str, Steps]:
    weights = played.weights
    rows = _by_gate(_product(played.inputs, weights["weight_ih"], weights["bias_ih"]), played.inputs, 3)
    from_hidden = _product(played.before, weights["weight_hh"], weights["bias_hh"])
    from_hidden = _by_gate(from_hidden, played.inputs, 3)
    rows[:2] += from_hidden[:2]
    signals = _pre(rows, ("reset", "update"), wanted)
    rows[:2].sigmoid_()
    r, z, n = rows.unbind()
    n.addcmul_(r, from_hidden[2])  # W_n x + b_in + r * (U_n h + b_hn)
    if "candidate_pre" in wanted:
        signals["candidate_pre"] = n.clone()
    n.tanh_()
    return signals | {"reset": r, "update": z, "candidate": n, "hidden": played.hidden}


def _elman(played: Pass, wanted: frozenset[str]) -> dict[str, Steps]:
    if "hidden_pre" not in wanted:
        return {"hidden": played.hidden}  # there is nothing else to tell
    return {"hidden_pre": _summed(played, 1)[0], "hidden": played.hidden}


Rows = Float[Tensor, "gate time batch unit"]


def _summed(played: Pass, gates: int) -> Rows:
    """W x_t + U h_{t-1} + b for every gate, timestep and sample."""
    rows = _product(played.inputs, played.weights["weight_ih"], played.bias)
    rows.addmm_(played.before.flatten(0, 1), played.weights["weight_hh"].t())
    return _by_gate(rows, played.inputs, gates)


def _product(values: Tensor, weight: Tensor, bias: Tensor) -> Float[Tensor, "row column"]:
    """W x + b, a row for every timestep and sample."""
    return torch.addmm(bias, values.flatten(0, 1), weight.t())


def _by_gate(rows: Tensor, like: Tensor, gates: int) -> Rows:
    return rows.view(*like.shape[:2], gates, rows.shape[1] // gates).permute(2, 0, 1, 3)


def _pre(rows: Rows, names: tuple[str, ...], wanted: frozenset[str]) -> dict[str, Steps]:
    """Copies of the wanted pre-activations, before they are squashed in place."""
    return {f"{name}_pre": rows[k].clone() for k, name in enumerate(names) if f"{name}_pre" in wanted}
