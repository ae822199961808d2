"""memviz opens up recurrent networks: every gate, state and gradient of an Elman network, LSTM or GRU, exact.

sequence = memviz.encode("hello world")
network = memviz.Experiment(cell="lstm", hidden_size=8, forget_bias=3.0).build(sequence)
trace = memviz.record(network, sequence)
flow = memviz.gradient_flow(network, trace)
"""

from memviz import tasks
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
    "compare",
    "encode",
    "explain_step",
    "fit",
    "gradient_flow",
    "parity",
    "record",
    "recording",
    "tasks",
    "torch_snippet",
    "trace_module",
    "train",
]
