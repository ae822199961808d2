"""A trained network as a .safetensors file, and out of one, by strict rules."""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memviz import tensor_files
from memviz.cells import CELLS
from memviz.experiment import Experiment
from memviz.interventions.values import shown
from memviz.network import Network
from memviz.tasks import Task
from memviz.tasks import from_data as task_of
from memviz.training.settings import TrainingSettings
from memviz.training.trained import OUTCOMES, Checkpoint, Outcome, Readout, TrainedNetwork

VERSION = 1
MOST_NUMBERS = 200_000
"""Of all checkpoints; a file stays below 1 MiB."""
_KEY = "memviz"
_TABLES = ("checkpoints.about", "history")
"""Updates, losses and scores; everything else is weights."""
_PARTS = ("version", "experiment", "task", "settings", "score", "outcome", "command")
_MOST_SENTENCE = 500


def to_bytes(trained: TrainedNetwork, command: str = "") -> bytes:
    """The file of a trained network: what it became, its way there as far as it fits, and how it was made.

    Args:
        trained: the network.
        command: what made it, as somebody would type it.
    """
    about = {
        "version": VERSION,
        "experiment": trained.experiment.to_json(),
        "task": trained.task.to_data(),
        "settings": trained.settings.to_data(),
        "score": trained.score,
        "outcome": asdict(trained.outcome),
        "command": command,
    }
    tensors: dict[str, Tensor] = {name: value.float() for name, value in _flat(trained).items()}
    kept = _spread(trained.checkpoints)
    tensors["checkpoints"] = torch.stack([_row(each) for each in kept])
    tensors["checkpoints.about"] = torch.tensor(
        [[each.update, each.loss, each.score] for each in kept], dtype=torch.float64
    )
    looks = _capped(torch.tensor(trained.history.copy()))
    tensors["history"] = looks
    return tensor_files.write(tensors, {_KEY: json.dumps(about)}, _TABLES)


def from_bytes(data: bytes) -> TrainedNetwork:
    """The trained network of a file.

    Raises:
        ValueError: if the file is none that `to_bytes` wrote, or a part of it breaks a rule.
    """
    tensors, metadata = tensor_files.read(data, _TABLES)
    about = _about(metadata)
    experiment = Experiment.from_json(_text(about["experiment"]))
    task, settings = task_of(about["task"]), TrainingSettings.from_data(about["settings"])
    shapes = _shapes(experiment, task)
    expected = {*shapes, "checkpoints", *_TABLES}
    if set(tensors) != expected:
        raise ValueError(f"A trained network has the tensors {', '.join(sorted(expected))}; got others.")
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(f"In this network {name} is {shape}; got {tuple(tensors[name].shape)}.")
    network, readout = _built(experiment, {name: tensors[name] for name in shapes})
    history = _table("history", tensors["history"])
    checkpoints = _checkpoints(experiment, shapes, tensors["checkpoints"], tensors["checkpoints.about"])
    return TrainedNetwork(
        experiment,
        task,
        settings,
        network,
        readout,
        _real("score", about["score"]),
        _outcome(about["outcome"]),
        history,
        checkpoints,
    )


def command_of(data: bytes) -> str:
    """What made the network of a file.

    Raises:
        ValueError: as `from_bytes` does.
    """
    from_bytes(data)
    return _text(_about(tensor_files.read(data, _TABLES)[1])["command"])


def _about(metadata: dict[str, str]) -> dict[str, Any]:
    try:
        about = json.loads(metadata.get(_KEY, ""))
    except (ValueError, RecursionError) as error:
        raise ValueError("A trained network says in its file what it is; this file does not.") from error
    if not isinstance(about, dict) or type(about.get("version")) is not int or about["version"] != VERSION:
        version = about.get("version") if isinstance(about, dict) else None
        raise ValueError(f"A trained network's file is of version {VERSION}; got version {shown(version)}.")
    if set(about) != set(_PARTS):
        raise ValueError(f"A trained network's file says {', '.join(_PARTS)}; got {shown(', '.join(about))}.")
    return about


def _shapes(experiment: Experiment, task: Task) -> dict[str, tuple[int, ...]]:
    """The name and shape of each tensor of a network with its read-out."""
    units, outputs = experiment.hidden_size, len(task.outputs)
    shapes = CELLS[experiment.cell].parameter_shapes(len(task.features), units)
    return shapes | {"readout.weight": (outputs, units), "readout.bias": (outputs,)}


def _flat(trained: TrainedNetwork | Checkpoint) -> dict[str, Tensor]:
    readout = {"readout.weight": trained.readout.weight, "readout.bias": trained.readout.bias}
    return dict(trained.network.parameters) | readout


def _row(checkpoint: Checkpoint) -> Tensor:
    return torch.cat([value.float().ravel() for value in _flat(checkpoint).values()])


def _built(experiment: Experiment, tensors: dict[str, Tensor]) -> tuple[Network, Readout]:
    parameters = {name: value for name, value in tensors.items() if not name.startswith("readout.")}
    readout = Readout(tensors["readout.weight"].double(), tensors["readout.bias"].double())
    return Network(CELLS[experiment.cell], parameters), readout


def _checkpoints(
    experiment: Experiment, shapes: dict[str, tuple[int, ...]], rows: Tensor, about: Tensor
) -> tuple[Checkpoint, ...]:
    sizes = [math.prod(shape) for shape in shapes.values()]
    table = _table("checkpoints.about", about)
    if rows.ndim != 2 or tuple(rows.shape) != (len(table), sum(sizes)):
        raise ValueError(
            f"The checkpoints are {(len(table), sum(sizes))}, a row for each; got {tuple(rows.shape)}."
        )
    found = []
    for row, (update, loss, score) in zip(rows, table.tolist(), strict=True):
        pieces = zip(shapes.items(), row.split(sizes), strict=True)
        network, readout = _built(experiment, {name: piece.reshape(shape) for (name, shape), piece in pieces})
        found.append(Checkpoint(int(update), loss, score, network, readout))
    return tuple(found)


def _table(name: str, values: Tensor) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Updates, losses and scores: finite, the updates whole and ascending."""
    table = values.double().numpy()
    if table.ndim != 2 or table.shape[1] != 3:
        raise ValueError(f"{name} has an update, a loss and a score in each row; got {tuple(table.shape)}.")
    updates = table[:, 0]
    if (updates < 0).any() or (updates != np.floor(updates)).any() or (np.diff(updates) <= 0).any():
        raise ValueError(f"The updates of {name} are whole numbers that ascend; got others.")
    return table


def _outcome(about: object) -> Outcome:
    if not isinstance(about, dict) or set(about) != {"kind", "update", "sentence"}:
        raise ValueError(f"An outcome has a kind, an update and a sentence; got {shown(about)}.")
    if about["kind"] not in OUTCOMES or type(about["update"]) is not int or about["update"] < 0:
        raise ValueError(
            f"An outcome is one of {', '.join(OUTCOMES)} after some updates; got {shown(about)}."
        )
    return Outcome(about["kind"], about["update"], _text(about["sentence"])[:_MOST_SENTENCE])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"This part of a trained network's file is a text; got {shown(value)}.")
    return value


def _real(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"The {name} of a trained network is a finite number; got {shown(value)}.")
    return float(value)


def _spread(checkpoints: tuple[Checkpoint, ...]) -> list[Checkpoint]:
    """As many as fit, the first and the last among them."""
    most = max(2, MOST_NUMBERS // sum(value.numel() for value in _flat(checkpoints[0]).values()))
    chosen = np.rint(np.linspace(0, len(checkpoints) - 1, min(most, len(checkpoints)))).astype(int)
    return [checkpoints[index] for index in sorted(set(chosen.tolist()))]


def _capped(history: Tensor, most: int = 4000) -> Tensor:
    """At most so many looks, evenly spread."""
    chosen = np.rint(np.linspace(0, len(history) - 1, min(most, len(history)))).astype(int)
    return history[torch.from_numpy(np.unique(chosen))]
