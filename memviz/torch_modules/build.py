"""From what was captured to what is kept: every layer replayed, its gradients run back, its signals laid out."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from memviz.torch_modules.backward import Gradients, Reached, gradients
from memviz.torch_modules.calls import Call
from memviz.torch_modules.capture import Capture
from memviz.torch_modules.forms import Weights
from memviz.torch_modules.replay import Pass, Steps, default, known, replay
from memviz.torch_modules.stack import Level, levels

_UNASKED = "record it with recording(model, gradients=True)."
_UNREACHED = "call loss.backward() inside the with block, of a loss that depends on its output."


@torch.no_grad()
def build(captured: Capture, signals: frozenset[str] | None, layers: tuple[int, ...] | None) -> Call:
    """Everything that is asked for of one call.

    Args:
        captured: the call.
        signals: the names that are kept; by default gates, candidate and states.
        layers: the layers that are kept; by default all.

    Raises:
        ValueError: if a layer cannot be run again as it ran, or the weights were not finite.
    """
    if torch.is_inference_mode_enabled():
        with torch.inference_mode(False):
            return build(captured, signals, layers)
    if torch.is_autocast_enabled(device := captured.inputs.device.type):
        with torch.autocast(device, enabled=False):
            return build(captured, signals, layers)
    _check_weights(captured)
    form = captured.form
    usual = default(form.cell)
    names = usual if signals is None else tuple(n for n in known(form.cell) if n in signals)
    wanted = frozenset(names)
    chosen = tuple(range(form.layers) if layers is None else [k for k in layers if k < form.layers])
    stack = levels(captured)
    reached = captured.reached()
    lowest = min(chosen, default=form.layers) if reached else form.layers
    passes, played = {}, {}
    for place in _places(form.directions, sorted({*chosen, *range(lowest, form.layers)})):
        passes[place] = _pass(captured, stack[place[0]], *place)
        played[place] = replay(passes[place], wanted, _told_cells(captured))
    found = _run_back(captured, stack, passes, played, reached, lowest) if reached else {}
    places = _places(form.directions, chosen)
    shown = {name: _laid_out(captured, [played[p][name] for p in places]) for name in names}
    are_few = not wanted.issuperset(usual)
    if are_few:  # the others share their memory
        shown = {name: value.clone() for name, value in shown.items()}
    return Call(
        form=form,
        layers=chosen,
        signals=shown,
        gradients=_named(captured, wanted, found, places, are_few),
        why_no_gradient=_UNASKED if captured.arrived is None else _UNREACHED,
        inputs={k: _masked(captured, _work(stack[k].inputs)).transpose(0, 1) for k in chosen},
        initial=_initial(captured, chosen),
        weights={place: passes[place].weights for place in places},
        lengths=captured.lengths,
        unbatched=captured.unbatched,
    )


def _check_weights(captured: Capture) -> None:
    """Where the output is not finite, it may be the weights; what came of an input is shown as it is."""
    if math.isfinite(captured.output[-1].sum().item()):
        return
    for weights in captured.weights:
        for name, value in weights.items():
            if not torch.isfinite(value).all():
                raise ValueError(
                    f"Weights are finite numbers; got NaN or infinity in {name} of {captured.form}. "
                    "Load a checkpoint from before they were lost."
                )


def _places(directions: int, layers: Iterable[int]) -> list[tuple[int, int]]:
    return [(layer, direction) for layer in layers for direction in range(directions)]


def _pass(captured: Capture, level: Level, layer: int, direction: int) -> Pass:
    """One direction of a layer, in its own order of timesteps."""
    index = layer * captured.form.directions + direction
    return Pass(
        captured.form.cell,
        _weights(captured, layer, direction),
        _own(captured, _work(level.inputs), direction),
        _own(captured, _half(captured, _work(level.output), direction), direction),
        tuple(_work(part[index]) for part in captured.initial),
        captured.lengths,
        captured.state is None,
    )


def _weights(captured: Capture, layer: int, direction: int) -> Weights:
    weights = captured.weights[layer * captured.form.directions + direction]
    found = {name: _work(value) for name, value in weights.items()}
    if "bias_ih" not in found:
        found["bias_ih"] = found["bias_hh"] = found["weight_hh"].new_zeros(len(found["weight_hh"]))
    return found


def _told_cells(captured: Capture) -> Steps | None:
    return None if captured.cells is None else _work(captured.cells)


def _run_back(
    captured: Capture,
    stack: list[Level],
    passes: dict[tuple[int, int], Pass],
    played: dict[tuple[int, int], dict[str, Steps]],
    reached: dict[str, Tensor],
    lowest: int,
) -> dict[tuple[int, int], Gradients]:
    """The gradients of every pass down to `lowest`: what reaches a layer's inputs is what reaches the one below."""
    form = captured.form
    output = reached.get("output")
    below = torch.zeros_like(captured.output) if output is None else output
    found = {}
    for layer in range(form.layers - 1, lowest - 1, -1):
        from_above, below = _work(below), torch.zeros(())
        for direction in range(form.directions):
            place = (layer, direction)
            came = _reached(captured, reached, from_above, place)
            found[place] = gradients(passes[place], played[place], came)
            if layer > lowest:
                to_inputs = found[place].inputs(passes[place].weights["weight_ih"])
                below = below + _own(captured, to_inputs, direction)
        if (dropped := stack[layer].dropped) is not None:
            below = below * _work(dropped)
    return found


def _reached(
    captured: Capture, reached: dict[str, Tensor], from_above: Tensor, place: tuple[int, int]
) -> Reached:
    """What reaches the states of one pass from outside it."""
    if captured.form.one_step:
        cells = reached.get("cells")
        return Reached(
            from_above, None if cells is None else _work(cells), total=True, exposed=captured.exposed
        )
    direction = place[1]
    index = place[0] * captured.form.directions + direction
    hidden = _own(captured, _half(captured, from_above, direction), direction)
    if (last := reached.get("hidden")) is not None:
        hidden = hidden.clone()
        _add_last(captured, hidden, last[index])
    cell = None
    if (last := reached.get("cell")) is not None:
        cell = hidden.new_zeros(*hidden.shape[:2], captured.form.hidden_size)
        _add_last(captured, cell, last[index])
    return Reached(hidden, cell)


def _add_last(captured: Capture, rows: Tensor, last: Tensor) -> None:
    """Add what reached the last state of each sample, in the pass's own order, in place."""
    if captured.lengths is None:
        rows[-1] += _work(last)
    else:
        rows[captured.lengths.to(rows.device) - 1, torch.arange(rows.shape[1], device=rows.device)] += _work(
            last
        )


def _named(
    captured: Capture,
    wanted: frozenset[str],
    found: dict[tuple[int, int], Gradients],
    places: list[tuple[int, int]],
    are_few: bool,
) -> dict[str, Tensor]:
    """The gradients by name, for the signals that are kept."""
    by_name: dict[str, list[Tensor]] = {}
    for place in places if found else []:
        gradient = found[place]
        rows = dict(zip(captured.form.cell.gates, gradient.rows.unbind(2), strict=True))
        if "hidden" in rows:
            rows["hidden_pre"] = rows.pop("hidden")
        rows["hidden"] = gradient.hidden
        if gradient.cell is not None:
            rows["cell"] = gradient.cell
        for name, value in rows.items():
            if name in wanted or f"{name}_pre" in wanted or name.removesuffix("_pre") in wanted:
                by_name.setdefault(name, []).append(value)
    laid_out = {name: _laid_out(captured, each) for name, each in by_name.items()}
    return {name: value.clone() for name, value in laid_out.items()} if are_few else laid_out


def _initial(captured: Capture, layers: tuple[int, ...]) -> dict[str, Tensor]:
    """The state before step 0 by part, (layer, direction, batch, _)."""
    shape = captured.form.layers, captured.form.directions
    names = [part for part, _ in captured.form.cell.state]
    stacked = [_work(part).view(*shape, *part.shape[1:]) for part in captured.initial]
    if len(layers) < shape[0]:
        stacked = [part[list(layers)] for part in stacked]
    return dict(zip(names, stacked, strict=True))


def _half(captured: Capture, rows: Tensor, direction: int) -> Tensor:
    """What is one direction's of hidden states that lie side by side."""
    if captured.form.directions == 1:
        return rows
    width = captured.form.width
    return rows[:, :, direction * width : (direction + 1) * width]


def _own(captured: Capture, rows: Tensor, direction: int) -> Tensor:
    """Rows in the order in which a direction reads them, and back; the reverse one begins at each sample's end."""
    if direction == 0:
        return rows
    if captured.lengths is None:
        return rows.flip(0)
    time = torch.arange(len(rows), device=rows.device)[:, None]
    lengths = captured.lengths.to(rows.device)
    order = torch.where(time < lengths, lengths - 1 - time, time)
    return rows.gather(0, order[:, :, None].expand_as(rows))


def _masked(captured: Capture, rows: Tensor) -> Tensor:
    if captured.lengths is None:
        return rows
    padded = torch.arange(len(rows))[:, None] >= captured.lengths
    return rows.masked_fill(padded[:, :, None].to(rows.device), torch.nan)


def _laid_out(captured: Capture, each: list[Tensor]) -> Tensor:
    """Passes of (time, batch, unit) in their own order as one tensor (layer, direction, batch, time, unit).

    Rows go back into the order of the input's time, and padding becomes NaN.
    """
    directions = captured.form.directions
    if len(each) > 1:
        each = [_own(captured, rows, index % directions) for index, rows in enumerate(each)]
        stacked = torch.stack([_masked(captured, rows) for rows in each])
        return stacked.unflatten(0, (-1, directions)).transpose(2, 3)
    return _masked(captured, each[0]).expand(1, 1, -1, -1, -1).transpose(2, 3)


def _work(value: Tensor) -> Tensor:
    """In the type that is computed in: half precision in float32."""
    return value.float() if value.dtype.itemsize < 4 else value
