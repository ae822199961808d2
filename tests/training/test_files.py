"""A trained network's file: exactly there and back, and every broken one refused with a sentence."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memviz import tasks, tensor_files
from memviz.experiment import Experiment
from memviz.training import TrainedNetwork, TrainingSettings, fit
from memviz.training.files import command_of, from_bytes, to_bytes


def trained(cell: str = "lstm-peephole", units: int = 3, updates: int = 9) -> TrainedNetwork:
    experiment = Experiment(cell, units, seed=2, forget_bias=1.5)
    return fit(experiment, tasks.counting(2, 3), TrainingSettings(updates=updates, batch=4, evaluate_every=2))


@pytest.fixture(scope="module")
def whole() -> TrainedNetwork:
    return trained()


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm-1997", "lstm-fgr"])
def test_a_trained_network_comes_back_exactly(cell: str) -> None:
    one = trained(cell)
    other = from_bytes(to_bytes(one, "make models"))
    assert (other.experiment, other.task, other.settings) == (one.experiment, one.task, one.settings)
    assert (other.score, other.outcome) == (one.score, one.outcome)
    assert command_of(to_bytes(one, "make models")) == "make models"
    for name, value in one.network.parameters.items():
        assert torch.equal(other.network.parameters[name], value)
    assert torch.equal(other.readout.weight, one.readout.weight)
    assert torch.equal(other.readout.bias, one.readout.bias)
    np.testing.assert_array_equal(other.history, one.history)
    assert [c.update for c in other.checkpoints] == [c.update for c in one.checkpoints]
    for found, expected in zip(other.checkpoints, one.checkpoints, strict=True):
        assert (found.loss, found.score) == (expected.loss, expected.score)
        for name, value in expected.network.parameters.items():
            assert torch.equal(found.network.parameters[name], value)
    assert to_bytes(other, "make models") == to_bytes(one, "make models")


def test_the_file_is_what_the_format_says(whole: TrainedNetwork) -> None:
    """Read by the format's description alone: 8 bytes, a JSON header, numbers."""
    data = to_bytes(whole)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    assert (8 + size) % 8 == 0
    for name, value in whole.network.parameters.items():
        about = header[name]
        first, last = about["data_offsets"]
        numbers = np.frombuffer(data[8 + size + first : 8 + size + last], "<f4").reshape(about["shape"])
        assert about["dtype"] == "F32"
        np.testing.assert_array_equal(numbers, value.numpy())
    assert json.loads(header["__metadata__"]["memviz"])["task"]["name"] == "counting"


def test_a_large_network_keeps_as_many_checkpoints_as_fit_below_a_mebibyte() -> None:
    one = trained("lstm", 64, 30)
    data = to_bytes(one)
    assert len(data) < 2**20
    other = from_bytes(data)
    updates = [c.update for c in other.checkpoints]
    assert updates[0] == 0
    assert updates[-1] == one.checkpoints[-1].update
    assert 2 <= len(updates) <= len(one.checkpoints)


# --- broken files ----------------------------------------------------------------------------------------


def about_of(data: bytes) -> dict:
    return json.loads(tensor_files.read(data)[1]["memviz"])


def with_about(data: bytes, **changed) -> bytes:
    tensors, _ = tensor_files.read(data)
    return tensor_files.write(tensors, {"memviz": json.dumps(about_of(data) | changed)})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"version": 2}, "A trained network's file is of version 1; got version 2."),
        ({"version": True}, "A trained network's file is of version 1; got version True."),
        ({"more": 1}, "A trained network's file says version, experiment"),
        ({"task": {"name": "chess"}}, "A task is an object with a name"),
        ({"experiment": 3}, "This part of a trained network's file is a text; got 3."),
        ({"experiment": "{"}, "The settings are a JSON object"),
        ({"experiment": Experiment("lstm", 3).to_json()}, "A trained network has the tensors"),
        (
            {"experiment": Experiment("lstm-peephole", 4).to_json()},
            "In this network weight_ih is (16, 3); got (12, 3).",
        ),
        ({"settings": {}}, "The settings of a training are optimiser"),
        ({"score": "1"}, "The score of a trained network is a finite number; got '1'."),
        ({"score": float("nan")}, "The score of a trained network is a finite number; got nan."),
        ({"outcome": []}, "An outcome has a kind, an update and a sentence; got []."),
        ({"outcome": {"kind": "won", "update": 1, "sentence": ""}}, "An outcome is one of solved, updates"),
    ],
)
def test_what_a_file_says_of_itself_is_checked(whole: TrainedNetwork, changed, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        from_bytes(with_about(to_bytes(whole), **changed))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("history", torch.zeros(3, 2), "history has an update, a loss and a score in each row; got (3, 2)."),
        ("history", torch.zeros(3, 3), "The updates of history are whole numbers that ascend; got others."),
        ("checkpoints", torch.zeros(1, 1), "The checkpoints are ("),
        ("readout.bias", torch.zeros(4), "In this network readout.bias is (3,); got (4,)."),
        ("another", torch.zeros(4), "A trained network has the tensors"),
    ],
)
def test_the_tensors_of_a_file_are_checked(whole: TrainedNetwork, name: str, value, sentence: str) -> None:
    tensors, metadata = tensor_files.read(to_bytes(whole))
    with pytest.raises(ValueError, match=re.escape(sentence)):
        from_bytes(tensor_files.write(tensors | {name: value}, metadata))


def test_a_file_without_a_word_on_what_it_is_is_refused(whole: TrainedNetwork) -> None:
    tensors, _ = tensor_files.read(to_bytes(whole))
    for metadata in ({}, {"memviz": "no JSON"}, {"memviz": "[" * 30_000}):
        with pytest.raises(
            ValueError, match="A trained network says in its file what it is; this file does not"
        ):
            from_bytes(tensor_files.write(tensors, metadata))
    with pytest.raises(ValueError, match="is of version 1; got version None"):
        from_bytes(tensor_files.write(tensors, {"memviz": "[]"}))


@settings(max_examples=150)
@given(st.data())
def test_a_file_with_some_bytes_changed_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    good = _GOOD
    at = data.draw(st.integers(0, min(len(good) - 1, 4000)))
    what = data.draw(st.binary(min_size=0, max_size=12))
    until = at + data.draw(st.integers(0, 12))
    said = ""
    try:
        from_bytes(good[:at] + what + good[until:])
    except ValueError as error:
        said = str(error)
    assert not said or said.endswith(".")


_GOOD = to_bytes(trained(updates=3))


def test_a_network_that_does_not_fit_its_task_is_refused(whole: TrainedNetwork) -> None:
    with pytest.raises(ValueError, match="This experiment and task make a network of"):
        replace(whole, task=tasks.latch(3))
    with pytest.raises(ValueError, match="The read-out of this task is"):
        replace(
            whole,
            readout=replace(whole.readout, weight=torch.zeros(2, 3).double(), bias=torch.zeros(2).double()),
        )
