"""What the page of a visitor's model shows, and how that is written in its address: of the file, which it is alone."""

import re
from dataclasses import dataclass, field
from typing import Any

from memviz.encoding import MAX_BYTES
from memviz.experiment import Experiment
from memviz.model_files import MOST_LAYERS, MOST_UNITS, NONLINEARITIES
from memviz.stage import MOST_DRAWN, NODES, PHASES
from memviz.theme import LOOKS
from memviz.web.address import BROKEN, Codec, on_off, one_of, several, text, whole

FEEDS = ("tokens", "numbers")
_MOST_TEXT = MAX_BYTES["numbers"]
_MOST_STEP = 2999
_MOST_MODULE = 63
DIGITS = 12
_FILE = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True)
class YourModelState:
    """Everything that the page shows of the file that is open; what the file does not have means its last or first.

    Attributes:
        file: which file it is of, the first DIGITS of its SHA-256; "" is the one that the page opens on.
        text: the sequence as typed; "" is one that memviz makes for the model.
        module: which of the file's recurrent modules is chosen.
        layer, direction: which of its layers and directions.
        nonlinearity: of an RNN, whose weights do not tell.
        feed: "tokens" reads ids through the file's embedding, where it has one; "numbers" reads numbers.
        units: which are drawn, where there are more than are drawn at once; () is the first ones.
        timestep: where the cursor stands; past the end it means the last step.
        unit: the unit whose equations are shown, counted among those that are drawn.
        signal: what tints the ribbon; "" lets the stage choose.
        phase: the phase of the step that is lit; "" is the whole step.
        node: the node of the machine that is pinned; "" is none.
        gradients: whether the stage shows gradients instead of values.
        experiment: of no use here; every page's state has one.
    """

    file: str = ""
    text: str = ""
    module: int = 0
    layer: int = 0
    direction: int = 0
    nonlinearity: str = NONLINEARITIES[0]
    feed: str = FEEDS[0]
    units: tuple[int, ...] = ()
    timestep: int = 0
    unit: int = 0
    signal: str = ""
    phase: str = ""
    node: str = ""
    gradients: bool = False
    experiment: Experiment = field(default_factory=Experiment)

    def __post_init__(self) -> None:
        object.__setattr__(self, "experiment", Experiment())
        places = (self.module, self.layer, self.direction, *self.units, self.timestep, self.unit)
        if not all(type(value) is int and value >= 0 for value in places):
            raise TypeError("Places are whole numbers from 0 on.")
        if self.nonlinearity not in NONLINEARITIES or self.feed not in FEEDS:
            raise TypeError("A nonlinearity and a feed are known by name.")
        for value, known in ((self.signal, LOOKS), (self.phase, PHASES), (self.node, NODES)):
            if value != "" and value not in known:
                raise TypeError(f"A signal, a phase and a node are known by name; got {value!r}.")


class _YourModelCodec(Codec[YourModelState]):
    """A link holds no settings of a network: the file has it."""

    def to_query(self, state: YourModelState) -> dict[str, str]:
        """The state as URL parameters; `read` gives exactly this state back."""
        own = {"v", *self.fields}
        query = {name: value for name, value in super().to_query(state).items() if name in own}
        if not query["text"]:
            del query["text"]
        return query


def _number(name: str, most: int) -> tuple[Any, str]:
    return whole(most), f"The {name} is a whole number from 0 to {most}"


def _digits(raw: str) -> Any:
    return raw if _FILE.fullmatch(raw) else BROKEN


DEFAULT = YourModelState()
CODEC = _YourModelCodec(
    DEFAULT,
    {
        "file": (_digits, f"A link names its file by {DIGITS} digits of its SHA-256"),
        "text": (text(_MOST_TEXT), f"The text in a link has at most {_MOST_TEXT:,} characters"),
        "module": _number("module", _MOST_MODULE),
        "layer": _number("layer", MOST_LAYERS - 1),
        "direction": _number("direction", 1),
        "nonlinearity": (one_of(NONLINEARITIES), f"The nonlinearity is one of {', '.join(NONLINEARITIES)}"),
        "feed": (one_of(FEEDS), f"The feed is one of {', '.join(FEEDS)}"),
        "units": (
            several(whole(MOST_UNITS - 1), MOST_DRAWN),
            f"The units drawn are 1 to {MOST_DRAWN} whole numbers from 0 to {MOST_UNITS - 1} with commas between",
        ),
        "timestep": _number("timestep", _MOST_STEP),
        "unit": _number("unit", MOST_UNITS - 1),
        "signal": (one_of(LOOKS), f"The signal is one of {', '.join(LOOKS)}"),
        "phase": (one_of(PHASES), f"The phase is one of {', '.join(PHASES)}"),
        "node": (one_of(NODES), f"The node is one of {', '.join(NODES)}"),
        "gradients": (on_off, "Gradients is 0 or 1"),
    },
)
