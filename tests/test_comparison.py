"""Two runs, step beside step, against differences taken by hand."""

import numpy as np
import pytest

from memviz import Ablate, Add, Clamp, Experiment, Reset, compare, encode, gradient_flow, record
from memviz.cells import CELLS
from memviz.edits import delete_token, insert_token, replace_token
from memviz.network import Network
from tests import oracles

SEQUENCE = encode("hello world")
NETWORK = Experiment(hidden_size=3, forget_bias=2.0).build(SEQUENCE)
PLAIN = record(NETWORK, SEQUENCE)


def changed(*interventions):
    return record(NETWORK, SEQUENCE, None, interventions)


def test_a_run_does_not_differ_from_itself() -> None:
    found = compare(PLAIN, changed())
    assert (found.first, found.largest, found.meets_at) == (None, None, None)
    assert found.output_change == 0
    assert not found.differs.any()


def test_the_first_the_largest_and_all_differences_are_those_of_the_arrays() -> None:
    other = changed(Clamp("forget", 1.0, [1], [4, 5]))
    found = compare(PLAIN, other)
    assert found.names == PLAIN.names
    for name in found.names:
        assert np.array_equal(found.differences[name], other[name] - PLAIN[name])
        largest = found.largest_of(name)
        assert (0 if largest is None else abs(largest.value)) == np.abs(other[name] - PLAIN[name]).max()
    first = found.first
    assert (first.signal, first.unit, first.step_a, first.step_b) == ("forget", 1, 4, 4)
    assert first.value == 1.0 - PLAIN["forget"][4, 1]
    assert found.first_of("hidden").pair == 4
    assert found.first_of("forget_pre").pair == 5  # through h, one step later
    largest = found.largest
    assert abs(largest.value) == max(np.abs(other[n] - PLAIN[n]).max() for n in PLAIN.names)
    assert largest.value == (other[largest.signal] - PLAIN[largest.signal])[largest.pair, largest.unit]
    assert np.array_equal(found.output, other["hidden"][-1] - PLAIN["hidden"][-1])
    expected = np.linalg.norm(found.output) / np.linalg.norm(PLAIN["hidden"][-1])
    assert found.output_change == pytest.approx(expected)


def test_runs_that_are_reset_meet_again_exactly_and_others_within_a_tolerance() -> None:
    reset = record(NETWORK, SEQUENCE, None, [Reset([7])])
    both = record(NETWORK, SEQUENCE, None, [Add("cell", 1.0, steps=[2]), Reset([7])])
    found = compare(reset, both)
    assert (found.first.pair, found.meets_at) == (2, 7)
    nudged = changed(Add("cell", 1e-6, steps=[9]))
    assert compare(PLAIN, nudged).meets_at is None
    assert compare(PLAIN, nudged, tolerance=1e-3).first is None
    assert compare(PLAIN, changed(Add("output", 0.1, steps=[10]))).meets_at is None


def test_an_edited_token_is_compared_along_its_alignment() -> None:
    replaced = replace_token(SEQUENCE, 4, "h")
    found = compare(PLAIN, record(NETWORK, replaced.sequence), replaced.alignment)
    assert found.first.pair == 4
    longer = insert_token(SEQUENCE, 4, "h")
    found = compare(PLAIN, record(NETWORK, longer.sequence), longer.alignment)
    assert found.pairs == tuple((t, t if t < 4 else t + 1) for t in range(11))
    assert (found.first.step_a, found.first.step_b) == (4, 5)
    # W x is of the token alone, so that along the alignment it is the same everywhere.
    assert found.first_of("forget_from_input") is None
    assert compare(PLAIN, record(NETWORK, longer.sequence)).first_of("forget_from_input").pair == 4


def test_runs_of_two_cells_are_compared_by_the_signals_of_both() -> None:
    xs = oracles.inputs(3, 5, 0)
    runs = [
        record(Network(CELLS[name], oracles.as_torch(oracles.parameters(name, 3, 4, 0))), xs)
        for name in ("lstm", "gru")
    ]
    found = compare(*runs)
    assert found.names == tuple(n for n in runs[0].names if n in runs[1].names)
    assert "hidden" in found.names
    assert "cell" not in found.names


def test_the_gradient_by_the_first_input_is_compared() -> None:
    other = changed(Ablate("forget", steps=[5]))
    flows = gradient_flow(NETWORK, PLAIN), gradient_flow(NETWORK, other)
    effect = compare(PLAIN, other, gradients=flows).gradient
    a, b = (flow.inputs.floats()[0] for flow in flows)
    assert effect.relative == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a))
    assert effect.log10_norm_a == pytest.approx(np.log10(np.linalg.norm(a)))
    assert effect.log10_norm_b == pytest.approx(np.log10(np.linalg.norm(b)))
    cut = changed(Reset([5]))
    effect = compare(PLAIN, cut, gradients=(flows[0], gradient_flow(NETWORK, cut))).gradient
    assert (effect.relative, effect.log10_norm_b) == (1.0, -np.inf)
    assert compare(PLAIN, cut).gradient is None


def test_the_frame_has_a_row_for_each_number() -> None:
    longer = insert_token(SEQUENCE, 2, "h")
    other = record(NETWORK, longer.sequence)
    frame = compare(PLAIN, other, longer.alignment).to_frame()
    assert list(frame) == ["step_a", "step_b", "token_a", "token_b", "signal", "unit", "a", "b", "difference"]
    assert len(frame) == 11 * 3 * len(PLAIN.names)
    row = frame[(frame.signal == "cell") & (frame.step_a == 4) & (frame.unit == 2)].iloc[0]
    assert (row.step_b, row.token_a, row.token_b) == (5, "o", "o")
    assert (row.a, row.b) == (PLAIN["cell"][4, 2], other["cell"][5, 2])
    assert row.difference == row.b - row.a


def test_what_cannot_be_compared_is_refused_with_a_sentence() -> None:
    other = changed(Ablate("forget"))
    wide = record(Experiment(hidden_size=4).build(SEQUENCE), SEQUENCE)
    with pytest.raises(ValueError, match=r"Runs with as many units are compared; got 3 and 4 units\."):
        compare(PLAIN, wide)
    with pytest.raises(ValueError, match=r"An alignment has 1 or more pairs of timesteps; got none\."):
        compare(PLAIN, other, [(None, 1)])
    with pytest.raises(
        ValueError, match=r"The timesteps of an alignment ascend; got \(1, 3\) after \(1, 2\)\."
    ):
        compare(PLAIN, other, [(1, 2), (1, 3)])
    with pytest.raises(ValueError, match=r"The runs have the steps 0 to 10 and 0 to 10; got the pairs"):
        compare(PLAIN, other, [(0, 0), (11, 11)])
    with pytest.raises(ValueError, match=r"A tolerance is a finite number from 0 on; got -1\.0\."):
        compare(PLAIN, other, tolerance=-1.0)
    flow = gradient_flow(NETWORK, PLAIN)
    with pytest.raises(ValueError, match=r"in their order; got one of another run\."):
        compare(PLAIN, other, gradients=(flow, flow))


@pytest.mark.parametrize("timestep", [0, 3, 5])
def test_runs_part_at_the_first_step_with_another_state_or_without_a_partner(timestep: int) -> None:
    sequence = encode("abcabc")
    network = Experiment(seed=2).build(sequence)
    before = record(network, sequence)
    for change, parts in (
        (replace_token(sequence, timestep, "c" if timestep != 5 else "a"), timestep),
        (insert_token(sequence, timestep, "b"), timestep),
        (delete_token(sequence, timestep), timestep if timestep < 5 else None),
    ):
        after = record(network, change.sequence)
        found = compare(before, after, change.alignment)
        assert found.parts_at == parts
        same = min(parts if parts is not None else 5, len(after))
        assert np.array_equal(after["cell"][:same], before["cell"][:same])
    assert compare(before, before).parts_at is None
    appended = insert_token(sequence, 6, "a")
    assert compare(before, record(network, appended.sequence), appended.alignment).parts_at == 6
