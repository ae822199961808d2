"""Files of assets/models/ that cannot be read: a sentence for each, and the others stay."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from memviz import models
from memviz.models import shelf

BROKEN = "latch-100"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the shelf that a test may damage."""
    for file in shelf.FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(shelf, "FOLDER", tmp_path)
    caches = (shelf._read, shelf._listed)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path
    for cache in caches:
        cache.cache_clear()


def damaged(folder: Path, how: str) -> None:
    file = folder / f"{BROKEN}.safetensors"
    whole = file.read_bytes()
    if how == "truncated":
        file.write_bytes(whole[: len(whole) // 2])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "garbage":
        file.write_bytes(bytes(range(256)) * 64)
    elif how == "gone":
        file.unlink()
    elif how == "a folder":
        file.unlink()
        file.mkdir()
    elif how == "of another name":
        file.write_bytes((folder / "parity-lstm.safetensors").read_bytes())
    else:
        file.write_bytes((folder / "latch-100-default.safetensors").read_bytes())


@pytest.mark.parametrize(
    "how", ["truncated", "empty", "garbage", "gone", "a folder", "of another name", "of other settings"]
)
def test_a_file_that_cannot_be_read_has_a_sentence_and_the_others_are_there(folder: Path, how: str) -> None:
    damaged(folder, how)
    assert not models.is_known(BROKEN)
    sentence = models.problem(BROKEN)
    assert sentence.startswith("latch-100.safetensors of assets/models/ ")
    assert "Errno" not in sentence
    with pytest.raises(ValueError, match=r"latch-100\.safetensors of assets/models/"):
        models.load(BROKEN)
    others = [name for name in models.NAMES if name != BROKEN]
    assert all(models.is_known(name) and models.problem(name) == "" for name in others)


def test_a_file_that_is_put_right_is_read_again(folder: Path) -> None:
    file = folder / f"{BROKEN}.safetensors"
    whole = file.read_bytes()
    damaged(folder, "truncated")
    assert not models.is_known(BROKEN)
    file.write_bytes(whole)
    assert models.is_known(BROKEN)


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", '[{"name": "latch-100"}]'])
def test_a_list_that_cannot_be_read_leaves_the_network(folder: Path, text: str) -> None:
    (folder / shelf.LIST).write_text(text, encoding="utf-8")
    about = models.about(BROKEN)
    assert about.seed == models.load(BROKEN).experiment.seed
    assert about.sentence == f"This is seed {about.seed}; the list of the other seeds cannot be read."


def test_the_list_is_that_of_the_folder(folder: Path) -> None:
    entries = json.loads((folder / shelf.LIST).read_text(encoding="utf-8"))
    assert [entry["name"] for entry in entries] == list(models.NAMES)
