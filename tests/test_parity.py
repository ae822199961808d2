"""The proof beside a trace: it holds for honest numbers, and fails for dishonest ones."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.encoding import encode
from memviz.experiment import Experiment
from memviz.network import Network
from memviz.parity import Parity, parity
from memviz.trace import Trace, record
from tests import oracles

COUNTERPARTS = {
    "elman": "torch.nn.RNN",
    "elman-relu": "torch.nn.RNN",
    "lstm": "torch.nn.LSTM",
    "gru": "torch.nn.GRU",
}
every_counterpart = pytest.mark.parametrize("name", COUNTERPARTS)
TEXT = "the quick brown fox jumps over the lazy dog " * 4


def run_of(name: str, time: int = 12, state_seed: int | None = None) -> tuple[Network, Trace]:
    network = Network(CELLS[name], oracles.as_torch(oracles.parameters(name, 3, 4, seed=1, scale=0.5)))
    state = network.cell.state_type(*oracles.as_torch(oracles.state(name, 4, state_seed)).values())
    return network, record(network, torch.tensor(oracles.inputs(3, time, seed=1)), state)


def run_of_text(**settings: object) -> tuple[Network, Trace]:
    sequence = encode(TEXT)
    network = Experiment(**settings).build(sequence)
    return network, record(network, sequence)


def tampered(trace: Trace, name: str, row: int, by: float = 1e-6) -> Trace:
    values = np.array(trace[name])
    values[row, 0] += by
    return replace(trace, signals={**trace.signals, name: values})


@every_counterpart
@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": 1},
        {"hidden_size": 8, "seed": 3, "initialisation": "orthogonal"},
        {"hidden_size": 33, "initialisation": "chrono"},
        {"hidden_size": 64, "seed": 1},
        {"hidden_size": 5, "recurrent_scale": 0.0},
        {"hidden_size": 6, "forget_bias": 20.0, "update_bias": 20.0},
    ],
)
def test_a_trace_equals_torch(name: str, settings: dict[str, object]) -> None:
    proof = parity(*run_of_text(cell=name, **settings))
    assert proof.counterpart == COUNTERPARTS[name]
    assert proof.equal is True
    assert proof.difference <= 1e-14
    assert proof.step_difference <= 1e-14
    assert proof.sentence.startswith(f"These numbers equal {COUNTERPARTS[name]} ")
    assert not proof.amplified


@every_counterpart
def test_a_trace_from_an_initial_state_equals_torch(name: str) -> None:
    proof = parity(*run_of(name, state_seed=5))
    assert proof.equal is True
    assert proof.difference <= 1e-14


@every_counterpart
def test_one_timestep_is_enough(name: str) -> None:
    assert parity(*run_of(name, time=1)).equal is True


@every_counterpart
@pytest.mark.parametrize("row", [0, 5, -1])
def test_one_number_off_by_a_millionth_is_found(name: str, row: int) -> None:
    network, trace = run_of(name)
    proof = parity(network, tampered(trace, "hidden", row))
    assert proof.equal is False
    assert 2e-7 <= proof.difference <= 1.000001e-6  # the largest state of the ReLU network is some 3
    assert not proof.amplified
    assert f"These numbers differ from {COUNTERPARTS[name]} by " in proof.sentence
    assert re.search(r"by \d\.\de−0[67]; at most 1e−12 is allowed\.$", proof.sentence)


@pytest.mark.parametrize("row", [0, 5, -1])
def test_a_cell_state_off_by_a_millionth_is_found_at_any_step(row: int) -> None:
    network, trace = run_of("lstm")
    proof = parity(network, tampered(trace, "cell", row))
    assert proof.equal is False
    assert max(proof.difference, proof.step_difference) == pytest.approx(1e-6, rel=1e-6)
    assert "These numbers differ from torch.nn.LSTM by " in proof.sentence


@every_counterpart
def test_a_trace_from_another_initial_state_than_it_says_is_found(name: str) -> None:
    network, trace = run_of(name, state_seed=5)
    zeros = {part: np.zeros_like(value) for part, value in trace.initial.items()}
    assert parity(network, replace(trace, initial=zeros)).equal is False


@every_counterpart
def test_a_trace_of_other_parameters_is_found(name: str) -> None:
    network, trace = run_of(name)
    other = network.replace(bias_hh=network.parameters["bias_hh"] + 1e-6)
    assert parity(other, trace).equal is False


def test_an_exploding_network_is_judged_relatively() -> None:
    network, trace = run_of_text(cell="elman-relu", recurrent_scale=20.0)
    assert np.abs(trace["hidden"]).max() > 1e50
    assert parity(network, trace).equal is True


def test_an_early_number_of_an_exploding_network_is_judged_by_its_own_size() -> None:
    network, trace = run_of_text(cell="elman-relu", recurrent_scale=20.0)
    assert np.abs(trace["hidden"][0]).max() < 10
    assert parity(network, tampered(trace, "hidden", 0)).equal is False


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_not_finite_is_not_called_equal(value: float) -> None:
    network, trace = run_of("gru")
    assert parity(network, tampered(trace, "hidden", 3, by=value)).equal is False


def test_a_chaotic_network_is_said_to_amplify_rounding() -> None:
    network, trace = run_of_text(cell="elman", hidden_size=32, recurrent_scale=10.0)
    proof = parity(network, trace)
    assert proof.difference > 1e-6
    assert proof.step_difference <= 1e-13
    assert proof.equal is False
    assert proof.amplified
    first, second = proof.sentence.split(" Each ")
    assert first.startswith("These numbers differ from torch.nn.RNN by ")
    assert second.startswith("single step agrees to ")
    assert second.endswith("this network amplifies rounding errors.")


def test_a_chaotic_network_excuses_no_wrong_number() -> None:
    network, trace = run_of_text(cell="elman", hidden_size=32, recurrent_scale=10.0)
    proof = parity(network, tampered(trace, "hidden", 100))
    assert proof.step_difference >= 1e-7
    assert not proof.amplified
    assert "amplifies" not in proof.sentence


@pytest.mark.parametrize("name", [name for name in CELLS if name not in COUNTERPARTS])
def test_a_cell_without_a_counterpart_says_so(name: str) -> None:
    proof = parity(*run_of(name))
    assert proof == Parity(None, None, None)
    assert proof.equal is None
    assert not proof.amplified
    assert proof.sentence == "torch.nn has no counterpart of this cell."


@pytest.mark.parametrize(
    ("difference", "step_difference", "sentence"),
    [
        (0.0, 0.0, "These numbers equal torch.nn.GRU exactly."),
        (2.22e-16, 0.0, "These numbers equal torch.nn.GRU to 2.2e−16."),
        (1e-12, 1e-12, "These numbers equal torch.nn.GRU to 1.0e−12."),
        (
            3.14e-5,
            1e-5,
            "These numbers differ from torch.nn.GRU by 3.1e−05; at most 1e−12 is allowed.",
        ),
        (0.314, 1.0, "These numbers differ from torch.nn.GRU by 1; at most 1e−12 is allowed."),
        (math.inf, 1.0, "Numbers that overflow cannot be compared with torch.nn.GRU."),
        (1e-16, math.nan, "Numbers that overflow cannot be compared with torch.nn.GRU."),
    ],
)
def test_the_sentence_has_the_measured_number(
    difference: float, step_difference: float, sentence: str
) -> None:
    proof = Parity("torch.nn.GRU", difference, step_difference)
    assert proof.sentence == sentence
    assert proof.equal is sentence.startswith("These numbers equal")


def test_the_trace_of_another_cell_or_size_is_refused() -> None:
    _, trace = run_of("lstm")
    with pytest.raises(ValueError, match=r'it is of "lstm", 4 units, 3 features; the network is "gru"'):
        parity(run_of("gru")[0], trace)
    wider = Experiment("lstm", hidden_size=5).build(3)
    with pytest.raises(ValueError, match=r"4 units, .*; the network is .* 5 units"):
        parity(wider, trace)


def test_the_global_random_state_is_left_alone() -> None:
    network, trace = run_of("lstm")
    before = torch.random.get_rng_state()
    parity(network, trace)
    assert torch.equal(torch.random.get_rng_state(), before)
