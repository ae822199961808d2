"""The weights on the gates page by Streamlit's own tester: what is sent is what PyTorch's parameters hold."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from memviz import encode
from memviz.web.gates.address import DEFAULT
from tests.app.reading import OpenPage, open_at


@pytest.fixture
def open_page() -> OpenPage:
    """Open the page at an address with the section open: open_page(cell="gru")."""

    def open_it(is_open: bool = True, **query: str) -> AppTest:
        return open_at("gates", {"gates-weights-open": is_open}, **query)

    return open_it


def sent(app: AppTest) -> list[dict[str, Any]]:
    """What the grid was fed, if it is there."""
    protos = [part.proto for part in app.get("bidi_component")]
    return [json.loads(proto.bytes) for proto in protos if proto.component_name == "memviz_grid"]


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), "<f8").reshape(packed["shape"])


def test_a_closed_section_makes_nothing(open_page: OpenPage) -> None:
    assert sent(open_page(is_open=False)) == []


def test_the_grid_holds_the_forget_gates_rows_as_torch_stacks_them(open_page: OpenPage) -> None:
    app = open_page()
    (grid,) = sent(app)
    module = DEFAULT.experiment.build(encode("hello world")).to_torch()
    expected = module.weight_hh_l0[8:16].detach().numpy()
    np.testing.assert_array_equal(unpacked(grid["values"]), expected)
    assert (grid["original"], grid["edits"]) == (None, [])
    assert grid["active"] == [DEFAULT.unit, 0]


@pytest.mark.parametrize(
    ("weight", "rows", "column"),
    [
        ("output_from_input~2", {"rows": "output", "source": "from_input"}, 2),
        ("input_bias~1", {"rows": "input", "source": "bias"}, 1),
        ("forget_from_cell~0", {"rows": "forget", "source": "from_hidden"}, 0),  # this cell has no peepholes
        ("reset_from_hidden~1", {"rows": "forget", "source": "from_hidden"}, 1),
    ],
)
def test_an_address_names_the_weight_where_the_reader_is(
    open_page: OpenPage, weight: str, rows: dict[str, str], column: int
) -> None:
    (grid,) = sent(open_page(weight=weight, unit="3"))
    assert grid["chosen"] == rows
    assert grid["active"] == [3, column]


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm-coupled", "lstm-fgr", "lstm-nfg"])
def test_every_kind_of_cell_opens(open_page: OpenPage, cell: str) -> None:
    (grid,) = sent(open_page(cell=cell, hidden_size="3", text="ab"))
    assert len(grid["rows"]) == 3
    assert grid["chosen"]["source"] == "from_hidden"


def test_the_edits_of_a_link_are_marked_listed_and_beside_what_was_drawn(open_page: OpenPage) -> None:
    (grid,) = sent(open_page(edits="set~weight_hh~11~2~1.5~~zero~bias_ih~input"))
    values, original = unpacked(grid["values"]), unpacked(grid["original"])
    assert np.argwhere(values != original).tolist() == [[3, 2]]
    assert values[3, 2] == 1.5
    assert [edit["text"] for edit in grid["edits"]] == [
        "forget f, unit 3, h 2 set to 1.5",
        "bias_ih of the input gate i set to 0",
    ]


def test_an_edit_whose_column_is_gone_is_kept_and_says_why(open_page: OpenPage) -> None:
    app = open_page(
        text="ab", weight="forget_from_input~7", edits="set~weight_ih~8~7~0.5~~set~weight_hh~8~0~0.5"
    )
    (grid,) = sent(app)
    assert grid["active"] == [DEFAULT.unit, 1]
    (gone, there) = grid["edits"]
    assert gone["text"] == "weight_ih, row 8, column 7, set to 0.5"
    assert "weight_ih is (32, 2)" in gone["problem"]
    assert there == {"text": "forget f, unit 0, h 0 set to 0.5", "problem": ""}
    app.text_input(key="gates-text").set_value("abcdefgh").run()
    (grid,) = sent(app)
    assert [edit["problem"] for edit in grid["edits"]] == ["", ""]
    assert grid["edits"][0]["text"] == "forget f, unit 0, x: 'h' set to 0.5"


def test_a_changed_token_leaves_the_weights_as_they_are(open_page: OpenPage) -> None:
    (grid,) = sent(open_page(change="replace~0~o", weight="input_from_input~0"))
    assert grid["original"] is None
    assert grid["columns"][0] == "x: 'h'"
