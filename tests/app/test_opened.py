"""The page of models on a file of `memviz open`: everybody's first file, which nobody's link can change."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from memviz.web import opened
from tests.app.reading import open_at, shown

GENERATOR = torch.Generator().manual_seed(4)
WEIGHTS = {
    name: torch.rand(value.shape, generator=GENERATOR) - 0.5
    for name, value in torch.nn.LSTM(2, 3).state_dict().items()
}


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    yield
    opened._found.clear()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A .pt file of an LSTM with 2 inputs and 3 units."""
    path = tmp_path / "walker.pt"
    torch.save({f"gait.{name}": value for name, value in WEIGHTS.items()}, path)
    return path


page = partial(open_at, "your_model")


def said(app: AppTest) -> str:
    """What the page says, without what keeps a visitor's text from being read as markup."""
    texts = "\n".join(str(each.value) for each in (*app.markdown, *app.caption, *app.error, *app.warning))
    return texts.replace("\\", "").replace("\u2060", "")


def test_the_page_opens_on_the_file_and_its_sequence(file: Path) -> None:
    opened.hand_over(str(file), "1 0\\n0 1\\n1 1")
    app = page()
    assert "walker.pt" in said(app)
    assert "LSTM(2, 3)" in said(app)
    assert app.text_area[0].value == "1 0\n0 1\n1 1"
    module = torch.nn.LSTM(2, 3)
    module.load_state_dict(WEIGHTS)
    with torch.no_grad():
        hidden = module(torch.tensor([[1.0, 0.0]]))[0]
    assert shown(app)["hidden"] == pytest.approx(float(hidden[0, 0]), abs=1e-6)
    assert "Close this file" not in [button.label for button in app.button]


def test_without_a_sequence_the_page_makes_one(file: Path) -> None:
    opened.hand_over(str(file))
    app = page()
    assert len(app.text_area[0].value.splitlines()) > 10


def test_a_link_with_a_text_goes_before_the_files_own(file: Path) -> None:
    opened.hand_over(str(file), "1 0\\n0 1")
    assert page(text="0.5 0.5").text_area[0].value == "0.5 0.5"


def test_no_key_of_a_link_names_a_file(file: Path) -> None:
    for name in ("file", "open", "model", "path", "opened", "MEMVIZ_OPEN"):
        app = page(**{name: str(file)})
        assert "walker" not in said(app)
        assert "brackets.safetensors" in said(app)


def test_without_the_command_the_page_opens_on_the_example() -> None:
    assert "brackets.safetensors" in said(page())
