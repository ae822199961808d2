"""Networks that visitors of a server have trained, lent to the other pages by a name that nobody guesses.

They are kept while the server runs, and the oldest go first where there are too many.
"""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from memviz.training import TrainedNetwork

MOST_LENT = 200
_PREFIX = "own-"
_LENT: "OrderedDict[str, Lent]" = OrderedDict()
_LOCK = threading.Lock()


@dataclass(frozen=True, eq=False)
class Lent:
    """A network that somebody has trained.

    Attributes:
        trained: the network.
        title: for readers.
    """

    trained: TrainedNetwork
    title: str


def lend(trained: TrainedNetwork, title: str) -> str:
    """Keep a network; its name is what `load` and addresses take."""
    name = f"{_PREFIX}{secrets.token_hex(16)}"
    with _LOCK:
        _LENT[name] = Lent(trained, title)
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
