"""`memviz open`: what it takes, what it refuses with a sentence, and what it hands to the page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from memviz.web import command, opened
from memviz.web.opened import Opened, hand_over


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    yield
    opened._found.clear()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A .pt file of an LSTM with 2 inputs."""
    file = tmp_path / "model.pt"
    torch.save(torch.nn.LSTM(2, 3).state_dict(), file)
    return file


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the server would be started with."""
    calls: list[Any] = []
    monkeypatch.setattr(command, "_serve", lambda *arguments: calls.append(arguments))
    return calls


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        command.main([*arguments, "--headless"])
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_a_file_is_handed_over_as_it_is_and_only_this_machine_is_served(
    model: Path, served: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    command.main(["open", str(model), "--sequence", "1 0\\n0 1", "--headless", "--port", "8699"])
    assert served == [(8699, "localhost", [])]
    assert opened.opened() == Opened("model.pt", model.read_bytes(), "1 0\n0 1")
    assert f"http://localhost:8699/your_model shows {model}" in capsys.readouterr().out


def test_options_stand_before_or_after_open_and_those_of_streamlit_behind_two_dashes(
    model: Path, served: list[Any]
) -> None:
    command.main(["--port", "8698", "--headless", "open", str(model), "--", "--server.maxUploadSize", "1"])
    command.main(["open", "--address", "0.0.0.0", "--port", "8697", "--headless", str(model)])
    assert served == [(8698, "localhost", ["--server.maxUploadSize", "1"]), (8697, "0.0.0.0", [])]


def test_without_a_file_the_app_opens_as_before_and_nothing_is_handed_over(served: list[Any]) -> None:
    command.main(["--headless", "--port", "8696"])
    assert served == [(8696, None, [])]
    assert opened.opened() is None


def test_a_sequence_may_be_a_file(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "steps.csv"
    file.write_bytes(b"\xef\xbb\xbfspeed,height\r\n1,2\r\n3,4\r\n")
    hand_over(str(model), str(file))
    found = opened.opened()
    assert found is not None
    assert found.text == "speed,height\r\n1,2\r\n3,4\r\n"


def test_a_file_stays_what_it_was_when_it_was_opened(model: Path) -> None:
    before = model.read_bytes()
    hand_over(str(model))
    model.write_bytes(b"something else")
    found = opened.opened()
    assert found is not None
    assert found.data == before


def test_a_missing_file_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = tmp_path / "absent.pt"
    assert f"No such file or directory: '{missing}'" in refused(capsys, "open", str(missing))
    assert opened.opened() is None


def test_a_folder_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "Is a directory" in refused(capsys, "open", str(tmp_path))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "A file of weights has a content; got an empty file"),
        (b"x" * (2 * 2**20 + 1), "A model file has at most 2 MB"),
        (b"\x89HDF\r\n", "h5"),
        (b"\x80\x04\x95", "A pickle is not read"),
    ],
)
def test_a_file_that_holds_no_model_is_refused_with_the_command_that_makes_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, rule: str
) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(content)
    said = refused(capsys, "open", str(file))
    assert rule in said or "Keras" in said
    assert "Traceback" not in said
    if content:
        assert "This makes such a file: " in said


@pytest.mark.parametrize(
    ("sequence", "rule"),
    [
        ("1 2 3", "This model reads 2 numbers at each step"),
        ("one two", "got"),
        ("", "got"),
        ("\0", "got"),
        ("1 " * 200_000, "got"),
    ],
)
def test_a_sequence_that_the_model_does_not_read_is_refused(
    capsys: pytest.CaptureFixture[str], model: Path, sequence: str, rule: str
) -> None:
    said = refused(capsys, "open", str(model), f"--sequence={sequence}")
    assert rule in said
    assert "Traceback" not in said
    assert opened.opened() is None


def test_help_names_the_command_and_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(["open", "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert "--sequence" in said
    assert "this machine alone" in said
