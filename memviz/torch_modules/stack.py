"""The layers below the last: a stacked module returns none of their hidden states, so they run again, one by one.

Each runs on torch's own kernel with the weights, the state and the mode of the call, so that the numbers are the same;
what is dropped between layers is drawn from a copy of the generator as it stood before the call. The states that the
module returned say whether it worked: the run again must end in them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from memviz.torch_modules.capture import Capture

_KERNELS: dict[str, Callable[..., Any]] = {
    "elman": torch.rnn_tanh,
    "elman-relu": torch.rnn_relu,
    "lstm": torch.lstm,
    "gru": torch.gru,
}
_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3}


@dataclass(frozen=True)
class Level:
    """One layer of a call.

    Attributes:
        inputs: what it read, (time, batch, features), after what was dropped.
        output: its hidden states, (time, batch, direction * width).
        dropped: what its inputs were multiplied by; None where nothing was dropped.
    """

    inputs: Float[Tensor, "time batch features"]
    output: Float[Tensor, "time batch width"]
    dropped: Float[Tensor, "time batch features"] | None = None


def levels(captured: Capture) -> list[Level]:
    """Every layer of a call, the first first.

    Raises:
        ValueError: if a layer cannot be run again as it ran; the message says which and what to do.
    """
    form = captured.form
    if form.layers == 1:
        return [Level(captured.inputs, captured.output)]
    generator = None
    if captured.training and form.dropout > 0:
        generator = _generator(captured)
    found: list[Level] = []
    x: Tensor | PackedSequence = captured.inputs if captured.packed is None else captured.packed
    dropped: Tensor | None = None
    for layer in range(form.layers - 1):
        output = _run(captured, layer, x)
        found.append(Level(_padded(x), _padded(output), dropped))
        x, noise = output, None
        if generator is not None:
            noise = _noise(_data(output), form.dropout, generator)
            x = _with_data(output, _data(output) * noise)
        dropped = None if noise is None else _padded(_with_data(output, noise))
    found.append(Level(_padded(x), captured.output, dropped))
    return found


def _run(captured: Capture, layer: int, x: Tensor | PackedSequence) -> Tensor | PackedSequence:
    """The output of one layer, by torch's kernel; it has to end in the state that the module returned."""
    form = captured.form
    rows = slice(layer * form.directions, (layer + 1) * form.directions)
    kind = captured.output.dtype  # under autocast another one than that of the weights
    flat = [value.to(kind) for weights in captured.weights[rows] for value in weights.values()]
    state = [part[rows].to(kind).contiguous() for part in captured.initial]
    if isinstance(x, PackedSequence) and x.sorted_indices is not None:
        state = [part.index_select(1, x.sorted_indices) for part in state]
    hx = tuple(state) if len(state) > 1 else state[0]
    how = ("bias_ih" in captured.weights[0], 1, 0.0, captured.training, form.directions == 2)
    kernel = _KERNELS[form.cell.name]
    with torch.set_grad_enabled(captured.with_grad):
        if isinstance(x, PackedSequence):
            output, *last = kernel(x.data.to(kind), x.batch_sizes, hx, flat, *how)
        else:
            output, *last = kernel(x.to(kind), hx, flat, *how, False)
    if isinstance(x, PackedSequence) and x.unsorted_indices is not None:
        last = [part.index_select(1, x.unsorted_indices) for part in last]
    _check_ends(captured, rows, last)
    return _with_data(x, output) if isinstance(x, PackedSequence) else output


def _check_ends(captured: Capture, rows: slice, last: list[Tensor]) -> None:
    allowed = _TOLERANCE.get(captured.output.dtype, 0.1)
    for ours, theirs in zip(last, captured.last, strict=True):
        if not ours.numel():  # a batch of none
            continue
        size = max(1.0, theirs.abs().max().item())
        difference = (ours - theirs[rows]).abs().max().item()
        if difference > allowed * size:  # NaN passes: it is shown as what it is
            raise ValueError(
                f"The layers of {captured.form} run again as they ran; got states that differ by {difference:.1e}. "
                "Record it without dropout (module.eval()) and without changes to its weights during the call."
            )


def _generator(captured: Capture) -> torch.Generator:
    """A copy of the generator that the module drew from."""
    if captured.random is None:
        raise ValueError(
            f"What {captured.form} drops between its layers can be drawn again on the CPU only; "
            f"got a module on {captured.inputs.device}. Record it in eval mode: module.eval()."
        )
    generator = torch.Generator()
    generator.set_state(captured.random)
    return generator


def _noise(like: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """What torch's dropout multiplies by, drawn as it draws."""
    if probability == 1:
        return torch.zeros_like(like)
    return torch.empty_like(like).bernoulli_(1 - probability, generator=generator).div_(1 - probability)


def _data(value: Tensor | PackedSequence) -> Tensor:
    return value.data if isinstance(value, PackedSequence) else value


def _with_data(value: Tensor | PackedSequence, data: Tensor) -> Tensor | PackedSequence:
    return value._replace(data=data) if isinstance(value, PackedSequence) else data


def _padded(value: Tensor | PackedSequence) -> Tensor:
    return pad_packed_sequence(value)[0] if isinstance(value, PackedSequence) else value
