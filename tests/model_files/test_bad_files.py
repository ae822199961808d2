"""Malicious and malformed model files: each is refused with its own sentence, and nothing of them is run."""

import ast
import pickle
import sys
import tracemalloc
from pathlib import Path

import pytest
import torch
from torch import nn

from memviz import model_files
from memviz.model_files import ModelFileError
from memviz.model_files.problem import SAVE_KEPT, SAVE_LAYERS
from tests.model_files.bad_files import BAD, GOOD, PT, touched
from tests.model_files.builders import module, safetensors, torch_file, weights

EVENTS = {"import", "exec", "compile", "os.system", "subprocess.Popen", "pickle.find_class", "socket.connect"}
_SEEN: list[str] = []
_LISTENS = [False]


def _hook(event: str, arguments: tuple) -> None:
    if _LISTENS[0] and (event in EVENTS or (event == "open" and arguments[1] not in (None, "r", "rb"))):
        _SEEN.append(f"{event} {arguments!r:.80}")


sys.addaudithook(_hook)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_sentence(name: str) -> None:
    build, sentence = BAD[name]
    with pytest.raises(ModelFileError) as refused:
        model_files.read(build())
    assert str(refused.value).startswith(sentence)
    assert len(str(refused.value)) < 250
    assert str(refused.value).endswith(".")


def test_there_are_more_than_a_hundred_of_them() -> None:
    assert len(BAD) + len(touched("")) > 150


@pytest.mark.parametrize("name", touched(""))
@pytest.mark.filterwarnings("ignore:.*pickle:UserWarning")
def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path: Path, name: str) -> None:
    path = tmp_path / "touched"
    data = touched(str(path))[name]()
    model_files.read(GOOD)  # whatever is imported late has been
    model_files.read(PT)
    with pytest.raises(ModelFileError):
        model_files.read(PT[:-1])
    _SEEN.clear()
    _LISTENS[0] = True
    try:
        with pytest.raises(ModelFileError):
            model_files.read(data)
    finally:
        _LISTENS[0] = False
    assert not path.exists()
    assert not [seen for seen in _SEEN if "encodings" not in seen]


def test_the_harmful_pickle_does_its_harm_where_python_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "touched"
    pickle.loads(touched(str(path))["a raw pickle that opens a file"]()).close()
    assert path.exists()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_takes_little_memory(name: str) -> None:
    data = BAD[name][0]()
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            model_files.read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 2**20


def test_nothing_in_memviz_loads_by_torch_or_unpickles() -> None:
    root = Path(model_files.__file__).parents[1]
    loads = {("torch", "load"), ("pickle", "load"), ("pickle", "loads"), ("jit", "load")}
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in loads, f"{file}:{node.lineno}"


class Model(nn.Module):
    """A model whose state_dict is refused: of another type, with a tensor of three dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = module("GRU").to(torch.bfloat16)
        self.head = nn.Conv1d(4, 4, 3)


@pytest.mark.parametrize("command", [SAVE_KEPT, SAVE_LAYERS])
def test_what_makes_a_file_readable_is_one_line_that_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    model = Model()
    with pytest.raises(ModelFileError) as refused:
        model_files.read(torch_file(model.state_dict()))
    assert refused.value.command
    monkeypatch.chdir(tmp_path)
    exec(command, {"model": model})
    (found,) = model_files.read(Path("weights.pt").read_bytes()).modules
    assert found.title == "GRU(3, 4)"
    assert torch.equal(found.tensors[0, 0]["weight_ih"], model.rnn.weight_ih_l0.float())


def test_a_file_of_the_largest_layer_is_read_in_little_memory() -> None:
    data = safetensors(weights("LSTM", 200, 256))
    assert len(data) < 2 * 2**20
    tracemalloc.start()
    try:
        (found,) = model_files.read(data).modules
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.title == "LSTM(200, 256)"
    assert peak < 20 * 2**20
