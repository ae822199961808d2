"""What is trained for `assets/models/`: a network, its task and how it is taught, from several seeds."""

from dataclasses import dataclass, replace
from math import log

from memviz import tasks
from memviz.experiment import Experiment
from memviz.models.lent import lent
from memviz.tasks import Task
from memviz.training import TrainingSettings


@dataclass(frozen=True)
class Recipe:
    """How a network that comes with memviz is made.

    From each seed a network is drawn, its sequences and its read-out; the one with the best score is kept, the first of
    equals, and what became of the others is listed beside it.

    Attributes:
        name: as written in addresses and of its file.
        title: for readers.
        experiment: what the network begins as, less its seed.
        task: what it is taught.
        settings: how, less the seed.
        examples: texts of its task to begin with.
        seeds: that are tried.
    """

    name: str
    title: str
    experiment: Experiment
    task: Task
    settings: TrainingSettings
    examples: tuple[str, ...]
    seeds: tuple[int, ...] = (0, 1, 2)

    def of_seed(self, seed: int) -> tuple[Experiment, Task, TrainingSettings]:
        """What `memviz.fit` takes."""
        return replace(self.experiment, seed=seed), self.task, replace(self.settings, seed=seed)

    @property
    def command(self) -> str:
        """What makes its file, as somebody would type it."""
        return f"python -m memviz.models {self.name}"


def recipe_of(name: str) -> Recipe:
    """The recipe of a name; of a visitor's network, what it was trained by.

    Raises:
        ValueError: if there is none.
    """
    own = lent(name)
    if own is not None:
        trained = own.trained
        seeds = (trained.experiment.seed,)
        return Recipe(name, own.title, trained.experiment, trained.task, trained.settings, (), seeds)
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    raise ValueError(
        f"The trained networks are {', '.join(each.name for each in RECIPES)}; got {name!r:.40}."
    )


def _held_open(steps: int) -> Experiment:
    """A forget gate at steps / (steps + 1), and an input gate as nearly closed."""
    return Experiment("lstm", 4, forget_bias=log(steps), input_bias=-log(steps))


_FIVE = (0, 1, 2, 3, 4)
_SHORT = TrainingSettings()
_COUNTED = TrainingSettings(updates=3000, rate=0.01, stop_when_solved=False)
_GRAMMAR = TrainingSettings(updates=1500, rate=0.01, evaluate_every=50)
_TEXT = TrainingSettings(updates=2000, rate=0.01, evaluate_every=50)
_PARITY = TrainingSettings(updates=1500, evaluate_every=20)
_NUMBERS = TrainingSettings(updates=2000, rate=0.01, evaluate_every=50)

_LATCH = ("Awxyzwxyzzyxwwxyz", "Bwxyzwxyzzyxwwxyz", "Axxxxxxxxxxxxxxxx")
_ANBN = ("Saaaaabbbbb", "Saaaaaaaaaaaaaaabbbbbbbbbbbbbbb", "Saab")
_STRINGS = ("BTBTXSET", "BPBPVVEP", "BTBPTTVVET", "BPBTSSXXTTVVEP")
_QUOTED = ("a(b(c'ab'c)b)a", "ab(a(b(c(ab)))c)a", "ab\"ca\"b'cb'a(c)")
_BITS = ("0110100110", "1111111111", "1000000000")
_SUMS = ("0.5, 1\n0.2, 0\n0.9, 0\n0.3, 0\n0.7, 1\n0.1, 0", "0.1, 1\n0.8, 0\n0.9, 0\n0.1, 1\n0.6, 0\n0.4, 0")

_counting, _reber, _characters = tasks.counting(), tasks.reber(), tasks.characters()

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "latch-100",
        "LSTM, ln T biases: remembers 1 symbol through 100",
        _held_open(100),
        tasks.latch(100),
        _SHORT,
        _LATCH,
        _FIVE,
    ),
    Recipe(
        "latch-100-default",
        "LSTM as torch draws it: fails to remember 1 symbol through 100",
        Experiment("lstm", 4),
        tasks.latch(100),
        _SHORT,
        _LATCH,
        _FIVE,
    ),
    Recipe(
        "latch-1000",
        "LSTM, ln T biases: remembers 1 symbol through 1,000",
        _held_open(1000),
        tasks.latch(1000),
        _SHORT,
        _LATCH,
        _FIVE,
    ),
    Recipe(
        "latch-1000-default",
        "LSTM as torch draws it: fails to remember 1 symbol through 1,000",
        Experiment("lstm", 4),
        tasks.latch(1000),
        _SHORT,
        _LATCH,
        _FIVE,
    ),
    Recipe(
        "counter-peephole",
        "LSTM with peepholes: counts aⁿbⁿ",
        Experiment("lstm-peephole", 2, forget_bias=3.0),
        _counting,
        _COUNTED,
        _ANBN,
        _FIVE,
    ),
    Recipe("counter-lstm", "LSTM: counts aⁿbⁿ", Experiment("lstm", 2), _counting, _COUNTED, _ANBN),
    Recipe(
        "counter-gru",
        "GRU: aⁿbⁿ, hardly beyond the n of 10 that it was taught",
        Experiment("gru", 2),
        _counting,
        _COUNTED,
        _ANBN,
    ),
    Recipe(
        "reber-lstm", "LSTM: the embedded Reber grammar", Experiment("lstm", 8), _reber, _GRAMMAR, _STRINGS
    ),
    Recipe("reber-gru", "GRU: the embedded Reber grammar", Experiment("gru", 8), _reber, _GRAMMAR, _STRINGS),
    Recipe(
        "reber-elman", "Elman: the embedded Reber grammar", Experiment("elman", 8), _reber, _GRAMMAR, _STRINGS
    ),
    Recipe(
        "characters-lstm", "LSTM: quotes and brackets", Experiment("lstm", 16), _characters, _TEXT, _QUOTED
    ),
    Recipe("characters-gru", "GRU: quotes and brackets", Experiment("gru", 16), _characters, _TEXT, _QUOTED),
    Recipe(
        "characters-elman",
        "Elman: quotes and brackets",
        Experiment("elman", 16),
        _characters,
        _TEXT,
        _QUOTED,
    ),
    Recipe("parity-lstm", "LSTM: the parity of bits", Experiment("lstm", 2), tasks.parity(), _PARITY, _BITS),
    Recipe(
        "adding-lstm",
        "LSTM: adds two marked numbers",
        Experiment("lstm", 16),
        tasks.adding(),
        _NUMBERS,
        _SUMS,
    ),
)
"""In the order of the picker."""
