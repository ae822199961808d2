"""What the compare page says, against the numbers that it is said of."""

import re
from typing import Any

import numpy as np

from memviz import Clamp, Experiment, encode, gradient_flow, record
from memviz.findings.compare import (
    Contender,
    ablation_takeaway,
    against_first_takeaway,
    bias_takeaway,
    carousel_takeaway,
    clamp_takeaway,
    compare_finding,
    gru_takeaway,
)
from memviz.gradients import Loss
from memviz.theme import MINUS

SEQUENCE = encode("remember this letter")
WHAT = "“remember this letter”"


def contender(
    letter: str, cell: str = "lstm", *interventions: Any, loss: Loss | None = None, **settings: Any
) -> Contender:
    network = Experiment(cell, hidden_size=5, seed=3, **settings).build(SEQUENCE)
    trace = record(network, SEQUENCE, interventions=interventions)
    return Contender(letter, f"name of {letter}", gradient_flow(network, trace, loss or Loss()))


def first(side: Contender) -> float:
    """|dL/dc_0|, or |dL/dh_0| where there is no c."""
    gradient = side.flow.hidden if side.flow.cell is None else side.flow.cell
    return float(np.linalg.norm(gradient[0]))


def numbers(text: str) -> list[float]:
    found = re.findall(rf"(?<![\w.]){MINUS}?\d[\d,]*\.?\d*(?:e{MINUS}?\d+)?", text)
    return [float(number.replace(",", "").replace(MINUS, "-")) for number in found]


def says(text: str, value: float) -> bool:
    """Whether a sentence has a number to its two digits."""
    return any(np.isclose(number, value, rtol=0.05) for number in numbers(text))


def test_the_title_says_what_arrives_in_the_best_and_in_the_worst_side_and_their_ratio() -> None:
    sides = [contender("A", "elman"), contender("B"), contender("C", forget_bias=3.0)]
    said = compare_finding(sides, WHAT)
    assert said.startswith(f"Over 19 steps of {WHAT} |dL/dc| arrives as ")
    assert "in C (name of C); in A (name of A) |dL/dh| is " in said
    assert says(said, first(sides[2]))
    assert says(said, first(sides[0]))
    assert says(said, first(sides[2]) / first(sides[0]))
    assert compare_finding(sides[::-1], WHAT) == said


def test_a_gradient_that_is_exactly_zero_is_said_to_be() -> None:
    cut = contender("A", "lstm", Clamp("hidden", 0.0))
    assert "exactly 0 in every side" in compare_finding(
        [cut, contender("B", "gru", Clamp("hidden", 0.0))], "x"
    )
    said = compare_finding([cut, contender("B")], WHAT)
    assert said.endswith("in A (name of A) it is exactly 0.")


def test_sides_that_carry_alike_are_not_told_apart() -> None:
    sides = [contender("A", forget_bias=3.0), contender("B", forget_bias=3.01)]
    said = compare_finding(sides, WHAT)
    assert "arrives alike in all 2 sides" in said
    assert says(said, first(sides[0]))
    assert says(said, first(sides[1]))


def test_the_same_side_twice_does_not_differ_and_another_cell_does() -> None:
    assert compare_finding([contender("A"), contender("B")], WHAT).startswith("Nothing differs: all 2 sides")
    assert "Nothing differs" not in compare_finding([contender("A"), contender("B", "lstm-1997")], WHAT)


def test_one_side_and_a_loss_at_the_first_step_have_their_sentence() -> None:
    alone = contender("A")
    said = compare_finding([alone], WHAT)
    assert "Add a side" in said
    assert says(said, first(alone))
    assert "no gradient has to travel" in compare_finding([contender("A", loss=Loss(timestep=0))], WHAT)


def test_the_ablations_name_the_variants_that_move_gradient_and_output_most() -> None:
    cells = ("lstm-peephole", "lstm-nig", "lstm-nfg", "lstm-nog", "lstm-coupled", "lstm")
    sides = [contender(letter, cell) for letter, cell in zip("ABCDEF", cells, strict=True)]
    said = ablation_takeaway(sides)
    moved = max(sides[1:], key=lambda side: abs(np.log(first(side) / first(sides[0]))))
    last = sides[0].trace["hidden"][-1]
    changes = {
        s.letter: np.linalg.norm(s.trace["hidden"][-1] - last) / np.linalg.norm(last) for s in sides[1:]
    }
    changed = max(changes, key=lambda letter: changes[letter])
    assert f"{moved.letter} (name of {moved.letter}) moves the gradient to the first step most" in said
    assert f"moved most by {changed} (name of {changed})" in said
    assert says(said, first(sides[0]))
    assert says(said, first(moved))
    assert says(said, 100 * changes[changed])
    assert "untrained" in said
    assert "Greff et al., who trained them, found" in said


def test_the_two_conventions_of_a_gru_part_in_the_candidate() -> None:
    sides = [contender("A", "gru"), contender("B", "gru-v3")]
    said = gru_takeaway(sides)
    after, before = (side.trace for side in sides)
    differs = (np.abs(after["candidate"] - before["candidate"]) > 1e-12).any(axis=1)
    gaps = np.abs(after["hidden"] - before["hidden"])
    assert f"n parts at step {differs.argmax()}:" in said
    assert f"at step {gaps.max(axis=1).argmax()}." in said
    assert says(said, gaps.max())
    assert all(says(said, trace["update"].mean()) for trace in (after, before))
    assert gru_takeaway([sides[0], sides[0]]) == "Both conventions have the same numbers here."


def test_a_rising_forget_bias_is_said_with_its_gates_and_gradients() -> None:
    sides = [contender(x, forget_bias=b) for x, b in zip("ABCD", (0.0, 1.0, 3.0, 5.0), strict=True)]
    said = bias_takeaway(sides)
    assert "rises with each:" in said
    for side in sides:
        assert says(said, side.trace["forget"].mean())
        assert says(said, first(side))
    assert "rises" not in bias_takeaway(sides[::-1])


def test_the_cell_of_1997_is_said_with_the_sizes_of_c() -> None:
    sides = [contender("A", "lstm-1997"), contender("B"), contender("C", forget_bias=3.0)]
    said = carousel_takeaway(sides)
    for side in sides:
        assert says(said, np.abs(side.trace["cell"]).max())
        assert says(said, first(side))


def test_each_side_is_said_beside_the_first() -> None:
    sides = [contender("A"), contender("B", "lstm-peephole"), contender("C", initialisation="chrono")]
    said = against_first_takeaway(sides)
    last = sides[0].trace["hidden"][-1]
    for side in sides[1:]:
        change = np.linalg.norm(side.trace["hidden"][-1] - last) / np.linalg.norm(last)
        assert says(said, 100 * change)
        assert says(said, first(side))


def test_a_held_forget_gate_is_said_to_carry_the_gradient_only_where_it_does() -> None:
    free, held = contender("A"), contender("B", "lstm", Clamp("forget", 1.0))
    said = clamp_takeaway([free, held])
    assert "it is the gate that lets the gradient fade" in said
    assert "c parts at step 1," in said  # at step 0 there is nothing yet to forget
    assert says(said, free.trace["forget"].mean())
    assert says(said, first(free))
    assert says(said, first(held))
    shut = contender("B", "lstm", Clamp("forget", 0.1))
    assert "fade" not in clamp_takeaway([free, shut])
