"""Open up any `torch.nn.RNN`, `LSTM`, `GRU` or their Cells: every gate, state and gradient of a user's own model.

with memviz.recording(model, gradients=True) as recording:
    loss = criterion(model(batch), targets)
    loss.backward()
recording["encoder.rnn"]["forget"]              tensor (layer, direction, batch, time, unit)
recording["encoder.rnn"].gradient["forget"]     dL/da of the forget gate, likewise
recording["encoder.rnn"].sample(0).layer(1)     a memviz Network and its Trace

PyTorch computes these layers in fused kernels that give only hidden states away. `recorder` listens by hooks; `stack`
runs the layers below the last again; `replay` finds the gates from the hidden states in one product over all
timesteps; `backward` runs the gradient back, by `probe` where a fused kernel does it faster.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from memviz.torch_modules.calls import DIMENSIONS, Call, Layer, Sample
from memviz.torch_modules.forms import Form, find
from memviz.torch_modules.recorder import Recorder
from memviz.torch_modules.records import Recorded, Recording

__all__ = [
    "DIMENSIONS",
    "Call",
    "Form",
    "Layer",
    "Recorded",
    "Recording",
    "Sample",
    "recording",
    "trace_module",
]


def recording(
    model: nn.Module,
    *,
    gradients: bool = False,
    signals: Iterable[str] | None = None,
    layers: Iterable[int] | None = None,
) -> Recorder:
    """Record the recurrent modules of a model in a `with` block around its forward, and backward.

    The model computes what it computes without: outputs, gradients and random streams are the same bit for bit.
    Nothing stays in it after the block, also after an exception. Each kept signal costs layers * directions * batch *
    time * units numbers for each call; beside them the inputs, the initial states and the weights of the kept layers
    are kept.

    Args:
        model: any model that holds nn.RNN, nn.LSTM, nn.GRU or their Cells under any names, or one of them.
        gradients: whether the gradients of the user's own backward pass are recorded; it has to run inside the block.
        signals: the names that are kept, also the pre-activations "forget_pre" and "cell_tanh"; by default the gates,
            the candidate and the states.
        layers: the numbers of the layers that are kept, by default all.

    Raises:
        ValueError: if the model holds none of these modules, or one that cannot be recorded, or if a signal or layer is
            unknown. The message names the module and says what to do.
    """
    return Recorder(model, gradients, signals, layers)


def trace_module(
    module: nn.Module,
    x: Tensor | PackedSequence,
    state: Tensor | Sequence[Tensor] | None = None,
    *,
    signals: Iterable[str] | None = None,
    layers: Iterable[int] | None = None,
) -> Recording:
    """Call a module once, without gradients, and record it.

    Args:
        module: as `recording` takes it; it stays in its mode, so that a training module drops out.
        x: what it takes.
        state: the initial state, as it takes it; zeros by default.
        signals: as `recording` takes them.
        layers: as `recording` takes them.

    Raises:
        ValueError: as `recording` does, or if the module refuses what it is called with.
    """
    with torch.no_grad(), recording(module, signals=signals, layers=layers) as found:
        try:
            module(x) if state is None else module(x, state)
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            forms = [form for form, _ in find(module).values()]
            raise ValueError(f"{_taken(forms)}; got {_shape(x)}: {error}") from error
    return found


def _taken(forms: list[Form]) -> str:
    """What the first recurrent module takes."""
    form = forms[0]
    if form.one_step:
        return f"{form} takes (batch, {form.features}) or ({form.features},)"
    first = "batch, time" if form.batch_first else "time, batch"
    return f"{form} takes ({first}, {form.features}), (time, {form.features}) or a PackedSequence"


def _shape(x: object) -> str:
    value = x.data if isinstance(x, PackedSequence) else x
    return f"{tuple(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(x).__name__
