"""The machine of each cell: what the cell has is drawn, what it lacks is not, and every number has its source."""

import re

import numpy as np
import pytest

from memviz.arithmetic import Quantity, step_formulas
from memviz.cells import CELLS, Cell
from memviz.network import Network
from memviz.stage.machine import NODES, PHASES, Machine, Value, machine
from memviz.trace import Trace, record
from tests import oracles

every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def nodes(cell: str) -> set[str]:
    return {node.id for node in machine(CELLS[cell]).nodes}


def wires(cell: str) -> set[tuple[str, str]]:
    return {(wire.source, wire.target) for wire in machine(CELLS[cell]).wires}


def phases(cell: str) -> list[str]:
    return [phase.id for phase in machine(CELLS[cell]).phases]


def value(drawn: Machine, what: Value, trace: Trace, t: int, unit: int) -> float | None:
    """What a node or a wire carries, read by plain Python."""
    if what is None:
        return None
    if isinstance(what, Quantity):
        return what.value(trace, t, unit)
    factors = {node.id: node.value for node in drawn.nodes}
    numbers = [value(drawn, factors[name], trace, t, unit) for name in what]
    assert None not in numbers
    return float(np.prod(numbers))


def test_the_cell_of_1997_has_no_forget_gate_and_no_place_to_forget() -> None:
    assert not nodes("lstm-1997") & {"forget", "kept"}
    assert "forget" not in phases("lstm-1997")
    assert ("cell_before", "sum") in wires("lstm-1997")


def test_peepholes_are_three_taps_and_the_output_gate_sees_the_new_cell_state() -> None:
    taps = {wire for wire in wires("lstm-peephole") if wire not in wires("lstm")}
    assert taps == {("cell_before", "input"), ("cell_before", "forget"), ("sum", "output")}
    late = machine(CELLS["lstm-peephole"]).phases[-1]
    assert late.id == "expose"
    assert "output" in late.formulas
    assert "output" in machine(CELLS["lstm"]).phases[1].formulas


def test_a_coupled_forget_gate_is_made_of_the_input_gate_alone() -> None:
    assert [wire for wire in wires("lstm-coupled") if wire[1] == "forget"] == [("input", "forget")]


def test_a_fixed_gate_is_a_constant_that_nothing_leads_to() -> None:
    for cell, gate in (("lstm-nig", "input"), ("lstm-nfg", "forget"), ("lstm-nog", "output")):
        drawn = next(node for node in machine(CELLS[cell]).nodes if node.id == gate)
        assert drawn.kind == "constant"
        assert not [wire for wire in wires(cell) if wire[1] == gate]


def test_a_sentence_speaks_of_no_gate_that_is_held_open() -> None:
    for cell, gate in (("lstm-nig", "input"), ("lstm-nfg", "forget"), ("lstm-nog", "output")):
        said = " ".join(phase.sentence for phase in machine(CELLS[cell]).phases)
        assert f"There is no {gate} gate" in said
        assert f"{{{gate}}}" not in said
        assert f"The {gate} gate" not in said


def test_linear_variants_lose_their_tanh() -> None:
    assert "tanh" not in nodes("lstm-noaf")
    assert ("sum", "exposed") in wires("lstm-noaf")
    linear = next(node for node in machine(CELLS["lstm-niaf"]).nodes if node.id == "candidate")
    assert "tanh" not in linear.under


def test_the_gates_of_the_step_before_lead_to_each_gate() -> None:
    fed = {wire for wire in wires("lstm-fgr") if wire[0] == "gates_before"}
    assert fed == {("gates_before", gate) for gate in ("input", "forget", "output")}


def test_an_elman_network_is_one_loop() -> None:
    assert ("hidden", "hidden_before") in wires("elman")
    assert not nodes("elman") & {"forget", "input", "output", "update", "reset", "cell"}


def test_the_two_grus_let_the_old_state_through_in_their_own_way() -> None:
    after, before = (
        next(node for node in machine(CELLS[cell]).nodes if node.id == "through_reset")
        for cell in ("gru", "gru-v3")
    )
    assert isinstance(after.value, Quantity)
    assert after.value.signal == "candidate_from_hidden"
    assert before.value == ("reset", "hidden_before")


@every_cell
def test_wires_run_along_the_grid_between_nodes_that_are_there(cell: Cell) -> None:
    drawn = machine(cell)
    places = {node.id: node.at for node in drawn.nodes}
    assert len(places) == len(drawn.nodes)
    for wire in drawn.wires:
        assert {wire.source, wire.target} <= set(places)
        for (x, y), (next_x, next_y) in zip(wire.path, wire.path[1:], strict=False):
            assert (x == next_x) != (y == next_y)
        # A tap or a trunk may end beside the middle of its node, within its width.
        if wire.target != "bus":
            assert abs(wire.path[-1][0] - places[wire.target][0]) <= 0.25
            assert wire.path[-1][1] == places[wire.target][1]
    assert all(0 <= x <= drawn.columns and 0 <= y <= drawn.rows for x, y in places.values())


@every_cell
def test_no_two_nodes_lie_on_each_other(cell: Cell) -> None:
    places = [node.at for node in machine(cell).nodes if node.kind != "bus"]
    for index, (x, y) in enumerate(places):
        for other_x, other_y in places[index + 1 :]:
            assert abs(x - other_x) >= 0.99 or abs(y - other_y) >= 0.69


@every_cell
def test_every_number_of_the_machine_is_a_number_of_the_trace_and_agrees_with_its_own_formula(
    cell: Cell,
) -> None:
    drawn = machine(cell)
    parameters = oracles.as_torch(oracles.parameters(cell.name, 2, 3, seed=4))
    trace = record(Network(cell, parameters), oracles.inputs(2, 4, seed=4))
    for t in (0, 3):
        for wire in drawn.wires:
            value(drawn, wire.value, trace, t, 1)
        for node in drawn.nodes:
            shown = value(drawn, node.value, trace, t, 1)
            if node.formula is None or node.formula.signal == "":
                continue
            if node.formula.signal in trace.names:
                assert shown == trace[node.formula.signal][t, 1]


@every_cell
def test_phases_light_every_node_and_show_every_equation_once_in_order(cell: Cell) -> None:
    drawn = machine(cell)
    lit = {node for phase in drawn.phases for node in phase.nodes}
    sources = {wire.source for wire in drawn.wires if wire.target in lit}
    assert lit | sources == {node.id for node in drawn.nodes}
    shown = [name for phase in drawn.phases for name in phase.formulas]
    assert len(shown) == len(set(shown))
    computed = [formula.signal for formula in step_formulas(cell)]
    in_phases = [name for name in shown if name in computed]
    late = "output" in cell.peepholes or cell.family != "lstm" or "output" not in in_phases
    assert in_phases == computed if late else sorted(in_phases) == sorted(computed)


@every_cell
def test_a_sentence_names_only_nodes_with_a_number(cell: Cell) -> None:
    numbers = {node.id for node in machine(cell).nodes if node.value is not None}
    for phase in machine(cell).phases:
        assert set(re.findall(r"\{(\w+)\}", phase.sentence)) <= numbers
        assert phase.sentence.endswith(".")


def test_the_names_for_addresses_are_those_of_all_machines() -> None:
    assert set(PHASES) == {phase for cell in CELLS for phase in phases(cell)}
    assert set(NODES) == {node for cell in CELLS for node in nodes(cell)} - {"bus"}
