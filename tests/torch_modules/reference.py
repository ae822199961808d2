"""Every option of torch's recurrent modules, one sample, layer, direction and timestep after another, in float64.

The equations are transcribed from the documentation of torch.nn.RNN, LSTM and GRU. Nothing is imported from memviz,
and no recurrent kernel of torch is called; autograd of this transcription is the oracle of the gradients.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence


class Case(NamedTuple):
    """A module, what it is called with, and what the loss reads."""

    module: nn.Module
    samples: list[Tensor]  # each (time, features)
    state: list[Tensor] | None  # each (layer * direction, batch, _)
    layout: str  # "batched", "unbatched" or "packed"
    seed: int

    def call(self) -> tuple[Tensor | PackedSequence, Tensor | tuple[Tensor, Tensor] | None]:
        """What the module is called with."""
        if self.layout == "packed":
            x: Tensor | PackedSequence = pack_sequence(self.samples, enforce_sorted=False)
        elif self.layout == "unbatched":
            x = self.samples[0]
        else:
            x = torch.stack(self.samples, dim=0 if self.module.batch_first else 1)
        if self.state is None:
            return x, None
        state = [part[:, 0] if self.layout == "unbatched" else part for part in self.state]
        return x, tuple(state) if len(state) > 1 else state[0]


def loss_of(
    output: Tensor | PackedSequence, last: Tensor | tuple[Tensor, ...], readers: list[Tensor]
) -> Tensor:
    """A sum that reads every output and every last state, each number with a weight of its own."""
    parts = [output.data if isinstance(output, PackedSequence) else output]
    parts += [*last] if isinstance(last, tuple) else [last]
    return sum((part * reader).sum() for part, reader in zip(parts, readers, strict=True))


def readers_of(output: Tensor | PackedSequence, last: Tensor | tuple[Tensor, ...], seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    parts = [output.data if isinstance(output, PackedSequence) else output]
    parts += [*last] if isinstance(last, tuple) else [last]
    return [torch.randn(p.shape, generator=generator, dtype=torch.float64).to(p.dtype) for p in parts]


class Found(NamedTuple):
    """By (layer, direction, sample): the signals of each timestep, in the order of time, differentiable."""

    signals: dict[tuple[int, int, int], dict[str, list[Tensor]]]
    outputs: list[Tensor]  # each (time, direction * width)
    last: list[Tensor]  # each (layer * direction, batch, _)


def run(case: Case, masks: Sequence[Tensor] = ()) -> Found:
    """The whole module; `masks` multiply the inputs of layers 1 and up, (time, batch, _)."""
    module = case.module
    directions = 2 if module.bidirectional else 1
    layers_in = [sample.double() for sample in case.samples]
    signals: dict[tuple[int, int, int], dict[str, list[Tensor]]] = {}
    ends: list[list[list[Tensor]]] = []
    for layer in range(module.num_layers):
        columns: list[list[list[Tensor]]] = [[] for _ in layers_in]
        for direction in range(directions):
            suffix = f"_l{layer}" + ("_reverse" if direction else "")
            p = {
                name: getattr(module, name + suffix).detach().double().requires_grad_()
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
                if hasattr(module, name + suffix)
            }
            row, stop = layer * directions + direction, []
            for b, x in enumerate(layers_in):
                state = None if case.state is None else [part[row, b].double() for part in case.state]
                order = range(len(x) - 1, -1, -1) if direction else range(len(x))
                kept, end = _run_one(module, p, x, state, order)
                signals[layer, direction, b] = kept
                columns[b].append(kept["hidden"])
                stop.append(end)
            ends.append([list(parts) for parts in zip(*stop, strict=True)])
        layers_in = [
            torch.stack([torch.cat([each[t] for each in column]) for t in range(len(x))])
            for column, x in zip(columns, layers_in, strict=True)
        ]
        if masks and layer < module.num_layers - 1:
            layers_in = [x * masks[layer][: len(x), b].double() for b, x in enumerate(layers_in)]
    last = [torch.stack([torch.stack(part) for part in parts]) for parts in zip(*ends, strict=True)]
    return Found(signals, layers_in, last)


def _run_one(
    module: nn.Module, p: dict[str, Tensor], x: Tensor, state: list[Tensor] | None, order: range
) -> tuple[dict[str, list[Tensor]], list[Tensor]]:
    """One direction of one layer over one sample."""
    units = module.hidden_size
    zero = torch.zeros(len(p["weight_ih"]), dtype=torch.float64)
    b_ih, b_hh = p.get("bias_ih", zero), p.get("bias_hh", zero)
    h = torch.zeros(p["weight_hh"].shape[1], dtype=torch.float64) if state is None else state[0]
    c = torch.zeros(units, dtype=torch.float64) if state is None or len(state) < 2 else state[1]
    kept: dict[str, list[Tensor]] = {}
    for t in order:
        from_x, from_h = p["weight_ih"] @ x[t] + b_ih, p["weight_hh"] @ h + b_hh
        now: dict[str, Tensor] = {}
        if isinstance(module, nn.LSTM):
            a = list((from_x + from_h).split(units))
            now |= dict(zip(("input_pre", "forget_pre", "candidate_pre", "output_pre"), a, strict=True))
            i, f, g, o = a[0].sigmoid(), a[1].sigmoid(), a[2].tanh(), a[3].sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            if "weight_hr" in p:
                h = p["weight_hr"] @ h
            now |= {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "cell_tanh": c.tanh()}
        elif isinstance(module, nn.GRU):
            (xr, xz, xn), (hr, hz, hn) = from_x.split(units), from_h.split(units)
            a = [xr + hr, xz + hz]
            r, z = a[0].sigmoid(), a[1].sigmoid()
            a.append(xn + r * hn)
            n = a[2].tanh()
            h = (1 - z) * n + z * h
            now |= dict(zip(("reset_pre", "update_pre", "candidate_pre"), a, strict=True))
            now |= {"reset": r, "update": z, "candidate": n}
        else:
            now["hidden_pre"] = from_x + from_h
            h = now["hidden_pre"].tanh() if module.nonlinearity == "tanh" else now["hidden_pre"].relu()
        now["hidden"] = h
        for name, value in now.items():
            if value.requires_grad:
                value.retain_grad()
            kept.setdefault(name, []).append(value)
    in_time = {name: values if order.step > 0 else values[::-1] for name, values in kept.items()}
    return in_time, [h, c] if isinstance(module, nn.LSTM) else [h]


def gradient_of(name: str, kept: dict[str, list[Tensor]]) -> Tensor:
    """dL/da of a gate, dL/dc or dL/dh at each step, as retain_grad gives it; zero where the loss does not see it."""
    rows = kept[name] if name in ("cell", "hidden") or name.endswith("_pre") else kept[f"{name}_pre"]
    return torch.stack([torch.zeros_like(row) if row.grad is None else row.grad for row in rows])
