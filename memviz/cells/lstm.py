"""The LSTM and its variants: one set of equations with named options.

Hochreiter & Schmidhuber 1997 (no forget gate), Gers, Schmidhuber & Cummins 2000 (forget gate), Gers,
Schraudolph & Schmidhuber 2002 (peepholes), and the ablations of Greff et al., "LSTM: A search space
odyssey" (arXiv 1503.04069), each of which keeps the peepholes of its vanilla cell.
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells.base import (
    PARTS,
    Cell,
    Parameters,
    Signals,
    State,
    Tap,
    identity,
    named,
    product,
    split_gates,
    tap_rows,
)
from memviz.cells.functions import sigmoid, tanh

LSTM_GATES = ("input", "forget", "candidate", "output")
RECURRENT_GATES = ("input", "forget", "output")


class LSTMState(NamedTuple):
    """The state of an LSTM: hidden and cell, each (unit,) or (batch, unit)."""

    hidden: Tensor
    cell: Tensor


class GateState(NamedTuple):
    """The state of an LSTM whose gates feed back: also [i, f, o] of the step before, 3 * hidden wide."""

    hidden: Tensor
    cell: Tensor
    gates: Tensor


@dataclass(frozen=True)
class Options:
    """What a variant does differently from the LSTM of torch.nn.

    Attributes:
        fixed: gates held at 1; they have no weights.
        forget: "gate" for a forget gate of its own, "coupled" for f = 1 - i, "none" for c = c + i * g.
        peepholes: whether the weighted gates see the cell state through diagonal weights.
        candidate_squashed: whether the candidate passes through tanh.
        output_squashed: whether the cell state passes through tanh on its way out.
        gate_recurrence: whether [i, f, o] of the step before feed [i, f, o].
    """

    fixed: tuple[str, ...] = ()
    forget: str = "gate"
    peepholes: bool = False
    candidate_squashed: bool = True
    output_squashed: bool = True
    gate_recurrence: bool = False

    @cached_property
    def gates(self) -> tuple[str, ...]:
        """The gates with weights of their own, in PyTorch's order."""
        weightless = self.fixed if self.forget == "gate" else (*self.fixed, "forget")
        return tuple(gate for gate in LSTM_GATES if gate not in weightless)


def lstm_step(
    parameters: Parameters,
    x: Float[Tensor, "*batch features"],
    state: LSTMState | GateState,
    tap: Tap = identity,
    *,
    options: Options,
) -> tuple[State, Signals]:
    """One step of an LSTM or of one of its variants.

    Shapes: x (features,) or (batch, features); every signal (unit,) or (batch, unit).
    Source: arXiv 1503.04069, equations of section 2 and of appendix A for the variants.
    """
    s: dict[str, Tensor] = {}
    h, c_before = state.hidden, state.cell
    gates = options.gates

    from_input = product(parameters["weight_ih"], x)
    from_input = s["from_input"] = tap_rows(tap, "from_input", gates, from_input)  # W x_t
    from_hidden = product(parameters["weight_hh"], h)
    from_hidden = s["from_hidden"] = tap_rows(tap, "from_hidden", gates, from_hidden)  # U h_{t-1}
    bias = (parameters["bias_ih"] + parameters["bias_hh"]).expand_as(from_input)
    bias = s["bias"] = tap_rows(tap, "bias", gates, bias)  # b
    a = split_gates(from_input + from_hidden + bias, gates)
    recurrent: dict[str, Tensor] = {}
    if isinstance(state, GateState):
        recurrent = split_gates(product(parameters["weight_gates"], state.gates), RECURRENT_GATES)

    i = _gate("input", a, recurrent, c_before, s, tap, parameters, options)
    if options.forget == "gate":
        f = _gate("forget", a, recurrent, c_before, s, tap, parameters, options)
    elif options.forget == "coupled":
        f = s["forget"] = tap("forget", 1 - i)  # f_t = 1 - i_t
    g = s["candidate_pre"] = tap("candidate_pre", a["candidate"])
    if options.candidate_squashed:
        g = tanh(g)
    g = s["candidate"] = tap("candidate", g)  # g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
    kept = c_before if options.forget == "none" else f * c_before
    c = s["cell"] = tap("cell", kept + i * g)  # c_t = f_t * c_{t-1} + i_t * g_t
    o = _gate("output", a, recurrent, c, s, tap, parameters, options)
    exposed = c
    if options.output_squashed:
        exposed = s["cell_tanh"] = tap("cell_tanh", tanh(c))
    h = s["hidden"] = tap("hidden", o * exposed)  # h_t = o_t * tanh(c_t)

    if options.gate_recurrence:
        return GateState(h, c, torch.cat([i, f, o], dim=-1)), named(s, gates, PARTS)
    return LSTMState(h, c), named(s, gates, PARTS)


def _gate(
    name: str,
    sums: dict[str, Tensor],
    recurrent: dict[str, Tensor],
    cell: Tensor,
    s: dict[str, Tensor],
    tap: Tap,
    parameters: Parameters,
    options: Options,
) -> Tensor:
    """A gate, sigma(W x_t + U h_{t-1} + b), plus what its peephole and the gates before add; or fixed at 1."""
    if name in options.fixed:
        gate = s[name] = tap(name, torch.ones_like(cell))
        return gate
    a = sums[name]
    if options.peepholes:  # p * c
        peep = f"{name}_from_cell"
        seen = s[peep] = tap(peep, parameters[f"peephole_{name}"] * cell)
        a = a + seen
    if name in recurrent:  # R [i, f, o]_{t-1}
        fed_back = f"{name}_from_gates"
        fed = s[fed_back] = tap(fed_back, recurrent[name])
        a = a + fed
    a = s[f"{name}_pre"] = tap(f"{name}_pre", a)
    gate = s[name] = tap(name, sigmoid(a))
    return gate


def _lstm(name: str, title: str, note: str, options: Options, torch_name: str | None = None) -> Cell:
    state: tuple[tuple[str, tuple[str, ...]], ...] = (("hidden", ("hidden",)), ("cell", ("cell",)))
    if options.gate_recurrence:
        state = (*state, ("gates", RECURRENT_GATES))
    return Cell(
        name=name,
        title=title,
        family="lstm",
        gates=options.gates,
        state=state,
        step=partial(lstm_step, options=options),
        state_type=GateState if options.gate_recurrence else LSTMState,
        note=note,
        torch_name=torch_name,
        peepholes=tuple(g for g in options.gates if g != "candidate") if options.peepholes else (),
        gate_recurrence=options.gate_recurrence,
        coupled=options.forget == "coupled",
        candidate_squashed=options.candidate_squashed,
    )


LSTM_CELLS = (
    _lstm(
        "lstm",
        "LSTM",
        "As in torch.nn.LSTM: c = f c + i g, h = o tanh(c). A forget gate near 1 remembers.",
        Options(),
        torch_name="LSTM",
    ),
    _lstm(
        "lstm-1997",
        "LSTM of 1997",
        "No forget gate: c = c + i g, the constant error carousel of Hochreiter & Schmidhuber. Its squashing "
        "functions are tanh here; the paper's ran over (-2, 2) and (-1, 1) as rescaled logistic functions.",
        Options(forget="none"),
    ),
    _lstm(
        "lstm-peephole",
        "LSTM with peepholes",
        "The gates also see the cell state: i and f the old one, o the new one, through diagonal weights "
        "(Gers, Schraudolph & Schmidhuber 2002).",
        Options(peepholes=True),
    ),
    _lstm(
        "lstm-coupled",
        "LSTM, coupled gates",
        "f = 1 - i: what is written is forgotten, without peepholes.",
        Options(forget="coupled"),
    ),
    _lstm(
        "lstm-nig",
        "LSTM without input gate",
        "Ablation of arXiv 1503.04069: i = 1, with peepholes.",
        Options(fixed=("input",), peepholes=True),
    ),
    _lstm(
        "lstm-nfg",
        "LSTM without forget gate",
        "Ablation of arXiv 1503.04069: f = 1, with peepholes.",
        Options(fixed=("forget",), peepholes=True),
    ),
    _lstm(
        "lstm-nog",
        "LSTM without output gate",
        "Ablation of arXiv 1503.04069: o = 1, with peepholes.",
        Options(fixed=("output",), peepholes=True),
    ),
    _lstm(
        "lstm-niaf",
        "LSTM, linear candidate",
        "Ablation of arXiv 1503.04069: no input activation function, g = W x + U h + b, with peepholes.",
        Options(candidate_squashed=False, peepholes=True),
    ),
    _lstm(
        "lstm-noaf",
        "LSTM, linear output",
        "Ablation of arXiv 1503.04069: no output activation function, h = o c, with peepholes.",
        Options(output_squashed=False, peepholes=True),
    ),
    _lstm(
        "lstm-fgr",
        "LSTM, full gate recurrence",
        "Variant of arXiv 1503.04069: i, f and o of the step before feed back into i, f and o, with peepholes.",
        Options(peepholes=True, gate_recurrence=True),
    ),
)
