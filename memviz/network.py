"""A cell with its parameters, named and laid out as PyTorch does, and the way to and from `torch.nn`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor, nn

from memviz.cells import CELLS, Cell, Signals, State, Tap, identity

TorchRecurrent = nn.RNN | nn.LSTM | nn.GRU


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Network:
    """One recurrent layer: a cell and its named float64 parameters.

    Attributes:
        cell: the cell, or its name.
        parameters: weight_ih (gates * hidden, features), weight_hh (gates * hidden, hidden), bias_ih and
            bias_hh (gates * hidden,), gates in PyTorch's order (LSTM i, f, g, o; GRU r, z, n) less those the
            cell has no weights for; peephole_input, peephole_forget, peephole_output (hidden,); for
            "lstm-fgr" weight_gates (3 * hidden, 3 * hidden). They are copied.

    Raises:
        ValueError: if a parameter is missing, unknown, of another shape, or not finite.
    """

    cell: Cell
    parameters: Mapping[str, Tensor]

    def __init__(self, cell: Cell | str, parameters: Mapping[str, Tensor]) -> None:
        cell = _cell(cell) if isinstance(cell, str) else cell
        with torch.inference_mode(False):  # a tensor made in inference mode can never be differentiated
            given = {
                name: torch.as_tensor(value).detach().to("cpu", torch.float64, copy=True)
                for name, value in parameters.items()
            }
        _check(cell, given)
        object.__setattr__(self, "cell", cell)
        object.__setattr__(self, "parameters", MappingProxyType(given))

    def __reduce__(self) -> tuple[type["Network"], tuple[Cell, dict[str, Tensor]]]:
        """Pickled and copied through its constructor."""
        return Network, (self.cell, dict(self.parameters))

    @property
    def hidden_size(self) -> int:
        """The number of units."""
        return self.parameters["weight_hh"].shape[1]

    @property
    def features(self) -> int:
        """The number of input features."""
        return self.parameters["weight_ih"].shape[1]

    def step(
        self, x: Float[Tensor, "*batch features"], state: State, tap: Tap = identity
    ) -> tuple[State, Signals]:
        """One step of the cell with these parameters; see `memviz.cells`."""
        return self.cell.step(self.parameters, x, state, tap)

    def replace(self, **tensors: Tensor) -> "Network":
        """A network with some parameters exchanged, by name.

        Raises:
            ValueError: if a name is unknown, or a tensor has another shape or is not finite.
        """
        return Network(self.cell, {**self.parameters, **tensors})

    @classmethod
    def from_torch(cls, module: TorchRecurrent, layer: int = 0, direction: int = 0) -> "Network":
        """One layer and direction of a `torch.nn.RNN`, `LSTM` or `GRU`, its parameters copied to float64.

        Args:
            module: without projections (proj_size = 0); a module without biases gets zeros.
            layer: 0 to num_layers - 1.
            direction: 0, or 1 for the reverse direction of a bidirectional module.

        Raises:
            ValueError: if the module is of another kind, is projected, or has no such layer or direction.
        """
        cell = _cell_of(module)
        directions = 2 if module.bidirectional else 1
        if not (0 <= layer < module.num_layers and 0 <= direction < directions):
            raise ValueError(
                f"The module has layers 0 to {module.num_layers - 1} and directions 0 to {directions - 1}; "
                f"got layer {layer}, direction {direction}."
            )
        suffix = f"_l{layer}" + ("_reverse" if direction else "")
        weights = {name: getattr(module, name + suffix) for name in ("weight_ih", "weight_hh")}
        zeros = torch.zeros(weights["weight_hh"].shape[0])
        biases = {name: getattr(module, name + suffix, zeros) for name in ("bias_ih", "bias_hh")}
        return cls(cell, {**weights, **biases})

    def to_torch(self) -> TorchRecurrent:
        """The float64 `torch.nn.RNN`, `LSTM` or `GRU` with these parameters; draws no random number.

        Raises:
            ValueError: if torch.nn has no such cell.
        """
        if self.cell.torch_name is None:
            raise ValueError(f'torch.nn has no counterpart of "{self.cell.name}".')
        options = {"nonlinearity": self.cell.nonlinearity} if self.cell.nonlinearity else {}
        module_type = getattr(nn, self.cell.torch_name)
        module: TorchRecurrent = module_type(
            self.features, self.hidden_size, device="meta", dtype=torch.float64, **options
        )
        module.to_empty(device="cpu")
        with torch.no_grad():
            for name, value in self.parameters.items():
                getattr(module, f"{name}_l0").copy_(value)
        module.flatten_parameters()
        return module

    def __repr__(self) -> str:
        count = sum(value.numel() for value in self.parameters.values())
        return (
            f'<Network "{self.cell.name}": {self.features} features, {self.hidden_size} units, '
            f"{count:,} parameters>"
        )


def _cell(name: str) -> Cell:
    if name not in CELLS:
        raise ValueError(f'The cell is one of {", ".join(CELLS)}; got "{name}".')
    return CELLS[name]


def _cell_of(module: TorchRecurrent) -> Cell:
    if getattr(module, "proj_size", 0):
        raise ValueError(f"The module may have no projection (proj_size = 0); got {module.proj_size}.")
    for cell in CELLS.values():
        same_class = cell.torch_name and isinstance(module, getattr(nn, cell.torch_name))
        if same_class and cell.nonlinearity in (None, getattr(module, "nonlinearity", None)):
            return cell
    raise ValueError(f"The module is a torch.nn.RNN, LSTM or GRU; got {type(module).__name__}.")


def _check(cell: Cell, parameters: dict[str, Tensor]) -> None:
    weight_ih, weight_hh = parameters.get("weight_ih"), parameters.get("weight_hh")
    if weight_ih is None or weight_hh is None or weight_ih.ndim != 2 or weight_hh.ndim != 2:
        raise ValueError(f"A network needs the matrices weight_ih and weight_hh; got {_shapes(parameters)}.")
    expected = cell.parameter_shapes(weight_ih.shape[1], weight_hh.shape[1])
    actual = {name: tuple(value.shape) for name, value in parameters.items()}
    if actual != expected:
        wrong = sorted(
            name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name)
        )
        rule = ", ".join(f"{name} {expected.get(name, 'absent')}" for name in wrong)
        got = ", ".join(f"{name} {actual.get(name, 'absent')}" for name in wrong)
        raise ValueError(f'For "{cell.name}" the parameters are {rule}; got {got}.')
    for name, value in parameters.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"Parameters are finite numbers; got NaN or infinity in {name}.")


def _shapes(parameters: dict[str, Tensor]) -> str:
    return ", ".join(f"{name} {tuple(value.shape)}" for name, value in parameters.items()) or "none"
