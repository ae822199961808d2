"""Runs with interventions, against the transcription of the papers with the same changes made in a plain loop."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memviz import Ablate, Add, Clamp, Detach, Freeze, Patch, Reset, Scale, encode, parity
from memviz.cells import CELLS
from memviz.edits import remove_unit
from memviz.experiment import Experiment
from memviz.network import Network
from memviz.trace import Trace, record
from tests import changed, oracles
from tests.gradients.case import FEATURES, HIDDEN, TIME, Case

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
carousels = pytest.mark.parametrize("name", [n for n in oracles.NAMES if "forget" in CELLS[n].signal_names])


def recorded(case: Case, *interventions) -> Trace:
    return record(case.network, case.xs, changed.state_of(case.before, case.name), interventions)


def same(a: Trace, b: Trace) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in a.names)


@every_cell
@given(data=st.data(), seed=st.integers(0, 1000))
@settings(max_examples=25)
def test_a_changed_run_agrees_with_the_transcription_changed_alike(name, data, seed) -> None:
    case = Case(name, seed)
    chosen = changed.fitting(data.draw(changed.draws(name, HIDDEN, TIME)), name, HIDDEN, TIME)
    trace = recorded(case, *chosen)
    expected = changed.run(name, case.p, case.xs, case.before, chosen)
    for signal in trace.names:
        np.testing.assert_allclose(
            trace[signal], [step[signal] for step in expected], rtol=1e-10, atol=1e-10, err_msg=signal
        )
    assert trace.interventions == chosen


@carousels
def test_an_open_forget_gate_and_a_shut_input_gate_copy_the_cell_state_exactly(name: str) -> None:
    case = Case(name, seed=1)
    gates = (Clamp("forget", 1.0), Clamp("input", 0.0)) if name != "lstm-coupled" else (Clamp("input", 0.0),)
    trace = recorded(case, *gates)
    for row in trace["cell"]:
        assert np.array_equal(row, trace.initial["cell"])


@every_cell
def test_holding_every_signal_at_its_own_value_changes_nothing_to_the_bit(name: str) -> None:
    case = Case(name, seed=2)
    plain = recorded(case)
    assert same(recorded(case, *(Patch(signal, plain[signal]) for signal in plain.names)), plain)
    for signal in plain.names:
        clamps = [
            Clamp(signal, plain[signal][t, u], units=[u], steps=[t]) for t in (0, 3) for u in range(HIDDEN)
        ]
        assert same(recorded(case, *clamps), plain), signal


@every_cell
def test_what_is_not_touched_keeps_its_bits(name: str) -> None:
    case = Case(name, seed=3)
    plain, late = recorded(case), recorded(case, Scale("hidden", 3.0, steps=[4]), Reset([6]))
    for signal in plain.names:
        assert np.array_equal(late[signal][:4], plain[signal][:4])
    assert not np.array_equal(late["hidden"][4], plain["hidden"][4])


@every_cell
def test_a_detached_signal_keeps_its_values(name: str) -> None:
    case = Case(name, seed=3)
    assert same(recorded(case, *(Detach(signal) for signal in CELLS[name].signal_names)), recorded(case))


@every_cell
def test_patching_the_whole_state_from_another_run_makes_the_rest_equal_it(name: str) -> None:
    case, other = Case(name, seed=4), Case(name, seed=4, state_seed=9)
    b, at = other.trace, 2
    state = [signal for _, signals in CELLS[name].state for signal in signals]
    patched = recorded(case, *(Patch(signal, b[signal], steps=[at]) for signal in state))
    assert not np.array_equal(patched["hidden"][0], b["hidden"][0])
    for signal in b.names:
        assert np.array_equal(patched[signal][at + 1 :], b[signal][at + 1 :]), signal


@every_cell
@pytest.mark.parametrize("unit", [0, HIDDEN - 1])
def test_ablating_a_unit_equals_deleting_it(name: str, unit: int) -> None:
    case = Case(name, seed=5, state_seed=None)
    seen = [signal for _, signals in CELLS[name].state for signal in signals]
    ablated = record(case.network, case.xs, None, [Ablate(signal, units=[unit]) for signal in seen])
    deleted = record(remove_unit(case.network, unit), case.xs)
    for signal in deleted.names:
        rest = np.delete(ablated[signal], unit, axis=1)
        np.testing.assert_allclose(rest, deleted[signal], rtol=1e-12, atol=1e-14, err_msg=signal)


@every_cell
def test_each_takes_what_the_one_before_it_made(name: str) -> None:
    case = Case(name, seed=6)
    scaled_first = recorded(case, Scale("hidden", 2.0), Add("hidden", 1.0))
    added_first = recorded(case, Add("hidden", 1.0), Scale("hidden", 2.0))
    plain = recorded(case)["hidden"][0]
    np.testing.assert_allclose(scaled_first["hidden"][0], 2 * plain + 1, rtol=1e-14)
    np.testing.assert_allclose(added_first["hidden"][0], 2 * (plain + 1), rtol=1e-14)
    held_last = recorded(case, Add("hidden", 1.0), Clamp("hidden", 0.25))
    assert (held_last["hidden"] == 0.25).all()
    assert (recorded(case, Clamp("hidden", 0.25), Add("hidden", 1.0))["hidden"] == 1.25).all()


@every_cell
def test_a_freeze_holds_what_its_step_left_and_a_freeze_may_follow_a_freeze(name: str) -> None:
    case = Case(name, seed=7)
    trace = recorded(
        case, Add("hidden", 0.5, steps=[1]), Freeze("hidden", 1, [0], [2, 3]), Freeze("hidden", 3, [0], [5])
    )
    held = trace["hidden"][1, 0]
    assert trace["hidden"][[2, 3, 5], 0].tolist() == [held] * 3
    assert trace["hidden"][4, 0] != held
    assert held == pytest.approx(recorded(case)["hidden"][1, 0] + 0.5)
    onwards = recorded(case, Freeze("hidden", 2))["hidden"]
    assert (onwards[3:] == onwards[2]).all()


@every_cell
def test_a_reset_begins_a_new_document(name: str) -> None:
    case = Case(name, seed=8)
    trace = recorded(case, Reset([0, 4]))
    for part in (slice(0, 4), slice(4, TIME)):
        alone = record(case.network, case.xs[part])
        for signal in trace.names:
            assert np.array_equal(trace[signal][part], alone[signal])
    assert not trace.state_before()[[0, 4]].any()
    assert trace.state_before()[1].any()


@every_cell
def test_a_changed_trace_goes_to_a_file_and_to_another_process_and_back(name: str) -> None:
    case = Case(name, seed=9)
    patch = Patch("hidden", case.trace["hidden"] / 3, units=[1], steps=[2])
    trace = recorded(case, Clamp("hidden", 0.1, [0]), patch, Freeze("hidden", 1, [2], [3]), Reset([5]))
    for again in (
        Trace.load(io.BytesIO(trace.to_bytes())),
        pickle.loads(pickle.dumps(trace)),
        copy.deepcopy(trace),
    ):
        assert same(again, trace)
        assert again.interventions == trace.interventions
        assert np.array_equal(again.state_before(), trace.state_before())


def test_an_untouched_trace_is_written_as_before() -> None:
    with np.load(io.BytesIO(Case("gru").trace.to_bytes())) as arrays:
        about = arrays["about"].tobytes()
    assert b"interventions" not in about
    assert b'"format": 1' in about


def test_interventions_that_do_not_fit_are_refused_by_a_trace_too() -> None:
    trace = Case("gru").trace
    with pytest.raises(ValueError, match=r'"gru" has the signals .*; got forget\.'):
        Trace(trace.cell, trace.tokens, trace.inputs, trace.signals, trace.initial, (Ablate("forget"),))


def test_a_run_that_an_intervention_blows_up_is_refused_with_its_step() -> None:
    case = Case("lstm-noaf")
    with pytest.raises(ValueError, match=r"overflows float64 at step 0.*what an intervention puts in"):
        recorded(case, Clamp("cell", 1e308), Add("cell", 1e308))


def test_the_initial_state_is_a_freeze_s_business_only_from_step_0_on() -> None:
    case = Case("lstm", seed=10)
    with pytest.raises(ValueError, match="whole number from 0"):
        Freeze("cell", -1)
    assert (recorded(case, Freeze("cell", 0))["cell"] == recorded(case)["cell"][0]).all()


def test_a_batch_of_interventions_works_under_no_grad_and_inference_mode() -> None:
    case = Case("lstm", seed=11)
    interventions = (Clamp("forget", 0.5, [0]), Freeze("cell", 1, [1]), Reset([4]))
    expected = recorded(case, *interventions)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert same(recorded(case, *interventions), expected)


def test_a_changed_run_has_no_counterpart_in_torch() -> None:
    network = Experiment().build(encode("hello"))
    found = parity(network, record(network, encode("hello"), None, [Ablate("forget")]))
    assert found.equal is None
    assert found.sentence == "torch.nn has no counterpart of this run with interventions."
    assert parity(network, record(network, encode("hello"))).equal


def test_an_explicit_state_and_a_tap_of_any_signal_go_together() -> None:
    network = Network(CELLS["elman"], oracles.as_torch(oracles.parameters("elman", FEATURES, 2, 0)))
    trace = record(network, np.zeros((3, FEATURES)), None, [Clamp("hidden_bias", 0.0)])
    assert not trace["hidden"].any()  # no input, no bias, no state: nothing happens
