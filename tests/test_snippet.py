"""The code under "Copy as PyTorch": another Python runs it, without memviz, and gets the same numbers."""

import ast
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.encoding import encode
from memviz.experiment import Experiment
from memviz.network import Network
from memviz.snippet import Snippet, torch_snippet
from memviz.trace import Trace, record
from tests import oracles

every_cell = pytest.mark.parametrize("name", CELLS)
# One process makes the snippets, and one runs them all.
pytestmark = pytest.mark.xdist_group("snippet")

# Runs each code of a folder in a namespace of its own and writes what it printed beside it.
RUNNER = """
import contextlib, io, os, pathlib, sys
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    os.chdir(folder)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile((folder / "snippet.py").read_bytes(), "snippet.py", "exec"), {"__name__": "__main__"})
    (folder / "printed").write_text(printed.getvalue())
assert "memviz" not in sys.modules
"""

HOSTILE = (
    "\n",
    "\r\nprint('pwned')",
    "'\"\"\"'''",
    "\\",
    "\\N{DASH}",
    "]] + [[",
    "<script>alert(1)</script><!--",
    "\u202edrawkcab",
    "\u2028import os",
    "\x0cimport os",
    "🦔👩‍👩‍👧",
    "coding:utf-7",
    "{name}",
    "\x00",
    "\ud800",
    "x" * 5000,
)


def record_text(name: str, hidden_size: int = 3, text: str = "hello") -> tuple[Network, Trace]:
    sequence = encode(text)
    network = Experiment(name, hidden_size, seed=2).build(sequence)
    return network, record(network, sequence)


def record_numbers(
    name: str, features: int, hidden: int, time: int, state_seed: int | None = None, scale: float = 0.3
) -> tuple[Network, Trace]:
    network = Network(CELLS[name], oracles.as_torch(oracles.parameters(name, features, hidden, 3, scale)))
    state = network.cell.state_type(*oracles.as_torch(oracles.state(name, hidden, state_seed)).values())
    return network, record(network, torch.tensor(oracles.inputs(features, time, seed=4)), state)


def with_tokens(run: tuple[Network, Trace], tokens: tuple[str, ...]) -> tuple[Network, Trace]:
    """The same run under other tokens, one for each timestep."""
    network, trace = run
    repeated = tokens * (len(trace) // len(tokens) + 1)
    return network, replace(trace, tokens=repeated[: len(trace)])


# The runs that every cell's code is tried on.
KINDS: dict[str, Callable[[str], tuple[Network, Trace]]] = {
    "symbols": record_text,
    "one symbol": lambda name: record_text(name, text="a"),
    "many symbols": lambda name: record_text(name, 32, "the quick brown fox " * 9),
    "numbers": lambda name: record_numbers(name, 3, 4, 6),
    "a series": lambda name: record_numbers(name, 1, 2, 40),
    "one of all": lambda name: record_numbers(name, 1, 1, 1),
    "an initial state": lambda name: record_numbers(name, 2, 3, 5, state_seed=1),
    "many weights": lambda name: record_numbers(name, 5, 40, 30),
    "many numbers": lambda name: record_numbers(name, 4, 2, 251, state_seed=1),
    "many of all": lambda name: record_numbers(name, 41, 204, 5, state_seed=1, scale=0.05),
    "hostile tokens": lambda name: with_tokens(record_text(name, 2, "abcd" * 4), HOSTILE),
}
SPECIAL: dict[str, Callable[[], tuple[Network, Trace]]] = {
    "more units than torch prints": lambda: record_numbers("elman", 2, 1001, 3, scale=0.01),
    "numbers that grow": lambda: record_numbers("elman-relu", 2, 4, 60, scale=2.0),
} | {
    f"hostile token {token[:12]!a}": partial(
        lambda token: with_tokens(record_text("lstm-nig"), (token,)), token
    )
    for token in HOSTILE
}
CASES = [f"{name}, {kind}" for name in CELLS for kind in KINDS] + list(SPECIAL)


@cache
def run_of(case: str) -> tuple[Network, Trace]:
    if case in SPECIAL:
        return SPECIAL[case]()
    name, kind = case.split(", ")
    return KINDS[kind](name)


@cache
def snippet_of(case: str) -> Snippet:
    return torch_snippet(*run_of(case))


def write(folder: Path, snippet: Snippet) -> None:
    folder.mkdir()
    (folder / "snippet.py").write_text(snippet.code, encoding="utf-8")
    if snippet.weights is not None:
        (folder / str(snippet.weights_name)).write_bytes(snippet.weights)


def run(*arguments: str, cwd: Path) -> str:
    """What another Python printed; -I keeps memviz and the tests off its path, -W error allows no warning."""
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each snippet printed, by its case."""
    folder = tmp_path_factory.mktemp("snippets")
    names = {case: f"{index:03}" for index, case in enumerate(CASES)}
    for case, name in names.items():
        write(folder / name, snippet_of(case))
    run("-c", RUNNER, str(folder), cwd=folder)
    return {case: (folder / name / "printed").read_text() for case, name in names.items()}


def numbers_in(text: str) -> np.ndarray:
    """The numbers of a printed tensor, (unit,)."""
    found = re.fullmatch(r"tensor\(\[([^\[\]]*)\],\s+dtype=torch.float64\)\n", text)
    assert found is not None, text
    return np.array([float(number) for number in found[1].split(",")])


@pytest.mark.parametrize("case", CASES)
def test_the_code_prints_the_last_hidden_state(case: str, printed: dict[str, str]) -> None:
    network, trace = run_of(case)
    expected = trace["hidden"][-1]
    actual = numbers_in(printed[case])
    assert actual.shape == expected.shape
    relative = 1e-15 if network.cell.torch_name is None else 1e-14
    allowed = relative * np.abs(expected).max() + 5e-18  # the second is the rounding to 17 decimals
    assert np.abs(actual - expected).max() <= allowed


def test_the_code_imports_torch_and_nothing_else() -> None:
    for case in CASES:
        nodes = list(ast.walk(ast.parse(snippet_of(case).code)))
        imported = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        assert imported == ["torch"], case
        assert not any(isinstance(node, ast.ImportFrom) for node in nodes), case


def test_lines_are_printable_ascii_and_at_most_110_wide() -> None:
    for case in CASES:
        for line in snippet_of(case).code.splitlines():
            assert line.isascii(), case
            assert line.isprintable(), case
            assert len(line) <= 110, case
            assert line == line.rstrip(), case


def test_what_was_typed_changes_nothing_but_a_comment() -> None:
    for case in CASES:
        plain = torch_snippet(*with_tokens(run_of(case), ("a",)))
        assert ast.dump(ast.parse(plain.code)) == ast.dump(ast.parse(snippet_of(case).code)), case
        assert plain.weights == snippet_of(case).weights, case


def test_nothing_typed_stands_where_an_encoding_is_declared() -> None:
    for case in CASES:
        assert not any("coding" in line for line in snippet_of(case).code.splitlines()[:2]), case


def test_the_code_runs_as_a_file_beside_its_weights(tmp_path: Path) -> None:
    case = "gru-v3, many of all"
    write(tmp_path / "fresh", snippet_of(case))
    text = run("snippet.py", cwd=tmp_path / "fresh")
    np.testing.assert_allclose(numbers_in(text), run_of(case)[1]["hidden"][-1], rtol=1e-12)


@pytest.mark.parametrize("name", ["lstm", "lstm-fgr", "gru-v3"])
def test_a_small_network_has_its_exact_numbers_in_the_text(name: str) -> None:
    network, trace = record_numbers(name, 3, 4, 6)
    snippet = torch_snippet(network, trace)
    assert snippet.weights is None
    assert snippet.weights_name is None
    assert "load(" not in snippet.code
    assigned = next(
        node.value
        for node in ast.parse(snippet.code).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    )
    written = {key.removesuffix("_l0"): value for key, value in ast.literal_eval(assigned).items()}
    assert written == {key: value.tolist() for key, value in network.parameters.items()}


@every_cell
def test_a_large_network_comes_with_a_file_of_its_parameters(name: str) -> None:
    network, trace = run_of(f"{name}, many of all")
    snippet = snippet_of(f"{name}, many of all")
    assert snippet.weights_name == "memviz_weights.pt"
    assert 'torch.load("memviz_weights.pt", weights_only=True)' in snippet.code
    stored = torch.load(io.BytesIO(snippet.weights), weights_only=True)
    assert type(stored) is dict
    np.testing.assert_array_equal(stored.pop("inputs").numpy(), trace.inputs)
    for part, symbol in (("hidden", "h"), ("cell", "c"), ("gates", "gates")):
        value = stored.pop(symbol, stored.pop(f"{symbol}_0", None))
        assert (value is None) == (part not in trace.initial)
        if value is not None:
            np.testing.assert_array_equal(value.numpy(), trace.initial[part])
    suffix = "_l0" if network.cell.torch_name else ""
    assert stored.keys() == {f"{key}{suffix}" for key in network.parameters}
    assert all(torch.equal(stored[f"{key}{suffix}"], value) for key, value in network.parameters.items())
    assert all(value.dtype == torch.float64 for value in stored.values())


def test_a_thousand_numbers_stand_in_the_text_and_one_more_makes_a_file() -> None:
    # elman with 1 unit and 1 feature has 4 parameters
    assert torch_snippet(*record_numbers("elman", 1, 1, 996)).weights is None
    assert torch_snippet(*record_numbers("elman", 1, 1, 997)).weights is not None


def test_symbols_are_written_as_rows_of_the_identity() -> None:
    code = torch_snippet(*record_text("lstm")).code
    assert "inputs = torch.eye(4, dtype=torch.float64)[[0, 1, 2, 2, 3]]" in code
    assert "# One-hot rows for 'h' 'e' 'l' 'l' 'o'\n" in code


def test_inputs_that_are_only_nearly_one_hot_are_written_out() -> None:
    network = Experiment("gru", hidden_size=2).build(2)
    for rows in ([[1, 0], [1, 1]], [[1, 0], [0, 0]], [[1, 0], [0, 2]], [[1, 0], [-1, 1]], [[0, -1], [1, 0]]):
        trace = record(network, torch.tensor(rows, dtype=torch.float64))
        assert "eye" not in torch_snippet(network, trace).code


@pytest.mark.parametrize(
    ("name", "present", "absent"),
    [
        ("lstm", ["torch.nn.LSTM(4, 3, dtype=torch.float64)", "load_state_dict(weights)"], ["for x in"]),
        ("gru", ["torch.nn.GRU("], ["for x in"]),
        ("elman", ["torch.nn.RNN("], ["for x in", "nonlinearity"]),
        ("elman-relu", ['nonlinearity="relu"'], ["for x in"]),
        ("lstm-1997", [" c = c + i * g "], ["f =", "p_", "R_", "torch.nn"]),
        ("lstm-peephole", [" c = f * c + i * g ", "b_o + p_o * c)"], ["R_", "torch.nn"]),
        ("lstm-coupled", [" f = 1 - i "], ["W_f", "p_"]),
        ("lstm-nig", [" c = f * c + g "], ["i =", "W_i"]),
        ("lstm-nfg", [" c = c + i * g "], ["f =", "W_f"]),
        ("lstm-nog", [" h = torch.tanh(c) "], ["o =", "W_o"]),
        ("lstm-niaf", [" g = W_g @ x + U_g @ h + b_g "], ["torch.tanh(W_g"]),
        ("lstm-noaf", [" h = o * c "], ["tanh(c)"]),
        ("lstm-fgr", ["p_i * c + R_i @ gates)", " gates = torch.cat([i, f, o]) "], []),
        ("gru-v3", [" n = torch.tanh(W_n @ x + U_n @ (r * h) + b_n) "], ["torch.nn"]),
    ],
)
def test_the_code_has_the_lines_that_its_cell_needs(name: str, present: list[str], absent: list[str]) -> None:
    code = torch_snippet(*record_text(name)).code
    tree = ast.parse(code)
    assert not any(isinstance(node, ast.If | ast.IfExp | ast.FunctionDef) for node in ast.walk(tree))
    statements = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))
    assert all(text in statements for text in present)
    assert not any(text in statements for text in absent)


@every_cell
def test_the_header_says_what_it_is_and_how_to_run_it(name: str) -> None:
    code = torch_snippet(*record_text(name)).code
    header = " ".join(line.removeprefix("# ") for line in code.split("\nimport torch\n")[0].splitlines())
    assert header.startswith(f"{CELLS[name].title}: 3 units, 4 input features, 5 timesteps, ")
    assert CELLS[name].note in header
    assert f"python {name}.py" in header


def test_a_lone_unit_feature_and_timestep_are_singular() -> None:
    code = torch_snippet(*record_numbers("gru", 1, 1, 1)).code
    assert code.startswith("# GRU: 1 unit, 1 input feature, 1 timestep, ")


def test_the_trace_of_another_cell_or_size_is_refused() -> None:
    _, trace = record_text("lstm")
    with pytest.raises(ValueError, match=r'it is of "lstm", 3 units, 4 features; the network is "gru"'):
        torch_snippet(record_text("gru")[0], trace)
    with pytest.raises(ValueError, match=r"3 units, .*; the network is .* 5 units"):
        torch_snippet(record_text("lstm", 5)[0], trace)


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    torch_snippet(*record_numbers("lstm", 5, 40, 30))
    assert torch.equal(torch.random.get_rng_state(), before)
