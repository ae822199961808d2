"""The browser's modules as one script, because a component is imported from a URL that has no neighbours.

Each file below assets/ is a plain ES module, which imports others by their place beside it. Here each becomes a
function that is called once and gives back what it exports, so that names stay private to their file as they are in the
browser.
"""

import posixpath
import re
from functools import cache

from memviz.paths import ASSETS

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.[^"]*)\.js";\n', re.MULTILINE)
# The script travels with every change, so it goes without its lines of comment and its indentation.
_IDLE = re.compile(r"^ *//.*\n|^ +", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:function|class|const) (\w+))", re.MULTILINE)
_UNKNOWN = re.compile(r"^import[ {*'\"]|^export (?!function|class|const|default function)", re.MULTILINE)


@cache
def bundle(entry: str) -> str:
    """A module below assets/, such as "stage/page", with all that it imports, in one text.

    Raises:
        ValueError: if a module imports or exports in a way that is not known here, if modules import each other, or if
            one is not below assets/.
    """
    order = _in_order(entry, ())
    return "\n".join([*(_as_function(name) for name in order[:-1]), _rewritten(entry)])


def _in_order(name: str, above: tuple[str, ...]) -> list[str]:
    """The modules that a module needs, each after those that it needs itself, and the module."""
    if name in above:
        raise ValueError(f"Modules import each other: {' -> '.join((*above, name))}.")
    found: list[str] = []
    for _, needed in _IMPORT.findall(_source(name)):
        modules = _in_order(_resolved(name, needed), (*above, name))
        found += [module for module in modules if module not in found]
    return [*found, name]


def _as_function(name: str) -> str:
    exported = _EXPORT.findall(_source(name))
    body = _EXPORT.sub("", _rewritten(name))
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _rewritten(name: str) -> str:
    """A module whose imports read from the functions above it."""

    def read(needed: re.Match[str]) -> str:
        return f"const {needed[1].replace(' as ', ': ')} = {_variable(_resolved(name, needed[2]))};\n"

    text = _IDLE.sub("", _IMPORT.sub(read, _source(name)))
    if _UNKNOWN.search(text):
        raise ValueError(f"{name}.js imports or exports in a way that the bundle does not know.")
    return text


def _resolved(name: str, needed: str) -> str:
    """The place below assets/ of what a module imports."""
    place = posixpath.normpath(posixpath.join(posixpath.dirname(name), needed))
    if place.startswith(".."):
        raise ValueError(f"Modules stand below assets/; {name}.js imports {needed}.js.")
    return place


def _variable(name: str) -> str:
    return f"module_{name.replace('/', '_')}"


def _source(name: str) -> str:
    return (ASSETS / f"{name}.js").read_text(encoding="utf-8")
