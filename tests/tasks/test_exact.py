"""Chance and the optimum, exactly: every sequence of small tasks written out with its probability, in plain Python."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, combinations, product
from math import log, pi

import numpy as np
import pytest
import torch

from memviz import tasks
from tests.tasks.test_tasks import brackets_next, generator, strings

Read = tuple[float, str, dict[str, float]]
"""A step that a loss reads: how often it is expected, its symbol, and the probabilities of what is right after it."""


def least(reads: Iterable[Read]) -> float:
    """The mean cross-entropy of whoever knows all that came before."""
    listed = list(reads)
    total = sum(weight for weight, _, _ in listed)
    return sum(-w * p * log(p) for w, _, right in listed for p in right.values() if p) / total


def by_symbol(reads: Iterable[Read]) -> list[Read]:
    """What is left to know for whoever sees the current symbol alone."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for weight, symbol, right in reads:
        for each, p in right.items():
            found[symbol][each] += weight * p
    totals = {symbol: sum(row.values()) for symbol, row in found.items()}
    return [
        (totals[symbol], symbol, {each: p / totals[symbol] for each, p in row.items()})
        for symbol, row in found.items()
    ]


def best_share(reads: Iterable[Read]) -> float:
    """The share of right answers of the best table of answers by symbol."""
    return sum(weight * max(right.values()) for weight, _, right in by_symbol(reads))


def latch_reads(steps: int, distractors: str) -> Iterator[Read]:
    alphabet = "wxyz" if distractors == "others" else "AB"
    texts = list(product("AB", *[alphabet] * steps))
    return ((1 / len(texts), text[-1], {text[0]: 1.0}) for text in texts)


def parity_reads(steps: int) -> Iterator[Read]:
    for bits in product("01", repeat=steps):
        for t, bit in enumerate(bits):
            yield 2.0**-steps, bit, {"eo"[bits[: t + 1].count("1") % 2]: 1.0}


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("distractors", ["others", "classes"])
def test_chance_of_the_latch_is_that_of_all_its_sequences(steps: int, distractors: str) -> None:
    task, reads = tasks.latch(steps, distractors), list(latch_reads(steps, distractors))
    assert task.chance == pytest.approx(best_share(reads), abs=1e-12)
    assert task.chance_loss == pytest.approx(least(by_symbol(reads)), abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3, 8])
def test_chance_of_parity_is_that_of_all_its_sequences(steps: int) -> None:
    task, reads = tasks.parity(steps), list(parity_reads(steps))
    assert task.chance_loss == pytest.approx(least(by_symbol(reads)), abs=1e-12)
    last = [(2.0**-steps, bits[-1], {"eo"[bits.count("1") % 2]: 1.0}) for bits in product("01", repeat=steps)]
    assert task.chance == pytest.approx(best_share(last), abs=1e-12)


def counting_string(letters: int, n: int) -> list[tuple[str, set[str]]]:
    """Each symbol of a string and what may follow it, by the definition of the language."""
    alphabet = "abc"[:letters]
    text = "S" + "".join(letter * n for letter in alphabet)
    found = []
    for t, symbol in enumerate(text):
        may = {text[t + 1] if t + 1 < len(text) else "T"}
        found.append((symbol, may | {"a", "b"} if symbol == "a" else may))
    return found


@pytest.mark.parametrize("letters", [2, 3])
@pytest.mark.parametrize("most", [2, 3, 10])
def test_chance_of_counting_is_that_of_all_its_strings(letters: int, most: int) -> None:
    task = tasks.counting(letters, most)
    steps = [step for n in range(1, most + 1) for step in counting_string(letters, n)]
    loss = 0.0
    for each in task.outputs:  # the outputs are apart from each other
        reads = [(1.0, symbol, {"yes": each in may, "no": each not in may}) for symbol, may in steps]
        loss += least(by_symbol(reads))
    assert task.chance_loss == pytest.approx(loss, abs=1e-12)


@pytest.mark.parametrize("letters", [2, 3])
def test_no_table_of_answers_counts_further_than_chance_says(letters: int) -> None:
    task = tasks.counting(letters)
    sets = [
        set(s) for s in chain.from_iterable(combinations(task.outputs, k) for k in range(letters + 2)) if s
    ]
    accepted = []
    for answers in product(sets, repeat=len(task.features)):
        table, n = dict(zip(task.features, answers, strict=True)), 0
        while n < 5 and all(table[symbol] == may for symbol, may in counting_string(letters, n + 1)):
            n += 1
        accepted.append(n)
    assert task.chance == max(accepted)


REBER = {
    1: [("T", 2), ("P", 3)], 2: [("S", 2), ("X", 4)], 3: [("T", 3), ("V", 5)],
    4: [("X", 3), ("S", 6)], 5: [("P", 4), ("V", 6)], 6: [("E", 7)],
}  # fmt: skip


def reber_reads() -> Iterator[Read]:
    """Walks along the diagram, those together that stand at one node after one symbol; 400 steps leave hardly any."""
    yield 1.0, "B", {"T": 0.5, "P": 0.5}
    for second in "TP":
        yield 0.5, second, {"B": 1.0}
        standing = {("B", 1): 0.5}
        for _ in range(400):
            after: dict[tuple[str, int], float] = defaultdict(float)
            for (symbol, node), weight in standing.items():
                if node == 7:
                    yield weight, symbol, {second: 1.0}
                    yield weight, second, {"E": 1.0}
                    continue
                ways = REBER[node]
                yield weight, symbol, {each: 1 / len(ways) for each, _ in ways}
                for each, to in ways:
                    after[each, to] += weight / len(ways)
            standing = after
        assert sum(standing.values()) < 1e-12


def test_chance_and_optimum_of_reber_are_those_of_all_walks() -> None:
    task, reads = tasks.reber(), list(reber_reads())
    assert task.optimum_loss == pytest.approx(least(reads), abs=1e-9)
    assert task.chance_loss == pytest.approx(least(by_symbol(reads)), abs=1e-9)
    last_but_one = [(0.5, "E", {second: 1.0}) for second in "TP"]
    assert task.chance == best_share(last_but_one)
    lengths = task.batch(4000, generator()).lengths.double()
    expected = sum(weight for weight, _, _ in reads)
    assert float(lengths.mean()) == pytest.approx(expected, abs=5 * float(lengths.std()) / 4000**0.5)


def test_reber_takes_each_branch_of_each_node_half_of_the_time_in_both_embeddings() -> None:
    task, taken = tasks.reber(), defaultdict(int)
    for text in strings(task, task.batch(4000, generator(1))):
        taken[0, text[1], ""] += 1
        node = 1
        for symbol in text[3:]:
            if node == 7:
                break
            taken[node, symbol, text[1]] += 1
            node = dict(REBER[node])[symbol]
        assert node == 7
    assert abs(taken[0, "T", ""] - 2000) < 5 * 1000**0.5
    for second in "TP":
        for node, ways in REBER.items():
            counts = [taken[node, symbol, second] for symbol, _ in ways]
            assert sum(counts) > 300
            for count in counts:
                share = 1 / len(ways)
                assert abs(count - share * sum(counts)) <= 5 * (sum(counts) * share * (1 - share)) ** 0.5


def character_reads(steps: int, depth: int) -> Iterator[Read]:
    texts = [(1 / 3, letter) for letter in "abc"]
    for _ in range(steps):
        longer = []
        for weight, text in texts:
            odds = brackets_next(text, depth)
            yield weight, text[-1], odds
            longer += [(weight * p, text + symbol) for symbol, p in odds.items()]
        texts = longer


@pytest.mark.parametrize(("steps", "depth"), [(2, 1), (4, 2), (5, 1)])
def test_chance_and_optimum_of_characters_are_those_of_all_texts(steps: int, depth: int) -> None:
    task, reads = tasks.characters(steps, depth), list(character_reads(steps, depth))
    assert sum(weight for weight, _, _ in reads) == pytest.approx(steps)
    assert task.optimum_loss == pytest.approx(least(reads), abs=1e-12)
    assert task.chance_loss == pytest.approx(least(by_symbol(reads)), abs=1e-12)


def test_chance_of_adding_is_that_of_all_sums_on_a_fine_grid() -> None:
    points = (np.arange(1500) + 0.5) / 1500
    sums = np.sort(np.add.outer(points, points).ravel())
    task = tasks.adding()
    shares = [np.searchsorted(sums, guess + 0.08) - np.searchsorted(sums, guess - 0.08) for guess in
              np.linspace(0.5, 1.5, 101)]  # fmt: skip
    assert task.chance == pytest.approx(max(shares) / len(sums), abs=1e-3)
    assert task.chance_loss == pytest.approx(sums.var(), abs=1e-5)


@pytest.mark.parametrize(("period", "ahead"), [(20, 5), (12, 2), (50, 7)])
def test_chance_of_a_sine_is_the_mean_of_its_two_slopes(period: int, ahead: int) -> None:
    """A value comes at the phases a and pi - a, and no others: their mean is the best guess of all."""
    phases, turn = 2 * pi * (np.arange(5000) + 0.5) / 5000, 2 * pi * ahead / period
    right = np.sin(phases + turn)
    guess = (right + np.sin(pi - phases + turn)) / 2
    task = tasks.sine(period, ahead)
    assert task.chance_loss == pytest.approx(((right - guess) ** 2).mean(), abs=1e-12)
    assert task.chance == pytest.approx(1 - ((right - guess) ** 2).mean() / right.var(), abs=1e-12)


def test_the_steps_that_a_loss_reads_are_those_of_the_definition() -> None:
    latch, order, adding = (
        task.batch(3, generator()) for task in (tasks.latch(5), tasks.order(10), tasks.adding(6))
    )
    for batch, time in ((latch, 6), (order, 10), (adding, 6)):
        assert batch.mask.tolist() == [[t == time - 1 for t in range(time)]] * 3
    copied = tasks.copy(2, 3, 4).batch(2, generator())
    assert copied.mask.tolist() == [[False] * 6 + [True] * 2] * 2
    task = tasks.counting(2, 4)
    counted = task.batch(20, generator())
    for row, length in zip(counted.mask.tolist(), counted.lengths.tolist(), strict=True):
        assert row == [t < length for t in range(len(row))]
    reber = tasks.reber().batch(20, generator())
    texts = strings(tasks.reber(), reber)
    for text, row in zip(texts, reber.mask.tolist(), strict=True):
        assert row == [t < len(text) for t in range(len(row))]
    outputs = torch.zeros(20, reber.mask.shape[1], 7)
    for row, text in enumerate(texts):  # right where T or P comes for the second time, wrong everywhere else
        outputs[row, len(text) - 2, "BTSXPVE".index(text[1])] = 1.0
    assert tasks.reber().score(outputs, reber) == 1.0
