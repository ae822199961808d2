"""What one call of a module brought and gave back, copied before anyone can change it, with time first.

Nothing is computed here: the user's forward waits only for the copies, and the user's backward only for those of the
gradients that reach the module's output.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from memviz.torch_modules.forms import Form, Weights


class Arrived:
    """The gradients that reached the outputs of a call, summed over all backward passes."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, name: str, gradient: Tensor) -> None:
        """Take one in; it may be a view of one number, and it is the user's: copied."""
        self.count += 1
        if name in self.sums:
            self.sums[name] = self.sums[name] + gradient.detach()
        else:
            self.sums[name] = gradient.detach().clone(memory_format=torch.contiguous_format)


@dataclass
class Capture:
    """One call of a stacked module, or the calls of a Cell that follow each other.

    Attributes:
        form: of the module.
        weights: copies, layer by layer and in each direction by direction.
        inputs: (time, batch, features), zeros where padded.
        packed: the inputs as they came, if they came packed.
        lengths: of each sample, if they came packed.
        unbatched: whether there was no batch.
        state: the state that was given, (layer * direction, batch, _) each; None for zeros.
        output: the hidden states of the last layer, (time, batch, direction * width).
        last: the states that were returned, (layer * direction, batch, _) each.
        cells: c after each step where each step was a call of its own, (time, batch, unit).
        training: whether the module was training.
        with_grad: whether gradients were enabled, which chooses another kernel.
        random: the state of torch's generator before the call, if the module drops out.
        arrived: gradients, if they are recorded.
        exposed: whether what arrives at c of a Cell holds the way out through h already, as `holds_the_way_out` tells.
    """

    form: Form
    weights: list[Weights]
    inputs: Float[Tensor, "time batch features"]
    packed: PackedSequence | None
    lengths: Tensor | None
    unbatched: bool
    state: tuple[Float[Tensor, "stacked batch _"], ...] | None
    output: Float[Tensor, "time batch width"]
    last: tuple[Float[Tensor, "stacked batch _"], ...]
    cells: Float[Tensor, "time batch unit"] | None = None
    training: bool = False
    with_grad: bool = False
    random: Tensor | None = None
    arrived: Arrived | None = None
    exposed: bool = False

    @cached_property
    def initial(self) -> tuple[Float[Tensor, "stacked batch _"], ...]:
        """The state before the first step."""
        if self.state is not None:
            return self.state
        return tuple(self.inputs.new_zeros(part.shape, dtype=part.dtype) for part in self.last)

    @property
    def revision(self) -> int:
        """Another number after each gradient that arrives."""
        return self.arrived.count if self.arrived else 0

    def reached(self) -> dict[str, Tensor]:
        """The gradients that arrived: by "output", by "hidden" and "cell" of `last`, and by "cells"."""
        sums = self.arrived.sums if self.arrived else {}
        if self.form.one_step:  # a chain has laid them out
            return dict(sums)
        found = {name: self._stacked(value) for name, value in sums.items() if name != "output"}
        if "output" in sums:
            found["output"] = time_first(self.form, self.unbatched, self.packed, sums["output"])
        return found

    def _stacked(self, value: Tensor) -> Tensor:
        return value.unsqueeze(1) if self.unbatched else value


def capture(
    form: Form,
    weights: list[Weights],
    given: tuple[Tensor | PackedSequence, Tensor | Sequence[Tensor] | None],
    returned: tuple[Tensor | PackedSequence, Tensor | Sequence[Tensor]],
    random: Tensor | None,
    mode: tuple[bool, bool],
) -> Capture:
    """Copy what a stacked module was given and what it returned; `mode` is whether it trains, and with gradients."""
    (x, state), (output, last) = given, returned
    packed = _copied(x) if isinstance(x, PackedSequence) else None
    lengths = pad_packed_sequence(packed)[1] if packed is not None else None
    unbatched = isinstance(x, Tensor) and x.dim() == 2

    def laid_out(value: Tensor | PackedSequence) -> Tensor:
        plain = value.data if isinstance(value, PackedSequence) else value
        return time_first(form, unbatched, packed, plain.detach())

    def copies(value: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple((p.detach().unsqueeze(1) if unbatched else p.detach()).clone() for p in parts(value))

    return Capture(
        form,
        weights,
        laid_out(x),
        packed,
        lengths,
        unbatched,
        None if state is None else copies(state),
        laid_out(output),
        copies(last),
        training=mode[0],
        with_grad=mode[1],
        random=random,
    )


def parts(state: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The parts of a state: h or, of an LSTM, h and c, which torch also takes as a list."""
    return (state,) if isinstance(state, Tensor) else tuple(state)


def time_first(
    form: Form, unbatched: bool, packed: PackedSequence | None, value: Tensor
) -> Float[Tensor, "time batch width"]:
    """A copy of an input or output of a module, (time, batch, _), whatever layout the module has."""
    if packed is not None:
        return pad_packed_sequence(packed._replace(data=value))[0]
    if unbatched:
        value = value.unsqueeze(1)
    elif form.batch_first:
        value = value.transpose(0, 1)
    return value.clone(memory_format=torch.contiguous_format)


def _copied(packed: PackedSequence) -> PackedSequence:
    return packed._replace(data=packed.data.detach().clone())


def holds_the_way_out(h: Tensor, c: Tensor) -> bool:
    """Whether h was made of this very tensor c, o * tanh(c), and not by a kernel that returned both."""
    if h.grad_fn is None or c.grad_fn is None:
        return False
    nodes = [h.grad_fn]
    for _ in range(2):
        nodes = [before for node in nodes for before, _ in node.next_functions if before is not None]
        if any(node is c.grad_fn for node in nodes):
            return True
    return False


@dataclass
class Chain:
    """The calls of a Cell that follow each other: each was given the state that the one before it returned."""

    form: Form
    weights: list[Weights]
    unbatched: bool
    state: tuple[Tensor, ...] | None
    inputs: list[Tensor] = field(default_factory=list)
    states: list[tuple[Tensor, ...]] = field(default_factory=list)
    arrived: Arrived | None = None
    exposed: bool = False

    @property
    def revision(self) -> tuple[int, int]:
        """Another one after each step and each gradient."""
        return len(self.states), self.arrived.count if self.arrived else 0

    def add(self, x: Tensor, state: tuple[Tensor, ...]) -> None:
        """Take in one step; copied."""
        self.inputs.append(self._batched(x.detach()).clone())
        self.states.append(tuple(self._batched(part.detach()).clone() for part in state))

    def ends_in(self, state: tuple[Tensor, ...]) -> bool:
        """Whether a state is the last one number by number: it may have been changed in place."""
        return all(
            torch.equal(now := self._batched(part.detach()), last)
            or torch.allclose(now, last, rtol=0.0, atol=0.0, equal_nan=True)
            for part, last in zip(state, self.states[-1], strict=True)
        )

    def capture(self) -> Capture:
        """All its steps as one call."""
        stacked = [torch.stack(part) for part in zip(*self.states, strict=True)]
        initial = None if self.state is None else tuple(self._batched(p)[None] for p in self.state)
        return Capture(
            self.form,
            self.weights,
            torch.stack(self.inputs),
            None,
            None,
            self.unbatched,
            initial,
            stacked[0],
            tuple(part[-1:] for part in stacked),
            cells=stacked[1] if len(stacked) > 1 else None,
            arrived=self._sums() if self.arrived else None,
            exposed=self.exposed,
        )

    def _sums(self) -> Arrived:
        """The gradients of each step's states together: "output" of every h, "cells" of every c."""
        together = Arrived()
        sums = self.arrived.sums if self.arrived else {}
        for part, name in enumerate(("output", "cells")[: len(self.states[0])]):
            steps = [sums.get(f"{part}/{t}") for t in range(len(self.states))]
            if any(step is not None for step in steps):
                like = torch.zeros_like(self.states[0][part])
                rows = [like if step is None else self._batched(step) for step in steps]
                together.add(name, torch.stack(rows))
        return together

    def _batched(self, value: Tensor) -> Tensor:
        return value.unsqueeze(0) if self.unbatched else value
