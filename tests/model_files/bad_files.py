"""All bad model files by name, and those that would write a file if anything of them were unpickled."""

from collections.abc import Callable

import numpy as np
import torch

from tests.model_files.bad_safetensors import BAD_SAFETENSORS
from tests.model_files.bad_torch_files import BAD_TORCH_FILES
from tests.model_files.builders import (
    Runs,
    framed,
    pickled,
    pickled_table,
    safetensors,
    torch_file,
    weights,
    with_pickle,
)

Bad = tuple[Callable[[], bytes], str]
LSTM = weights()
GOOD = safetensors(LSTM)
PT = torch_file(LSTM)
NUMBERS = {"0": np.zeros(12, "<f4").tobytes()}
BAD: dict[str, Bad] = {**BAD_SAFETENSORS, **BAD_TORCH_FILES}


def touched(path: str) -> dict[str, Callable[[], bytes]]:
    """Files that would write the file `path` if anything of them were unpickled by Python."""
    harm = Runs(path)
    return {
        "a raw pickle that opens a file": lambda: pickled(harm),
        "a raw pickle of protocol 5 that opens a file": lambda: pickled(harm, 5),
        "a .pt file that opens a file": lambda: with_pickle(pickled(harm)),
        "a .pt file whose tensor opens a file": lambda: with_pickle(pickled({"weight_ih_l0": harm})),
        "a .pt file whose hooks open a file": lambda: with_pickle(
            pickled_table(hooks=pickled(harm)[2:-1]), NUMBERS
        ),
        "a .pt file whose name opens a file": lambda: with_pickle(
            b"\x80\x02}" + pickled(harm)[2:-1] + b"K\1s."
        ),
        "an old .pt file that opens a file": lambda: torch_file(harm, _use_new_zipfile_serialization=False),
        "a module that opens a file": lambda: torch_file({"w": torch.ones(1), "x": harm}),
        "a pickle that opens a file, called .safetensors": lambda: framed(pickled(harm)),
        "a safetensors file whose text is a pickle": lambda: safetensors(
            {"w": torch.ones(1)}, {"x": pickled(harm, 0).decode()}
        ),
    }
