"""`make docs`: every public name stands in the reference, with its words, and building it warns of nothing."""

import html
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest

import memviz

ROOT = Path(__file__).resolve().parent.parent
API = ROOT / "docs" / "api.py"


def rooms() -> tuple[str, ...]:
    """The rooms that have a page, as docs/api.py lists them."""
    found = re.search(r"^ROOMS = \((.*?)\)$", API.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None
    return tuple(re.findall(r'"(\w+)"', found[1]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference, built in a process of its own, where a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(API), str(folder)],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids |= {value for name, value in attrs if name == "id" and value}


def ids(page: Path) -> set[str]:
    parser = _Anchors()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.ids


def test_the_menu_and_every_listed_room_have_a_page_and_nothing_else_has(site: Path) -> None:
    pages = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    assert pages == {"index.html", "memviz.html", *(f"memviz/{room}.html" for room in rooms())}


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    for module in ("memviz", *(f"memviz.{room}" for room in rooms())):
        names = set(import_module(module).__all__) - set(rooms())
        assert names <= ids(site / f"{module.replace('.', '/')}.html"), module


def test_what_a_function_says_of_itself_is_in_the_reference(site: Path) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", (site / "memviz.html").read_text(encoding="utf-8")))
    for sentence in (
        "Run a network over a sequence and keep every signal at every step.",
        "A page has at most 6 MB, 2 of which draw the figures",
    ):
        assert sentence in " ".join(text.split())


def test_the_reference_tells_nothing_of_the_machine_it_was_built_on(site: Path) -> None:
    for page in (*site.rglob("*.html"), *site.rglob("*.js")):
        text = page.read_text(encoding="utf-8")
        assert str(ROOT) not in text, page
        assert not re.search(r"0x[0-9a-f]{8,}", text), page


def test_a_room_of_the_menu_is_in_the_list() -> None:
    named = re.findall(r"`memviz\.(\w+)`", memviz.__doc__ or "")
    assert set(named) == set(rooms())
