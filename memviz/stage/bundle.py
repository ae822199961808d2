"""The browser's modules as one script, because a component is imported from a URL that has no neighbours.

Each file of assets/stage/ is a plain ES module; those of a folder in it, such as multiples/, import from both. Here
each becomes a function that is called once and gives back what it exports, so that names stay private to their file as
they are in the browser.
"""

import re
from functools import cache
from pathlib import Path

from memviz.paths import ASSETS

FOLDER = ASSETS / "stage"
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.\.?)/(\w+)\.js";\n', re.MULTILINE)
# The script travels with every change, so it goes without its lines of comment and its indentation.
_IDLE = re.compile(r"^ *//.*\n|^ +", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:function|class|const) (\w+))", re.MULTILINE)


@cache
def bundle(entry: str) -> str:
    """A module of the stage with all that it imports, in one text.

    Raises:
        ValueError: if a module imports or exports in a way that is not known here, or if modules import each other.
    """
    order = _in_order(entry, ())
    return "\n".join([*(_as_function(name) for name in order[:-1]), _rewritten(entry)])


@cache
def styles() -> str:
    """The style sheets of the stage; what holds for a phone or a projector comes last."""
    return "".join(
        (FOLDER / f"{name}.css").read_text(encoding="utf-8") for name in ("strips", "machine", "stage")
    )


def _in_order(name: str, above: tuple[str, ...]) -> list[str]:
    """The modules that a module needs, each after those that it needs itself, and the module."""
    if name in above:
        raise ValueError(f"Modules import each other: {' -> '.join((*above, name))}.")
    found: list[str] = []
    for _, dots, needed in _IMPORT.findall(_source(name)):
        modules = _in_order(_resolved(name, dots, needed), (*above, name))
        found += [module for module in modules if module not in found]
    return [*found, name]


def _as_function(name: str) -> str:
    exported = _EXPORT.findall(_source(name))
    body = _EXPORT.sub("", _rewritten(name))
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _rewritten(name: str) -> str:
    """A module whose imports read from the functions above it."""

    def read(needed: re.Match[str]) -> str:
        return f"const {needed[1]} = {_variable(_resolved(name, needed[2], needed[3]))};\n"

    text = _IDLE.sub("", _IMPORT.sub(read, _source(name)))
    if re.search(r"^import |^export (?!function|class|const|default function)", text, re.MULTILINE):
        raise ValueError(f"{name}.js imports or exports in a way that the bundle does not know.")
    return text


def _resolved(name: str, dots: str, needed: str) -> str:
    """The name of what a module imports: beside it, or from the folder above."""
    folder = name.rpartition("/")[0]
    return needed if dots == ".." or not folder else f"{folder}/{needed}"


def _variable(name: str) -> str:
    return f"module_{name.replace('/', '_')}"


def _source(name: str) -> str:
    return Path(FOLDER / f"{name}.js").read_text(encoding="utf-8")
