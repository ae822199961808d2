"""Remember what was seen long ago: the latch, the order of two symbols, a list to be copied."""

from dataclasses import dataclass
from math import log

import torch
from jaxtyping import Float
from torch import Tensor

from memviz.encoding import Sequence
from memviz.tasks.base import Batch, Task, Taught, accuracy, check_size, full, last_step, one_hot


@dataclass(frozen=True)
class Latch(Task):
    """Say after the last step which of two symbols was the first.

    Attributes:
        steps: how many distractors follow it.
        distractors: "others", drawn from symbols that the class symbols are not among, or "classes", drawn from the
            class symbols themselves, which is far harder.
    """

    name = "latch"
    title = "Latch: remember the first symbol"
    source = (
        "Bengio, Simard & Frasconi, Learning long-term dependencies with gradient descent is difficult (1994); "
        "Hochreiter & Schmidhuber, Long short-term memory (1997), experiment 2"
    )
    loss = "cross-entropy"
    scored = "the share of sequences whose first symbol is named after the last step"
    ranges = (("steps", 1, 3000),)
    choices = (("distractors", ("others", "classes")),)

    steps: int = 100
    distractors: str = "others"

    @property
    def features(self) -> tuple[str, ...]:
        """Two class symbols and four others."""
        return ("A", "B", "w", "x", "y", "z")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The class symbols."""
        return ("A", "B")

    @property
    def solved(self) -> float:
        """Nearly all sequences."""
        return 0.99

    @property
    def chance(self) -> float:
        """The last distractor says nothing."""
        return 0.5

    @property
    def chance_loss(self) -> float:
        """One bit."""
        return log(2)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Sequences of `steps` + 1 symbols."""
        check_size(size)
        time = self.steps + 1
        first = torch.randint(2, (size,), generator=generator)
        low, high = (2, 6) if self.distractors == "others" else (0, 2)
        symbols = torch.randint(low, high, (size, time), generator=generator)
        symbols[:, 0] = first
        targets = first[:, None].expand(size, time)
        stored = first[:, None].expand(size, time).float()
        return Batch(
            one_hot(symbols, 6),
            targets,
            last_step(size, time),
            full(size, time),
            {"the first symbol": stored},
        )

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """The accuracy at the last step."""
        return accuracy(outputs, batch.targets, batch.mask)

    def taught(self, sequence: Sequence) -> Taught | None:
        """The first symbol, if it is of a class, after the last step."""
        first, time = int(sequence.inputs[0].argmax()), len(sequence)
        if first >= len(self.outputs):
            return None
        return Taught(torch.full((time,), first), last_step(1, time)[0])


@dataclass(frozen=True)
class TemporalOrder(Task):
    """Say after the last step in which order two symbols came, each an X or a Y, far apart among distractors.

    Attributes:
        steps: the length of a sequence; the first symbol comes between 1/10 and 2/10 of it, the second between 5/10
            and 6/10.
    """

    name = "order"
    title = "Temporal order: X or Y, then X or Y"
    source = "Hochreiter & Schmidhuber, Long short-term memory (1997), experiment 6a"
    loss = "cross-entropy"
    scored = "the share of sequences whose order is named after the last step"
    ranges = (("steps", 10, 3000),)

    steps: int = 105

    @property
    def features(self) -> tuple[str, ...]:
        """The start E, the end B, four distractors, and the two that matter."""
        return ("E", "B", "a", "b", "c", "d", "X", "Y")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The four orders."""
        return ("XX", "XY", "YX", "YY")

    @property
    def solved(self) -> float:
        """Nearly all sequences."""
        return 0.99

    @property
    def chance(self) -> float:
        """One of four."""
        return 0.25

    @property
    def chance_loss(self) -> float:
        """Two bits."""
        return log(4)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Sequences of `steps` symbols."""
        check_size(size)
        time, rows = self.steps, torch.arange(size)
        symbols = torch.randint(2, 6, (size, time), generator=generator)
        symbols[:, 0], symbols[:, -1] = 0, 1
        kinds = torch.randint(2, (size, 2), generator=generator)
        places = torch.stack(
            [
                torch.randint(low * time // 10, (low + 1) * time // 10 + 1, (size,), generator=generator)
                for low in (1, 5)
            ],
            dim=1,
        )
        for which in (0, 1):
            symbols[rows, places[:, which]] = 6 + kinds[:, which]
        targets = (2 * kinds[:, 0] + kinds[:, 1])[:, None].expand(size, time)
        seen = torch.arange(time) >= places[:, :, None]  # (sequence, which, time)
        known = torch.where(seen, 2.0 * kinds[:, :, None] - 1.0, 0.0)
        variables = {"the first of the two": known[:, 0], "the second": known[:, 1]}
        return Batch(one_hot(symbols, 8), targets, last_step(size, time), full(size, time), variables)

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """The accuracy at the last step."""
        return accuracy(outputs, batch.targets, batch.mask)

    def taught(self, sequence: Sequence) -> Taught | None:
        """The order, after the last step, if there are two symbols that matter."""
        columns, time = torch.from_numpy(sequence.inputs.argmax(axis=1)), len(sequence)
        kinds = columns[columns >= 6] - 6
        if len(kinds) != 2:
            return None
        return Taught((2 * kinds[0] + kinds[1]).expand(time).clone(), last_step(1, time)[0])


@dataclass(frozen=True)
class Copy(Task):
    """Say a list of symbols again, in order, after a delay.

    Attributes:
        items: the length of the list.
        symbols: how many different symbols there are.
        delay: from the end of the list to the first step of the answer.
    """

    name = "copy"
    title = "Copy memory: say a list again"
    source = (
        "Hochreiter & Schmidhuber, Long short-term memory (1997); as in Arjovsky, Shah & Bengio, Unitary evolution "
        "recurrent neural networks (arXiv 1511.06464), whose loss also reads the blanks before the answer"
    )
    loss = "cross-entropy"
    scored = "the share of symbols that are said again in their place"
    ranges = (("items", 1, 20), ("symbols", 2, 8), ("delay", 1, 2900))

    items: int = 5
    symbols: int = 4
    delay: int = 20

    @property
    def features(self) -> tuple[str, ...]:
        """The symbols, a blank, and the sign that asks for the answer."""
        return (*"abcdefgh"[: self.symbols], ".", "?")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The symbols."""
        return tuple("abcdefgh"[: self.symbols])

    @property
    def solved(self) -> float:
        """Nearly all symbols."""
        return 0.99

    @property
    def chance(self) -> float:
        """One of the symbols."""
        return 1 / self.symbols

    @property
    def chance_loss(self) -> float:
        """As many bits as a symbol has."""
        return log(self.symbols)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Sequences of the list, blanks, the sign that asks and as many blanks as the list is long."""
        check_size(size)
        items, time = self.items, 2 * self.items + self.delay
        listed = torch.randint(self.symbols, (size, items), generator=generator)
        symbols = torch.full((size, time), self.symbols)
        symbols[:, :items] = listed
        symbols[:, items + self.delay - 1] = self.symbols + 1
        targets = torch.zeros(size, time, dtype=torch.int64)
        targets[:, -items:] = listed
        mask = torch.zeros(size, time, dtype=torch.bool)
        mask[:, -items:] = True
        first = listed[:, :1].expand(size, time).float()
        return Batch(
            one_hot(symbols, self.symbols + 2), targets, mask, full(size, time), {"the first item": first}
        )

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """The accuracy over the answer."""
        return accuracy(outputs, batch.targets, batch.mask)

    def taught(self, sequence: Sequence) -> Taught | None:
        """The list, an item after each step from the one that follows the sign on, if it begins with one and asks."""
        columns, time = torch.from_numpy(sequence.inputs.argmax(axis=1)), len(sequence)
        listed, asks = columns[: self.items], (columns == self.symbols + 1).nonzero()[:, 0]
        if len(asks) != 1 or int(asks[0]) < self.items or (listed >= self.symbols).any():
            return None
        first = int(asks[0]) + 1
        targets, mask = torch.zeros(time, dtype=torch.int64), torch.zeros(time, dtype=torch.bool)
        answered = min(self.items, time - first)
        targets[first : first + answered], mask[first : first + answered] = listed[:answered], True
        return Taught(targets, mask) if answered else None
