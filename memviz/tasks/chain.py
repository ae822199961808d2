"""Symbols drawn by a Markov chain whose states are not seen: what can be known of the next one, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

_GONE = 1e-16


@dataclass(frozen=True, eq=False)
class Chain:
    """A Markov chain that emits a symbol in each state; a state that leads nowhere ends the sequence.

    Attributes:
        symbols: the symbol of each state, by its place in the alphabet.
        step: the probability of the next state by the one before it, (from, to).
        start: the probability of the first state.
    """

    symbols: Int[np.ndarray, " state"]
    step: Float[np.ndarray, "state state"]
    start: Float[np.ndarray, " state"]

    @property
    def next_symbol(self) -> Float[np.ndarray, "state symbol"]:
        """The probability of each symbol after a state."""
        return self.step @ np.eye(int(self.symbols.max()) + 1)[self.symbols]

    def visits(self, steps: int | None = None) -> Float[np.ndarray, " state"]:
        """How often each state is expected to be left, in so many steps or until the end."""
        found, now = np.zeros_like(self.start), self.start
        leads_on = self.step.sum(axis=1) > 0
        while now.sum() > _GONE and (steps is None or steps > 0):
            found = found + now * leads_on
            now = now @ self.step
            steps = None if steps is None else steps - 1
        return found

    def least_loss(self, steps: int | None = None) -> float:
        """The mean cross-entropy of the next symbol for whoever knows the state, in nats."""
        visits, follows = self.visits(steps), self.next_symbol
        return _cross_entropy(visits[:, None] * follows, follows)

    def loss_of_last_symbol(self, steps: int | None = None) -> float:
        """The mean cross-entropy of the next symbol for whoever knows the last symbol alone, in nats."""
        joint = self.visits(steps)[:, None] * self.next_symbol
        return _cross_entropy(joint, self.after_symbol(steps)[self.symbols])

    def after_symbol(self, steps: int | None = None) -> Float[np.ndarray, "symbol symbol"]:
        """The probability of the next symbol by the last one alone."""
        joint = self.visits(steps)[:, None] * self.next_symbol
        by_symbol = np.eye(joint.shape[1])[self.symbols].T @ joint
        totals = by_symbol.sum(axis=1, keepdims=True)
        return np.divide(by_symbol, totals, out=np.zeros_like(by_symbol), where=totals > 0)

    def after(self, symbols: Int[np.ndarray, " time"]) -> Float[np.ndarray, "time symbol"]:
        """The probability of each symbol after each of a sequence; zeros once it is none of the chain."""
        found, may_be = [], self.start
        for symbol in symbols.tolist():
            now = may_be * (self.symbols == symbol)
            now = now / max(now.sum(), np.finfo(float).tiny)
            found.append(now @ self.next_symbol)
            may_be = now @ self.step
        return np.stack(found)

    def draw(
        self, size: int, generator: torch.Generator, steps: int | None = None
    ) -> Int[Tensor, "sequence time"]:
        """The states of some sequences, so many steps or to the end; -1 stands after an end."""
        step, start = torch.from_numpy(self.step), torch.from_numpy(self.start)
        leads_on = step.sum(dim=1) > 0
        safe = torch.where(
            leads_on[:, None], step, torch.eye(len(step), dtype=step.dtype)
        )  # an end stays itself
        now = torch.multinomial(start.expand(size, -1), 1, generator=generator)[:, 0]
        columns, is_on = [now], leads_on[now]
        while (steps is None and is_on.any()) or (steps is not None and len(columns) < steps):
            now = torch.multinomial(safe[now], 1, generator=generator)[:, 0]
            columns.append(torch.where(is_on, now, -1))
            is_on = is_on & leads_on[now]
        return torch.stack(columns, dim=1)


def chain_of(
    edges: Sequence[tuple[object, float, object]], symbol_of: dict[object, int], start: dict[object, float]
) -> Chain:
    """A chain out of its named states.

    Args:
        edges: a state, the probability of a step, and the state it leads to.
        symbol_of: the symbol of each state.
        start: the probability of each first state.
    """
    place = {state: index for index, state in enumerate(symbol_of)}
    step = np.zeros((len(place), len(place)))
    for before, probability, after in edges:
        step[place[before], place[after]] += probability
    first = np.zeros(len(place))
    for state, probability in start.items():
        first[place[state]] = probability
    return Chain(np.array(list(symbol_of.values())), step, first)


def _cross_entropy(
    joint: Float[np.ndarray, "state symbol"], guess: Float[np.ndarray, "state symbol"]
) -> float:
    logs = np.log(np.where(joint > 0, guess, 1.0))
    return float(-(joint * logs).sum() / joint.sum())
