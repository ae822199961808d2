"""Sentences about traces and gradients whose answer is known: traces set by hand, networks with set weights."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memviz.cells import CELLS
from memviz.findings import (
    gradient_finding,
    keep_and_write,
    main_finding,
    quoted,
    states_finding,
)
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.network import Network
from memviz.trace import Trace
from tests import oracles

LAST = Loss()


def by_hand(name: str, tokens: str | list[str], /, **signals: object) -> Trace:
    """A trace whose signals are these columns of units, (time, unit), and zero elsewhere."""
    given_arrays = {signal: np.array(value, dtype=float) for signal, value in signals.items()}
    time, units = next(iter(given_arrays.values())).shape
    zeros = np.zeros((time, units))
    return Trace(
        CELLS[name],
        tuple(tokens),
        np.zeros((time, 1)),
        {signal: given_arrays.get(signal, zeros) for signal in CELLS[name].signal_names},
        {part: np.zeros(width * units) for part, width in oracles.ORACLES[name].state},
    )


def one_write(cell: str, keep: list[float], tokens: str | list[str] = "abcdef", unit: int = 1) -> Trace:
    """Three units over six steps; one of them writes 0.25 * 2 = 0.5 at step 2, and keeps as told."""
    kept, written, candidate = np.full((6, 3), 0.01), np.zeros((6, 3)), np.zeros((6, 3))
    kept[:, unit], written[2, unit], candidate[2, unit] = keep, 0.25, 2.0
    if cell.startswith("gru"):
        kept[2, unit] = 0.75  # what it writes is (1 - z) n
        return by_hand(cell, tokens, update=kept, candidate=candidate)
    forget = {"forget": kept} if "forget" in CELLS[cell].signal_names else {}
    return by_hand(cell, tokens, input=written, candidate=candidate, **forget)


def test_the_unit_that_holds_what_it_wrote_is_named_with_token_step_and_share() -> None:
    said = main_finding(one_write("lstm", [0.1, 0.1, 0.1, 1.0, 0.8, 1.0]))
    assert said.startswith("Unit 1 writes 0.500 at step 2 (“c”)")
    assert "holds 80% of it to the end" in said
    assert "forget gate" in said
    assert said.endswith("never falls below 0.80.")


def test_only_the_gates_after_the_write_count() -> None:
    said = main_finding(one_write("lstm", [0.0, 0.0, 0.0, 0.9, 0.9, 0.9], unit=2))
    assert said.startswith("Unit 2 writes 0.500 at step 2")
    assert "73%" in said  # 0.9 cubed is 0.729


def test_a_negative_write_has_a_true_minus() -> None:
    trace = by_hand("lstm", "ab", input=[[1.0], [0.0]], candidate=[[-0.3], [0.0]], forget=[[0.0], [1.0]])
    assert main_finding(trace).startswith("Unit 0 writes −0.300 at step 0 (“a”) and holds 100%")


def test_a_gru_holds_through_its_update_gate() -> None:
    said = main_finding(one_write("gru", [0.2, 0.2, 0.2, 1.0, 0.9, 0.9]))
    assert said.startswith("Unit 1 writes 0.500 at step 2 (“c”)")
    assert "81%" in said
    assert "update gate" in said
    assert "forget" not in said


def test_nothing_remembered_is_said_with_what_is_left_and_why() -> None:
    said = main_finding(one_write("lstm", [0.5, 0.5, 0.5, 0.5, 0.2, 0.5]))
    assert "alone no unit holds half" in said
    assert "unit 1" in said
    assert "5% after 3 steps" in said  # 0.5 * 0.2 * 0.5
    assert "step 2 (“c”)" in said
    assert "at 0.368 on average" in said  # the cube root of 0.05


@pytest.mark.parametrize(("share", "held"), [(0.501, True), (0.499, False)])
def test_a_memory_is_held_from_half_of_it_on(share: float, held: bool) -> None:
    said = main_finding(one_write("lstm", [0.0, 0.0, 0.0, share, 1.0, 1.0]))
    assert (" holds 5" in said) == held
    assert ("alone no unit holds half" in said) != held


def test_a_share_below_one_percent_does_not_become_zero() -> None:
    said = main_finding(one_write("lstm", [0.1, 0.1, 0.1, 0.1, 0.01, 1.0]))
    assert "0.10% after 3 steps" in said


def test_no_unit_remembers_is_not_said_when_one_holds_all_of_a_clear_write() -> None:
    trace = by_hand(
        "lstm",
        "abcd",
        input=[[1, 1], [0, 0], [0, 0], [0, 0]],
        candidate=[[1.0, 0.35], [0, 0], [0, 0], [0, 0]],
        forget=[[0, 0], [0.4, 1], [1, 1], [1, 1]],
    )
    assert "alone no unit holds half" not in main_finding(trace)


@pytest.mark.parametrize("name", ["lstm-1997", "lstm-nfg"])
def test_a_cell_that_cannot_forget_keeps_all_of_it(name: str) -> None:
    said = main_finding(one_write(name, [1.0] * 6))
    assert said.startswith("Unit 1 writes 0.500 at step 2 (“c”) and keeps all of it")
    assert "nothing in this cell forgets" in said


def test_a_coupled_cell_is_never_said_to_forget_nothing() -> None:
    assert "nothing in this cell forgets" not in main_finding(one_write("lstm-coupled", [1.0] * 6))


@pytest.mark.parametrize("name", ["elman", "elman-relu"])
def test_a_cell_without_gates_names_the_unit_that_swings_most(name: str) -> None:
    said = main_finding(by_hand(name, "abc", hidden=[[0.1, 0.2], [0.3, -0.7], [0.0, 0.5]]))
    assert said.startswith("No gate protects the memory")
    assert "Unit 1" in said
    assert "0.700" in said


@pytest.mark.parametrize("name", CELLS)
def test_one_timestep_has_nothing_to_remember(name: str) -> None:
    assert main_finding(by_hand(name, "a", hidden=[[0.5, 0.5]])).startswith("One timestep")


@pytest.mark.parametrize("time", [2, 3, 4, 7])
def test_what_is_written_in_the_second_half_is_no_memory(time: int) -> None:
    written, candidate = np.zeros((time, 1)), np.ones((time, 1))
    written[:, 0] = 1.0
    written[0, 0] = 0.1
    trace = by_hand("lstm", "abcdefg"[:time], input=written, candidate=candidate, forget=np.ones((time, 1)))
    step = int(re.search(r"at step (\d+)", main_finding(trace))[1])
    assert step < max(1, time / 2)


def test_quotes_in_a_token_stay_and_a_long_token_is_shortened() -> None:
    keep = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    tokens = ["a", "b", 'say "“c”"', "d", "e", "f"]
    assert '(“say "“c”"”)' in main_finding(one_write("lstm", keep, tokens))
    tokens[2] = "x" * 500
    said = main_finding(one_write("lstm", keep, tokens))
    assert f"(“{'x' * 11}…”)" in said
    assert "x" * 12 not in said


@given(st.text(max_size=40))
def test_a_quoted_token_is_whole_up_to_12_characters_and_cut_to_12_after(token: str) -> None:
    inside = quoted(token)[1:-1]
    assert (quoted(token)[0], quoted(token)[-1]) == ("“", "”")
    if len(token) <= 12:
        assert inside == token
    else:
        assert len(inside) == 12
        assert inside == token[:11] + "…"


@given(arrays(float, (4, 2), elements=st.floats(0.8, 1.0)))
def test_stays_above_is_never_above_the_true_minimum(keep: np.ndarray) -> None:
    start = np.array([[0.5, 0.2], [0, 0], [0, 0], [0, 0]])
    said = main_finding(by_hand("lstm", "abcd", input=start, candidate=np.ones((4, 2)), forget=keep))
    found = re.fullmatch(r"Unit (\d) writes .* holds (\d+)% .* never falls below (\d\.\d\d)\.", said)
    assert found
    later = keep[1:, int(found[1])]
    assert float(found[3]) <= later.min() + 1e-12
    assert float(found[3]) > later.min() - 0.0100001
    share = 100 * later.prod()
    assert abs(int(found[2]) - share) <= 0.5 + 1e-9 or (int(found[2]) == 99 and share < 100)


@given(
    arrays(float, (5, 3), elements=st.floats(0, 1)),
    arrays(float, (5, 3), elements=st.floats(0, 1)),
    arrays(float, (5, 3), elements=st.floats(-1, 1)),
)
def test_the_unit_and_step_named_have_the_most_left_of_the_first_half(
    keep: np.ndarray, gate: np.ndarray, candidate: np.ndarray
) -> None:
    said = main_finding(by_hand("lstm", "abcde", input=gate, candidate=candidate, forget=keep))
    survives = {
        (t, u): float(np.prod([keep[s, u] for s in range(t + 1, 5)])) for t in range(2) for u in range(3)
    }
    left = {place: abs(gate[place] * candidate[place]) * share for place, share in survives.items()}
    remembered = {place: amount for place, amount in left.items() if survives[place] >= 0.5 and amount > 0}
    if not any(gate[place] * candidate[place] for place in left):
        assert said == "No unit writes anything in the first half of the sequence."
        return
    unit = int(re.search(r"[Uu]nit (\d)", said)[1])
    step = int(re.search(r"at step (\d)", said)[1])
    assert ("alone no unit holds half" in said) is not bool(remembered)
    assert left[step, unit] >= max((remembered or left).values()) * (1 - 1e-12)


def test_what_a_step_keeps_and_writes_is_that_of_the_equations() -> None:
    z, n = np.array([[0.25], [0.5]]), np.array([[0.8], [-0.4]])
    keep, write = keep_and_write(by_hand("gru", "ab", update=z, candidate=n))
    np.testing.assert_allclose(keep, z)
    np.testing.assert_allclose(write, [[0.6], [-0.2]])
    keep, write = keep_and_write(by_hand("lstm-1997", "ab", input=z, candidate=n))
    np.testing.assert_array_equal(keep, [[1.0], [1.0]])
    np.testing.assert_allclose(write, [[0.2], [-0.2]])
    assert keep_and_write(by_hand("elman", "ab", hidden=n)) == (None, None)


# --- titles ----------------------------------------------------------------------------------------------


def test_the_title_of_the_states_gives_their_largest_size() -> None:
    said = states_finding(by_hand("lstm", "ab", cell=[[1.5], [-2.5]], hidden=[[0.1], [-0.3]]))
    assert "2.5" in said
    assert "0.30" in said
    assert "2.5" not in states_finding(by_hand("gru", "ab", hidden=[[0.1], [-0.3]]))
    assert "0.30" in states_finding(by_hand("gru", "ab", hidden=[[0.1], [-0.3]]))


# --- gradients -------------------------------------------------------------------------------------------


def line(weight: float, time: int, loss: Loss = LAST) -> GradientFlow:
    """One rectified unit that stays positive: dL/dh_t is weight ** (steps to the loss)."""
    p = {"weight_ih": [[1.0]], "weight_hh": [[weight]], "bias_ih": [0.0], "bias_hh": [0.0]}
    network = Network("elman-relu", oracles.as_torch({name: np.array(v) for name, v in p.items()}))
    return gradient_flow(network, np.ones((time, 1)), loss)


def one_cell(forget_bias: float, time: int, output_bias: float = 0.0) -> GradientFlow:
    """One LSTM unit without recurrent weights: dL/dc_t is sigma(forget bias) ** (steps to the loss)."""
    bias = np.array([0.0, forget_bias, 0.0, output_bias])
    p = {"weight_ih": np.ones((4, 1)), "weight_hh": np.zeros((4, 1)), "bias_ih": bias, "bias_hh": np.zeros(4)}
    return gradient_flow(Network("lstm", oracles.as_torch(p)), np.zeros((time, 1)))


def test_a_gradient_that_shrinks_is_said_with_its_factor_and_steps() -> None:
    said = gradient_finding(line(0.5, 6))
    assert "|dL/dh| shrinks by a factor of 32 " in said
    assert "over 5 steps" in said


def test_a_gradient_that_grows_is_said_with_its_factor_and_steps() -> None:
    said = gradient_finding(line(2.0, 6))
    assert "|dL/dh| grows by a factor of 32 " in said
    assert "over 5 steps" in said


def test_a_gradient_that_arrives_is_said_with_its_share() -> None:
    assert "arrives" in gradient_finding(line(1.0, 6))
    assert "1.00 times" in gradient_finding(line(1.0, 6))
    assert "0.81 times" in gradient_finding(line(0.9, 3))


def test_one_step_of_travel_is_one_step() -> None:
    assert gradient_finding(line(0.1, 2)).endswith("over 1 step.")


def test_a_huge_factor_is_a_power_of_ten() -> None:
    assert "shrinks by a factor of 10^99 " in gradient_finding(line(0.1, 100))
    assert "grows by a factor of 10^30 " in gradient_finding(line(10.0, 31))


def test_an_lstm_is_judged_by_its_cell_state() -> None:
    said = gradient_finding(one_cell(float(np.log(1 / 9)), 4))  # sigma(ln 1/9) = 0.1
    assert "|dL/dc| shrinks by a factor of 1000 " in said
    assert "over 3 steps" in said


def test_an_exact_zero_at_the_first_step_is_said() -> None:
    said = gradient_finding(line(0.0, 4))
    assert "exactly 0" in said
    assert "dL/dh" in said


def test_a_gradient_below_every_float_is_said_by_its_power_and_only_a_zero_is_exactly_zero() -> None:
    assert "10^597" in gradient_finding(line(1e-3, 200))
    assert "exactly 0" in gradient_finding(line(0.0, 200))


@pytest.mark.parametrize(
    "flow", [line(0.5, 1), line(0.5, 5, Loss(timestep=0))], ids=["one step", "loss at step 0"]
)
def test_a_loss_at_the_first_step_needs_no_travel(flow: GradientFlow) -> None:
    assert "no gradient has to travel" in gradient_finding(flow)


def test_the_way_back_is_counted_from_the_step_that_the_loss_reads() -> None:
    said = gradient_finding(line(0.1, 9, Loss(timestep=3)))
    assert "factor of 1000 " in said
    assert "over 3 steps" in said


def test_a_shut_output_gate_is_not_taken_for_a_loss_at_the_first_step() -> None:
    said = gradient_finding(one_cell(3.0, 5, output_bias=-800.0))  # o is exactly 0, and so is dL/dc
    assert "reads the first step" not in said
