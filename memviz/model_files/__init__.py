"""Files of other people's models: bytes -> the recurrent layers that they hold, by strict rules.

A safetensors file (the documented way) is read by `memviz.tensor_files`, a .pt file of `torch.save` by `torch_files`,
which reads its pickle as data. Nothing is executed, unpickled or downloaded; `torch.load` is not used, since
weights_only=True stops neither a file that fills the memory nor every attack (CVE-2025-32434, CVE-2026-24747).
What a file is, its bytes say, never its name.
"""

from memviz.model_files.feeding import Feed
from memviz.model_files.layers import MOST_INPUTS, MOST_LAYERS, MOST_UNITS, NONLINEARITIES, RecurrentLayers
from memviz.model_files.problem import SAVE, SAVE_KEPT, ModelFileError, saving
from memviz.model_files.reading import ModelFile, read

__all__ = [
    "MOST_INPUTS",
    "MOST_LAYERS",
    "MOST_UNITS",
    "NONLINEARITIES",
    "SAVE",
    "SAVE_KEPT",
    "Feed",
    "ModelFile",
    "ModelFileError",
    "RecurrentLayers",
    "read",
    "saving",
]
