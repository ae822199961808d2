"""Grammars: the embedded Reber grammar, and text with quotes and nested brackets."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from memviz.encoding import Sequence
from memviz.tasks.base import Batch, Task, Taught, check_size, full, one_hot
from memviz.tasks.chain import Chain, chain_of

REBER = {
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
    6: (("E", 7),),
}
"""Reber's grammar from its first B on: from each node the symbols that may follow, alike, and where they lead."""
_REBER_SYMBOLS = "BTSXPVE"


@dataclass(frozen=True)
class Reber(Task):
    """Predict each next symbol of the embedded Reber grammar, whose last but one symbol repeats the second."""

    name = "reber"
    title = "Embedded Reber grammar"
    source = (
        "Reber (1967); embedded in Smith & Zipser, Learning sequential structures with the real-time recurrent "
        "learning algorithm (1989); Hochreiter & Schmidhuber, Long short-term memory (1997), experiment 1"
    )
    loss = "cross-entropy"
    scored = "the share of strings whose last but one symbol, which repeats the second, is predicted"

    @property
    def features(self) -> tuple[str, ...]:
        """The seven symbols."""
        return tuple(_REBER_SYMBOLS)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The same."""
        return self.features

    @property
    def solved(self) -> float:
        """Nearly all strings."""
        return 0.99

    @property
    def chance(self) -> float:
        """T or P."""
        return 0.5

    @property
    def chance_loss(self) -> float:
        """The last symbol alone says much of the next."""
        return _reber().loss_of_last_symbol()

    @property
    def optimum_loss(self) -> float:
        """The grammar chooses at random."""
        return _reber().least_loss()

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Strings without their last E, which is only predicted."""
        check_size(size)
        chain = _reber()
        states = chain.draw(size, generator)
        symbols = torch.where(states < 0, -1, torch.from_numpy(chain.symbols)[states])
        lengths = (states >= 0).sum(dim=1) - 1
        inside = torch.arange(states.shape[1] - 1) < lengths[:, None]
        targets = torch.where(inside, symbols[:, 1:], 0)
        inputs = one_hot(torch.where(inside, symbols[:, :-1], -1), len(_REBER_SYMBOLS))
        truth = torch.where(
            inside[:, :, None], torch.from_numpy(chain.next_symbol)[states[:, :-1]].float(), 0.0
        )
        is_p = (symbols[:, 1] == _REBER_SYMBOLS.index("P")).float()
        known = torch.where(torch.arange(inside.shape[1]) >= 1, 2 * is_p[:, None] - 1, 0.0)
        return Batch(inputs, targets, inside, lengths, {"the second symbol": known}, truth)

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """The accuracy at the step after which T or P comes for the second time."""
        rows, at = torch.arange(len(batch)), batch.lengths - 2
        return float((outputs[rows, at].argmax(dim=-1) == batch.targets[rows, at]).double().mean())

    def taught(self, sequence: Sequence) -> Taught:
        """The next symbol of each, and all that the grammar lets follow it."""
        return _next_symbols(_reber(), sequence)


@dataclass(frozen=True)
class Characters(Task):
    """Predict each next character of text with letters, 'quoted' and "quoted" parts, and nested brackets.

    Attributes:
        steps: the length of a sequence.
        depth: how deep brackets nest.
    """

    name = "characters"
    title = "Characters with quotes and brackets"
    source = (
        "After the cells that Karpathy, Johnson & Fei-Fei found in text and code, Visualizing and understanding "
        "recurrent networks (arXiv 1506.02078)"
    )
    loss = "cross-entropy"
    scored = (
        "the share of what memory can tell of the next character: 0 for the last character alone, 1 for whoever knows "
        "the quote and the depth"
    )
    ranges = (("steps", 2, 3000), ("depth", 1, 20))

    steps: int = 60
    depth: int = 4

    @property
    def features(self) -> tuple[str, ...]:
        """Three letters, both quotes and the brackets."""
        return ("a", "b", "c", "'", '"', "(", ")")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The same."""
        return self.features

    @property
    def solved(self) -> float:
        """Nearly all that there is to know."""
        return 0.9

    @property
    def chance(self) -> float:
        """The last character alone."""
        return 0.0

    @property
    def chance_loss(self) -> float:
        """Without the quote and the depth."""
        return _characters(self.depth)[0].loss_of_last_symbol(self.steps)

    @property
    def optimum_loss(self) -> float:
        """With the quote and the depth."""
        return _characters(self.depth)[0].least_loss(self.steps)

    def batch(self, size: int, generator: torch.Generator) -> Batch:
        """Sequences of `steps` characters; each next one is the target."""
        check_size(size)
        chain, depths, quotes = _characters(self.depth)
        states = chain.draw(size, generator, self.steps + 1)
        symbols = torch.from_numpy(chain.symbols)[states]
        before = states[:, :-1]
        variables = {
            "depth of brackets": torch.from_numpy(depths)[before],
            "inside quotes": (torch.from_numpy(quotes)[before] != 0).float(),
            "which quote": torch.from_numpy(quotes)[before],
        }
        mask = torch.ones(size, self.steps, dtype=torch.bool)
        truth = torch.from_numpy(chain.next_symbol)[before].float()
        inputs = one_hot(symbols[:, :-1], len(self.features))
        return Batch(inputs, symbols[:, 1:], mask, full(size, self.steps), variables, truth)

    def score(self, outputs: Float[Tensor, "sequence time output"], batch: Batch) -> float:
        """By the true probabilities at each step, so that the draw of the next character adds no noise."""
        assert batch.truth is not None
        truth = batch.truth.double()
        guess = torch.from_numpy(_characters(self.depth)[0].after_symbol(self.steps))
        alone = guess[batch.inputs.argmax(dim=-1)]
        losses = [
            -(truth * logs).sum(dim=-1).mean()
            for logs in (
                outputs.double().log_softmax(dim=-1),
                torch.where(truth > 0, alone, 1.0).log(),
                torch.where(truth > 0, truth, 1.0).log(),
            )
        ]
        network, memoryless, best = map(float, losses)
        return (memoryless - network) / (memoryless - best)

    def taught(self, sequence: Sequence) -> Taught:
        """The next character of each, and all that may follow it."""
        return _next_symbols(_characters(self.depth)[0], sequence)


def _next_symbols(chain: Chain, sequence: Sequence) -> Taught:
    """Each symbol is the target of the step before it; which one follows the last is not known."""
    columns = sequence.inputs.argmax(axis=1)
    mask = torch.ones(len(sequence), dtype=torch.bool)
    mask[-1] = False
    targets = torch.from_numpy(np.append(columns[1:], columns[-1]))
    return Taught(targets, mask, torch.from_numpy(chain.after(columns) > 0))


@cache
def _reber() -> Chain:
    symbols: dict[object, int] = {("start",): 0}
    edges: list[tuple[object, float, object]] = []
    for kind in "TP":
        symbols[(kind, "chosen")] = _REBER_SYMBOLS.index(kind)
        symbols[(kind, "inner", "B", 1)] = 0
        for symbol, to in (way for ways in REBER.values() for way in ways):
            symbols[(kind, "inner", symbol, to)] = _REBER_SYMBOLS.index(symbol)
        symbols[(kind, "again")] = _REBER_SYMBOLS.index(kind)
        symbols[(kind, "end")] = _REBER_SYMBOLS.index("E")
        edges += [
            (("start",), 0.5, (kind, "chosen")),
            ((kind, "chosen"), 1.0, (kind, "inner", "B", 1)),
            ((kind, "inner", "E", 7), 1.0, (kind, "again")),
            ((kind, "again"), 1.0, (kind, "end")),
        ]
        inner = [state for state in symbols if isinstance(state, tuple) and state[:2] == (kind, "inner")]
        edges += [
            (state, 1 / len(REBER[state[3]]), (kind, "inner", symbol, to))
            for state in inner
            for symbol, to in REBER.get(state[3], ())
        ]
    return chain_of(edges, symbols, {("start",): 1.0})


_LETTERS, _QUOTES, _OPEN, _CLOSE = (0, 1, 2), (3, 4), 5, 6
_QUOTED, _BRACKETS, _ENDS = 0.15, 0.45, 0.25
"""Outside quotes the probability that one opens, and that of a bracket; inside quotes that it closes."""


@cache
def _characters(depth: int) -> tuple[Chain, Float[np.ndarray, " state"], Float[np.ndarray, " state"]]:
    """The chain, and of each state the depth and the quote: 0 for none, -1 for ', 1 for "."""
    symbols: dict[object, int] = {}
    edges: list[tuple[object, float, object]] = []
    levels, quotes = list[float](), list[float]()
    for level in range(depth + 1):
        for quote, sign in ((0, 0.0), (_QUOTES[0], -1.0), (_QUOTES[1], 1.0)):
            for symbol in range(7):
                state = (symbol, quote, level)
                symbols[state] = symbol
                levels.append(float(level))
                quotes.append(sign)
                edges += [(state, p, after) for p, after in _next_characters(quote, level, depth) if p > 0]
    chain = chain_of(edges, symbols, dict.fromkeys([(s, 0, 0) for s in _LETTERS], 1 / len(_LETTERS)))
    return chain, np.array(levels, dtype=np.float32), np.array(quotes, dtype=np.float32)


def _next_characters(quote: int, level: int, depth: int) -> list[tuple[float, tuple[int, int, int]]]:
    """What may follow: the deeper, the rather a bracket closes."""
    if quote:
        letters = [((1 - _ENDS) / len(_LETTERS), (s, quote, level)) for s in _LETTERS]
        return [*letters, (_ENDS, (quote, 0, level))]
    plain = (1 - _QUOTED - _BRACKETS) / len(_LETTERS)
    return [
        *((plain, (s, 0, level)) for s in _LETTERS),
        *((_QUOTED / 2, (s, s, level)) for s in _QUOTES),
        (_BRACKETS * (1 - level / depth), (_OPEN, 0, level + 1)),
        (_BRACKETS * level / depth, (_CLOSE, 0, level - 1)),
    ]
