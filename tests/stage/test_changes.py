"""What the browser gets of interventions, of a second run and of a weight's way, read back against the trace."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from memviz import Experiment, encode
from memviz.cells import CELLS
from memviz.comparison import MEETING, compare
from memviz.edits import delete_token, insert_token, replace_token
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Intervention, Patch, Reset, Scale
from memviz.network import Network
from memviz.stage import stage_payload, step_detail
from memviz.stage.machine import machine
from memviz.stage.machine.ways import ways
from memviz.stage.second import overlay
from memviz.trace import Trace, record
from tests import changed, oracles

TIME, UNITS = 6, 3
TEXT = encode("hello world")
EVERYTHING = (
    Clamp("forget", 0.75, [1], [2, 3]),
    Scale("input_pre", -0.5),
    Add("candidate_from_hidden", 0.25, None, [4]),
    Ablate("cell", [0], [5]),
    Freeze("output", 2, [2]),
    Patch("hidden", np.full((TIME, UNITS), 0.1), [1], [1]),
    Detach("input", [0]),
    Reset([0, 3]),
)


def run(cell: str, *chosen: Intervention) -> tuple[Network, Trace]:
    network = Network(cell, oracles.as_torch(oracles.parameters(cell, 2, UNITS, seed=5, scale=0.7)))
    state = changed.state_of(oracles.state(cell, UNITS, 5), cell)
    return network, record(network, oracles.inputs(2, TIME, seed=5), state, chosen)


def sent(network: Network, trace: Trace, **more: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(stage_payload(network, trace, **more), allow_nan=False))
    return read


def unpacked(array: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["data"]), f"<{array['type']}").reshape(array["shape"])


def text_runs() -> tuple[Network, Trace]:
    network = Experiment(hidden_size=4, seed=1, forget_bias=3.0).build(TEXT)
    return network, record(network, TEXT)


def test_without_interventions_nothing_is_sent_of_them() -> None:
    network, trace = run("lstm")
    assert "changes" not in sent(network, trace)
    assert step_detail(network, trace, 2, 1)["made"] == {}


def test_each_intervention_is_sent_with_its_place_its_words_and_its_slope() -> None:
    network, trace = run("lstm", *EVERYTHING)
    changes = sent(network, trace)["changes"]
    assert changes["resets"] == [0, 3]
    assert changes["touches"] == [
        touch("forget", [1], [2, 3], "held at 0.750", "= 0.75", 0.0),
        touch("input_pre", None, None, "times −0.5", "× −0.5", -0.5),
        touch("candidate_from_hidden", None, [4], "plus 0.25", "+ 0.25", 1.0),
        touch("cell", [0], [5], "cut to 0", "= 0", 0.0),
        touch("output", [2], [3, 4, 5], "held at its value of step 2", "= t2", 0.0),
        touch("hidden", [1], [1], "patched from another run", "patch", 0.0),
        touch("input", [0], None, "no gradient passes", "no ∂", 0.0),
    ]


def touch(signal: str, units: Any, steps: Any, words: str, mark: str, slope: float) -> dict[str, Any]:
    return {
        "signal": signal,
        "units": units,
        "steps": steps,
        "words": words,
        "mark": mark,
        "slope": slope,
    }


@pytest.mark.parametrize("cell", CELLS)
def test_what_was_made_and_what_is_touched_inside_a_gate_arrive(cell: str) -> None:
    pre = CELLS[cell].pre_activations[0]
    part = CELLS[cell].summands(pre)[1]
    network, trace = run(cell, Clamp("hidden", 0.5, [0], [1]), Scale(f"{pre}_pre", 2.0), Scale(part, 0.5))
    changes = sent(network, trace)["changes"]
    assert set(changes["made"]) == {"hidden", f"{pre}_pre", part}
    for name, array in changes["made"].items():
        np.testing.assert_allclose(unpacked(array), trace.made[name], rtol=1e-6)
    assert set(changes["values"]) == {f"{pre}_pre", part}
    for name, array in changes["values"].items():
        np.testing.assert_allclose(unpacked(array), trace[name], rtol=1e-6)
    detail = json.loads(json.dumps(step_detail(network, trace, 1, 0)))
    for name, array in detail["made"].items():
        assert unpacked(array) == trace.made[name][1, 0]
        np.testing.assert_array_equal(unpacked(detail["rows"][name]), trace[name][:2])


def test_the_key_changes_with_an_intervention_that_changes_no_number() -> None:
    network, trace = run("lstm")
    keys = {sent(network, trace)["key"]}
    for chosen in (Detach("cell"), Detach("cell", [0]), Scale("cell", 1.0)):
        again = run("lstm", chosen)[1]
        assert np.array_equal(again["hidden"], trace["hidden"])
        keys.add(sent(network, again)["key"])
    assert len(keys) == 4


def test_an_inserted_token_has_no_partner_and_the_others_keep_theirs() -> None:
    network, before = text_runs()
    edited = insert_token(TEXT, 4, "w")
    after = record(network, edited.sequence)
    laid = sent(network, after, second=before, features=TEXT.features, alignment=edited.alignment)["second"]
    assert laid["partners"] == [0, 1, 2, 3, None, 4, 5, 6, 7, 8, 9, 10]
    assert laid["parts"] == 4
    assert laid["removed"] == []
    np.testing.assert_allclose(unpacked(laid["arrays"]["cell"]), before["cell"], rtol=1e-6)


@pytest.mark.parametrize("timestep", [0, 4, 10])
def test_a_deleted_token_is_told_at_the_step_that_follows_it(timestep: int) -> None:
    network, before = text_runs()
    edited = delete_token(TEXT, timestep)
    found = overlay(record(network, edited.sequence), before, edited.alignment)
    assert found.partners == tuple(t for t in range(11) if t != timestep)
    assert found.removed == (timestep,)
    assert found.parts == (timestep if timestep < 10 else None)
    assert not found.is_small


def test_a_replaced_token_parts_the_runs_where_it_stands() -> None:
    network, before = text_runs()
    edited = replace_token(TEXT, 3, "w")
    found = overlay(record(network, edited.sequence), before, edited.alignment)
    assert (found.parts, found.removed, found.partners) == (3, (), tuple(range(11)))


def test_runs_meet_again_where_no_number_differs_by_more_than_can_be_seen() -> None:
    network = Experiment(hidden_size=4, seed=1, forget_bias=-3.0).build(TEXT)
    before = record(network, TEXT)
    after = record(network, TEXT, None, (Add("cell", 0.5, [1], [2]),))
    found = overlay(after, before)
    apart = [
        t
        for t in range(len(TEXT))
        if max(np.abs(after[name][t] - before[name][t]).max() for name in after.names) > MEETING
    ]
    assert found.parts == apart[0] == 2
    assert found.meets == apart[-1] + 1 < len(TEXT)
    assert not found.is_small


def test_runs_that_differ_by_less_than_can_be_seen_say_so_and_equal_ones_do_not_part() -> None:
    network, before = text_runs()
    nearly = overlay(record(network, TEXT, None, (Add("cell", 1e-6, [1], [2]),)), before)
    assert (nearly.parts, nearly.meets, nearly.is_small) == (2, None, True)
    same = overlay(record(network, TEXT), before)
    assert (same.parts, same.meets) == (None, None)


def test_differences_are_after_less_before_and_set_the_range() -> None:
    network, before = text_runs()
    edited = insert_token(TEXT, 4, "w")
    after = record(network, edited.sequence)
    found = overlay(after, before, edited.alignment)
    steps = [t for t in range(12) if t != 4]
    np.testing.assert_array_equal(found.differences["cell"], after["cell"][steps] - before["cell"])
    expected = compare(before, after, edited.alignment).differences["cell"]
    payload = sent(network, after, features=TEXT.features, second=before, alignment=edited.alignment)
    low, high = payload["signals"]["cell"]["difference"]
    assert low == -high
    assert np.abs(expected).max() <= high <= 5 * np.abs(expected).max()


def test_a_run_of_another_length_needs_an_alignment_and_one_that_fits() -> None:
    network, before = text_runs()
    edited = insert_token(TEXT, 4, "w")
    after = record(network, edited.sequence)
    with pytest.raises(ValueError, match="A second trace has the cell, steps and units of the first"):
        overlay(after, before)
    with pytest.raises(ValueError, match="An alignment has 1 or more pairs"):
        overlay(after, before, [(None, 0)])
    with pytest.raises(ValueError, match="The runs have the steps"):
        overlay(after, before, [(0, 0), (11, 11)])


def test_the_key_changes_with_the_alignment() -> None:
    network, before = text_runs()
    after = record(network, TEXT, None, (Clamp("forget", 0.5),))
    straight = [(t, t) for t in range(11)]
    keys = {
        sent(network, after, features=TEXT.features, second=before, alignment=alignment)["key"]
        for alignment in (None, straight, straight[:-1], [(t, t + 1) for t in range(10)])
    }
    assert len(keys) == 3  # a straight alignment is the same as none


def test_a_second_run_has_its_own_resets_and_every_number_that_a_node_shows() -> None:
    for cell in CELLS:
        network, after = run(cell)
        before = run(cell, Reset([2]))[1]
        laid = sent(network, after, second=before)["second"]
        assert laid["resets"] == [2]
        shown = {
            node.value.signal
            for node in machine(CELLS[cell]).nodes
            if getattr(node.value, "signal", "") in before.names
        }
        assert shown <= set(laid["arrays"])


@pytest.mark.parametrize("cell", CELLS)
def test_the_way_of_a_summand_leads_from_its_vector_to_the_node_that_adds_it_up(cell: str) -> None:
    drawn = machine(CELLS[cell])
    found = ways(CELLS[cell], drawn)
    assert set(found) == {part for name in CELLS[cell].pre_activations for part in CELLS[cell].summands(name)}
    starts = {"from_input": "x", "from_hidden": "hidden_before", "from_gates": "gates_before"}
    for part, way in found.items():
        assert way["node"] in {node.id for node in drawn.nodes}
        if part.endswith("_bias"):
            assert {drawn.wires[index].source for index in way["wires"]} <= {"bias"}
            continue
        gate, _, kind = part.partition("_from_")
        start = starts.get(f"from_{kind}", "sum" if gate == "output" else "cell_before")
        reached, links = {start}, [(drawn.wires[k].source, drawn.wires[k].target) for k in way["wires"]]
        for _ in links:
            reached |= {target for source, target in links if source in reached}
        assert way["node"] in reached
        assert reached == {start} | {target for _, target in links}  # none leads elsewhere
        assert (("through_reset", "candidate") in links) == (
            CELLS[cell].family == "gru" and part == "candidate_from_hidden"
        )
