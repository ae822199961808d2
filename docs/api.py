"""The reference of the library, from its docstrings, as HTML below site/: `make docs` writes it.

A page for the menu, `memviz`, and one for each room that the menu names; what else is in a room is not public.
"""

import sys
from importlib import import_module
from pathlib import Path

import pdoc

import memviz

ROOMS = (
    "cells",
    "converters",
    "edits",
    "encoding",
    "figures",
    "findings",
    "gradients",
    "interventions",
    "model_files",
    "models",
    "share",
    "stage",
    "tasks",
    "torch_modules",
    "training",
)
SITE = Path(__file__).resolve().parent.parent / "site"


def write(folder: Path) -> None:
    """Write the reference into a folder."""
    # The rooms that the menu has among its names come with it.
    modules = ["memviz", *(f"memviz.{room}" for room in ROOMS if room not in memviz.__all__)]
    for module in modules:  # pdoc looks a name up without asking the module for it
        for name in import_module(module).__all__:
            getattr(import_module(module), name)
    # A file that is called like a public function of its room is not a room.
    inside = [f"!memviz\\.(?!({'|'.join(ROOMS)})$).*"]
    pdoc.render.configure(docformat="google", footer_text="memviz", show_source=False)
    pdoc.pdoc(*modules, *inside, output_directory=folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else SITE)
