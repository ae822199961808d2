"""The equations of changed runs: what a step made, what was done to it, and what it has, against the transcription."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memviz.arithmetic import acting_on, explain_step
from memviz.interventions import (
    Ablate,
    Add,
    Clamp,
    Detach,
    Intervention,
    Reset,
    Scale,
)
from memviz.trace import Trace, record
from tests import changed, oracles
from tests.gradients.case import HIDDEN, TIME, Case

every_cell = pytest.mark.parametrize("name", oracles.NAMES)


def recorded(case: Case, *interventions: Intervention) -> Trace:
    return record(case.network, case.xs, changed.state_of(case.before, case.name), interventions)


def made_by_the_papers(case: Case, chosen: tuple[Intervention, ...]) -> dict[tuple[int, str], np.ndarray]:
    """Every signal of every step before its interventions, by the transcription."""
    made: dict[tuple[int, str], np.ndarray] = {}

    def enter(t: int, signal: str, value: np.ndarray) -> np.ndarray:
        made[t, signal] = value
        return value

    changed.run(case.name, case.p, case.xs, case.before, chosen, enter=enter)
    return made


def applied(formula: str, argument: float) -> float:
    if formula.startswith(r"\sigma("):
        return 1 / (1 + math.exp(-argument))
    if formula.startswith(r"\tanh("):
        return math.tanh(argument)
    return max(0.0, argument) if formula.startswith(r"\max(") else argument


def evaluated(formula: str, values: list[float]) -> float:
    text = formula.replace(r"\,", " * ")
    assert "\\" not in text
    return float(eval(text.format(*(f"({value!r})" for value in values)), {"__builtins__": {}}))


@every_cell
@settings(max_examples=12)
@given(data=st.data(), seed=st.integers(0, 999))
def test_what_a_step_made_is_what_the_papers_step_makes_before_the_change(name, data, seed) -> None:
    case = Case(name, seed)
    chosen = changed.fitting(data.draw(changed.draws(name, HIDDEN, TIME)), name, HIDDEN, TIME)
    trace, expected = recorded(case, *chosen), made_by_the_papers(case, chosen)
    assert set(trace.made) == {each.signal for each in chosen if not isinstance(each, Reset)}
    for signal, made in trace.made.items():
        np.testing.assert_allclose(
            made, np.stack([expected[t, signal] for t in range(TIME)]), rtol=1e-9, atol=1e-12
        )
        acts = [[bool(acting_on(signal, trace, t, unit)) for unit in range(HIDDEN)] for t in range(TIME)]
        assert np.array_equal(made[~np.array(acts)], trace[signal][~np.array(acts)])


@every_cell
@settings(max_examples=12)
@given(data=st.data(), seed=st.integers(0, 999))
def test_each_equation_gives_what_was_made_and_then_what_the_run_has(name, data, seed) -> None:
    case = Case(name, seed)
    chosen = changed.fitting(data.draw(changed.draws(name, HIDDEN, TIME)), name, HIDDEN, TIME)
    trace, expected = recorded(case, *chosen), made_by_the_papers(case, chosen)
    t, unit = data.draw(st.integers(0, TIME - 1)), data.draw(st.integers(0, HIDDEN - 1))
    for equation in explain_step(trace, t, unit):
        close = {"rel": 1e-9, "abs": 1e-12}
        values = [term.value for term in equation.terms]
        if equation.inner is None or equation.argument is None:
            assert evaluated(equation.formula, values) == pytest.approx(equation.made, **close)
        else:
            assert math.fsum(values) == pytest.approx(equation.inner, **close)
            assert applied(equation.formula, equation.argument) == pytest.approx(equation.made, **close)
        assert equation.made == pytest.approx(expected[t, equation.signal][unit], **close)
        assert equation.value == trace[equation.signal][t, unit]
        if not equation.done:
            assert equation.made == equation.value
        if not equation.inner_done:
            assert equation.inner == equation.argument
        for term in equation.terms:
            if not term.done:
                assert term.made == term.value


def test_a_held_scaled_and_added_number_says_so_beside_what_was_made() -> None:
    case = Case("lstm", seed=2)
    plain = recorded(case)
    trace = recorded(
        case,
        Clamp("forget", 1.0, [0]),
        Scale("input_pre", 0.5),
        Add("input_pre", 2.0, [1]),
        Scale("input_from_input", 3.0),
        Detach("output"),
    )
    of = {equation.signal: equation for equation in explain_step(trace, 0, 1)}
    weights = oracles.blocks(case.p["weight_ih"], 4)[0]
    assert of["input"].terms[0].made == pytest.approx(weights[1] @ case.xs[0])
    assert of["input"].terms[0].value == pytest.approx(3 * weights[1] @ case.xs[0])
    assert of["input"].terms[0].done == "times 3"
    assert of["input"].inner_done == "times 0.5, then plus 2"
    assert of["input"].inner is not None
    assert of["input"].argument == pytest.approx(of["input"].inner * 0.5 + 2)
    assert (of["input"].done, of["forget"].done) == ("", "")
    assert of["output"].done == "no gradient passes"
    assert of["output"].made == of["output"].value
    held = {equation.signal: equation for equation in explain_step(trace, 0, 0)}["forget"]
    assert (held.value, held.done) == (1.0, "held at 1.00")
    assert held.made == pytest.approx(plain["forget"][0, 0]) != 1.0


@pytest.mark.parametrize("name", ["lstm", "lstm-1997", "lstm-peephole", "lstm-fgr", "gru", "gru-v3", "elman"])
@pytest.mark.parametrize("t", [0, 3])
def test_after_a_reset_the_values_of_the_step_before_are_zero(name: str, t: int) -> None:
    case = Case(name, seed=1)
    trace = recorded(case, Reset([0, 3]))
    assert trace.resets == {0, 3}
    for part in [part for part, _ in trace.cell.state if part != "gates"]:
        assert not trace.before(part)[t].any()
        assert np.array_equal(trace.before(part)[t + 1], trace[part][t])
    read = [term for equation in explain_step(trace, t, 1) for term in equation.terms]
    old = [term for term in read if term.symbol in ("c_{t-1}", "h_{t-1}")]
    assert all(term.value == 0 for term in old)
    assert old or name == "elman"
    for term in read:
        if term.symbol.startswith(("U_", "R_")) or r"\,c_{t-1}" in term.symbol:
            assert term.value == 0
    later = [term for equation in explain_step(trace, t + 1, 1) for term in equation.terms]
    assert any(term.value != 0 for term in later if "t-1" in term.symbol)


def test_a_trace_without_what_its_steps_made_is_refused() -> None:
    trace = recorded(Case("gru"), Ablate("reset"))
    with pytest.raises(ValueError, match="what its steps made of each touched signal"):
        Trace(trace.cell, trace.tokens, trace.inputs, trace.signals, trace.initial, trace.interventions)
