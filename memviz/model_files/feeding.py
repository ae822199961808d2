"""What is typed for a model of a file -> the inputs of one of its layers and directions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memviz.encoding import EncodingError, Sequence
from memviz.encoding.characters import check_text, shown
from memviz.encoding.numbers import MAX_BYTES, MAX_TIMESTEPS, encode_numbers, numeric_sequence
from memviz.model_files.layers import MOST_INPUTS, NONLINEARITIES, RecurrentLayers
from memviz.network import Network
from memviz.trace import check_finite

TYPED = "numbers"
_MOST_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Feed:
    """How a typed sequence reaches a layer: through an embedding where there is one, and the layers below.

    Attributes:
        module: the layers of the file.
        layer, direction: which of them reads; the reverse direction (1) reads from the last token to the first.
        nonlinearity: of an "rnn".
        embedding: the vectors of token ids; None reads numbers, a line for each step.

    Raises:
        ModelFileError: if the module has no such layer.
        ValueError: if the embedding has another width than the module's input.
    """

    module: RecurrentLayers
    layer: int = 0
    direction: int = 0
    nonlinearity: str = NONLINEARITIES[0]
    embedding: Tensor | None = None

    def __post_init__(self) -> None:
        self.network()
        if self.embedding is not None and self.embedding.shape[1] != self.module.input_size:
            raise ValueError(
                f"The embedding of this model is {self.module.input_size} wide; got {self.embedding.shape[1]}."
            )

    def network(self) -> Network:
        """The layer and direction that reads."""
        return self.module.network(self.layer, self.direction, self.nonlinearity)

    @property
    def typed_kind(self) -> str:
        """How a typed text is read; one of `memviz.encoding.KINDS`."""
        return TYPED

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the layer's inputs, where what is typed brings none."""
        if self.layer == 0:
            letter = "x" if self.embedding is None else "e"
            return tuple(f"{letter}{column + 1}" for column in range(self.module.input_size))
        arrows = ("",) if self.module.directions == 1 else ("→", "←")
        return tuple(
            f"h{unit}{arrow} of layer {self.layer - 1}"
            for arrow in arrows
            for unit in range(self.module.projection or self.module.hidden_size)
        )

    def encode(self, text: str) -> Sequence:
        """A typed text as the inputs of the layer: in the order in which its direction reads.

        Raises:
            EncodingError: if it is no numbers, or token ids, of the model's.
            ValueError: if a layer below overflows.
        """
        sequence = self._numbers(text) if self.embedding is None else self._tokens(text, self.embedding)
        tokens, inputs = sequence.tokens, sequence.inputs
        for layer in range(self.layer):
            inputs = self._outputs(inputs, layer)
        names = sequence.features if self.layer == 0 else self.features
        if self.direction:
            tokens, inputs = tokens[::-1], inputs[::-1]
        return Sequence(tokens, None, inputs, names, TYPED)

    def alphabet(self) -> Sequence:
        """A sequence with every input of the layer, which an experiment builds a network of its size from."""
        return Sequence(("0",), None, np.zeros((1, len(self.features))), self.features, TYPED)

    def _outputs(self, inputs: np.ndarray, layer: int) -> np.ndarray:
        """What a layer gives to the next: its hidden states, or their projection, of both directions side by side."""
        hidden = []
        for direction in range(self.module.directions):
            network = self.module.network(layer, direction, self.nonlinearity)
            read = inputs[::-1].copy() if direction else inputs
            with (
                torch.no_grad()
            ):  # by torch's kernel: 3,000 steps of six layers and directions would take seconds
                states = network.to_torch()(torch.tensor(np.ascontiguousarray(read)))[0]
            check_finite(states)
            given = self.module.shown(states.numpy(), layer, direction)
            hidden.append(given[::-1] if direction else given)
        return np.concatenate(hidden, axis=1)

    def _numbers(self, text: str) -> Sequence:
        check_text(text, max_bytes=MAX_BYTES)
        size = self.module.input_size
        found = encode_numbers(text, most_columns=MOST_INPUTS)
        if size > 1 and len(text.strip().splitlines()) == 1:  # a series to others, and one step here
            names = tuple(f"x{column + 1}" for column in range(len(found)))
            found = numeric_sequence(found.inputs.T, names, TYPED, standardise=False)
        if len(found.features) != size:
            raise EncodingError(
                f"This model reads {size} number{'s' * (size > 1)} at each step: a line for each step, with {size} in "
                f"it; got {len(found.features)}."
            )
        return found

    def _tokens(self, text: str, embedding: Tensor) -> Sequence:
        check_text(text, max_bytes=MAX_BYTES)
        ids = text.replace(",", " ").split()
        if not 1 <= len(ids) <= MAX_TIMESTEPS:
            raise EncodingError(f"Enter 1 to {MAX_TIMESTEPS:,} token ids; got {len(ids):,}.")
        count = len(embedding)
        for each in ids:
            is_whole = each.isascii() and each.isdigit() and len(each) <= _MOST_DIGITS
            if not is_whole or int(each) >= count:
                raise EncodingError(
                    f"A token id is a whole number from 0 to {count - 1:,}; got {shown(each)}."
                )
        rows = embedding.double().numpy()[[int(each) for each in ids]]
        names = tuple(f"e{column + 1}" for column in range(rows.shape[1]))
        return Sequence(tuple(str(int(each)) for each in ids), None, rows, names, TYPED)
