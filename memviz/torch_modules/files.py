"""A recording as one .npz file without pickles, and back."""

import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memviz.cells import CELLS
from memviz.torch_modules.calls import Call
from memviz.torch_modules.forms import Form
from memviz.torch_modules.records import Recorded, Recording
from memviz.torch_modules.replay import known

_FORMAT = 1
_PARTS = ("signals", "gradients", "inputs", "initial")


def save(recording: Recording, file: Any) -> None:
    """Write every call of a recording; `load` gives the same back."""
    arrays: dict[str, Tensor] = {}
    modules = []
    for number, module in enumerate(recording.modules):
        calls = module.calls
        about = [_write(call, f"{number}/{k}", arrays) for k, call in enumerate(calls)]
        form = {each.name: getattr(module.form, each.name) for each in fields(module.form)}
        form["cell"] = module.form.cell.name
        modules.append({"form": form, "paths": module.paths, "calls": about})
    text = json.dumps({"format": _FORMAT, "modules": modules}).encode()
    named: dict[str, Any] = {name: value.cpu().numpy() for name, value in arrays.items()}
    np.savez_compressed(file, about=np.frombuffer(text, np.uint8), **named)


def load(file: Any) -> Recording:
    """Read a recording that `save` wrote.

    Raises:
        OSError: if the file cannot be opened.
        ValueError: if the file is no such recording.
    """
    if not isinstance(file, io.BufferedIOBase):
        with Path(file).open("rb") as opened:
            return load(opened)
    try:
        with np.load(file, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            if about["format"] != _FORMAT:
                raise ValueError(f"The format is {_FORMAT}; got {about['format']}.")
            modules = [_module(number, each, arrays) for number, each in enumerate(about["modules"])]
    except Exception as error:  # a broken zip or array can raise nearly anything
        raise ValueError(
            "A recording is an .npz file written by Recording.save; got another file."
        ) from error
    return Recording(tuple(modules))


def _write(call: Call, prefix: str, arrays: dict[str, Tensor]) -> dict[str, Any]:
    """Put the arrays of a call among the others, and say what else it is."""
    for part in _PARTS:
        arrays |= {f"{prefix}/{part}/{name}": value for name, value in getattr(call, part).items()}
    for (layer, direction), weights in call.weights.items():
        arrays |= {f"{prefix}/weights/{layer}/{direction}/{name}": value for name, value in weights.items()}
    if call.lengths is not None:
        arrays[f"{prefix}/lengths"] = call.lengths
    return {
        "layers": call.layers,
        "signals": call.names,
        "gradients": tuple(call.gradients),
        "why_no_gradient": call.why_no_gradient,
        "unbatched": call.unbatched,
    }


def _module(number: int, about: dict[str, Any], arrays: Any) -> Recorded:
    form = Form(**{**about["form"], "cell": CELLS[about["form"]["cell"]]})
    calls = tuple(_call(form, f"{number}/{k}", each, arrays) for k, each in enumerate(about["calls"]))
    return Recorded(form, tuple(about["paths"]), lambda: calls)


def _call(form: Form, prefix: str, about: dict[str, Any], arrays: Any) -> Call:
    def read(name: str) -> Tensor:
        return torch.from_numpy(arrays[f"{prefix}/{name}"])

    layers = tuple(about["layers"])
    if not set(about["signals"]) <= set(known(form.cell)):
        raise ValueError("The signals are those of the cell.")
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", *(["weight_hr"] if form.projected else [])]
    places = [(layer, direction) for layer in layers for direction in range(form.directions)]
    return Call(
        form=form,
        layers=layers,
        signals={name: read(f"signals/{name}") for name in about["signals"]},
        gradients={name: read(f"gradients/{name}") for name in about["gradients"]},
        why_no_gradient=str(about["why_no_gradient"]),
        inputs={layer: read(f"inputs/{layer}") for layer in layers},
        initial={part: read(f"initial/{part}") for part, _ in form.cell.state},
        weights={(k, d): {name: read(f"weights/{k}/{d}/{name}") for name in names} for k, d in places},
        lengths=read("lengths") if f"{prefix}/lengths" in arrays else None,
        unbatched=bool(about["unbatched"]),
    )
