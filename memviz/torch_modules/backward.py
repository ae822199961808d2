"""dL/da, dL/dc and dL/dh at every step, from the gradient that reached the output of the user's own pass.

The recursions of an LSTM, with a the pre-activations, L_t what reached the output at t and U the recurrent weights:

    dh_t = dL_t/dh_t + U^T da_{t+1}
    dc_t = dc_{t+1} * f_{t+1} + dh_t * o_t * (1 - tanh(c_t)^2)
    da^i = dc * g * i(1-i)    da^f = dc * c_{t-1} * f(1-f)    da^g = dc * i(1-g^2)    da^o = dh * tanh(c) * o(1-o)

All factors are known before the first step, so that a step is one matrix product and four products by elements; or,
where calls cost more than arithmetic, one product by a small matrix (`matrices`), a step of many parts at once
(`parts`), or `probe` takes every dh_t out of one fused backward pass. The GRU and Elman's
network go the same way; every derivative is held against autograd in the tests.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from memviz.torch_modules.matrices import by_matrices, fits
from memviz.torch_modules.parts import Factors, in_parts
from memviz.torch_modules.probe import pays, recurrent_part
from memviz.torch_modules.replay import Pass, Steps
from memviz.torch_modules.scan import scan


@dataclass(frozen=True)
class Reached:
    """What reached the states of a pass from outside it, in its own order of timesteps.

    Attributes:
        hidden: dL/dh_t with every later step of this pass cut, (time, batch, width).
        cell: dL/dc_t with every later step and h_t cut, (time, batch, unit); None where it is zero.
        total: whether both hold every later step already, as they do where each step was a call of its own.
        exposed: whether `cell` also holds the way out through h_t already.
    """

    hidden: Float[Tensor, "time batch width"]
    cell: Steps | None = None
    total: bool = False
    exposed: bool = False


@dataclass(frozen=True)
class Gradients:
    """The total derivatives of one pass, all paths.

    Attributes:
        hidden: dL/dh_t, (time, batch, width).
        cell: dL/dc_t, also the way out through h_t, (time, batch, unit); None without a cell state.
        rows: dL/da_t, gate by gate in torch's order, (time, batch, gate, unit).
    """

    hidden: Float[Tensor, "time batch width"]
    cell: Steps | None
    rows: Float[Tensor, "time batch gate unit"]

    def inputs(self, weight: Float[Tensor, "rows features"]) -> Float[Tensor, "time batch features"]:
        """dL/dx_t, all paths."""
        return self.rows.flatten(2) @ weight


def gradients(played: Pass, signals: dict[str, Steps], reached: Reached) -> Gradients:
    """The gradients of one pass.

    Args:
        played: the pass.
        signals: what `replay` gave, at least the default ones.
        reached: what came from outside.
    """
    family = played.cell.family
    run = _lstm if family == "lstm" else _gru if family == "gru" else _elman
    return run(played, signals, reached)


def _lstm(played: Pass, s: dict[str, Steps], reached: Reached) -> Gradients:
    i, f, g, o, c = (s[name] for name in ("input", "forget", "candidate", "output", "cell"))
    squashed = torch.tanh(c)
    small = not reached.total and f.device.type == "cpu" and fits(*f.shape)
    probed = not reached.total and not small and pays(played, reached.cell)
    rows = _room(f, 4, by_gate=probed or reached.total)
    torch.mul(g * i, 1 - i, out=rows[:, :, 0])
    torch.mul(f, 1 - f, out=rows[:, :, 1])
    rows[1:, :, 1].mul_(c[:-1])
    rows[0, :, 1].mul_(played.initial[1])
    torch.addcmul(i, i * g, g, value=-1, out=rows[:, :, 2])
    kept = squashed * o
    torch.mul(kept, 1 - o, out=rows[:, :, 3])
    exposed = torch.addcmul(o, kept, squashed, value=-1)  # o * (1 - tanh(c)^2)

    projection = played.weights.get("weight_hr")
    direct = reached.hidden if projection is None else reached.hidden @ projection
    if reached.total:
        if reached.cell is not None and reached.exposed:
            dc = reached.cell
        else:
            dc = direct * exposed if reached.cell is None else torch.addcmul(reached.cell, direct, exposed)
        return _by_elements(direct, dc, rows)
    weight = played.weights["weight_hh"]
    recurrent = weight if projection is None else weight @ projection
    factors = Factors(rows, f, exposed, direct, recurrent, reached.cell)
    found = by_matrices(factors) if small else in_parts(factors)
    if found is not None:
        return _projected(played, reached, *found)
    if probed:
        later = recurrent_part(played, direct, None if reached.cell is None else reached.cell[-1])
        direct = direct.clone()
        direct[:-1] += later[1:]
        return _by_elements(direct, _carousel(f, direct, exposed, reached.cell), rows)
    return _projected(played, reached, *_lstm_steps(rows, f, exposed, direct, recurrent, reached.cell))


def _by_elements(dh: Steps, dc: Steps, rows: Float[Tensor, "time batch gate unit"]) -> Gradients:
    """dL/da where dh and dc are known; `rows` holds its factors."""
    rows[:, :, :3].mul_(dc.unsqueeze(2))
    rows[:, :, 3].mul_(dh)
    return Gradients(dh, dc, rows)


def _room(like: Steps, gates: int, by_gate: bool) -> Float[Tensor, "time batch gate unit"]:
    """Room for dL/da: a block of memory for each gate, or what a step's matrix product reads together."""
    time, batch, unit = like.shape
    if by_gate:
        return like.new_empty(gates, time, batch, unit).permute(1, 2, 0, 3)
    return like.new_empty(time, batch, gates, unit)


def _carousel(f: Steps, hidden: Steps, exposed: Steps, from_outside: Steps | None) -> Steps:
    """dc_t where every dh_t is known."""
    terms = hidden * exposed if from_outside is None else torch.addcmul(from_outside, hidden, exposed)
    factors = torch.cat([f[1:], f[:1]])  # the last is not read
    return scan(factors, terms, reverse=True)


def _lstm_steps(
    rows: Tensor, f: Steps, exposed: Steps, direct: Steps, recurrent: Tensor, from_outside: Steps | None
) -> tuple[Steps, Steps, Tensor]:
    """dh, dc and da, one step after another from the end; `rows` holds the factors of da, and then da."""
    dh, dc = direct.clone(memory_format=torch.contiguous_format), torch.empty_like(exposed)
    by_step = zip(
        dh.unbind(),
        dc.unbind(),
        dc.unsqueeze(2).unbind(),
        exposed.unbind(),
        f.unbind(),
        rows[:, :, :3].unbind(),
        rows[:, :, 3].unbind(),
        rows.flatten(2).unbind(),
        from_outside.unbind() if from_outside is not None else [None] * len(f),
        strict=True,
    )
    carried = torch.zeros_like(dc[0])
    after = None
    for dh_t, dc_t, dc_rows, exposed_t, f_t, of_cell, of_output, rows_t, outside_t in reversed(list(by_step)):
        if after is not None:
            dh_t.addmm_(after, recurrent)
        if outside_t is not None:
            carried += outside_t
        torch.addcmul(carried, dh_t, exposed_t, out=dc_t)
        of_cell.mul_(dc_rows)
        of_output.mul_(dh_t)
        torch.mul(dc_t, f_t, out=carried)
        after = rows_t
    return dh, dc, rows


def _projected(played: Pass, reached: Reached, dh: Steps, dc: Steps, rows: Tensor) -> Gradients:
    """The gradient by the hidden state that the module shows: the projected one, where it has a projection."""
    if "weight_hr" not in played.weights:
        return Gradients(dh, dc, rows)
    shown = reached.hidden.clone()
    shown[:-1] += rows[1:].flatten(2) @ played.weights["weight_hh"]
    return Gradients(shown, dc, rows)


def _gru(played: Pass, s: dict[str, Steps], reached: Reached) -> Gradients:
    r, z, n = (s[name] for name in ("reset", "update", "candidate"))
    before, recurrent = played.before, played.weights["weight_hh"]
    slope_n = (1 - z) * (1 - n * n)
    unit = n.shape[2]
    from_hidden = torch.addmm(
        played.weights["bias_hh"][2 * unit :], before.flatten(0, 1), recurrent[2 * unit :].t()
    )
    rows = _room(n, 3, by_gate=reached.total)
    torch.mul(slope_n * r * (1 - r), from_hidden.view_as(n), out=rows[:, :, 0])
    torch.mul((before - n) * z, 1 - z, out=rows[:, :, 1])
    torch.mul(slope_n, r, out=rows[:, :, 2])  # the candidate's share of what goes back through U
    dh = reached.hidden.clone(memory_format=torch.contiguous_format)
    after: tuple[Tensor, Tensor, Tensor] | None = None
    if reached.total:
        rows.mul_(dh.unsqueeze(2))
    else:
        by_step = zip(
            dh.unbind(),
            dh.unsqueeze(2).unbind(),
            rows.unbind(),
            rows.flatten(2).unbind(),
            z.unbind(),
            strict=True,
        )
        for dh_t, dh_rows, rows_t, flat_t, z_t in reversed(list(by_step)):
            if after is not None:
                dh_t.addmm_(after[0], recurrent).addcmul_(after[1], after[2])
            rows_t.mul_(dh_rows)
            after = (flat_t, z_t, dh_t)
    torch.mul(slope_n, dh, out=rows[:, :, 2])
    return Gradients(dh, None, rows)


def _elman(played: Pass, s: dict[str, Steps], reached: Reached) -> Gradients:
    h, recurrent = s["hidden"], played.weights["weight_hh"]
    rows = 1 - h * h if played.cell.nonlinearity == "tanh" else (h > 0).to(h.dtype)
    dh = reached.hidden.clone(memory_format=torch.contiguous_format)
    if reached.total:
        rows *= dh
    else:
        after = None
        for dh_t, rows_t in reversed(list(zip(dh.unbind(), rows.unbind(), strict=True))):
            if after is not None:
                dh_t.addmm_(after, recurrent)
            rows_t.mul_(dh_t)
            after = rows_t
    return Gradients(dh, None, rows.unsqueeze(2))
