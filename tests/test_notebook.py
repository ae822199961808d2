"""docs/your_model.ipynb runs from top to bottom, says true things, and carries no outputs."""

import ast
import json
from contextlib import chdir
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memviz.model_files import read
from memviz.share import View
from tests.share.reading import held, unpacked

NOTEBOOK = Path(__file__).parents[1] / "docs" / "your_model.ipynb"
CELLS: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def run(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run every cell as a notebook does: its names, and by a cell's id the value that it ends with."""
    names: dict[str, Any] = {}
    values = {}
    with chdir(folder):
        for cell in CELLS:
            if cell["cell_type"] != "code":
                continue
            body = ast.parse("".join(cell["source"])).body
            last = body.pop() if isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), cell["id"], "exec"), names)
            if isinstance(last, ast.Expr):
                values[cell["id"]] = eval(compile(ast.Expression(last.value), cell["id"], "eval"), names)
    return names, values


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("notebook")
    return *run(folder), folder


def test_the_file_is_a_notebook_of_format_4_without_outputs() -> None:
    whole = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (whole["nbformat"], whole["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in CELLS]
    assert len(set(ids)) == len(ids)
    for cell in CELLS:
        assert set(cell) >= {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_every_view_is_one_that_a_notebook_shows(done: tuple[dict[str, Any], dict[str, Any], Path]) -> None:
    _, values, _ = done
    views = {name: value for name, value in values.items() if isinstance(value, View)}
    assert set(views) == {"show", "what-if", "flow"}
    for view in views.values():
        assert view._repr_html_().startswith('<iframe class="memviz"')
    assert [len(held(view)["figures"]) for view in views.values()] == [2, 0, 2]


def test_what_it_shows_are_the_numbers_of_torchs_own_lstm(
    done: tuple[dict[str, Any], dict[str, Any], Path],
) -> None:
    names, values, _ = done
    model, ids = deepcopy(names["model"]).double(), names["ids"]
    first = torch.nn.LSTM(6, 8, batch_first=True, dtype=torch.float64)
    weights = model.rnn.state_dict().items()
    first.load_state_dict({name: value for name, value in weights if name.endswith("l0")})
    hidden = first(model.embedding(ids)[:1])[0][0].detach().numpy()
    shown = unpacked(held(values["show"])["payload"]["arrays"]["hidden"])
    np.testing.assert_allclose(shown, hidden, atol=1e-6)
    held_open = unpacked(held(values["what-if"])["payload"]["arrays"]["forget"])
    np.testing.assert_array_equal(held_open, 1.0)


def test_what_it_says_in_words_is_so(
    done: tuple[dict[str, Any], dict[str, Any], Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(tmp_path)
    printed = capsys.readouterr().out
    assert "layer 0: forget gate 0." in printed
    assert "torch.Size([2, 1, 4, 12, 8])" in printed
    assert "True" in printed
    names, _, _ = done
    assert float(names["rnn"]["forget"].mean()) == pytest.approx(0.5, abs=0.1)
    norms = names["by_cell"][0]
    assert norms[11] > norms[5] > norms[0]  # "read it from the right"


def test_the_file_that_it_saves_is_one_that_the_command_opens(
    done: tuple[dict[str, Any], dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, folder = done
    found = read((folder / "tagger.pt").read_bytes())
    assert [module.title for module in found.modules] == ["LSTM(6, 8, num_layers=2)"]
    assert found.embedding is not None
    from memviz.web import opened

    monkeypatch.setattr(opened, "_found", [])
    opened.hand_over(str(folder / "tagger.pt"), "3 1 4 1 5 9 2 6")
    assert "<iframe" not in (folder / "run.html").read_text(encoding="utf-8")
