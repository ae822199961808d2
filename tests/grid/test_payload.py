"""What the browser gets of a grid, read back as the browser reads it; and what an editor makes of its answers."""

import base64
import json
import re
from typing import Any

import numpy as np
import pytest

from memviz.edits import SetWeight, SwapUnits, ZeroBlock, apply
from memviz.grid import (
    CHANGED,
    At,
    Editor,
    Remove,
    Set,
    Swap,
    Undo,
    Zero,
    gate_block,
    grid_payload,
    network_key,
    unit_block,
)
from memviz.network import Network
from tests import oracles

HOSTILE = "</script><img/src=x>"
FEATURES = ("l", HOSTILE)


def network_of(name: str) -> Network:
    return Network(name, oracles.as_torch(oracles.parameters(name, len(FEATURES), 4, 0)))


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), "<f8").reshape(packed["shape"])


def test_the_numbers_arrive_in_full_with_those_that_were_drawn_only_after_an_edit() -> None:
    drawn = network_of("lstm")
    block = gate_block(drawn, FEATURES, True, "forget", "from_input")
    sent = json.loads(grid_payload(block, drawn, drawn, row=9, column=1))
    np.testing.assert_array_equal(unpacked(sent["values"]), drawn.parameters["weight_ih"][4:8].numpy())
    assert sent["original"] is None
    assert sent["active"] == [3, 1]
    assert sent["columns"] == ["x: 'l'", f"x: '{HOSTILE}'"]
    edited = apply(drawn, [SetWeight("weight_ih", 4, 1, 8.0)])
    sent = json.loads(
        grid_payload(block, edited, drawn, ack=3, problem="No.", edits=[("a", ""), ("b", "why")])
    )
    assert np.argwhere(unpacked(sent["values"]) != unpacked(sent["original"])).tolist() == [[0, 1]]
    assert sent["range"] == pytest.approx(float(drawn.parameters["weight_ih"][4:8].abs().max()), rel=0.05)
    assert (sent["ack"], sent["problem"]) == (3, "No.")
    assert sent["edits"] == [{"text": "a", "problem": ""}, {"text": "b", "problem": "why"}]


def test_what_can_be_chosen_is_what_the_rows_have() -> None:
    network = network_of("lstm-peephole")

    def chosen(block: Any, by_unit: bool = False) -> tuple[list[str], list[str], dict[str, str]]:
        sent = json.loads(grid_payload(block, network, network, by_unit=by_unit))
        rows, sources = ([choice["id"] for choice in sent["choices"][name]] for name in ("rows", "sources"))
        return rows, sources, sent["chosen"]

    rows, sources, place = chosen(gate_block(network, FEATURES, True, "candidate", "bias"))
    assert rows == [*("input", "forget", "candidate", "output"), *(f"unit {k}" for k in range(4))]
    assert sources == ["from_input", "from_hidden", "bias"]
    assert place == {"rows": "candidate", "source": "bias"}
    _, sources, place = chosen(unit_block(network, FEATURES, True, 2, "from_cell"), by_unit=True)
    assert sources == ["from_input", "from_hidden", "from_cell", "bias"]
    assert place == {"rows": "unit 2", "source": "from_cell"}


def test_the_key_names_networks_with_the_same_cells() -> None:
    assert network_key(network_of("lstm")) == network_key(apply(network_of("lstm"), [SwapUnits(0, 1)]))
    keys = {network_key(network_of(name)) for name in oracles.NAMES}
    assert len(keys) == len(oracles.NAMES)


class TestEditor:
    """What a reader's commands become."""

    drawn = network_of("lstm-peephole")
    editor = Editor(drawn, FEATURES, True)

    def at(self, rows: str = "forget", source: str = "from_hidden", row: int = 1, column: int = 2) -> At:
        return At(network_key(self.drawn), rows, source, row, column)

    def test_setting_a_cell_sets_the_weight_that_is_seen_there(self) -> None:
        assert self.editor.obeyed(Set(self.at(), 0.5), ()) == (
            SetWeight("weight_hh", 5, 2, 0.5, "lstm-peephole-4"),
        )
        unit = self.at("unit 3", "bias", 2, 1)  # the candidate's
        assert self.editor.obeyed(Set(unit, 0.5), ()) == (
            SetWeight("bias_hh", 11, None, 0.5, "lstm-peephole-4"),
        )
        peephole = self.at("output", "from_cell", 2, 0)
        assert self.editor.obeyed(Set(peephole, 0.5), ()) == (
            SetWeight("peephole_output", 2, None, 0.5, "lstm-peephole-4"),
        )

    def test_zeros_are_the_block_that_is_seen_and_nothing_else(self) -> None:
        assert self.editor.obeyed(Zero(self.at()), ()) == (ZeroBlock("weight_hh", "forget"),)
        both = (ZeroBlock("bias_ih", "forget"), ZeroBlock("bias_hh", "forget"))
        assert self.editor.obeyed(Zero(self.at(source="bias")), ()) == both
        assert self.editor.obeyed(Zero(self.at(source="from_cell")), ()) == (ZeroBlock("peephole_forget"),)
        with pytest.raises(ValueError, match="What is set to zero at once"):
            self.editor.obeyed(Zero(self.at("unit 1")), ())

    def test_undo_gives_exactly_the_earlier_numbers(self) -> None:
        edits = self.editor.obeyed(Swap(0, 2), self.editor.obeyed(Set(self.at(), 0.5), ()))
        assert len(edits) == 2
        undone = apply(self.drawn, self.editor.obeyed(Undo(), edits))
        assert all((undone.parameters[name] == v).all() for name, v in self.drawn.parameters.items())

    def test_an_edit_is_removed_by_its_place_and_its_words(self) -> None:
        edits = (SetWeight("weight_ih", 5, 1, -0.25), SwapUnits(1, 2), ZeroBlock("weight_hh", "forget"))
        words = [self.editor.words(edit) for edit in edits]
        assert words == [
            f"forget f, unit 1, x: '{HOSTILE}' set to −0.25",
            "units 1 and 2 swapped",
            "weight_hh of the forget gate f set to 0",
        ]
        assert self.editor.obeyed(Remove(1, words[1]), edits) == (edits[0], edits[2])
        for command in (Remove(0, words[1]), Remove(3, words[1])):
            with pytest.raises(ValueError, match="The edits have changed meanwhile"):
                self.editor.obeyed(command, edits)

    def test_an_edit_that_does_not_fit_has_words_too(self) -> None:
        assert self.editor.words(SetWeight("weight_ih", 5, 9, 2.0)) == "weight_ih, row 5, column 9, set to 2"
        assert self.editor.words(ZeroBlock("weight_ih", "reset")) == "weight_ih of the reset gate r set to 0"
        assert self.editor.words(ZeroBlock("bias_ih")) == "bias_ih set to 0"

    def test_a_command_for_another_network_or_place_is_refused(self) -> None:
        other = At(network_key(network_of("gru")), "reset", "from_hidden")
        with pytest.raises(ValueError, match=re.escape(CHANGED)):
            self.editor.obeyed(Set(other, 1.0), ())
        with pytest.raises(ValueError, match="4 rows and 4 columns, from 0; got row 4, column 0"):
            self.editor.obeyed(Set(self.at(row=4, column=0), 1.0), ())
        with pytest.raises(ValueError, match="has weights for"):
            self.editor.obeyed(Set(self.at("reset"), 1.0), ())
