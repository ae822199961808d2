"""The equations of a step: every symbol is looked up in numpy, every formula is evaluated by plain Python."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memviz.arithmetic import Equation, explain_step
from memviz.cells import CELLS
from memviz.network import Network
from memviz.trace import Trace, record
from tests import oracles

FEATURES, HIDDEN, TIME = 3, 4, 6
LETTERS = {"i": "input", "f": "forget", "g": "candidate", "o": "output"}
LETTERS_OF_GRU = {"r": "reset", "z": "update", "n": "candidate"}

# The row blocks in torch's order i, f, g, o, less what a cell has no weights for.
ROWS = dict.fromkeys(oracles.NAMES, "ifgo") | {
    "elman": "h",
    "elman-relu": "h",
    "lstm-1997": "igo",
    "lstm-coupled": "igo",
    "lstm-nig": "fgo",
    "lstm-nfg": "igo",
    "lstm-nog": "ifg",
    "gru": "rzn",
    "gru-v3": "rzn",
}
LSTM_ORDER = ["input", "forget", "candidate", "cell", "output", "hidden"]
ORDER = dict.fromkeys(oracles.NAMES, LSTM_ORDER) | {
    "elman": ["hidden"],
    "elman-relu": ["hidden"],
    "lstm-1997": ["input", "candidate", "cell", "output", "hidden"],
    "gru": ["reset", "update", "candidate", "hidden"],
    "gru-v3": ["reset", "update", "candidate", "hidden"],
}
every_cell = pytest.mark.parametrize("name", oracles.NAMES)


class Run:
    """One cell with normal weights and a state before step 0 that is not zero."""

    def __init__(self, name: str) -> None:
        self.name, self.p = name, oracles.parameters(name, FEATURES, HIDDEN, seed=3)
        self.xs, self.before = oracles.inputs(FEATURES, TIME, seed=3), oracles.state(name, HIDDEN, seed=3)
        state = CELLS[name].state_type(*(torch.tensor(part) for part in self.before.values()))
        self.trace: Trace = record(Network(CELLS[name], oracles.as_torch(self.p)), self.xs, state)
        self.signals = oracles.run(name, self.p, self.xs, self.before)

    def symbols(self, t: int, unit: int) -> dict[str, float]:
        """What each symbol of the papers stands for at a step, worked out in numpy."""
        p, x, now = self.p, self.xs[t], self.signals[t]
        h = self.signals[t - 1]["hidden"] if t else self.before["hidden"]
        table: dict[str, Any] = {"1": np.ones(HIDDEN), "h_t": now["hidden"], "h_{t-1}": h}
        for k, letter in enumerate(ROWS[self.name]):
            rows = slice(k * HIDDEN, (k + 1) * HIDDEN)
            table[rf"W_{{{letter}}}\,x_t"] = p["weight_ih"][rows] @ x
            table[rf"U_{{{letter}}}\,h_{{t-1}}"] = p["weight_hh"][rows] @ h
            table[f"b_{{{letter}}}"] = p["bias_ih"][rows] + p["bias_hh"][rows]
        if self.name.startswith("gru"):
            table |= {f"{letter}_t": now[signal] for letter, signal in LETTERS_OF_GRU.items()}
            table["(1 - z_t)"] = 1 - now["update"]
            U_n, b_hn = p["weight_hh"][2 * HIDDEN :], p["bias_hh"][2 * HIDDEN :]
            del table[r"U_{n}\,h_{t-1}"]  # the reset gate is always in it
            if self.name == "gru":
                table[r"r_t\,(U_{n}\,h_{t-1} + b_{hn})"] = now["reset"] * (U_n @ h + b_hn)
                table["b_{n}"] = p["bias_ih"][2 * HIDDEN :]
            else:
                table[r"U_{n}(r_t\,h_{t-1})"] = U_n @ (now["reset"] * h)
        elif self.name.startswith("lstm"):
            c = self.signals[t - 1]["cell"] if t else self.before["cell"]
            table |= {f"{letter}_t": now[signal] for letter, signal in LETTERS.items() if signal in now}
            table |= {"c_t": now["cell"], "c_{t-1}": c, r"\tanh(c_t)": np.tanh(now["cell"])}
            for letter, seen, symbol in (("i", c, "c_{t-1}"), ("f", c, "c_{t-1}"), ("o", now["cell"], "c_t")):
                if f"peephole_{LETTERS[letter]}" in p:
                    table[rf"p_{{{letter}}}\,{symbol}"] = p[f"peephole_{LETTERS[letter]}"] * seen
            if "weight_gates" in p:
                gates = (
                    np.concatenate([self.signals[t - 1][LETTERS[k]] for k in "ifo"])
                    if t
                    else self.before["gates"]
                )
                for k, letter in enumerate("ifo"):
                    table[rf"R_{{{letter}}}\,[i,f,o]_{{t-1}}"] = (
                        p["weight_gates"][k * HIDDEN : (k + 1) * HIDDEN] @ gates
                    )
        return {symbol: float(values[unit]) for symbol, values in table.items()}


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {name: Run(name) for name in oracles.NAMES}


def evaluated(formula: str, values: list[float]) -> float:
    """A formula of `explain_step` with numbers in its places, by Python's own arithmetic."""
    text = formula.replace(r"\max(0,\;", "max(0,").replace(r"\,", " * ")
    text = text.replace(r"\sigma", "sigma").replace(r"\tanh", "tanh")
    assert "\\" not in text
    names = {"sigma": lambda a: 1 / (1 + math.exp(-a)), "tanh": math.tanh, "max": max}
    return float(eval(text.format(*(f"({value!r})" for value in values)), {"__builtins__": {}}, names))


def by_signal(run: Run, t: int, unit: int) -> dict[str, Equation]:
    return {equation.signal: equation for equation in explain_step(run.trace, t, unit)}


def test_the_tables_of_these_tests_hold_every_cell() -> None:
    assert set(oracles.NAMES) == set(CELLS) == set(ROWS) == set(ORDER)


@every_cell
@given(t=st.integers(0, TIME - 1), unit=st.integers(0, HIDDEN - 1))
def test_each_equation_gives_its_value_from_its_own_terms(
    runs: dict[str, Run], name: str, t: int, unit: int
) -> None:
    run = runs[name]
    for equation in explain_step(run.trace, t, unit):
        computed = evaluated(equation.formula, [term.value for term in equation.terms])
        assert computed == pytest.approx(equation.value, rel=1e-12, abs=1e-12)
        assert equation.value == pytest.approx(run.signals[t][equation.signal][unit], rel=1e-12, abs=1e-12)


@every_cell
@given(t=st.integers(0, TIME - 1), unit=st.integers(0, HIDDEN - 1))
def test_each_term_is_what_its_symbol_says(runs: dict[str, Run], name: str, t: int, unit: int) -> None:
    table = runs[name].symbols(t, unit)
    for equation in explain_step(runs[name].trace, t, unit):
        for term in equation.terms:
            assert term.value == pytest.approx(table[term.symbol], rel=1e-12, abs=1e-12), term.symbol
        assert table[equation.symbol] == pytest.approx(equation.value, rel=1e-12, abs=1e-12)


@every_cell
def test_the_inner_value_is_the_sum_of_the_terms_and_only_functions_have_one(
    runs: dict[str, Run], name: str
) -> None:
    for equation in explain_step(runs[name].trace, 2, 1):
        applied = equation.formula.startswith(("\\sigma(", "\\tanh(", "\\max("))
        assert (equation.inner is not None) == applied
        if equation.inner is not None:
            assert equation.inner == pytest.approx(
                math.fsum(term.value for term in equation.terms), abs=1e-12
            )


@every_cell
def test_equations_come_in_the_order_of_computation(runs: dict[str, Run], name: str) -> None:
    assert [equation.signal for equation in explain_step(runs[name].trace, 3, 0)] == ORDER[name]


@every_cell
def test_no_equation_reads_what_a_later_one_computes(runs: dict[str, Run], name: str) -> None:
    equations = explain_step(runs[name].trace, 3, 0)
    for place, equation in enumerate(equations):
        later = {other.symbol for other in equations[place:]}
        read = {
            part
            for term in equation.terms
            for part in term.symbol.replace("(", " ").replace(")", " ").split()
        }
        assert not later & {part.split("\\,")[-1] for part in read}


@pytest.mark.parametrize("name", [name for name in oracles.NAMES if oracles.ORACLES[name].peepholes])
def test_input_and_forget_gates_see_the_old_cell_state_and_the_output_gate_the_new(
    runs: dict[str, Run], name: str
) -> None:
    equations = by_signal(runs[name], 3, 0)
    seen = {"input": r"p_{i}\,c_{t-1}", "forget": r"p_{f}\,c_{t-1}", "output": r"p_{o}\,c_t"}
    for gate, symbol in seen.items():
        expected = [symbol] if gate in oracles.ORACLES[name].peepholes else []
        assert [term.symbol for term in equations[gate].terms if term.symbol.startswith("p_")] == expected


@pytest.mark.parametrize(
    ("name", "signal", "symbols"),
    [
        ("elman", "hidden", r"\tanh(W_{h}\,x_t + U_{h}\,h_{t-1} + b_{h})"),
        ("elman-relu", "hidden", r"\max(0,\; W_{h}\,x_t + U_{h}\,h_{t-1} + b_{h})"),
        ("lstm", "forget", r"\sigma(W_{f}\,x_t + U_{f}\,h_{t-1} + b_{f})"),
        ("lstm", "candidate", r"\tanh(W_{g}\,x_t + U_{g}\,h_{t-1} + b_{g})"),
        ("lstm", "cell", r"f_t\,c_{t-1} + i_t\,g_t"),
        ("lstm", "hidden", r"o_t\,\tanh(c_t)"),
        ("lstm-1997", "cell", r"c_{t-1} + i_t\,g_t"),
        ("lstm-coupled", "forget", "1 - i_t"),
        ("lstm-nig", "input", "1"),
        ("lstm-nfg", "forget", "1"),
        ("lstm-nog", "output", "1"),
        ("lstm-niaf", "candidate", r"W_{g}\,x_t + U_{g}\,h_{t-1} + b_{g}"),
        ("lstm-noaf", "hidden", r"o_t\,c_t"),
        ("gru", "candidate", r"\tanh(W_{n}\,x_t + r_t\,(U_{n}\,h_{t-1} + b_{hn}) + b_{n})"),
        ("gru-v3", "candidate", r"\tanh(W_{n}\,x_t + U_{n}(r_t\,h_{t-1}) + b_{n})"),
        ("gru", "hidden", r"(1 - z_t)\,n_t + z_t\,h_{t-1}"),
    ],
)
def test_symbols_read_as_in_the_papers(runs: dict[str, Run], name: str, signal: str, symbols: str) -> None:
    assert by_signal(runs[name], 3, 0)[signal].symbols == symbols


@pytest.mark.parametrize(("name", "signal", "part"), [("lstm", "cell", "cell"), ("gru", "hidden", "hidden")])
def test_step_0_starts_from_the_state_before_it(
    runs: dict[str, Run], name: str, signal: str, part: str
) -> None:
    run = runs[name]
    for unit in range(HIDDEN):
        terms = {term.symbol: term.value for term in by_signal(run, 0, unit)[signal].terms}
        assert terms[f"{part[0]}_{{t-1}}"] == run.before[part][unit] != 0


@pytest.mark.parametrize(("t", "unit"), [(-1, 0), (TIME, 0), (0, -1), (0, HIDDEN), (10**6, 10**6)])
def test_a_step_or_unit_that_does_not_exist_is_refused_with_the_rule(
    runs: dict[str, Run], t: int, unit: int
) -> None:
    with pytest.raises(IndexError) as caught:
        explain_step(runs["lstm"].trace, t, unit)
    said = str(caught.value)
    assert f"0 to {TIME - 1}" in said
    assert f"0 to {HIDDEN - 1}" in said
    assert said.endswith(f"got step {t}, unit {unit}.")
