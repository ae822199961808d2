"""A layer out of a visitor's model file, as the pages know a trained network, less its task: nobody told us of one."""

from dataclasses import dataclass
from functools import cached_property

from memviz.experiment import HIDDEN_SIZE_RANGE, Experiment
from memviz.model_files import Feed
from memviz.network import Network

MOST_UNITS = HIDDEN_SIZE_RANGE[1]
"""Of a network that the pages draw."""


@dataclass(frozen=True, eq=False)
class OpenedNetwork:
    """A layer out of a model file.

    Attributes:
        task: what reads a typed sequence for it.
        text: the sequence that it was last fed.

    Raises:
        ValueError: if it has more units than the pages draw.
    """

    task: Feed
    text: str

    def __post_init__(self) -> None:
        if (units := self.task.module.hidden_size) > MOST_UNITS:
            raise ValueError(f"The other pages draw networks of at most {MOST_UNITS} units; got {units}.")

    @cached_property
    def network(self) -> Network:
        """The network, in float64."""
        return self.task.network()

    @property
    def experiment(self) -> Experiment:
        """What draws a network of its cell and size as torch does, to stand beside it: seed 0."""
        return Experiment(self.network.cell.name, self.network.hidden_size)
