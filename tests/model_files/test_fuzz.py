"""The fuzzing run of `make fuzz`, a short one: nothing is found, and what there were to find would be."""

from pathlib import Path

import pytest

from memviz import model_files
from tests.fuzz import model_files as fuzz


def test_a_short_run_reads_and_refuses_many_files_by_many_rules() -> None:
    found = fuzz.run(600, seed=3)
    assert found["inputs"] == found["read"] + found["refused"] == 600
    assert found["read"] > 10
    assert found["rules"] > 25
    assert found["unexpected"] == found["code_executed"] == 0


def _raises(data: bytes) -> None:
    raise KeyError(len(data))


def _imports(data: bytes) -> None:
    exec("1")
    raise model_files.ModelFileError("No.")


@pytest.mark.parametrize(("reader", "what"), [(_raises, "raised KeyError"), (_imports, "did compile")])
def test_a_run_fails_where_the_reader_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: object, what: str
) -> None:
    real, calls = model_files.read, [0]

    def later(data: bytes) -> object:
        calls[0] += 1
        return real(data) if calls[0] < 60 else reader(data)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fuzz.model_files, "read", later)
    with pytest.raises(SystemExit, match=what):
        fuzz.run(200, seed=0)
    assert Path("fuzz-failure.bin").exists()
