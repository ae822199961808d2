"""Count: the parity of bits, and languages that no finite automaton accepts."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from memviz.encoding import Sequence
from memviz.tasks.base import Batch, Run, Task, Taught, check_size, entropy, full, one_hot

MOST_ACCEPTED = 1000
_TOGETHER = 2**16
"""Timesteps of all strings that are tested at once."""


@dataclass(frozen=True)
class Parity(Task):
    """Say after each bit whether the number of ones so far is odd.

    Attributes:
        steps: the length of a sequence.
    """

    name = "parity"
    title = "Parity: is the number of ones odd?"
    source = "Minsky & Papert, Perceptrons (1969); as a task for recurrent networks in Hochreiter & Schmidhuber (1997)"
    loss = "cross-entropy"
    scored = "the share of sequences whose parity is right after the last step"
    ranges = (("steps", 1, 3000),)
    kind = "bits"

    steps: int = 20

    @property
    def features(self) -> tuple[str, ...]:
        """The bits."""
        return ("0", "1")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The parities."""
        return ("even", "odd")

    @property
    def solved(self) -> float:
        """Nearly all sequences."""
        return 0.99

    @property
    def chance(self) -> float:
        """The last bit says nothing of those before it."""
        return 0.5 if self.steps > 1 else 1.0

    @property
    def chance_loss(self) -> float:
        """The parity is the bit at the first step, and says nothing of it at the others."""
        return entropy(0.5 + 0.5 / self.steps)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Sequences of `steps` bits."""
        check_size(size)
        bits = torch.randint(2, (size, self.steps), generator=generator)
        odd = bits.cumsum(dim=1) % 2
        mask = torch.ones(size, self.steps, dtype=torch.bool)
        return Batch(one_hot(bits, 2), odd, mask, full(size, self.steps), {"parity": odd.float()})

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """The accuracy at the last step."""
        return float((outputs[:, -1].argmax(dim=-1) == batch.targets[:, -1]).double().mean())

    def taught(self, sequence: Sequence) -> Taught:
        """The parity so far, at each step."""
        odd = torch.from_numpy(sequence.inputs[:, 1].cumsum() % 2).long()
        return Taught(odd, torch.ones(len(sequence), dtype=torch.bool))


@dataclass(frozen=True)
class Counting(Task):
    """Say after each symbol of a^n b^n, or of a^n b^n c^n, which symbols may follow.

    Attributes:
        letters: 2 for a^n b^n, 3 for a^n b^n c^n.
        most: strings of n = 1 to `most` are trained on.
    """

    name = "counting"
    title = "Counting: aⁿbⁿ, or aⁿbⁿcⁿ"
    source = (
        "Gers & Schmidhuber, LSTM recurrent networks learn simple context-free and context-sensitive "
        "languages (2001)"
    )
    loss = "binary cross-entropy"
    scored = (
        "the largest n up to which all strings are accepted: at each step just what may follow is above 1/2"
    )
    ranges = (("letters", 2, 3), ("most", 2, 100))

    letters: int = 2
    most: int = 10

    @property
    def features(self) -> tuple[str, ...]:
        """The start and the letters."""
        return ("S", *"abc"[: self.letters])

    @property
    def outputs(self) -> tuple[str, ...]:
        """The letters and the end T."""
        return (*"abc"[: self.letters], "T")

    @property
    def solved(self) -> float:
        """Strings twice as long as those that were trained on."""
        return 2.0 * self.most

    @property
    def chance(self) -> float:
        """At n = 1 the last symbol says all."""
        return 1.0

    @property
    def chance_loss(self) -> float:
        """After all letters but the first one it is open whether one more follows."""
        mean = (1 + self.most) / 2
        return (self.letters - 1) * mean * 2 * entropy(1 / mean) / (self.letters * mean + 1)

    @property
    def optimum(self) -> float:
        """Where the test ends; a network that really counts has no end."""
        return float(MOST_ACCEPTED)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Strings with n drawn from 1 to `most`, each n alike."""
        check_size(size)
        return self.strings(torch.randint(1, self.most + 1, (size,), generator=generator))

    def strings(self, counts: Int[Tensor, " sequence"]) -> Batch:
        """The strings of some n."""
        k = self.letters
        lengths = k * counts + 1
        steps = torch.arange(int(lengths.max()))
        n, inside = counts[:, None], steps < lengths[:, None]
        letter = (steps - 1).clamp(min=0) // n  # which letter it is at each step
        symbols = torch.where(steps == 0, 0, 1 + letter)
        symbols = torch.where(inside, symbols, -1)
        is_last = (steps % n == 0) & (steps > 0)  # of its letter
        follows = torch.zeros(len(counts), len(steps), k + 1)
        follows[:, 0, 0] = 1.0  # S: an a
        follows[:, :, :2] += (symbols == 1).float()[:, :, None]  # an a: one more, or the first b
        for place in range(1, k):
            here = symbols == 1 + place
            follows[:, :, place] += here & ~is_last
            follows[:, :, place + 1] += here & is_last  # the next letter, or the end
        variables = {"count of a less b": _difference(symbols, 1, 2)}
        if k == 3:
            variables["count of b less c"] = _difference(symbols, 2, 3)
        return Batch(one_hot(symbols, k + 1), follows, inside, lengths, variables)

    def taught(self, sequence: Sequence) -> Taught | None:
        """What may follow each symbol, if the sequence is the beginning of a string."""
        symbols = sequence.inputs.argmax(axis=1)
        n = max(1, int((symbols == 1).sum()))
        whole = self.strings(torch.tensor([n]))
        time = len(sequence)
        begun = whole.inputs[0, :time].argmax(dim=1).numpy()
        if time > whole.inputs.shape[1] or (symbols != begun).any():
            return None
        return Taught(whole.targets[0, :time], torch.ones(time, dtype=torch.bool))

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """The largest n of a batch up to which all strings of the batch are accepted."""
        counts = (batch.lengths - 1) // self.letters
        accepted = self._accepted(outputs, batch)
        failed = counts[~accepted]
        best = counts[accepted & (counts < failed.min())] if len(failed) else counts
        return float(best.max()) if len(best) else 0.0

    def evaluate(
        self, run: Run, generator: torch.Generator, size: int = 256, most: int | None = None
    ) -> float:
        """The largest n up to which every string is accepted; nothing is drawn."""
        highest, first = MOST_ACCEPTED if most is None else min(most, MOST_ACCEPTED), 1
        while first <= highest:
            together = max(1, min(first, _TOGETHER // (self.letters * 2 * first + 1)))
            counts = torch.arange(first, min(first + together, highest + 1))
            batch = self.strings(counts)
            refused = counts[~self._accepted(run(batch.inputs), batch)]
            if len(refused):
                return float(refused[0] - 1)
            first = int(counts[-1]) + 1
        return float(highest)

    @staticmethod
    def _accepted(outputs: Float[Tensor, "sequence time output"], batch: Batch) -> Bool[Tensor, " sequence"]:
        right = ((outputs > 0) == (batch.targets > 0.5)).all(dim=-1)
        return (right | ~batch.mask).all(dim=1)


def _difference(
    symbols: Int[Tensor, "sequence time"], more: int, less: int
) -> Float[Tensor, "sequence time"]:
    """How many more of one symbol than of another there have been."""
    return ((symbols == more).float() - (symbols == less).float()).cumsum(dim=1)
