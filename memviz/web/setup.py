"""All that one run of a page follows from, as one frozen value."""

from dataclasses import dataclass, replace

from memviz.edits import TokenEdit
from memviz.experiment import Experiment


@dataclass(frozen=True)
class Setup:
    """All that a run follows from.

    Attributes:
        experiment: the network's settings, with what is edited in it and held in its run.
        text, kind, standardise: the sequence as typed.
        change: one token of it that is changed.
        model: the trained network of `memviz.models` that is run; "" builds the experiment's own.
    """

    experiment: Experiment
    text: str
    kind: str
    standardise: bool = False
    change: TokenEdit | None = None
    model: str = ""

    @property
    def plain(self) -> "Setup":
        """Without any what-if."""
        return replace(self, experiment=self.experiment.plain, change=None)
