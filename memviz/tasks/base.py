"""What every task shares: batches of sequences with targets, a loss, a score, and what no memory at all would score."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from memviz.encoding import EncodingError, Sequence, encode

LossKind = Literal["cross-entropy", "binary cross-entropy", "squared error"]
Run = Callable[[Float[Tensor, "sequence time features"]], Float[Tensor, "sequence time output"]]
"""A network with its read-out: what it gives for some inputs, before any softmax or sigmoid."""
MOST_SEQUENCES = 4096
MOST_TYPED = 3001
"""Timesteps of a typed text: what the longest tasks have."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Some sequences of a task, padded at their ends to one length.

    Attributes:
        inputs: float32.
        targets: the class of each step, or a number for each output of each step.
        mask: the steps that the loss reads.
        lengths: how many timesteps each sequence has; what follows is padding.
        variables: what a network has to know to do the task, such as the depth of brackets, by name.
        truth: the probability of each class at each step as the task draws it, where it draws at random.
    """

    inputs: Float[Tensor, "sequence time features"]
    targets: Int[Tensor, "sequence time"] | Float[Tensor, "sequence time output"]
    mask: Bool[Tensor, "sequence time"]
    lengths: Int[Tensor, " sequence"]
    variables: Mapping[str, Float[Tensor, "sequence time"]] = field(default_factory=dict)
    truth: Float[Tensor, "sequence time output"] | None = None

    def __len__(self) -> int:
        """The number of sequences."""
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class Taught:
    """What is right after each step of one sequence.

    Attributes:
        targets: the class of each step, or a number for each output of each step.
        mask: the steps that a loss reads.
        may_follow: where the task draws at random, every class that it may draw at each step; none where the sequence
            is none of the task any more.
    """

    targets: Int[Tensor, " time"] | Float[Tensor, "time output"]
    mask: Bool[Tensor, " time"]
    may_follow: Bool[Tensor, "time output"] | None = None


@dataclass(frozen=True)
class Task(ABC):
    """A task with known answers; its fields are its settings.

    Attributes:
        name: as written in code and files.
        title: as written for readers.
        source: the paper that it is from.
        loss: how a network is taught.
        scored: what the score is, in words.
        ranges: the lowest and highest value of each whole number among the settings.
        choices: the values of each other setting.
        kind: how a typed sequence is read; one of `memviz.encoding.KINDS`.

    Raises:
        ValueError: if a setting is out of its range; the message states the rule and what arrived.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    loss: ClassVar[LossKind]
    scored: ClassVar[str]
    ranges: ClassVar[tuple[tuple[str, int, int], ...]] = ()
    choices: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = ()
    kind: ClassVar[str] = "text"

    def __post_init__(self) -> None:
        self.check({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def check(cls, settings: Mapping[str, object]) -> None:
        """Refuse settings, all of them by name, that are out of their range.

        Raises:
            ValueError: with the rule and what arrived.
        """
        for name, low, high in cls.ranges:
            value = settings[name]
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(
                    f"In this task {name} is a whole number from {low:,} to {high:,}; got {value!r:.40}."
                )
        for name, known in cls.choices:
            if settings[name] not in known:
                raise ValueError(
                    f"In this task {name} is one of {', '.join(known)}; got {settings[name]!r:.40}."
                )

    @property
    @abstractmethod
    def features(self) -> tuple[str, ...]:
        """The symbols of its alphabet, or the names of its numbers."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """What each output of the read-out stands for."""

    @property
    @abstractmethod
    def solved(self) -> float:
        """The score from which on the task counts as done."""

    @property
    @abstractmethod
    def chance(self) -> float:
        """The score of the best guess by the current input alone."""

    @property
    @abstractmethod
    def chance_loss(self) -> float:
        """The mean loss of the best guess by the current input alone."""

    @property
    def optimum(self) -> float:
        """The highest score that there is."""
        return 1.0

    @property
    def optimum_loss(self) -> float:
        """The lowest mean loss that there is."""
        return 0.0

    @abstractmethod
    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Sequences drawn at random, 1 to MOST_SEQUENCES of them."""

    @abstractmethod
    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """How well some outputs do."""

    def loss_of(
        self,
        outputs: Float[Tensor, "step output"],
        targets: Int[Tensor, " step"] | Float[Tensor, "step output"],
    ) -> Float[Tensor, ""]:
        """The mean loss of outputs at the steps of a mask."""
        if self.loss == "cross-entropy":
            return cross_entropy(outputs, targets)
        if self.loss == "binary cross-entropy":
            return binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(outputs)
        return ((outputs - targets) ** 2).sum() / len(outputs)

    def predicted(self, outputs: Float[Tensor, "*batch output"]) -> Float[Tensor, "*batch output"]:
        """What outputs say: probabilities, or numbers as they are."""
        if self.loss == "cross-entropy":
            return outputs.softmax(dim=-1)
        return outputs.sigmoid() if self.loss == "binary cross-entropy" else outputs

    def evaluate(
        self, run: Run, generator: torch.Generator, size: int = 256, most: int | None = None
    ) -> float:
        """The score of a network over fresh sequences.

        Args:
            run: the network with its read-out.
            generator: what the sequences are drawn by.
            size: how many.
            most: for a task whose score has no upper end, how far it is looked at.
        """
        batch = self.batch(size, generator)
        return self.score(run(batch.inputs), batch)

    def sequence(self, batch: Batch, row: int) -> Sequence:
        """One sequence of a batch, for a trace."""
        inputs = batch.inputs[row, : int(batch.lengths[row])].numpy().astype(np.float64)
        if self.kind == "signal":
            tokens = tuple(map(str, range(len(inputs))))
            return Sequence(tokens, None, inputs, self.features, self.kind)
        symbols = tuple(self.features[column] for column in inputs.argmax(axis=1))
        return Sequence(symbols, symbols, inputs, self.features, self.kind)

    def alphabet(self) -> Sequence:
        """A sequence with every feature of the task, which an experiment builds the task's network from."""
        if self.kind == "signal":
            return Sequence(("0",), None, np.zeros((1, len(self.features))), self.features, self.kind)
        return Sequence(self.features, self.features, np.eye(len(self.features)), self.features, self.kind)

    def encode(self, text: str) -> Sequence:
        """A typed text in the task's alphabet; where its inputs are numbers, a table of them with a line for each step.

        Raises:
            EncodingError: if a symbol is not of the alphabet, there is none or more than MOST_TYPED, or the numbers are
                not one for each feature.
        """
        if self.kind != "signal":
            return encode(text, self.kind, alphabet=self.features, most=MOST_TYPED)
        typed = encode(text, "numbers")
        if len(typed.features) != len(self.features):
            raise EncodingError(
                f"Each line of this task's inputs is the numbers {', '.join(self.features)}; "
                f"got {len(typed.features)} of them."
            )
        return Sequence(typed.tokens, None, typed.inputs, self.features, "numbers")

    def spelt(self, sequence: Sequence) -> str:
        """The text that `encode` reads as a sequence."""
        if sequence.symbols is not None:
            return "".join(sequence.symbols)
        return "\n".join(", ".join(f"{value:.6g}" for value in row) for row in sequence.inputs.tolist())

    def taught(self, sequence: Sequence) -> "Taught | None":
        """What is right after each step of a sequence, where that follows from it; None where it does not.

        None as well for a sequence that is none of the task, such as one without the symbol that is to be remembered.
        """
        return None

    @property
    def typed_kind(self) -> str:
        """How a typed text is read; one of `memviz.encoding.KINDS`."""
        return "numbers" if self.kind == "signal" else self.kind

    def to_data(self) -> dict[str, Any]:
        """The name and the settings, for JSON."""
        return {"name": self.name} | {each.name: getattr(self, each.name) for each in fields(self)}


def check_size(size: int) -> None:
    """Refuse a batch that is too large.

    Raises:
        ValueError: if it has no sequence or more than MOST_SEQUENCES.
    """
    if not 1 <= size <= MOST_SEQUENCES:
        raise ValueError(f"A batch has 1 to {MOST_SEQUENCES:,} sequences; got {size}.")


def one_hot(symbols: Int[Tensor, "sequence time"], count: int) -> Float[Tensor, "sequence time features"]:
    """Symbols as rows of the identity; a negative one is padding, a row of zeros."""
    rows = torch.eye(count + 1, count)
    return rows[torch.where(symbols < 0, count, symbols)]


def last_step(size: int, time: int) -> Bool[Tensor, "sequence time"]:
    """The mask of a loss that reads the last step alone."""
    mask = torch.zeros(size, time, dtype=torch.bool)
    mask[:, -1] = True
    return mask


def full(size: int, time: int) -> Int[Tensor, " sequence"]:
    """The lengths of sequences without padding."""
    return torch.full((size,), time)


def accuracy(
    outputs: Float[Tensor, "sequence time output"],
    targets: Int[Tensor, "sequence time"],
    mask: Bool[Tensor, "sequence time"],
) -> float:
    """The share of steps at which the largest output is that of the target."""
    return float((outputs[mask].argmax(dim=-1) == targets[mask]).double().mean())


def entropy(probability: float) -> float:
    """That of a coin, in nats."""
    p = np.array([probability, 1 - probability])
    return float(-(p[p > 0] * np.log(p[p > 0])).sum())
