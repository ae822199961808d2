"""The file that the page opens on, and that visitors can download and try: `python -m memviz.web.your_model.example`.

It is what torch would save of an embedding, an LSTM and a read-out: the network "characters-lstm" of assets/models/,
which was trained to predict the next letter inside quotes and brackets.
"""

import torch

from memviz import models, tensor_files
from memviz.paths import ASSETS

FILE = ASSETS / "your_model" / "brackets.safetensors"
TRAINED = "characters-lstm"
SIGNS = models.recipe_of(TRAINED).task.features
"""What each token id stands for."""


def content() -> bytes:
    """The file."""
    trained = models.taught(TRAINED)
    tensors = {"embedding.weight": torch.eye(len(SIGNS))}
    tensors |= {f"rnn.{name}_l0": value.float() for name, value in trained.network.parameters.items()}
    tensors |= {"head.weight": trained.readout.weight.float(), "head.bias": trained.readout.bias.float()}
    return tensor_files.write(tensors, {"made": "python -m memviz.web.your_model.example"})


def text() -> str:
    """A sequence for it, as ids."""
    return " ".join(str(SIGNS.index(sign)) for sign in models.recipe_of(TRAINED).examples[0])


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(content())
