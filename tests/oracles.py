"""One step of every cell, transcribed from its paper with a matrix for each gate: the oracle of the tests.

Nothing is imported from memviz. A step runs on numpy arrays, real or complex (so that a complex step gives a
derivative without any autograd), and on torch tensors (so that autograd of this transcription is an oracle
too). Packed parameters are taken apart by the order that torch documents: i, f, g, o and r, z, n.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

Array = Any  # np.ndarray or torch.Tensor, one step: (unit,)
Values = dict[str, Array]
Tap = Callable[[str, Array], Array]


class Ops(NamedTuple):
    """The functions that the equations need, of one array library."""

    sigma: Callable[[Array], Array]
    tanh: Callable[[Array], Array]
    relu: Callable[[Array], Array]
    ones_like: Callable[[Array], Array]
    concatenate: Callable[[list[Array]], Array]


def _numpy_sigma(a: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # exp(800) is infinite and 1 / infinity is the right answer
        return 1 / (1 + np.exp(-a))


NUMPY = Ops(_numpy_sigma, np.tanh, lambda a: np.where(a.real > 0, a, 0), np.ones_like, np.concatenate)
TORCH = Ops(
    lambda a: 1 / (1 + torch.exp(-a)),
    lambda a: 2 / (1 + torch.exp(-2 * a)) - 1,
    lambda a: torch.where(a > 0, a, torch.zeros_like(a)),
    torch.ones_like,
    torch.cat,
)


class Book:
    """Writes down the signals of one step; what the tap gives back is what later equations read."""

    def __init__(self, tap: Tap) -> None:
        self.values: Values = {}
        self._tap = tap

    def put(self, name: str, value: Array) -> Array:
        assert name not in self.values
        self.values[name] = self._tap(name, value)
        return self.values[name]

    def pre(self, gate: str, **parts: Array) -> Array:
        total = 0
        for part, value in parts.items():
            total = total + self.put(f"{gate}_{part}", value)
        return self.put(f"{gate}_pre", total)


def blocks(packed: Array, count: int) -> list[Array]:
    """The row blocks of a packed matrix or bias, first to last."""
    rows = len(packed) // count
    return [packed[k * rows : (k + 1) * rows] for k in range(count)]


def unpack(p: Mapping[str, Array], count: int) -> tuple[list[Array], list[Array], list[Array]]:
    """W, U and the sum of both biases for each gate, in the order of the packed rows."""
    return (
        blocks(p["weight_ih"], count),
        blocks(p["weight_hh"], count),
        blocks(p["bias_ih"] + p["bias_hh"], count),
    )


# --- Elman 1990, with the tanh or the rectifier of torch.nn.RNN ------------------------------------------


def elman(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    a = book.pre(
        "hidden",
        from_input=p["weight_ih"] @ x,
        from_hidden=p["weight_hh"] @ state["hidden"],
        bias=p["bias_ih"] + p["bias_hh"],
    )
    return {"hidden": book.put("hidden", ops.tanh(a))}


def elman_relu(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    a = book.pre(
        "hidden",
        from_input=p["weight_ih"] @ x,
        from_hidden=p["weight_hh"] @ state["hidden"],
        bias=p["bias_ih"] + p["bias_hh"],
    )
    return {"hidden": book.put("hidden", ops.relu(a))}


# --- torch.nn.LSTM: Gers, Schmidhuber & Cummins 2000 -----------------------------------------------------


def lstm(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    h, c = state["hidden"], state["cell"]
    (W_i, W_f, W_g, W_o), (U_i, U_f, U_g, U_o), (b_i, b_f, b_g, b_o) = unpack(p, 4)
    i = book.put("input", ops.sigma(book.pre("input", from_input=W_i @ x, from_hidden=U_i @ h, bias=b_i)))
    f = book.put("forget", ops.sigma(book.pre("forget", from_input=W_f @ x, from_hidden=U_f @ h, bias=b_f)))
    g = book.put(
        "candidate", ops.tanh(book.pre("candidate", from_input=W_g @ x, from_hidden=U_g @ h, bias=b_g))
    )
    c = book.put("cell", f * c + i * g)
    o = book.put("output", ops.sigma(book.pre("output", from_input=W_o @ x, from_hidden=U_o @ h, bias=b_o)))
    tanh_c = book.put("cell_tanh", ops.tanh(c))
    return {"hidden": book.put("hidden", o * tanh_c), "cell": c}


# --- Hochreiter & Schmidhuber 1997: the self-connection of the cell is exactly 1 -------------------------


def lstm_1997(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    y, s = state["hidden"], state["cell"]
    (W_in, W_c, W_out), (U_in, U_c, U_out), (b_in, b_c, b_out) = unpack(p, 3)
    y_in = book.put(
        "input", ops.sigma(book.pre("input", from_input=W_in @ x, from_hidden=U_in @ y, bias=b_in))
    )
    g = book.put(
        "candidate", ops.tanh(book.pre("candidate", from_input=W_c @ x, from_hidden=U_c @ y, bias=b_c))
    )
    s = book.put("cell", s + y_in * g)
    y_out = book.put(
        "output", ops.sigma(book.pre("output", from_input=W_out @ x, from_hidden=U_out @ y, bias=b_out))
    )
    squashed = book.put("cell_tanh", ops.tanh(s))
    return {"hidden": book.put("hidden", y_out * squashed), "cell": s}


# --- Gers, Schraudolph & Schmidhuber 2002: "vanilla" in Greff et al., whose symbols these are -------------
# i and f look at the old cell state, o at the new one, each through a diagonal.


def vanilla(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    y, c = state["hidden"], state["cell"]
    (W_i, W_f, W_z, W_o), (R_i, R_f, R_z, R_o), (b_i, b_f, b_z, b_o) = unpack(p, 4)
    p_i, p_f, p_o = p["peephole_input"], p["peephole_forget"], p["peephole_output"]
    a_i = book.pre("input", from_input=W_i @ x, from_hidden=R_i @ y, bias=b_i, from_cell=p_i * c)
    i = book.put("input", ops.sigma(a_i))
    a_f = book.pre("forget", from_input=W_f @ x, from_hidden=R_f @ y, bias=b_f, from_cell=p_f * c)
    f = book.put("forget", ops.sigma(a_f))
    a_z = book.pre("candidate", from_input=W_z @ x, from_hidden=R_z @ y, bias=b_z)
    z = book.put("candidate", ops.tanh(a_z))
    c_new = book.put("cell", z * i + c * f)
    a_o = book.pre("output", from_input=W_o @ x, from_hidden=R_o @ y, bias=b_o, from_cell=p_o * c_new)
    o = book.put("output", ops.sigma(a_o))
    y = book.put("hidden", book.put("cell_tanh", ops.tanh(c_new)) * o)
    return {"hidden": y, "cell": c_new}


# --- coupled gates, f = 1 - i, here without peepholes ----------------------------------------------------


def coupled(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    h, c = state["hidden"], state["cell"]
    (W_i, W_g, W_o), (U_i, U_g, U_o), (b_i, b_g, b_o) = unpack(p, 3)
    i = book.put("input", ops.sigma(book.pre("input", from_input=W_i @ x, from_hidden=U_i @ h, bias=b_i)))
    f = book.put("forget", 1 - i)
    g = book.put(
        "candidate", ops.tanh(book.pre("candidate", from_input=W_g @ x, from_hidden=U_g @ h, bias=b_g))
    )
    c = book.put("cell", f * c + i * g)
    o = book.put("output", ops.sigma(book.pre("output", from_input=W_o @ x, from_hidden=U_o @ h, bias=b_o)))
    tanh_c = book.put("cell_tanh", ops.tanh(c))
    return {"hidden": book.put("hidden", o * tanh_c), "cell": c}


# --- Greff et al., arXiv 1503.04069: vanilla less one thing ----------------------------------------------


def nig(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    y, c = state["hidden"], state["cell"]
    (W_f, W_z, W_o), (R_f, R_z, R_o), (b_f, b_z, b_o) = unpack(p, 3)
    i = book.put("input", ops.ones_like(c))  # NIG: i = 1
    a_f = book.pre(
        "forget", from_input=W_f @ x, from_hidden=R_f @ y, bias=b_f, from_cell=p["peephole_forget"] * c
    )
    f = book.put("forget", ops.sigma(a_f))
    z = book.put(
        "candidate", ops.tanh(book.pre("candidate", from_input=W_z @ x, from_hidden=R_z @ y, bias=b_z))
    )
    c = book.put("cell", z * i + c * f)
    a_o = book.pre(
        "output", from_input=W_o @ x, from_hidden=R_o @ y, bias=b_o, from_cell=p["peephole_output"] * c
    )
    o = book.put("output", ops.sigma(a_o))
    return {"hidden": book.put("hidden", book.put("cell_tanh", ops.tanh(c)) * o), "cell": c}


def nfg(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    y, c = state["hidden"], state["cell"]
    (W_i, W_z, W_o), (R_i, R_z, R_o), (b_i, b_z, b_o) = unpack(p, 3)
    a_i = book.pre(
        "input", from_input=W_i @ x, from_hidden=R_i @ y, bias=b_i, from_cell=p["peephole_input"] * c
    )
    i = book.put("input", ops.sigma(a_i))
    f = book.put("forget", ops.ones_like(c))  # NFG: f = 1
    z = book.put(
        "candidate", ops.tanh(book.pre("candidate", from_input=W_z @ x, from_hidden=R_z @ y, bias=b_z))
    )
    c = book.put("cell", z * i + c * f)
    a_o = book.pre(
        "output", from_input=W_o @ x, from_hidden=R_o @ y, bias=b_o, from_cell=p["peephole_output"] * c
    )
    o = book.put("output", ops.sigma(a_o))
    return {"hidden": book.put("hidden", book.put("cell_tanh", ops.tanh(c)) * o), "cell": c}


def nog(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    y, c = state["hidden"], state["cell"]
    (W_i, W_f, W_z), (R_i, R_f, R_z), (b_i, b_f, b_z) = unpack(p, 3)
    a_i = book.pre(
        "input", from_input=W_i @ x, from_hidden=R_i @ y, bias=b_i, from_cell=p["peephole_input"] * c
    )
    i = book.put("input", ops.sigma(a_i))
    a_f = book.pre(
        "forget", from_input=W_f @ x, from_hidden=R_f @ y, bias=b_f, from_cell=p["peephole_forget"] * c
    )
    f = book.put("forget", ops.sigma(a_f))
    z = book.put(
        "candidate", ops.tanh(book.pre("candidate", from_input=W_z @ x, from_hidden=R_z @ y, bias=b_z))
    )
    c = book.put("cell", z * i + c * f)
    o = book.put("output", ops.ones_like(c))  # NOG: o = 1
    return {"hidden": book.put("hidden", book.put("cell_tanh", ops.tanh(c)) * o), "cell": c}


def niaf(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    y, c = state["hidden"], state["cell"]
    (W_i, W_f, W_z, W_o), (R_i, R_f, R_z, R_o), (b_i, b_f, b_z, b_o) = unpack(p, 4)
    a_i = book.pre(
        "input", from_input=W_i @ x, from_hidden=R_i @ y, bias=b_i, from_cell=p["peephole_input"] * c
    )
    i = book.put("input", ops.sigma(a_i))
    a_f = book.pre(
        "forget", from_input=W_f @ x, from_hidden=R_f @ y, bias=b_f, from_cell=p["peephole_forget"] * c
    )
    f = book.put("forget", ops.sigma(a_f))
    a_z = book.pre("candidate", from_input=W_z @ x, from_hidden=R_z @ y, bias=b_z)
    z = book.put("candidate", 1 * a_z)  # NIAF: g(x) = x; times one, so that torch keeps it a value of its own
    c = book.put("cell", z * i + c * f)
    a_o = book.pre(
        "output", from_input=W_o @ x, from_hidden=R_o @ y, bias=b_o, from_cell=p["peephole_output"] * c
    )
    o = book.put("output", ops.sigma(a_o))
    return {"hidden": book.put("hidden", book.put("cell_tanh", ops.tanh(c)) * o), "cell": c}


def noaf(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    y, c = state["hidden"], state["cell"]
    (W_i, W_f, W_z, W_o), (R_i, R_f, R_z, R_o), (b_i, b_f, b_z, b_o) = unpack(p, 4)
    a_i = book.pre(
        "input", from_input=W_i @ x, from_hidden=R_i @ y, bias=b_i, from_cell=p["peephole_input"] * c
    )
    i = book.put("input", ops.sigma(a_i))
    a_f = book.pre(
        "forget", from_input=W_f @ x, from_hidden=R_f @ y, bias=b_f, from_cell=p["peephole_forget"] * c
    )
    f = book.put("forget", ops.sigma(a_f))
    z = book.put(
        "candidate", ops.tanh(book.pre("candidate", from_input=W_z @ x, from_hidden=R_z @ y, bias=b_z))
    )
    c = book.put("cell", z * i + c * f)
    a_o = book.pre(
        "output", from_input=W_o @ x, from_hidden=R_o @ y, bias=b_o, from_cell=p["peephole_output"] * c
    )
    o = book.put("output", ops.sigma(a_o))
    return {"hidden": book.put("hidden", c * o), "cell": c}  # NOAF: h(x) = x


def fgr(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    y, c = state["hidden"], state["cell"]
    i_old, f_old, o_old = blocks(state["gates"], 3)
    (W_i, W_f, W_z, W_o), (R_i, R_f, R_z, R_o), (b_i, b_f, b_z, b_o) = unpack(p, 4)
    # Nine matrices, R_fi from f of the step before into i of this one.
    into_i, into_f, into_o = blocks(p["weight_gates"], 3)
    R_ii, R_fi, R_oi = (part.T for part in blocks(into_i.T, 3))
    R_if, R_ff, R_of = (part.T for part in blocks(into_f.T, 3))
    R_io, R_fo, R_oo = (part.T for part in blocks(into_o.T, 3))
    a_i = book.pre(
        "input",
        from_input=W_i @ x,
        from_hidden=R_i @ y,
        bias=b_i,
        from_cell=p["peephole_input"] * c,
        from_gates=R_ii @ i_old + R_fi @ f_old + R_oi @ o_old,
    )
    i = book.put("input", ops.sigma(a_i))
    a_f = book.pre(
        "forget",
        from_input=W_f @ x,
        from_hidden=R_f @ y,
        bias=b_f,
        from_cell=p["peephole_forget"] * c,
        from_gates=R_if @ i_old + R_ff @ f_old + R_of @ o_old,
    )
    f = book.put("forget", ops.sigma(a_f))
    z = book.put(
        "candidate", ops.tanh(book.pre("candidate", from_input=W_z @ x, from_hidden=R_z @ y, bias=b_z))
    )
    c = book.put("cell", z * i + c * f)
    a_o = book.pre(
        "output",
        from_input=W_o @ x,
        from_hidden=R_o @ y,
        bias=b_o,
        from_cell=p["peephole_output"] * c,
        from_gates=R_io @ i_old + R_fo @ f_old + R_oo @ o_old,
    )
    o = book.put("output", ops.sigma(a_o))
    y = book.put("hidden", book.put("cell_tanh", ops.tanh(c)) * o)
    return {"hidden": y, "cell": c, "gates": ops.concatenate([i, f, o])}


# --- Cho et al., arXiv 1406.1078: version 1 and torch reset after the matrix product, version 3 before -----


def gru(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    h = state["hidden"]
    W_r, W_z, W_n = blocks(p["weight_ih"], 3)
    U_r, U_z, U_n = blocks(p["weight_hh"], 3)
    b_ir, b_iz, b_in = blocks(p["bias_ih"], 3)
    b_hr, b_hz, b_hn = blocks(p["bias_hh"], 3)
    a_r = book.pre("reset", from_input=W_r @ x, from_hidden=U_r @ h, bias=b_ir + b_hr)
    r = book.put("reset", ops.sigma(a_r))
    a_z = book.pre("update", from_input=W_z @ x, from_hidden=U_z @ h, bias=b_iz + b_hz)
    z = book.put("update", ops.sigma(a_z))
    a_n = book.pre("candidate", from_input=W_n @ x, from_hidden=r * (U_n @ h + b_hn), bias=b_in)
    n = book.put("candidate", ops.tanh(a_n))
    return {"hidden": book.put("hidden", (1 - z) * n + z * h)}


def gru_v3(ops: Ops, p: Values, x: Array, state: Values, book: Book) -> Values:
    h = state["hidden"]
    (W_r, W_z, W_n), (U_r, U_z, U_n), (b_r, b_z, b_n) = unpack(p, 3)
    r = book.put("reset", ops.sigma(book.pre("reset", from_input=W_r @ x, from_hidden=U_r @ h, bias=b_r)))
    z = book.put("update", ops.sigma(book.pre("update", from_input=W_z @ x, from_hidden=U_z @ h, bias=b_z)))
    a_n = book.pre("candidate", from_input=W_n @ x, from_hidden=U_n @ (r * h), bias=b_n)
    n = book.put("candidate", ops.tanh(a_n))
    return {"hidden": book.put("hidden", (1 - z) * n + z * h)}


class Oracle(NamedTuple):
    """A transcribed cell: its step, the row blocks it packs, its peepholes and its state's widths in H."""

    step: Callable[[Ops, Values, Array, Values, Book], Values]
    blocks: int
    peepholes: tuple[str, ...] = ()
    state: tuple[tuple[str, int], ...] = (("hidden", 1), ("cell", 1))
    gate_recurrence: bool = False


_HIDDEN = (("hidden", 1),)
_IFO = ("input", "forget", "output")

ORACLES = {
    "elman": Oracle(elman, 1, state=_HIDDEN),
    "elman-relu": Oracle(elman_relu, 1, state=_HIDDEN),
    "lstm": Oracle(lstm, 4),
    "lstm-1997": Oracle(lstm_1997, 3),
    "lstm-peephole": Oracle(vanilla, 4, _IFO),
    "lstm-coupled": Oracle(coupled, 3),
    "lstm-nig": Oracle(nig, 3, ("forget", "output")),
    "lstm-nfg": Oracle(nfg, 3, ("input", "output")),
    "lstm-nog": Oracle(nog, 3, ("input", "forget")),
    "lstm-niaf": Oracle(niaf, 4, _IFO),
    "lstm-noaf": Oracle(noaf, 4, _IFO),
    "lstm-fgr": Oracle(fgr, 4, _IFO, (("hidden", 1), ("cell", 1), ("gates", 3)), gate_recurrence=True),
    "gru": Oracle(gru, 3, state=_HIDDEN),
    "gru-v3": Oracle(gru_v3, 3, state=_HIDDEN),
}
NAMES = tuple(ORACLES)


def untouched(name: str, value: Array) -> Array:
    return value


def step(
    name: str, p: Values, x: Array, state: Values, tap: Tap = untouched, ops: Ops = NUMPY
) -> tuple[Values, Values]:
    """One step of a cell: the next state and every signal, by name, in the order of the equations."""
    book = Book(tap)
    after = ORACLES[name].step(ops, p, x, state, book)
    return after, book.values


def run(
    name: str,
    p: Values,
    xs: Iterable[Array],
    state: Values,
    tap: Callable[[int, str, Array], Array] | None = None,
    between: Callable[[int, Values], Values] | None = None,
    ops: Ops = NUMPY,
) -> list[Values]:
    """The signals of every step. `tap` also gets the timestep; `between` may change the state after one."""
    steps = []
    for t, x in enumerate(xs):
        at_t = untouched if tap is None else (lambda signal, value, t=t: tap(t, signal, value))
        state, signals = step(name, p, x, state, at_t, ops)
        if between is not None:
            state = between(t, state)
            signals = {**signals, "hidden": state["hidden"]}  # a loss that reads h_t reads the changed state
        steps.append(signals)
    return steps


def parameters(name: str, features: int, hidden: int, seed: int, scale: float = 1.0) -> dict[str, np.ndarray]:
    """Normal parameters for a cell, of the shapes that its equations ask for."""
    rng = np.random.default_rng(seed)
    oracle = ORACLES[name]
    rows = oracle.blocks * hidden
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih": (rows, features),
        "weight_hh": (rows, hidden),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
        **{f"peephole_{gate}": (hidden,) for gate in oracle.peepholes},
    }
    if oracle.gate_recurrence:
        shapes["weight_gates"] = (3 * hidden, 3 * hidden)
    return {key: scale * rng.standard_normal(shape) for key, shape in shapes.items()}


def inputs(features: int, time: int, seed: int) -> np.ndarray:
    """Normal inputs (time, features)."""
    return np.random.default_rng(10_000 + seed).standard_normal((time, features))


def state(name: str, hidden: int, seed: int | None = None) -> dict[str, np.ndarray]:
    """A state before the first step: zeros, or with a seed a normal draw."""
    rng = np.random.default_rng(None if seed is None else 20_000 + seed)
    return {
        part: np.zeros(width * hidden) if seed is None else rng.standard_normal(width * hidden)
        for part, width in ORACLES[name].state
    }


def as_torch(values: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Float64 tensors of the same names."""
    return {name: torch.tensor(value) for name, value in values.items()}
