"""How the tests read a page of memviz.share: as a browser would, by its elements."""

import base64
import json
from html.parser import HTMLParser
from typing import Any

import numpy as np

from memviz.share import View


class _Elements(HTMLParser):
    """Every element with its attributes, and the text of every script that has an id."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.held: dict[str, str] = {}
        self._into = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._into = dict(attrs).get("id") or "" if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._into:
            self.held[self._into] = self.held.get(self._into, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._into = ""


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """The elements of a page in their order."""
    parser = _Elements()
    parser.feed(html)
    return parser.found


def held(view: View) -> dict[str, Any]:
    """What a page holds as data: its payload, its figures and what draws them."""
    parser = _Elements()
    parser.feed(view.html)
    return {name: json.loads(text) for name, text in parser.held.items()}


def unpacked(array: dict[str, Any]) -> np.ndarray:
    """An array of a payload."""
    values = np.frombuffer(base64.b64decode(array["data"]), dtype=f"<{array['type']}")
    return values.reshape(array["shape"])


def plotted(array: dict[str, Any]) -> np.ndarray:
    """An array of a figure."""
    return np.frombuffer(base64.b64decode(array["bdata"]), dtype=f"<{array['dtype']}")
