"""The blocks of a snippet, one after the other: header, parameters, inputs, and the run itself."""

import io
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.network import Network
from memviz.snippet.changes import Changes
from memviz.snippet.equations import equations, unpacked
from memviz.snippet.text import TYPED, WIDTH, matrix, vector
from memviz.theme import look
from memviz.trace import Trace

WEIGHTS_NAME = "memviz_weights.pt"
_IN_TEXT = 1000
"""Up to so many numbers stand in the code; with more, the parameters go to a file."""
_BESIDE_A_FILE = 200
"""Up to so many inputs still stand in the code if there is a file anyway."""
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
    """The run of a network that a trace recorded, as plain PyTorch in float64, its interventions included.

    Raises:
        ValueError: if the trace is of another cell, or of another number of features or units.
    """
    trace.check_is_of(network)
    writer = _Writer(network, trace)
    run = writer.loop() if writer.has_loop else writer.module()
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
        self.has_loop = self._cell.torch_name is None or bool(trace.interventions)
        self._changes = Changes(trace.interventions, len(trace), trace.units)
        suffix = "" if self.has_loop else "_l0"  # torch's name for the first layer
        self._parameters = {f"{name}{suffix}": value for name, value in network.parameters.items()}
        self._columns = _one_hot(trace.inputs)
        self._initial = {part: value for part, value in trace.initial.items() if np.any(value != 0)}
        inputs = trace.inputs.size if self._columns is None else len(self._columns)
        counts = [value.numel() for value in self._parameters.values()]
        counts += [value.size for value in (*self._initial.values(), *self._changes.patches.values())]
        self.stored: dict[str, Tensor] = {}
        if sum(counts) + inputs > _IN_TEXT:
            self.stored |= {name: value.clone() for name, value in self._parameters.items()}
            patches = self._changes.patches.items()
            self.stored |= {name: torch.tensor(value) for name, value in patches}

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
        changed = _count(len(trace.interventions), "change")
        lines = [
            f"{cell.title}: {', '.join(sizes)}, {_count(len(trace), 'timestep')}, float64.",
            *textwrap.wrap(cell.note, WIDTH),
            *([f"What if: {changed}, so that the run is a plain loop."] if trace.interventions else []),
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
                lines.append(vector(f'    "{name}": [', value.tolist(), "],"))
            else:
                lines += [f'    "{name}": [', *self._rows(name, value), "    ],"]
        as_tensor = f"torch.tensor(values, {TYPED})"
        return "\n".join(
            [*lines, "}", f"weights = {{name: {as_tensor} for name, values in weights.items()}}"]
        )

    def inputs(self) -> str:
        """The inputs, (time, features)."""
        values = self._trace.inputs
        features = values.shape[1]
        if self._columns is not None:
            eye = f"inputs = torch.eye({features}, {TYPED})[["
            return f"{_comment(self._trace.tokens)}\n{vector(eye, self._columns, ']]')}"
        shape = "# (time, features)"
        if self.stored and values.size > _BESIDE_A_FILE:
            self.stored["inputs"] = torch.tensor(values)
            return f'inputs = weights.pop("inputs")  {shape}'
        if features == 1:
            tail = f"], {TYPED})[:, None]"
            return f"{shape}\n{vector('inputs = torch.tensor([', values[:, 0].tolist(), tail)}"
        return matrix(f"inputs = torch.tensor([  {shape}", values.tolist(), f"], {TYPED})")

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
            f"{name} = torch.nn.{cell.torch_name}({sizes}{option}, {TYPED})\n"
            f"{name}.load_state_dict(weights)\n"
            "with torch.no_grad():\n"
            f"    every_h, {_tuple([_STATE[part] for part in parts])} = {name}(inputs{given})\n"
            f"{_print(self._network, 'h[0]')}"
        )
        return blocks

    def loop(self) -> list[str]:
        """The run as a loop over time, with a function before it where interventions change signals."""
        cell, changes = self._cell, self._changes
        parts = [_STATE[part] for part, _ in cell.state]
        state = [self._state(part, _STATE[part]) for part, _ in cell.state]
        head = "for t, x in enumerate(inputs):" if self._trace.interventions else "for x in inputs:"
        step = [*changes.resets(parts), *equations(cell, changes.touched)]
        steps = [head, *(f"    {line}" for line in step)]
        return [
            "\n".join(unpacked(cell)),
            *([changes.function(self.stored)] if changes.touched else []),
            "\n".join([_BEFORE_FIRST, *state]),
            "\n".join([*steps, _print(self._network, "h")]),
        ]

    def _rows(self, name: str, values: Tensor) -> Iterable[str]:
        """The rows of a parameter, each block of them under the name of its gate."""
        cell, size = self._cell, self._network.hidden_size
        gates = ("input", "forget", "output") if name == "weight_gates" else cell.gates
        for index, row in enumerate(values.tolist()):
            if index % size == 0 and len(gates) > 1:
                signal = look(gates[index // size], cell.family)
                yield f"        # {signal.name}, {signal.symbol}"
            yield vector("        [", row, "],")

    def _state(self, part: str, name: str) -> str:
        """One part of the state before the first step."""
        values = self._trace.initial[part]
        if part not in self._initial:
            return f"{name} = torch.zeros({values.size}, {TYPED})"
        if self.stored and values.size > _BESIDE_A_FILE:
            self.stored[name] = torch.tensor(values)
            return f'{name} = weights.pop("{name}")'
        return vector(f"{name} = torch.tensor([", values.tolist(), f"], {TYPED})")


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
    return "# One-hot rows for " + textwrap.shorten(" ".join(escaped), WIDTH - 20, placeholder=" ...")


def _print(network: Network, what: str) -> str:
    """The last line; torch would leave out the middle of more than 1,000 numbers."""
    if network.hidden_size <= 1000:
        return f"print({what})"
    return f"torch.set_printoptions(threshold={network.hidden_size})\nprint({what})"


def _tuple(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"({', '.join(items)})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
