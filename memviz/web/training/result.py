"""What the training page shows: the networks of an order, as far as they are known, or those that come with memviz."""

from dataclasses import dataclass
from functools import lru_cache

from memviz.findings.training import Taught
from memviz.paths import ASSETS
from memviz.training import TrainedNetwork
from memviz.training.files import from_bytes
from memviz.web.compare.sides import LETTERS
from memviz.web.compare.words import label_of
from memviz.web.training.address import DEFAULT, THOUSAND, TrainingState
from memviz.worker import Lesson, Standing

FOLDER = ASSETS / "training"
SHIPPED = {"latch-100": DEFAULT, "latch-1000": THOUSAND}
"""The states whose networks come with memviz, trained by `python -m memviz.web.training.ship`."""


@dataclass(frozen=True, eq=False)
class Result:
    """The networks of a state.

    Attributes:
        key: names it within a session.
        state: what was asked for.
        standings: where each network stands, in the order of `state.order()`.
        is_shipped: whether they came with memviz.
    """

    key: str
    state: TrainingState
    standings: tuple[Standing, ...]
    is_shipped: bool = False

    def letter(self, number: int) -> str:
        """The letter of a network's side."""
        return LETTERS[self.state.side_of(number)]

    def label(self, number: int) -> str:
        """The name of a network's side."""
        return label_of(self.state.sides[self.state.side_of(number)])

    def seed(self, number: int) -> int:
        """A network's seed."""
        return self.standings[number].lesson.experiment.seed

    def name(self, number: int) -> str:
        """A network's letter and name, and its seed where there are several."""
        seed = f", seed {self.seed(number)}" if self.state.seeds > 1 else ""
        return f"{self.letter(number)}: {self.label(number)}{seed}"

    def of_side(self, side: int) -> list[Standing]:
        """One side's networks, by seed."""
        return list(self.standings[side :: len(self.state.sides)])

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to draw: a network at a checkpoint."""
        return any(standing.checkpoints for standing in self.standings)

    def is_of(self, state: TrainingState) -> bool:
        """Whether it is a result of these settings, whatever is looked at of it."""
        return self.state.looked_at_as(state) == state

    def taught(self) -> list[Taught]:
        """What became of each side's networks that are over."""
        found = []
        for side, shown in enumerate(self.state.sides):
            over = [standing.trained() for standing in self.of_side(side) if standing.state == "ended"]
            found.append(Taught(LETTERS[side], label_of(shown), tuple(filter(None, over))))
        return found


def shipped(state: TrainingState) -> Result | None:
    """The networks of a state that come with memviz, whatever is looked at of them; None where there are none."""
    for name, known in SHIPPED.items():
        if _is_same(known, state):
            numbers = range(len(state.order().lessons))
            return Result(name, state, tuple(_standing(name, number) for number in numbers), True)
    return None


def file_name(name: str, number: int) -> str:
    """The file of one network that comes with memviz."""
    return f"{name}-{number:02d}.safetensors"


def standing_of(lesson: Lesson, trained: TrainedNetwork) -> Standing:
    """A trained network as a lesson that has ended."""
    looks = tuple((int(update), loss, score) for update, loss, score in trained.history.tolist())
    return Standing(lesson, "ended", looks, trained.checkpoints, 0.0, trained.outcome, trained.score)


@lru_cache(maxsize=64)
def _standing(name: str, number: int) -> Standing:
    trained = from_bytes((FOLDER / file_name(name, number)).read_bytes())
    return standing_of(Lesson(trained.experiment, trained.task, trained.settings), trained)


def _is_same(known: TrainingState, state: TrainingState) -> bool:
    """Whether two states ask for the same networks."""
    return known.order().lessons == state.order().lessons if known.task == state.task else False
