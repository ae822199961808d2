"""Networks that visitors of a server have trained or opened out of a file, lent to the other pages.

Their names nobody guesses. They are kept while the server runs, and the oldest go first where there are too many.
"""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from memviz.models.opened import OpenedNetwork
from memviz.training import TrainedNetwork

MOST_LENT = 200
Known = TrainedNetwork | OpenedNetwork
"""What the other pages can show by a name."""
_PREFIX = "own-"
_LENT: "OrderedDict[str, Lent]" = OrderedDict()
_LOCK = threading.Lock()


@dataclass(frozen=True, eq=False)
class Lent:
    """A network that somebody has trained or opened.

    Attributes:
        trained: the network.
        title: for readers.
    """

    trained: Known
    title: str


def lend(trained: Known, title: str, name: str = "") -> str:
    """Keep a network; its name is what `load` and addresses take.

    Args:
        trained: the network.
        title: for readers.
        name: one that this gave before, or another of its form, which then stands for this network; by default a new
            one.
    """
    name = name or f"{_PREFIX}{secrets.token_hex(16)}"
    with _LOCK:
        _LENT[name] = Lent(trained, title)
        _LENT.move_to_end(name)
        while len(_LENT) > MOST_LENT:
            _LENT.popitem(last=False)
    return name


def lent(name: str) -> Lent | None:
    """The network of a name; None where there is none, or no longer."""
    with _LOCK:
        return _LENT.get(name)


def is_lent_name(name: str) -> bool:
    """Whether a name is like those that `lend` gives, of a network that is still kept or not."""
    return name.startswith(_PREFIX)
