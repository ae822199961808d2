"""Teach a network a task: in float32, on torch.nn's fused kernels where it has the cell, on our own step where not.

`train` is a generator that yields progress; `fit` runs it to its end. What is learnt is a `TrainedNetwork`, in float64
for everything else here, with its read-out, its history and checkpoints spaced in log time.
"""

from memviz.training.learners import FUSED
from memviz.training.loop import Progress, fit, train
from memviz.training.settings import OPTIMISERS, TrainingSettings
from memviz.training.trained import (
    OUTCOMES,
    Checkpoint,
    Outcome,
    Readout,
    TrainedNetwork,
)

__all__ = [
    "FUSED",
    "OPTIMISERS",
    "OUTCOMES",
    "Checkpoint",
    "Outcome",
    "Progress",
    "Readout",
    "TrainedNetwork",
    "TrainingSettings",
    "fit",
    "train",
]
