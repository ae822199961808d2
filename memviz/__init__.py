"""memviz opens up recurrent networks: every gate, state and gradient of an Elman network, LSTM or GRU, exact.

    sequence = memviz.encode("hello world")
    network = memviz.Experiment(cell="lstm", hidden_size=8, forget_bias=3.0).build(sequence)
    trace = memviz.record(network, sequence)
    flow = memviz.gradient_flow(network, trace)
    memviz.show(flow)  # in a notebook

More is in the rooms: `memviz.gradients` (paths, singular values, horizons), `memviz.tasks` and `memviz.training`,
`memviz.interventions` and `memviz.edits`, `memviz.cells`, `memviz.encoding`, `memviz.models` (trained networks),
`memviz.torch_modules`, `memviz.model_files` and `memviz.converters` (your own networks), `memviz.figures`,
`memviz.findings`, `memviz.stage`, `memviz.share`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from memviz import converters, tasks
from memviz.arithmetic import Equation, Term, explain_step
from memviz.cells import CELLS, Cell
from memviz.comparison import Comparison, compare
from memviz.encoding import EncodingError, Sequence, encode
from memviz.experiment import Experiment
from memviz.gradients import GradientFlow, Loss, gradient_flow
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Patch, Reset, Scale
from memviz.network import Network
from memviz.parity import Parity, parity
from memviz.snippet import Snippet, torch_snippet
from memviz.torch_modules import Recording, recording, trace_module
from memviz.trace import Trace, record
from memviz.training import TrainedNetwork, TrainingSettings, fit, train

if TYPE_CHECKING:
    from memviz.share import View, show

__all__ = [
    "CELLS",
    "Ablate",
    "Add",
    "Cell",
    "Clamp",
    "Comparison",
    "Detach",
    "EncodingError",
    "Equation",
    "Experiment",
    "Freeze",
    "GradientFlow",
    "Loss",
    "Network",
    "Parity",
    "Patch",
    "Recording",
    "Reset",
    "Scale",
    "Sequence",
    "Snippet",
    "Term",
    "Trace",
    "TrainedNetwork",
    "TrainingSettings",
    "View",
    "compare",
    "converters",
    "encode",
    "explain_step",
    "fit",
    "gradient_flow",
    "parity",
    "record",
    "recording",
    "show",
    "tasks",
    "torch_snippet",
    "trace_module",
    "train",
]

# What draws is built on this menu, and is fetched when it is asked for; the type checker sees the imports above.
_FETCHED = {"View": "memviz.share", "show": "memviz.share"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """A name of a higher floor.

        Raises:
            AttributeError: if there is no such name.
        """
        if name not in _FETCHED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(_FETCHED[name]), name)
        return found
