"""Which parts of a model are recurrent, what they are made of, and which of them cannot be recorded.

`torch.nn.RNN`, `LSTM`, `GRU` and their Cells are found under every name that a model has for them. A class that
computes something else under one of these names is refused: its gates would be wrong numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from memviz.cells import CELLS, Cell

LAYERS = (nn.RNN, nn.LSTM, nn.GRU)
STEPS = (nn.RNNCell, nn.LSTMCell, nn.GRUCell)
_KINDS = (*LAYERS, *STEPS)
_NAMES = {kind.__name__ for kind in _KINDS}
Weights = dict[str, Tensor]
"""weight_ih, weight_hh, bias_ih, bias_hh (zeros where a module has none) and, of a projected LSTM, weight_hr."""


@dataclass(frozen=True)
class Form:
    """What a recurrent module is made of.

    Attributes:
        path: its first name in the model, such as "encoder.rnn"; "" where it is the model.
        kind: its class in `torch.nn`.
        cell: the cell that it steps.
        layers: how many are stacked.
        directions: 1 or 2.
        features: of the input of its first layer.
        hidden_size: the number of units.
        projected: the width of the projected hidden state; 0 without a projection.
        batch_first: whether the batch comes before time.
        dropout: between layers, while training.
        one_step: whether a call is one timestep, as with `nn.LSTMCell`.
    """

    path: str
    kind: str
    cell: Cell
    layers: int
    directions: int
    features: int
    hidden_size: int
    projected: int = 0
    batch_first: bool = False
    dropout: float = 0.0
    one_step: bool = False

    @property
    def width(self) -> int:
        """How wide the hidden state is."""
        return self.projected or self.hidden_size

    def __str__(self) -> str:
        """How an error names the module."""
        return f"{shown_path(self.path)} (nn.{self.kind})"


def find(model: nn.Module) -> dict[nn.Module, tuple[Form, tuple[str, ...]]]:
    """The recurrent modules of a model, each with its form and all its names in the model.

    Raises:
        ValueError: if there is none, or one cannot be recorded; the message says which, why and what to do.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"A recording is of a torch.nn.Module; got {type(model).__name__}.")
    paths: dict[nn.Module, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        _refuse_others(path, module)
        if isinstance(module, _KINDS):
            paths.setdefault(module, []).append(path)
    if not paths:
        raise ValueError(
            f"A recording is of a model with nn.RNN, nn.LSTM, nn.GRU or their Cells; got {type(model).__name__}, "
            "which has none. A recurrence written by hand is recorded by memviz.record of a memviz.Network."
        )
    return {module: (_form(names[0], module), tuple(names)) for module, names in paths.items()}


def weights_of(module: Any) -> list[Weights]:
    """The tensors that the module's forward reads, layer by layer, in each of them direction by direction."""
    if isinstance(module, STEPS):
        return [{name: value.detach() for name, value in _of_step(module)}]
    flat: list[Tensor] = (
        module._flat_weights
    )  # what forward reads, also where a name stands for something else
    names = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if module.bias else [])]
    names += ["weight_hr"] if module.proj_size else []
    count = len(names)
    return [
        {name: value.detach() for name, value in zip(names, flat[k : k + count], strict=True)}
        for k in range(0, len(flat), count)
    ]


def shown_path(path: str) -> str:
    """A module's name in a sentence."""
    return f'"{path}"' if path else "the model itself"


def _of_step(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        if (value := getattr(module, name)) is not None:
            yield name, value


def _form(path: str, module: Any) -> Form:
    kind = next(kind for kind in _KINDS if isinstance(module, kind))
    torch_name = kind.__name__.removesuffix("Cell")
    nonlinearity = getattr(module, "nonlinearity", None)
    cell = next(
        cell
        for cell in CELLS.values()
        if cell.torch_name == torch_name and cell.nonlinearity in (None, nonlinearity)
    )
    if kind in STEPS:
        return Form(path, kind.__name__, cell, 1, 1, module.input_size, module.hidden_size, one_step=True)
    return Form(
        path,
        kind.__name__,
        cell,
        module.num_layers,
        2 if module.bidirectional else 1,
        module.input_size,
        module.hidden_size,
        module.proj_size,
        module.batch_first,
        float(module.dropout),
    )


def _refuse_others(path: str, module: nn.Module) -> None:
    """Refuse what goes by the name of a recurrent layer but computes another way, or calls no hooks."""
    kind = type(module)
    is_compiled = getattr(module, "_compiled_call_impl", None) is not None
    if kind in _KINDS and not is_compiled and "forward" not in vars(module):
        return
    where = shown_path(path)
    if kind.__module__.startswith("torch._dynamo") or is_compiled:
        raise ValueError(
            f"A recording listens to modules as they are called; got {where}, which is compiled. "
            "Record the model that was given to torch.compile."
        )
    if isinstance(module, torch.jit.ScriptModule):
        if getattr(module, "original_name", "") in _NAMES:
            raise ValueError(
                f"A recording reads the modules of Python; got {where}, a scripted {module.original_name}. "
                "Record the model that was given to torch.jit."
            )
        return
    if "quanti" in kind.__module__ and kind.__name__ in _NAMES:
        raise ValueError(
            f"A recording is of modules in floating point; got {where}, a quantised {kind.__name__}. "
            "Record the model before it is quantised."
        )
    base = next((base for base in _KINDS if isinstance(module, base)), None)
    if base is not None and (kind.forward is not base.forward or "forward" in vars(module)):
        raise ValueError(
            f"A recording knows the equations of torch.nn's own forward; got {where}, "
            f"{'whose' if kind is base else f'a {kind.__name__}, whose'} forward is another. "
            f"Record an nn.{base.__name__} with its weights, or build a memviz.Network."
        )
