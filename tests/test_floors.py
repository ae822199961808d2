"""The house: imports point down, never up, never to a neighbour; CONTRIBUTING.md draws it.

Plotly is imported only where figures are made, Streamlit only where a page is shown.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# The floor of each room. A room is a module of memviz/, or a folder of it with all that is inside.
FLOORS = {
    "encoding": 0,
    "cells": 0,
    "interventions": 0,
    "paths": 0,
    "theme": 0,
    "converters": 2,
    "model_files": 4,
    "tensor_files": 1,
    "bundle": 1,
    "network": 1,
    "initialisation": 1,
    "tasks": 1,
    "experiment": 3,
    "words": 3,
    "trace": 3,
    "edits": 2,
    "gradients": 4,
    "arithmetic": 4,
    "products": 4,
    "parity": 4,
    "snippet": 4,
    "histograms": 4,
    "comparison": 4,
    "torch_modules": 4,
    "training": 4,
    "concepts": 4,
    "models": 5,
    "worker": 5,
    "findings": 5,
    "figures": 5,
    "stage": 5,
    "grid": 5,
    "live": 6,
    "share": 6,
    "web": 7,
    "__main__": 8,
}
MENU, PAGES, APP = "the menu", "pages", "app.py"
# memviz/__init__.py shows the library: it may take from the floors up to 4, and those above may take from it.
MENU_FLOOR, PAGES_FLOOR, APP_FLOOR = 4, 8, 9
# Rooms above the menu whose names it fetches when they are asked for; it imports them for the type checker alone.
FETCHED = {"share"}

ONLY_IN = {
    "plotly": {"figures", "live"},
    "streamlit": {"stage", "live", "grid", "web", PAGES, APP},
}


def problems(root: Path) -> list[str]:
    """One sentence for each import that breaks a rule, and for each module without a floor."""
    found = []
    for file in _files(root):
        name = file.relative_to(root).as_posix()
        room = _room_of_file(root, file)
        if _floor(room) is None:
            found.append(
                f"{name} is on no floor: list '{room}' in FLOORS of tests/test_floors.py "
                "and draw it in CONTRIBUTING.md."
            )
            continue
        for line, module in _imports(root, file):
            if sentence := _complaint(root, room, module):
                found.append(f"{name}:{line} {sentence}")
    return found


def _complaint(root: Path, room: str, module: str) -> str | None:
    top = module.split(".")[0]
    if top in ONLY_IN and room not in ONLY_IN[top]:
        return f"imports {top}, which belongs to {', '.join(sorted(ONLY_IN[top]))} only."
    if top not in {"memviz", "pages", "app"}:
        return None
    target = _room_of_module(root, module)
    here, there = _floor(room), _floor(target)
    if target == room or there is None or here is None:  # a file without a floor is reported by itself
        return None
    if room == MENU and (there <= here or target in FETCHED):
        return None
    if there < here:
        return None
    way = "sideways" if there == here else "up"
    return f"imports {module}, which points {way}: {room} is on floor {here}, {target} on floor {there}."


def _floor(room: str) -> int | None:
    return {MENU: MENU_FLOOR, PAGES: PAGES_FLOOR, APP: APP_FLOOR, **FLOORS}.get(room)


def _files(root: Path) -> Iterator[Path]:
    yield from sorted((root / "memviz").rglob("*.py"))
    yield from sorted((root / "pages").rglob("*.py"))
    if (root / "app.py").exists():
        yield root / "app.py"


def _room_of_file(root: Path, file: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    if parts[0] != "memviz":
        return APP if parts[0] == "app" else PAGES
    return MENU if parts[1] == "__init__" else parts[1]


def _room_of_module(root: Path, module: str) -> str:
    parts = module.split(".")
    if parts[0] != "memviz":
        return APP if parts[0] == "app" else PAGES
    is_room = len(parts) > 1 and (
        parts[1] in FLOORS
        or (root / "memviz" / parts[1]).is_dir()
        or (root / "memviz" / f"{parts[1]}.py").exists()
    )
    return parts[1] if is_room else MENU


def _imports(root: Path, file: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, also inside functions and for types only."""
    package = file.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            for alias in node.names:  # `from memviz import cells` names a room, `import record` the menu
                yield node.lineno, f"{module}.{alias.name}"


def test_every_import_points_down() -> None:
    assert not problems(ROOT), "\n".join(problems(ROOT))


def test_the_library_is_imported_without_what_draws_it() -> None:
    program = "import sys, memviz; memviz.Experiment(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rooms = {module.split(".")[1] for module in loaded.stdout.split() if module.startswith("memviz.")}
    assert "trace" in rooms
    assert rooms.isdisjoint(FETCHED | {"figures", "stage", "live", "web"})
    assert {"plotly", "streamlit", "pandas"}.isdisjoint(loaded.stdout.split())


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("memviz/cells/lstm.py", "from memviz.trace import record", "points up"),
        ("memviz/cells/lstm.py", "from ..trace import record", "points up"),
        ("memviz/cells/lstm.py", "from memviz import trace", "points up"),
        ("memviz/cells/lstm.py", "import memviz.figures.heatmap", "points up"),
        ("memviz/cells/lstm.py", "def f():\n    from memviz.figures import heatmap", "points up"),
        ("memviz/cells/lstm.py", "from memviz import record", "points up"),
        ("memviz/cells/lstm.py", "from memviz.encoding import encode", "points sideways"),
        ("memviz/encoding.py", "from .cells import lstm", "points sideways"),
        ("memviz/trace.py", "from memviz import record", "points up"),
        ("memviz/__init__.py", "from memviz.figures import heatmap", "points up"),
        ("memviz/figures/heatmap.py", "from pages.gates import show", "points up"),
        ("memviz/web/url.py", "import app", "points up"),
        ("pages/gates.py", "import plotly.graph_objects as go", "belongs to figures, live only"),
        ("memviz/trace.py", "from plotly import graph_objects", "belongs to figures, live only"),
        ("memviz/figures/heatmap.py", "import streamlit as st", "imports streamlit"),
        ("memviz/sundries.py", "", "is on no floor"),
        ("memviz/sundries/tool.py", "", "is on no floor"),
    ],
)
def test_a_broken_rule_is_found(tmp_path: Path, file: str, line: str, complaint: str) -> None:
    _build_house(tmp_path)
    _write(tmp_path / file, line)
    (sentence,) = problems(tmp_path)
    assert sentence.startswith(file)
    assert complaint in sentence


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("memviz/__init__.py", "from memviz.trace import record\nfrom memviz.cells import lstm"),
        ("memviz/cells/lstm.py", "from memviz.cells.base import Cell"),
        ("memviz/cells/lstm.py", "from .base import Cell\nimport torch"),
        ("memviz/trace.py", "from .cells import lstm\nfrom . import encoding"),
        ("memviz/figures/heatmap.py", "import plotly.graph_objects as go\nfrom memviz.trace import Trace"),
        ("memviz/figures/heatmap.py", "from memviz import Trace"),
        ("memviz/web/url.py", "import streamlit as st"),
        ("pages/gates.py", "import streamlit as st\nfrom memviz import record\nfrom memviz.web import url"),
        ("app.py", "import streamlit as st\nfrom memviz.web import url"),
    ],
)
def test_an_import_that_points_down_is_allowed(tmp_path: Path, file: str, line: str) -> None:
    _build_house(tmp_path)
    _write(tmp_path / file, line)
    assert problems(tmp_path) == []


def _build_house(root: Path) -> None:
    for file in (
        *("app.py", "pages/gates.py", "memviz/__init__.py", "memviz/encoding.py", "memviz/trace.py"),
        *("memviz/cells/__init__.py", "memviz/cells/base.py", "memviz/cells/lstm.py"),
        *("memviz/figures/__init__.py", "memviz/figures/heatmap.py", "memviz/web/url.py"),
    ):
        _write(root / file, "")


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
