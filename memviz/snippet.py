"""A run as plain PyTorch: code that a reader pastes into a fresh file to get the same numbers without memviz.

Cells that `torch.nn` has become its module; the others become a loop with one line for each equation, made of
what the description of the cell says. What a user typed stands at most in a comment, escaped.
"""

import io
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.cells import Cell
from memviz.network import Network
from memviz.theme import look
from memviz.trace import Trace

WEIGHTS_NAME = "memviz_weights.pt"
_IN_TEXT = 1000
"""Up to so many numbers stand in the code; with more, the parameters go to a file."""
_BESIDE_A_FILE = 200
"""Up to so many inputs still stand in the code if there is a file anyway."""
_WIDTH = 100
_TYPED = "dtype=torch.float64"
_STATE = {"hidden": "h", "cell": "c", "gates": "gates"}
_BEFORE_FIRST = "# The state before the first step"


@dataclass(frozen=True)
class Snippet:
    """Code that rebuilds a run in plain PyTorch, with its file of weights if they are too many for the code.

    Attributes:
        code: Python; it imports torch alone and prints the last hidden state, (unit,), to 17 decimals.
        weights: the bytes of the file that the code loads, or None: a dict of float64 tensors by
            `torch.save`, the parameters under the names in the code, and "inputs" if these are many.
        weights_name: the name of that file, or None.
    """

    code: str
    weights: bytes | None
    weights_name: str | None


def torch_snippet(network: Network, trace: Trace) -> Snippet:
    """The run of a network that a trace recorded, as plain PyTorch in float64.

    Raises:
        ValueError: if the trace is of another cell, or of another number of features or units.
    """
    trace.check_is_of(network)
    writer = _Writer(network, trace)
    loops = {"lstm": _lstm_equations, "gru": _gru_equations}
    if network.cell.torch_name is not None:
        run = writer.module()
    else:
        run = writer.loop(loops[network.cell.family](network.cell))
    # The comments on what was typed stand far below line 2, where one could declare an encoding.
    blocks = [
        f"{writer.header()}\nimport torch\n\ntorch.set_printoptions(precision=17)",
        writer.parameters(),
        writer.inputs(),
        *run,
    ]
    return Snippet("\n\n".join(blocks) + "\n", writer.file(), WEIGHTS_NAME if writer.stored else None)


class _Writer:
    """Writes the blocks of one snippet; tensors that do not fit in the code gather in `stored`."""

    def __init__(self, network: Network, trace: Trace) -> None:
        self._network, self._trace, self._cell = network, trace, network.cell
        suffix = "" if self._cell.torch_name is None else "_l0"  # torch's name for the first layer
        self._parameters = {f"{name}{suffix}": value for name, value in network.parameters.items()}
        self._columns = _one_hot(trace.inputs)
        self._initial = {part: value for part, value in trace.initial.items() if np.any(value != 0)}
        inputs = trace.inputs.size if self._columns is None else len(self._columns)
        counts = [value.numel() for value in self._parameters.values()]
        counts += [value.size for value in self._initial.values()]
        self.stored: dict[str, Tensor] = {}
        if sum(counts) + inputs > _IN_TEXT:
            self.stored |= {name: value.clone() for name, value in self._parameters.items()}

    def file(self) -> bytes | None:
        """The bytes of the file of weights."""
        if not self.stored:
            return None
        buffer = io.BytesIO()
        torch.save(self.stored, buffer)
        return buffer.getvalue()

    def header(self) -> str:
        """What this is, its convention and how to run it."""
        cell, trace, script = self._cell, self._trace, f"{self._cell.name}.py"
        sizes = (_count(trace.units, "unit"), _count(trace.inputs.shape[1], "input feature"))
        lines = [
            f"{cell.title}: {', '.join(sizes)}, {_count(len(trace), 'timestep')}, float64.",
            *textwrap.wrap(cell.note, _WIDTH),
            f"Save this as {script}, beside {WEIGHTS_NAME}, and run it in that folder: python {script}"
            if self.stored
            else f"Save this as {script} and run it: python {script}",
            "It needs torch, not memviz, and prints the hidden state after the last timestep.",
        ]
        return "\n".join(f"# {line}" for line in lines)

    def parameters(self) -> str:
        """The parameters by name, in the code or out of the file."""
        if self.stored:
            return f'weights = torch.load("{WEIGHTS_NAME}", weights_only=True)'
        lines = ["weights = {"]
        for name, value in self._parameters.items():
            if value.ndim == 1:
                lines.append(_vector(f'    "{name}": [', value.tolist(), "],"))
            else:
                lines += [f'    "{name}": [', *self._rows(name, value), "    ],"]
        as_tensor = f"torch.tensor(values, {_TYPED})"
        return "\n".join(
            [*lines, "}", f"weights = {{name: {as_tensor} for name, values in weights.items()}}"]
        )

    def inputs(self) -> str:
        """The inputs, (time, features)."""
        values = self._trace.inputs
        features = values.shape[1]
        if self._columns is not None:
            eye = f"inputs = torch.eye({features}, {_TYPED})[["
            return f"{_comment(self._trace.tokens)}\n{_vector(eye, self._columns, ']]')}"
        shape = "# (time, features)"
        if self.stored and values.size > _BESIDE_A_FILE:
            self.stored["inputs"] = torch.tensor(values)
            return f'inputs = weights.pop("inputs")  {shape}'
        if features == 1:
            tail = f"], {_TYPED})[:, None]"
            return f"{shape}\n{_vector('inputs = torch.tensor([', values[:, 0].tolist(), tail)}"
        rows = [_vector("    [", row, "],") for row in values.tolist()]
        return "\n".join([f"inputs = torch.tensor([  {shape}", *rows, f"], {_TYPED})"])

    def module(self) -> list[str]:
        """The run through the module of torch.nn."""
        cell, name = self._cell, str(self._cell.torch_name).lower()
        sizes = f"{self._network.features}, {self._network.hidden_size}"
        option = "" if cell.nonlinearity in (None, "tanh") else f', nonlinearity="{cell.nonlinearity}"'
        parts = [part for part, _ in cell.state]
        blocks, given = [], ""
        if self._initial:
            names = {part: f"{_STATE[part]}_0" for part in parts}
            blocks.append("\n".join([_BEFORE_FIRST, *(self._state(part, names[part]) for part in parts)]))
            layer = [f"{name}[None]" for name in names.values()]  # a leading dimension for the layers
            given = f", {_tuple(layer)}"
        blocks.append(
            f"{name} = torch.nn.{cell.torch_name}({sizes}{option}, {_TYPED})\n"
            f"{name}.load_state_dict(weights)\n"
            "with torch.no_grad():\n"
            f"    every_h, {_tuple([_STATE[part] for part in parts])} = {name}(inputs{given})\n"
            f"{_print(self._network, 'h[0]')}"
        )
        return blocks

    def loop(self, equations: list[str]) -> list[str]:
        """The run as a loop over time."""
        cell = self._cell
        symbols = [look(gate, cell.family).symbol for gate in cell.gates]
        matrices = {
            "W": 'weights["weight_ih"]',
            "U": 'weights["weight_hh"]',
            "b": '(weights["bias_ih"] + weights["bias_hh"])',
        }
        unpacked = ["# Each has a block of rows for each gate"]
        unpacked += [
            f"{', '.join(f'{letter}_{symbol}' for symbol in symbols)} = {source}.chunk({len(symbols)})"
            for letter, source in matrices.items()
        ]
        unpacked += [f'p_{look(gate).symbol} = weights["peephole_{gate}"]' for gate in cell.peepholes]
        if cell.gate_recurrence:
            unpacked.append('R_i, R_f, R_o = weights["weight_gates"].chunk(3)')
        state = [self._state(part, _STATE[part]) for part, _ in cell.state]
        steps = ["for x in inputs:", *(f"    {equation}" for equation in equations)]
        return [
            "\n".join(unpacked),
            "\n".join([_BEFORE_FIRST, *state]),
            "\n".join([*steps, _print(self._network, "h")]),
        ]

    def _rows(self, name: str, matrix: Tensor) -> Iterable[str]:
        """The rows of a parameter, each block of them under the name of its gate."""
        cell, size = self._cell, self._network.hidden_size
        gates = ("input", "forget", "output") if name == "weight_gates" else cell.gates
        for index, row in enumerate(matrix.tolist()):
            if index % size == 0 and len(gates) > 1:
                signal = look(gates[index // size], cell.family)
                yield f"        # {signal.name}, {signal.symbol}"
            yield _vector("        [", row, "],")

    def _state(self, part: str, name: str) -> str:
        """One part of the state before the first step."""
        values = self._trace.initial[part]
        if part not in self._initial:
            return f"{name} = torch.zeros({values.size}, {_TYPED})"
        if self.stored and values.size > _BESIDE_A_FILE:
            self.stored[name] = torch.tensor(values)
            return f'{name} = weights.pop("{name}")'
        return _vector(f"{name} = torch.tensor([", values.tolist(), f"], {_TYPED})")


def _lstm_equations(cell: Cell) -> list[str]:
    """The lines of one step that this cell needs, in the order of the paper."""

    def gate(name: str, comment: str) -> list[str]:
        s = look(name).symbol
        peephole = f" + p_{s} * c" if name in cell.peepholes else ""
        recurrent = f" + R_{s} @ gates" if cell.gate_recurrence else ""
        equation = f"{s} = torch.sigmoid(W_{s} @ x + U_{s} @ h + b_{s}{peephole}{recurrent})"
        return [f"{equation}  # {comment}"] if name in cell.gates else []

    total = "W_g @ x + U_g @ h + b_g"
    keeps = cell.coupled or "forget" in cell.gates
    exposed = "torch.tanh(c)" if "cell_tanh" in cell.signal_names else "c"
    sees = "; p_o sees the new c" if "output" in cell.peepholes else ""
    return [
        *gate("input", "input gate"),
        *gate("forget", "forget gate"),
        *(["f = 1 - i  # forget gate, coupled"] if cell.coupled else []),
        f"g = torch.tanh({total})  # candidate" if cell.candidate_squashed else f"g = {total}  # candidate",
        f"c = {'f * c' if keeps else 'c'} + {'i * g' if 'input' in cell.gates else 'g'}  # cell state",
        *gate("output", f"output gate{sees}"),
        f"h = {f'o * {exposed}' if 'output' in cell.gates else exposed}  # hidden state",
        *(["gates = torch.cat([i, f, o])  # for the next step"] if cell.gate_recurrence else []),
    ]


def _gru_equations(cell: Cell) -> list[str]:
    """One step of a GRU that resets before the matrix product; the other kind is in torch.nn."""
    return [
        "r = torch.sigmoid(W_r @ x + U_r @ h + b_r)  # reset gate",
        "z = torch.sigmoid(W_z @ x + U_z @ h + b_z)  # update gate",
        "n = torch.tanh(W_n @ x + U_n @ (r * h) + b_n)  # candidate",
        "h = (1 - z) * n + z * h  # hidden state",
    ]


def _vector(head: str, values: Iterable[float | int], tail: str) -> str:
    """Numbers between a head and a tail, on one line if that fits, else wrapped on lines of their own."""
    numbers = ", ".join(map(repr, values))
    if len(line := f"{head}{numbers}{tail}") <= _WIDTH:
        return line
    margin = " " * (len(head) - len(head.lstrip()))
    indent = f"{margin}    "
    body = textwrap.wrap(
        f"{numbers},", _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return "\n".join([head, *body, f"{margin}{tail}"])


def _one_hot(inputs: Float[np.ndarray, "time features"]) -> list[int] | None:
    """The column of the 1 in each row, if all else is 0 and the rows are few enough to write."""
    time, features = inputs.shape
    if time > _IN_TEXT or not 2 <= features <= _IN_TEXT:
        return None
    ones = (np.count_nonzero(inputs, axis=1) == 1) & (inputs.max(axis=1) == 1)
    return inputs.argmax(axis=1).tolist() if ones.all() else None


def _comment(tokens: Iterable[str]) -> str:
    """What was typed, as one line of comment: ASCII alone, escaped, each token and all of it shortened."""
    escaped = (ascii(token[:12]) for token in tokens)
    return "# One-hot rows for " + textwrap.shorten(" ".join(escaped), _WIDTH - 20, placeholder=" ...")


def _print(network: Network, what: str) -> str:
    """The last line; torch would leave out the middle of more than 1,000 numbers."""
    if network.hidden_size <= 1000:
        return f"print({what})"
    return f"torch.set_printoptions(threshold={network.hidden_size})\nprint({what})"


def _tuple(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"({', '.join(items)})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
