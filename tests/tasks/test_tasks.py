"""Every task against its definition: plain Python that solves it, tables that guess without memory, and its strings."""

import re
from dataclasses import replace
from itertools import pairwise
from math import log

import numpy as np
import pytest
import torch

from memviz import tasks
from memviz.encoding import EncodingError
from memviz.tasks import TASKS, Batch, Task

SMALL: list[Task] = [
    tasks.latch(12),
    tasks.latch(7, "classes"),
    tasks.order(40),
    tasks.copy(3, 5, 6),
    tasks.parity(9),
    tasks.parity(1),
    tasks.counting(2, 6),
    tasks.counting(3, 4),
    tasks.reber(),
    tasks.characters(30, 3),
    tasks.characters(25, 1),
    tasks.adding(11),
    tasks.sine(20, 5, 30),
    tasks.sine(12, 2, 15),
]
every_task = pytest.mark.parametrize("task", SMALL, ids=str)
CONFIDENT = 60.0


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def strings(task: Task, batch: Batch) -> list[str]:
    """What each sequence spells."""
    found = []
    for row, length in zip(batch.inputs, batch.lengths.tolist(), strict=True):
        assert (row[:length].sum(dim=1) == 1).all()
        assert not row[length:].any()
        found.append("".join(task.features[column] for column in row[:length].argmax(dim=1).tolist()))
    return found


# --- what a reader of the definition would answer ---------------------------------------------------------


def reber_next(string: str) -> set[str]:
    """What may follow in the embedded grammar: Reber's diagram as a table of its own."""
    graph = {
        0: {"B": 1}, 1: {"T": 2, "P": 3}, 2: {"S": 2, "X": 4}, 3: {"T": 3, "V": 5},
        4: {"X": 3, "S": 6}, 5: {"P": 4, "V": 6}, 6: {"E": 7}, 7: {},
    }  # fmt: skip
    if len(string) < 2:
        return {"TP"[k] for k in (0, 1)} if string else {"B"}
    node = 0
    for place, symbol in enumerate(string[2:], start=2):
        if node == 7:
            return {"E"} if place == len(string) - 1 and symbol == string[1] else set()
        if symbol not in graph[node]:
            return set()
        node = graph[node][symbol]
    return {string[1]} if node == 7 else set(graph[node])


def brackets_next(text: str, depth: int) -> dict[str, float]:
    """The probabilities of the next character, by reading the text from its start."""
    level, quote = 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
            assert character not in "()"
        elif character in "'\"":
            quote = character
        elif character == "(":
            level += 1
        elif character == ")":
            level -= 1
        assert 0 <= level <= depth
    if quote:
        return {**dict.fromkeys("abc", 0.25), quote: 0.25}
    odds = {**dict.fromkeys("abc", 0.4 / 3), "'": 0.075, '"': 0.075}
    odds["("], odds[")"] = 0.45 * (depth - level) / depth, 0.45 * level / depth
    return {character: odd for character, odd in odds.items() if odd > 0}


def answer(task: Task, inputs: torch.Tensor, spelt: str, t: int) -> np.ndarray:
    """The outputs of whoever remembers everything: logits, or numbers."""
    so_far = spelt[: t + 1]
    outputs = np.zeros(len(task.outputs))

    def sure(symbol: str) -> np.ndarray:
        outputs[:] = -CONFIDENT
        outputs[task.outputs.index(symbol)] = CONFIDENT
        return outputs

    match task:
        case tasks.Latch():
            return sure(so_far[0])
        case tasks.TemporalOrder():
            found = re.sub("[^XY]", "", so_far)
            return sure(found) if len(found) == 2 else outputs
        case tasks.Copy():
            asked = so_far.find("?")
            return sure(spelt[t - asked - 1]) if -1 < asked < t else outputs
        case tasks.Parity():
            return sure("odd" if so_far.count("1") % 2 else "even")
        case tasks.Counting():
            letters, n = "abc"[: task.letters], so_far.count("a")
            last = so_far[-1]
            if last == "S":
                legal = {"a"}
            elif last == "a":
                legal = {"a", "b"}
            elif so_far.count(last) < n:
                legal = {last}
            else:
                legal = {(letters + "T")[letters.index(last) + 1]}
            return np.array([CONFIDENT if each in legal else -CONFIDENT for each in task.outputs])
        case tasks.Reber():
            legal = reber_next(so_far)
            return np.array([0.0 if each in legal else -CONFIDENT for each in task.outputs])
        case tasks.Characters():
            odds = brackets_next(so_far, task.depth)
            return np.array([log(odds[each]) if each in odds else -CONFIDENT for each in task.outputs])
        case tasks.Adding():
            numbers = inputs[: t + 1].double().numpy()
            return np.array([(numbers[:, 0] * numbers[:, 1]).sum()])
        case tasks.Sine():
            if t == 0:
                return outputs
            turn = 2 * np.pi / task.period
            before, now = inputs[t - 1 : t + 1, 0].double().tolist()
            for _ in range(task.ahead):
                before, now = now, 2 * np.cos(turn) * now - before
            return np.array([now])
    raise AssertionError(task)


def answers(task: Task, batch: Batch) -> torch.Tensor:
    outputs = torch.zeros(*batch.mask.shape, len(task.outputs), dtype=torch.float64)
    spelt = strings(task, batch) if task.kind != "signal" else [""] * len(batch)
    for row in range(len(batch)):
        for t in range(int(batch.lengths[row])):
            outputs[row, t] = torch.from_numpy(answer(task, batch.inputs[row], spelt[row], t))
    return outputs


def losses(task: Task, outputs: torch.Tensor, batch: Batch) -> float:
    targets = batch.targets[batch.mask]
    return float(task.loss_of(outputs[batch.mask], targets if targets.ndim == 1 else targets.double()))


@every_task
def test_whoever_remembers_everything_reaches_the_optimum(task: Task) -> None:
    batch = task.batch(400, generator())
    outputs = answers(task, batch)
    score = task.score(outputs, batch)
    most = task.most if isinstance(task, tasks.Counting) else task.optimum
    assert score == pytest.approx(most, abs=1e-5)
    entropy_noise = 0.02 if task.optimum_loss else 1e-6
    assert losses(task, outputs, batch) == pytest.approx(task.optimum_loss, abs=entropy_noise)
    assert task.optimum >= task.solved > task.chance or isinstance(task, tasks.Parity)
    assert task.chance_loss >= task.optimum_loss


@every_task
def test_the_best_guess_by_the_current_input_alone_is_what_chance_says(task: Task) -> None:
    batch = task.batch(4000, generator(1))
    inputs, targets = batch.inputs[batch.mask].double(), batch.targets[batch.mask]
    if task.loss == "cross-entropy":
        targets = torch.eye(len(task.outputs), dtype=torch.float64)[targets]
    targets = targets.double()
    if isinstance(task, tasks.Adding):
        guess = targets.mean(dim=0).expand_as(targets)
    elif isinstance(task, tasks.Sine):
        guess = inputs @ torch.linalg.lstsq(inputs, targets).solution
    else:  # the mean of the targets by symbol
        totals = inputs.T @ targets
        guess = inputs @ (totals / inputs.sum(dim=0).clamp(min=1)[:, None])
    if task.loss == "squared error":
        logits = guess
    elif task.loss == "cross-entropy":
        logits = guess.clamp(min=1e-30).log()
    else:
        logits = (guess.clamp(1e-12, 1 - 1e-12) / (1 - guess.clamp(1e-12, 1 - 1e-12))).log()
    assert float(
        task.loss_of(logits, batch.targets[batch.mask] if task.loss != "squared error" else targets)
    ) == (pytest.approx(task.chance_loss, rel=0.04, abs=1e-5))
    outputs = torch.zeros(*batch.mask.shape, len(task.outputs), dtype=torch.float64)
    if isinstance(task, tasks.Counting):  # the score is better served by one that never takes a letter twice
        best = torch.eye(task.letters + 1, dtype=torch.float64)
        table = torch.stack([best[0], best[0] + best[1], *best[2:]])
        logits = inputs @ table - 0.5
    outputs[batch.mask] = logits
    assert task.score(outputs, batch) == pytest.approx(task.chance, abs=0.03)


@every_task
def test_a_batch_follows_from_its_generator_alone(task: Task) -> None:
    before = torch.random.get_rng_state()
    one, same, other = (task.batch(40, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(one.inputs, same.inputs)
    assert torch.equal(one.targets, same.targets)
    assert one.inputs.shape != other.inputs.shape or not torch.equal(one.inputs, other.inputs)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert one.inputs.dtype == torch.float32
    for values in one.variables.values():
        assert values.shape == one.mask.shape
        assert torch.isfinite(values).all()
    assert not (one.mask & (torch.arange(one.mask.shape[1]) >= one.lengths[:, None])).any()
    assert one.mask.any(dim=1).all()


@every_task
def test_a_task_is_written_and_read_back(task: Task) -> None:
    assert tasks.from_data(task.to_data()) == task
    assert task.to_data()["name"] in TASKS
    assert task.source
    assert task.scored


@every_task
def test_a_sequence_of_a_batch_is_one_that_a_network_of_the_task_reads(task: Task) -> None:
    batch = task.batch(5, generator(5))
    for row in range(5):
        sequence = task.sequence(batch, row)
        assert len(sequence) == int(batch.lengths[row])
        assert sequence.features == task.alphabet().features == task.features
        np.testing.assert_array_equal(sequence.inputs, batch.inputs[row, : len(sequence)].numpy())
        if task.kind == "signal":
            assert task.typed_kind == "numbers"
            again = task.encode(task.spelt(sequence))
            assert again.features == task.features
            np.testing.assert_allclose(again.inputs, sequence.inputs, atol=1e-5)
            with pytest.raises(EncodingError, match="Each line of this task's inputs is the numbers"):
                task.encode("1, 2, 3\n4, 5, 6")
        else:
            spelt = strings(task, batch)[row]
            assert task.spelt(sequence) == spelt
            np.testing.assert_array_equal(task.encode(spelt).inputs, sequence.inputs)
            with pytest.raises(EncodingError):
                task.encode("§")


@every_task
def test_what_is_right_follows_from_a_sequence_as_it_does_from_its_batch(task: Task) -> None:
    batch = task.batch(6, generator(8))
    for row in range(6):
        length = int(batch.lengths[row])
        taught = task.taught(task.sequence(batch, row))
        assert taught is not None
        known = batch.mask[row, :length].clone()
        if isinstance(task, tasks.Reber | tasks.Characters):
            known[-1] = False  # the symbol that would follow is not among them
        assert torch.equal(taught.mask, known)
        right = batch.targets[row, :length][known].double()
        torch.testing.assert_close(taught.targets[known].double(), right, atol=5e-6, rtol=0)


def test_nothing_is_right_after_what_is_no_sequence_of_the_task() -> None:
    assert tasks.latch(12).taught(tasks.latch(12).encode("wA")) is None
    order, copy, sine = tasks.order(20), tasks.copy(2, 3, 4), tasks.sine(20, 5)
    for task, texts in (
        (order, ("EaXbcB", "EXYXB", "EaB")),
        (copy, ("ab..", "a.?.", "ab..?", "ab?.?", "?ab.")),
    ):
        assert all(task.taught(task.encode(text)) is None for text in texts)
    assert sine.taught(sine.encode("0.5\n0.7\n0.1")) is None
    assert sine.taught(sine.alphabet()) is None
    begun = copy.taught(copy.encode("ba.?."))
    assert (begun.targets.tolist(), begun.mask.tolist()) == ([0, 0, 0, 0, 1], [False] * 4 + [True])
    counting = tasks.counting()
    for wrong in ("Sab" + "b", "aab", "Sba", "Saba"):
        assert counting.taught(counting.encode(wrong)) is None
    begun = counting.taught(counting.encode("Saab"))
    assert begun is not None
    assert begun.targets.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0], [0, 1, 0]]


def test_what_may_follow_is_all_that_a_reader_of_the_definition_would_let_follow() -> None:
    reber, characters = tasks.reber(), tasks.characters(60, 3)
    for text in strings(reber, reber.batch(100, generator(2))):
        taught = reber.taught(reber.encode(text + "E"))
        for t, row in enumerate(taught.may_follow.tolist()):
            legal = reber_next((text + "E")[: t + 1]) if t < len(text) else set()
            assert {each for each, may in zip(reber.outputs, row, strict=True) if may} == legal
    for text in strings(characters, characters.batch(30, generator(2))):
        taught = characters.taught(characters.encode(text))
        for t, row in enumerate(taught.may_follow.tolist()):
            legal = set(brackets_next(text[: t + 1], 3))
            assert {each for each, may in zip(characters.outputs, row, strict=True) if may} == legal


def test_nothing_may_follow_what_the_task_never_draws() -> None:
    for task, text, broken in ((tasks.reber(), "BTBTP", 4), (tasks.characters(), "a\"b'c", 3)):
        taught = task.taught(task.encode(text))
        assert taught.may_follow.any(dim=1).tolist() == [t < broken for t in range(len(text))]


def test_a_foreign_symbol_is_told_the_alphabet_and_a_typed_text_is_as_long_as_a_task() -> None:
    with pytest.raises(EncodingError, match='one of the alphabet: A B w x y z; got "q" as symbol 2'):
        tasks.latch(12).encode("Aq")
    assert len(tasks.latch(3000).encode("A" + "w" * 3000)) == 3001
    with pytest.raises(EncodingError, match="Enter 1 to 3,001 symbols; got 3,002"):
        tasks.latch(3000).encode("A" + "w" * 3001)


# --- single tasks ----------------------------------------------------------------------------------------


def test_every_kind_of_task_is_tested_here() -> None:
    assert {type(task) for task in SMALL} == set(TASKS.values())


def test_the_latch_has_its_distractors_from_other_symbols_or_from_the_classes() -> None:
    for distractors, alphabet in (("others", "wxyz"), ("classes", "AB")):
        task = tasks.latch(50, distractors)
        spelt = strings(task, task.batch(200, generator()))
        assert all(len(text) == 51 and text[0] in "AB" and set(text[1:]) <= set(alphabet) for text in spelt)
        assert {text[0] for text in spelt} == {"A", "B"}
        assert set("".join(text[1:] for text in spelt)) == set(alphabet)


def test_the_two_symbols_of_the_temporal_order_are_where_the_paper_has_them() -> None:
    task = tasks.order(100)
    places = []
    for text in strings(task, task.batch(500, generator())):
        assert re.fullmatch("E[abcdXY]{98}B", text)
        found = [t for t, symbol in enumerate(text) if symbol in "XY"]
        assert len(found) == 2
        places.append(found)
    first, second = np.transpose(places)
    assert (first.min(), first.max()) == (10, 20)
    assert (second.min(), second.max()) == (50, 60)
    shortest = strings(tasks.order(10), tasks.order(10).batch(300, generator()))
    assert all(len(re.sub("[^XY]", "", text)) == 2 and text[-1] == "B" for text in shortest)


def test_a_list_to_be_copied_is_asked_for_after_its_delay() -> None:
    task = tasks.copy(3, 5, 6)
    for text in strings(task, task.batch(100, generator())):
        assert re.fullmatch(r"[a-e]{3}\.{5}\?\.{3}", text)


@pytest.mark.parametrize("letters", [2, 3])
def test_strings_of_the_counting_task_are_those_of_its_language(letters: int) -> None:
    task = tasks.counting(letters, 7)
    spelt = strings(task, task.batch(300, generator()))
    expected = {"S" + "".join(letter * n for letter in "abc"[:letters]) for n in range(1, 8)}
    assert set(spelt) == expected
    by_n = task.strings(torch.tensor([3]))
    assert strings(task, by_n) == ["S" + "".join(letter * 3 for letter in "abc"[:letters])]
    follows = [
        "".join(o for o, on in zip(task.outputs, row, strict=True) if on) for row in by_n.targets[0].tolist()
    ]
    assert follows == (
        ["a", "ab", "ab", "ab", "b", "b", "T"]
        if letters == 2
        else ["a", "ab", "ab", "ab", "b", "b", "c", "c", "c", "T"]
    )
    assert by_n.variables["count of a less b"][0].tolist()[:7] == [0, 1, 2, 3, 2, 1, 0]


@pytest.mark.parametrize("letters", [2, 3])
@pytest.mark.parametrize("breaks", [1, 2, 7, 33])
def test_the_score_of_counting_is_the_largest_n_before_the_first_that_is_refused(
    letters: int, breaks: int
) -> None:
    task = tasks.counting(letters)

    def run(inputs: torch.Tensor) -> torch.Tensor:
        """Counts right, but does not see the end of the string of n = `breaks`."""
        counts = inputs[:, :, 1].sum(dim=1).long()
        outputs = torch.where(task.strings(counts).targets > 0.5, 1.0, -1.0)
        for row in torch.nonzero(counts == breaks)[:, 0].tolist():
            outputs[row, letters * breaks] *= -1.0
        return outputs

    assert task.evaluate(run, generator(), most=50) == breaks - 1
    assert task.evaluate(lambda x: torch.where(task.strings(x[:, :, 1].sum(1).long()).targets > 0.5, 1.0, -1.0),
                         generator(), most=70) == 70  # fmt: skip
    batch = task.strings(torch.tensor([1, 2, 3, 40]))
    outputs = torch.where(batch.targets > 0.5, 1.0, -1.0)
    outputs[2, 3] = -1.0
    assert task.score(outputs, batch) == 2


def test_reber_strings_are_accepted_by_the_automaton_and_broken_ones_are_not() -> None:
    task = tasks.reber()
    batch = task.batch(500, generator())
    for text, row in zip(strings(task, batch), range(500), strict=True):
        whole = text + "E"
        assert all(whole[t] in reber_next(whole[:t]) for t in range(len(whole)))
        assert whole[1] == whole[-2]
        for t in range(1, len(whole) - 1):
            if whole[t] in "TP":
                broken = whole[:t] + whole[t].translate(str.maketrans("TP", "PT")) + whole[t + 1 :]
                assert not all(broken[k] in reber_next(broken[:k]) for k in range(len(broken)))
        length = int(batch.lengths[row])
        spelt = "".join(task.features[k] for k in batch.targets[row, :length].tolist())
        assert spelt == whole[1:]
    assert len({len(text) for text in strings(task, batch)}) > 5


def test_characters_keep_to_quotes_and_brackets_and_know_their_state() -> None:
    task = tasks.characters(80, 3)
    batch = task.batch(100, generator())
    for row, text in enumerate(strings(task, batch)):
        following = "".join(task.features[k] for k in batch.targets[row].tolist())
        assert text[1:] == following[:-1]
        for t in range(80):
            odds = brackets_next(text[: t + 1], 3)
            expected = [odds.get(symbol, 0.0) for symbol in task.features]
            np.testing.assert_allclose(batch.truth[row, t].numpy(), expected, atol=1e-6)
            plain = re.sub(r"'[^']*'?|\"[^\"]*\"?", "", text[: t + 1])
            assert batch.variables["depth of brackets"][row, t] == plain.count("(") - plain.count(")")
    assert batch.variables["depth of brackets"].max() == 3
    kinds = batch.variables["which quote"].unique().tolist()
    assert kinds == [-1, 0, 1]


def test_one_mark_is_in_each_half_and_none_at_the_last_step() -> None:
    for steps in (4, 5, 50):
        marks = tasks.adding(steps).batch(300, generator()).inputs[:, :, 1]
        assert (marks[:, : steps // 2].sum(dim=1) == 1).all()
        assert (marks[:, steps // 2 :].sum(dim=1) == 1).all()
        assert not marks[:, -1].any()


def test_a_sine_is_one_and_its_target_lies_ahead_on_it() -> None:
    batch = tasks.sine(20, 5, 40).batch(50, generator())
    x = batch.inputs[:, :, 0]
    np.testing.assert_allclose(batch.targets[:, :-5, 0], x[:, 5:], atol=1e-5)
    for before, now, after in zip(x[:, :-2].T, x[:, 1:-1].T, x[:, 2:].T, strict=True):
        np.testing.assert_allclose(before + after, 2 * np.cos(np.pi / 10) * now, atol=1e-5)
    assert all(abs(float(a) - float(b)) > 1e-6 for a, b in pairwise(sorted(x[:, 0].tolist())))


# --- bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: tasks.latch(0), "In this task steps is a whole number from 1 to 3,000; got 0."),
        (lambda: tasks.latch(True), "In this task steps is a whole number from 1 to 3,000; got True."),
        (
            lambda: tasks.latch(9, "mixed"),
            "In this task distractors is one of others, classes; got 'mixed'.",
        ),
        (lambda: tasks.counting(4), "In this task letters is a whole number from 2 to 3; got 4."),
        (
            lambda: tasks.sine(20, 10),
            "Half a period ahead a sine is what it is now, but for its sign; got 10",
        ),
        (lambda: tasks.latch(9).batch(0, generator()), "A batch has 1 to 4,096 sequences; got 0."),
        (lambda: tasks.adding(9).batch(4097, generator()), "A batch has 1 to 4,096 sequences; got 4097."),
        (lambda: tasks.from_data({"name": "chess"}), "A task is an object with a name, one of latch, parity"),
        (lambda: tasks.from_data(["latch"]), "A task is an object with a name"),
        (
            lambda: tasks.from_data({"name": "latch", "steps": 9}),
            "The task latch has the settings steps, distractors",
        ),
        (lambda: tasks.from_data({**tasks.latch(9).to_data(), "more": 1}), "The task latch has the settings"),
        (
            lambda: tasks.from_data({**tasks.latch(9).to_data(), "steps": "9"}),
            "whole number from 1 to 3,000; got '9'",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_with_it(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        make()


def test_settings_are_frozen_and_equal_by_value() -> None:
    assert tasks.latch(9) == tasks.latch(9) != tasks.latch(10)
    assert hash(tasks.latch(9)) == hash(replace(tasks.latch(9)))
