"""The code under "Copy as PyTorch" of a changed run, against the changed transcription of the papers."""

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Intervention, Patch, Reset, Scale
from memviz.network import Network
from memviz.snippet import Snippet, torch_snippet
from memviz.trace import record
from tests import changed, oracles

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
FEATURES, HIDDEN, TIME = 2, 3, 6
SIGNALS = {
    name: CELLS[name].signal_names for name in oracles.NAMES
}  # read off each step before anything is drawn


class Case:
    """A run of a cell, its numbers for the oracle and its code."""

    def __init__(
        self, name: str, interventions, seed: int = 0, hidden: int = HIDDEN, time: int = TIME
    ) -> None:
        self.name, self.interventions = name, tuple(interventions)
        self.p = oracles.parameters(name, FEATURES, hidden, seed, 0.7)
        self.xs = oracles.inputs(FEATURES, time, seed)
        self.before = oracles.state(name, hidden, seed)
        self.network = Network(CELLS[name], oracles.as_torch(self.p))

    def snippet(self) -> Snippet:
        state = changed.state_of(self.before, self.name)
        return torch_snippet(self.network, record(self.network, self.xs, state, self.interventions))

    def expected(self) -> np.ndarray:
        return changed.run(self.name, self.p, self.xs, self.before, self.interventions)[-1]["hidden"]


def run(code: str) -> dict[str, Any]:
    """What a namespace of its own holds afterwards."""
    names: dict[str, Any] = {}
    exec(compile(code, "snippet.py", "exec"), names)
    return names


def agrees(case: Case) -> None:
    expected = case.expected()
    # Where nothing that was drawn fits, the code is the module of torch, whose state has a dimension for layers.
    found = run(case.snippet().code)["h"].numpy().reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14 * np.abs(expected).max())


def for_every_cell(test):
    drawn = given(data=st.data(), seed=st.integers(0, 999))(test)
    return every_cell(settings(max_examples=15)(drawn))


@for_every_cell
def test_the_code_of_a_changed_run_has_the_numbers_of_the_changed_transcription(name, data, seed) -> None:
    drawn = data.draw(changed.draws(name, HIDDEN, TIME, most=6))
    agrees(Case(name, changed.fitting(drawn, name, HIDDEN, TIME), seed))


def each_kind(signal: str) -> list[Intervention]:
    rows = np.random.default_rng(5).standard_normal((TIME, HIDDEN))
    return [
        Clamp(signal, 0.3, [1]),
        Scale(signal, -1.5, None, [1, 2, 4]),
        Add(signal, 0.25, [0, 2]),
        Ablate(signal, None, [3]),
        Freeze(signal, 2, [0]),
        Patch(signal, rows, [0, 2], [1, 4, 5]),
        Detach(signal),
        Reset([2, 4]),
    ]


@every_cell
def test_each_kind_on_each_signal_is_in_the_code(name: str) -> None:
    for signal in SIGNALS[name]:
        for intervention in each_kind(signal):
            agrees(Case(name, [intervention], seed=3))


@every_cell
def test_every_signal_at_once_is_in_the_code(name: str) -> None:
    agrees(Case(name, [Scale(signal, 1.1) for signal in SIGNALS[name]], seed=4))


@every_cell
def test_the_code_can_be_differentiated_and_is_cut_where_the_run_is(name: str) -> None:
    signals = SIGNALS[name]
    parts = [signal for signal in signals if signal.endswith("_from_hidden")]
    chosen = (
        Detach(parts[0], [1]),
        Detach("hidden", [0], [3]),
        Freeze("hidden", 1, [2], [4]),
        Scale(parts[-1], 2.0),
    )
    case = Case(name, chosen, seed=6)
    code = case.snippet().code.replace("\nfor t, x", "\ninputs.requires_grad_()\nfor t, x")
    found = run(code)
    found["h"].sum().backward()
    xs = torch.tensor(case.xs, requires_grad=True)
    p, before = oracles.as_torch(case.p), oracles.as_torch(case.before)
    changed.run(name, p, xs, before, chosen, oracles.TORCH)[-1]["hidden"].sum().backward()
    np.testing.assert_allclose(found["inputs"].grad.numpy(), xs.grad.numpy(), rtol=1e-11, atol=1e-15)


def test_many_steps_and_units_are_written_apart_and_lines_stay_short() -> None:
    steps, units = range(0, 400, 3), range(0, 40, 2)
    case = Case("gru-v3", [Scale("reset", 0.9, units, steps), Reset([7, 8, 9, 300])], hidden=40, time=401)
    code = case.snippet().code
    assert "t in steps_0" in code
    assert "value[units_0] *= 0.9" in code
    assert "if (7 <= t <= 9 or t == 300):" in code
    assert max(map(len, code.splitlines())) <= 110


def test_a_large_patch_goes_into_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(1).standard_normal((450, 3))
    case = Case("lstm", [Clamp("forget", 1.0), Patch("cell", rows, steps=range(3, 420))], time=430)
    snippet = case.snippet()
    assert snippet.weights is not None
    (tmp_path / str(snippet.weights_name)).write_bytes(snippet.weights)
    assert 'patch_1 = weights.pop("patch_1")' in snippet.code
    agrees(case)


@every_cell
def test_code_without_changes_stays_as_it_was_and_one_change_makes_a_loop(name: str) -> None:
    assert "def change" not in Case(name, []).snippet().code
    code = Case(name, [Ablate("hidden", [1], [2])]).snippet().code
    assert "What if: 1 change, so that the run is a plain loop." in code
    assert "for t, x in enumerate(inputs):" in code
    assert "= torch.nn" not in code
    functions = [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    assert functions == ["change"]
    assert re.search(r"\n\n\ndef change", code)
    assert "def change" not in Case(name, [Reset([2])]).snippet().code


def test_the_code_reads_as_the_paper_with_one_line_for_each_change() -> None:
    code = Case("lstm", [Clamp("forget", 1.0, [0], range(3, 6)), Add("input_pre", 0.5)]).snippet().code
    for line in (
        '    if signal == "forget" and t >= 3:\n        value[[0]] = 1.0  # clamp\n',
        '    if signal == "input_pre":\n        value[:] += 0.5  # add\n',
        '    f = torch.sigmoid(W_f @ x + U_f @ h + b_f)  # forget gate\n    f = change(t, "forget", f)\n',
        "    a_i = W_i @ x + U_i @ h + b_i\n"
        '    a_i = change(t, "input_pre", a_i)\n'
        "    i = torch.sigmoid(a_i)  # input gate\n",
    ):
        assert line in code
