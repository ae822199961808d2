"""The README's examples run as they stand there."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_examples_run_and_print_what_they_promise(capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(examples) == 5
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "(20, 16)" in printed
    assert printed.count("torch.Size([1, 1, 1, 20, 16])") == 2
    assert "timestep" in printed
    assert re.search(r"Solved after \d+ updates: a score of 1", printed)
    assert float(re.search(r"\[([\d.]+) [\d.e-]+\]\n$", printed)[1]) > 0.95  # A, as it was


def test_the_first_example_has_five_lines_after_the_import() -> None:
    first = re.search(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert first is not None
    lines = [line for line in first[1].splitlines() if line and not line.startswith("import")]
    assert len(lines) == 5


def test_the_picture_and_the_links_are_there() -> None:
    root = Path(__file__).parents[1]
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (root / target).exists(), target
