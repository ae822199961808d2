"""Listen to the recurrent modules of a model while its user runs it, and leave no trace in it.

Hooks copy what each call brings and gives back; they return nothing, so that outputs, gradients and random streams are
those of the model alone. What is asked for is computed when it is read, or at the end of the block.
"""

import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.hooks import RemovableHandle

from memviz.torch_modules.build import build
from memviz.torch_modules.calls import Call
from memviz.torch_modules.capture import Arrived, Capture, Chain, capture, holds_the_way_out, parts
from memviz.torch_modules.forms import Form, Weights, find, weights_of
from memviz.torch_modules.records import Recorded, Recording
from memviz.torch_modules.replay import known


class Recorder:
    """The `with` block of `recording`."""

    def __init__(
        self,
        model: nn.Module,
        gradients: bool,
        signals: Iterable[str] | None,
        layers: Iterable[int] | None,
    ) -> None:
        found = find(model)
        names = None if signals is None else frozenset(signals)
        chosen = None if layers is None else tuple(sorted(set(layers)))
        _check_asked([form for form, _ in found.values()], names, chosen)
        self._ears = [
            _Ear(module, _Heard(form, names, chosen), gradients) for module, (form, _) in found.items()
        ]
        self._recording = Recording(
            tuple(
                Recorded(form, paths, ear.heard.calls)
                for ear, (form, paths) in zip(self._ears, found.values(), strict=True)
            )
        )

    def __enter__(self) -> Recording:
        for ear in self._ears:
            ear.listen()
        return self._recording

    def __exit__(self, kind: object, *rest: object) -> None:
        for ear in self._ears:
            ear.stop()
        if kind is None:  # after an exception what was captured is computed when it is read
            for ear in self._ears:
                ear.heard.settle()


class _Heard:
    """What was captured of one module, and what came of it; it holds neither the module nor a tensor of the user's."""

    def __init__(self, form: Form, signals: frozenset[str] | None, layers: tuple[int, ...] | None) -> None:
        self.form, self._signals, self._layers = form, signals, layers
        self.captured: list[Capture | Chain] = []
        self._built: dict[int, tuple[object, Call]] = {}
        self._settled: tuple[Call, ...] = ()

    def settle(self) -> None:
        """Compute what is asked for and let the rest go."""
        self._settled = self.calls()
        self.captured, self._built = [], {}

    def calls(self) -> tuple[Call, ...]:
        """Every call so far; computed again only where something has come since."""
        for index, captured in enumerate(self.captured):
            revision = captured.revision
            if index not in self._built or self._built[index][0] != revision:
                whole = captured.capture() if isinstance(captured, Chain) else captured
                self._built[index] = (revision, build(whole, self._signals, self._layers))
        return (*self._settled, *(call for _, call in self._built.values()))


class _Ear:
    """One module that is listened to: its hooks, and where what they hear is kept."""

    def __init__(self, module: nn.Module, heard: _Heard, gradients: bool) -> None:
        self.heard = heard
        self._module, self._form, self._gradients = module, heard.form, gradients
        self._handles: list[RemovableHandle] = []
        self._weights: list[Weights] = []
        self._random: Tensor | None = None
        self._chains: dict[int, tuple[tuple[weakref.ref[Tensor], ...], Chain]] = {}

    def __reduce__(self) -> tuple[Callable[[], "_Ear"], tuple[()]]:
        """A model that is copied or saved inside the block takes its hooks along; nobody listens there."""
        return _deaf, ()

    def listen(self) -> None:
        """Place the hooks: the first to see an output, and the last to see the state of the generator."""
        if self._handles:
            raise ValueError(
                "A recording has one with block at a time; got another inside it. "
                "Make another recording: memviz.recording(model)."
            )
        hear = self._hear_step if self._form.one_step else self._hear
        self._handles.append(self._module.register_forward_hook(hear, prepend=True, with_kwargs=True))
        if self._form.dropout > 0 and self._form.layers > 1:
            self._handles.append(self._module.register_forward_pre_hook(self._before))

    def stop(self) -> None:
        """Take every hook away, those on the user's tensors as well."""
        while self._handles:
            self._handles.pop().remove()
        self._chains, self._weights, self._random = {}, [], None

    def _before(self, module: nn.Module, arguments: Any) -> None:
        if not self._handles:
            return
        on_cpu = next(iter(weights_of(module)[0].values())).device.type == "cpu"
        self._random = torch.get_rng_state() if module.training and on_cpu else None

    def _hear(self, module: nn.Module, arguments: Any, named: dict[str, Any], output: Any) -> None:
        if not self._handles or _is_in_backward():
            return
        given = _given(arguments, named)
        mode = module.training, torch.is_grad_enabled()
        with _plain():
            heard = capture(self._form, self._snapshot(), given, output, self._random, mode)
        self.heard.captured.append(heard)
        if self._gradients:
            heard.arrived = arrived = Arrived()
            states, last = output
            self._follow(arrived, "output", states.data if isinstance(states, PackedSequence) else states)
            for name, part in zip(("hidden", "cell"), parts(last), strict=False):
                self._follow(arrived, name, part)

    def _hear_step(self, module: nn.Module, arguments: Any, named: dict[str, Any], output: Any) -> None:
        if not self._handles or _is_in_backward():
            return
        x, state = _given(arguments, named)
        before, after = None if state is None else parts(state), parts(output)
        with _plain():
            chain = self._chain(before, x.dim() == 1)
            chain.add(x, after)
        self._chains[id(after[0])] = tuple(weakref.ref(part) for part in after), chain
        if chain.arrived is not None:
            chain.exposed = len(after) > 1 and holds_the_way_out(*after)
            for part, value in enumerate(after):
                self._follow(chain.arrived, f"{part}/{len(chain.states) - 1}", value)

    def _chain(self, before: tuple[Tensor, ...] | None, unbatched: bool) -> Chain:
        """The chain that a step goes on with: the one whose last state it was given; or a new one."""
        weights = self._snapshot()
        if before is not None and (last := self._chains.pop(id(before[0]), None)) is not None:
            ends, chain = last
            is_end = len(ends) == len(before) and all(
                end() is part for end, part in zip(ends, before, strict=True)
            )
            if is_end and chain.weights is weights and chain.ends_in(before):
                return chain
        state = None if before is None else tuple(part.detach().clone() for part in before)
        chain = Chain(self._form, weights, unbatched, state, arrived=Arrived() if self._gradients else None)
        self.heard.captured.append(chain)
        return chain

    def _follow(self, arrived: Arrived, name: str, value: Tensor) -> None:
        if value.requires_grad:
            self._handles.append(value.register_hook(partial(arrived.add, name)))

    def _snapshot(self) -> list[Weights]:
        """Copies of the weights; the same copies as at the call before where nothing has changed."""
        now = weights_of(self._module)
        if not self._weights or not _same(self._weights, now):
            self._weights = [{name: value.clone() for name, value in each.items()} for each in now]
        return self._weights


def _deaf() -> _Ear:
    ear = object.__new__(_Ear)
    ear._handles = []
    return ear


def _given(arguments: Any, named: dict[str, Any]) -> tuple[Any, Any]:
    """The input and the state that a module was called with, by place or by name."""
    return (
        arguments[0] if arguments else named["input"],
        arguments[1] if len(arguments) > 1 else named.get("hx"),
    )


def _same(before: list[Weights], now: list[Weights]) -> bool:
    return all(
        old[name].dtype == value.dtype and old[name].device == value.device and torch.equal(old[name], value)
        for old, new in zip(before, now, strict=True)
        for name, value in new.items()
    )


def _plain() -> AbstractContextManager[object]:
    """Where copies are made: none of them may be a tensor of inference mode, which nothing can be written into."""
    return torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext()


def _is_in_backward() -> bool:
    """Whether a checkpoint runs the forward again, which is no call of the user's."""
    return torch._C._current_graph_task_id() != -1


def _check_asked(forms: list[Form], signals: frozenset[str] | None, layers: tuple[int, ...] | None) -> None:
    if signals is None and layers is None:
        return
    names = {name: None for form in forms for name in known(form.cell)}
    if signals is not None and (not signals or not signals <= names.keys()):
        raise ValueError(
            f"The signals are one or more of {', '.join(names)}; got {', '.join(sorted(signals)) or 'none'}."
        )
    most = max(form.layers for form in forms)
    if layers is not None and not (layers and layers[0] >= 0 and layers[-1] < most):
        raise ValueError(
            f"The layers are one or more of 0 to {most - 1}; got {', '.join(map(str, layers)) or 'none'}."
        )
