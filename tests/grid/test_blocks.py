"""Which number stands in which cell of the grid, against the slices of PyTorch's layout written out by hand."""

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.edits import set_weight
from memviz.grid import Place, gate_block, place_name, sources, unit_block
from memviz.network import Network
from tests import oracles

FEATURES, HIDDEN = ("l", " ", "<b>"), 4
every_cell = pytest.mark.parametrize("name", oracles.NAMES)


def network_of(name: str) -> Network:
    return Network(name, oracles.as_torch(oracles.parameters(name, len(FEATURES), HIDDEN, 0)))


def test_an_lstms_forget_block_is_the_second_quarter_of_torchs_rows() -> None:
    module = torch.nn.LSTM(3, 4, dtype=torch.float64)
    with torch.no_grad():
        for index, value in enumerate(module.parameters()):
            value.copy_(torch.arange(value.numel(), dtype=torch.float64).reshape(value.shape) + 1000 * index)
    network = Network.from_torch(module)
    block = gate_block(network, FEATURES, True, "forget", "from_hidden")
    assert block.columns == ("h 0", "h 1", "h 2", "h 3")
    assert [block.name_of(row) for row in block.rows][3] == "forget f, unit 3"
    np.testing.assert_array_equal(block.values(network), module.weight_hh_l0[4:8].detach().numpy())
    biases = gate_block(network, FEATURES, True, "output", "bias")
    expected = torch.stack([module.bias_ih_l0[12:], module.bias_hh_l0[12:]], dim=1).detach().numpy()
    np.testing.assert_array_equal(biases.values(network), expected)
    unit = unit_block(network, FEATURES, True, 2, "from_input")
    assert unit.columns == ("x: 'l'", "x: '␣'", "x: '<b>'")
    np.testing.assert_array_equal(unit.values(network), module.weight_ih_l0[[2, 6, 10, 14]].detach().numpy())


def test_a_grus_candidate_is_the_last_third_and_is_called_n() -> None:
    network = network_of("gru")
    block = gate_block(network, FEATURES, False, "candidate", "from_input")
    np.testing.assert_array_equal(block.values(network), network.parameters["weight_ih"][8:].numpy())
    assert block.name_of(block.rows[0]) == "candidate n, unit 0"
    assert block.columns[0] == "x: l"


def test_the_gates_of_the_step_before_stand_side_by_side_in_fgr() -> None:
    network = network_of("lstm-fgr")
    block = gate_block(network, FEATURES, True, "output", "from_gates")
    np.testing.assert_array_equal(block.values(network), network.parameters["weight_gates"][8:12].numpy())
    assert [block.columns[k] for k in (0, 4, 11)] == ["i 0", "f 0", "o 3"]
    unit = unit_block(network, FEATURES, True, 1, "from_gates")
    assert [row.gate for row in unit.rows] == ["input", "forget", "output"]
    np.testing.assert_array_equal(unit.values(network), network.parameters["weight_gates"][[1, 5, 9]].numpy())


@every_cell
def test_all_blocks_together_are_every_weight_exactly_once(name: str) -> None:
    network = network_of(name)
    for blocks in (
        [
            gate_block(network, FEATURES, True, g, s)
            for g in network.cell.gates
            for s in sources(network.cell, g)
        ],
        [unit_block(network, FEATURES, True, u, s) for u in range(HIDDEN) for s in sources(network.cell)],
    ):
        places = [
            block.place(i, j)
            for block in blocks
            for i in range(len(block.rows))
            for j in range(len(block.columns))
        ]
        assert len(places) == len(set(places)) == sum(v.numel() for v in network.parameters.values())


@every_cell
def test_the_number_in_a_cell_is_that_of_its_place_and_of_its_name(name: str) -> None:
    network = network_of(name)
    for gate in network.cell.gates:
        for source in sources(network.cell, gate):
            block = gate_block(network, FEATURES, True, gate, source)
            i, j = HIDDEN - 1, len(block.columns) - 1
            place = block.place(i, j)
            edited = set_weight(network, place.parameter, place.row, place.column, 77.0)
            assert np.argwhere(block.values(edited) != block.values(network)).tolist() == [[i, j]]
            assert block.values(edited)[i, j] == 77.0
            named = place_name(network, FEATURES, True, place)
            assert named == f"{block.name_of(block.rows[i])}, {block.columns[j]}"


def test_what_a_cell_does_not_have_is_refused_with_the_rule() -> None:
    coupled, lstm = network_of("lstm-coupled"), network_of("lstm")
    with pytest.raises(
        ValueError, match='"lstm-coupled" has weights for input, candidate, output; got forget'
    ):
        gate_block(coupled, FEATURES, True, "forget", "from_input")
    with pytest.raises(
        ValueError, match='weights of "lstm" are from_input, from_hidden, bias; got from_cell'
    ):
        gate_block(lstm, FEATURES, True, "forget", "from_cell")
    with pytest.raises(ValueError, match="are from_input, from_hidden, bias; got from_gates"):
        unit_block(lstm, FEATURES, True, 0, "from_gates")
    with pytest.raises(ValueError, match="The units are 0 to 3; got 4"):
        unit_block(lstm, FEATURES, True, 4, "from_input")
    for place in (
        Place("weight_ih", 16, 0),
        Place("weight_ih", 0, 3),
        Place("bias_ih", 0, 0),
        Place("p", 0, 0),
    ):
        with pytest.raises(ValueError, match=f"This network has no weight {place.parameter}"):
            place_name(lstm, FEATURES, True, place)


def test_the_sources_of_each_cell_are_those_that_have_parameters() -> None:
    for cell in CELLS.values():
        shapes = cell.parameter_shapes(1, 1)
        assert ("from_cell" in sources(cell)) == any(name.startswith("peephole_") for name in shapes)
        assert ("from_gates" in sources(cell)) == ("weight_gates" in shapes)
        assert {"from_input", "from_hidden", "bias"} <= set(sources(cell))
