"""One step of a cell as lines of PyTorch, one for each equation, in the order of the paper.

A signal that an intervention touches gets a line more, `f = change(t, "forget", f)`; where a part of a pre-activation
is touched, the sum is taken apart for it.
"""

from collections.abc import Callable

from memviz.cells import Cell
from memviz.theme import look

Touched = frozenset[str]
_NONE: Touched = frozenset()


def equations(cell: Cell, touched: Touched = _NONE) -> list[str]:
    """The lines of one step that a cell needs: from x and the state to the next state."""
    of_family: dict[str, Callable[[Cell, Touched], list[str]]] = {
        "elman": _elman,
        "lstm": _lstm,
        "gru": _gru,
    }
    return of_family[cell.family](cell, touched)


def unpacked(cell: Cell) -> list[str]:
    """The lines that take the parameters apart: W_f, U_f, b_f and so on, a block of rows for each gate."""
    symbols = [look(gate, cell.family).symbol for gate in cell.gates]
    matrices = {
        "W": 'weights["weight_ih"]',
        "U": 'weights["weight_hh"]',
        "b": 'weights["bias_ih"] + weights["bias_hh"]',
    }
    if len(symbols) == 1:
        return [f"{letter}_{symbols[0]} = {source}" for letter, source in matrices.items()]
    matrices["b"] = f"({matrices['b']})"
    lines = ["# Each has a block of rows for each gate"]
    for letter, source in matrices.items():
        names = [f"{letter}_{symbol}" for symbol in symbols]
        if letter == "b" and cell.reset_after:
            names[-1] = "_"
        lines.append(f"{', '.join(names)} = {source}.chunk({len(symbols)})")
    if cell.reset_after:
        lines.append("# Those of the candidate stay apart: the reset gate scales b_hn alone")
        lines += [f'b_{side}n = weights["bias_{side}h"].chunk({len(symbols)})[-1]' for side in "ih"]
    lines += [f'p_{look(gate).symbol} = weights["peephole_{gate}"]' for gate in cell.peepholes]
    if cell.gate_recurrence:
        lines.append('R_i, R_f, R_o = weights["weight_gates"].chunk(3)')
    return lines


def changed(symbol: str, signal: str, touched: Touched) -> list[str]:
    """The line that an intervention on a signal adds."""
    return [f'{symbol} = change(t, "{signal}", {symbol})'] if signal in touched else []


def _gate(
    name: str, symbol: str, squash: str, parts: dict[str, str], comment: str, touched: Touched
) -> list[str]:
    """A gate, the candidate or Elman's hidden state: `squash` of the sum of its parts, `from_input` and so on."""
    lines, terms = [], []
    for part, term in parts.items():
        signal = f"{name}_{part}"
        if signal in touched:
            local = f"{symbol}_{part}"
            lines.append(f'{local} = change(t, "{signal}", {term})')
            terms.append(local)
        else:
            terms.append(term)
    total = " + ".join(terms)
    if lines or f"{name}_pre" in touched:
        lines += [f"a_{symbol} = {total}", *changed(f"a_{symbol}", f"{name}_pre", touched)]
        total = f"a_{symbol}"
    squashed = f"{squash}({total})" if squash else total
    return [*lines, f"{symbol} = {squashed}  # {comment}", *changed(symbol, name, touched)]


def _sums(symbol: str) -> dict[str, str]:
    return {"from_input": f"W_{symbol} @ x", "from_hidden": f"U_{symbol} @ h", "bias": f"b_{symbol}"}


def _elman(cell: Cell, touched: Touched) -> list[str]:
    return _gate("hidden", "h", f"torch.{cell.nonlinearity}", _sums("h"), "hidden state", touched)


def _lstm(cell: Cell, touched: Touched) -> list[str]:
    """An LSTM of any kind; a gate that is fixed at 1 has a line only where it is touched."""

    def gate(name: str, comment: str) -> list[str]:
        symbol = look(name).symbol
        if name not in cell.gates:
            is_touched = name in touched and not (name == "forget" and cell.coupled)
            return [f'{symbol} = change(t, "{name}", torch.ones_like(c))  # {comment}'] if is_touched else []
        peephole = {"from_cell": f"p_{symbol} * c"} if name in cell.peepholes else {}
        recurrent = {"from_gates": f"R_{symbol} @ gates"} if cell.gate_recurrence else {}
        parts = _sums(symbol) | peephole | recurrent
        return _gate(name, symbol, "torch.sigmoid", parts, comment, touched)

    def has(name: str) -> bool:
        return name in cell.gates or name in touched

    squash = "torch.tanh" if cell.candidate_squashed else ""
    sees = "; p_o sees the new c" if "output" in cell.peepholes else ""
    exposed, tanh = "c", []
    if "cell_tanh" in cell.signal_names:
        exposed = "torch.tanh(c)"
        if "cell_tanh" in touched:
            exposed, tanh = "m", ['m = change(t, "cell_tanh", torch.tanh(c))']
    coupled = ["f = 1 - i  # forget gate, coupled", *changed("f", "forget", touched)] if cell.coupled else []
    kept = "f * c" if cell.coupled or has("forget") else "c"
    return [
        *gate("input", "input gate"),
        *gate("forget", "forget gate"),
        *coupled,
        *_gate("candidate", "g", squash, _sums("g"), "candidate", touched),
        f"c = {kept} + {'i * g' if has('input') else 'g'}  # cell state",
        *changed("c", "cell", touched),
        *gate("output", f"output gate{sees}"),
        *tanh,
        f"h = {f'o * {exposed}' if has('output') else exposed}  # hidden state",
        *changed("h", "hidden", touched),
        *(["gates = torch.cat([i, f, o])  # for the next step"] if cell.gate_recurrence else []),
    ]


def _gru(cell: Cell, touched: Touched) -> list[str]:
    parts = _sums("n") | {"from_hidden": "U_n @ (r * h)"}
    if cell.reset_after:
        parts |= {"from_hidden": "r * (U_n @ h + b_hn)", "bias": "b_in"}
    return [
        *_gate("reset", "r", "torch.sigmoid", _sums("r"), "reset gate", touched),
        *_gate("update", "z", "torch.sigmoid", _sums("z"), "update gate", touched),
        *_gate("candidate", "n", "torch.tanh", parts, "candidate", touched),
        "h = (1 - z) * n + z * h  # hidden state",
        *changed("h", "hidden", touched),
    ]
