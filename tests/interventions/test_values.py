"""Interventions as values: equal when they mean the same, hashable, and refused with a sentence."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from jaxtyping import config

from memviz.cells import CELLS
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Patch, Reset, Scale, check, fitting

ROWS = np.arange(6.0).reshape(3, 2)
ALL = (
    Clamp("forget", 1),
    Scale("input", 0.5, [1]),
    Add("cell", -1.0, steps=range(2, 5)),
    Ablate("output", [0, 2], [1]),
    Freeze("cell", 2, steps=[3, 4]),
    Patch("hidden", ROWS, steps=[0, 1]),
    Detach("hidden"),
    Reset([4, 2]),
)


@pytest.fixture(autouse=True)
def _unchecked():
    """What a user of the library meets, who has no annotations checked at every call."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", before)


def test_interventions_that_mean_the_same_are_equal() -> None:
    assert Clamp("forget", 1, [3, 0, 3], range(3, 6)) == Clamp("forget", 1.0, (0, 3), [5, 4, 3])
    assert Reset([4, 2]) == Reset((2, 4))
    assert Ablate("cell", np.array([1, 0])) == Ablate("cell", [0, 1])
    assert Patch("cell", ROWS) == Patch("cell", ROWS.copy())
    assert Patch("cell", ROWS) != Patch("cell", ROWS + 1)
    assert Clamp("cell", 0.0) != Ablate("cell")


@pytest.mark.parametrize("intervention", ALL, ids=str)
@pytest.mark.parametrize("carry", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_an_intervention_is_frozen_hashable_and_survives_a_copy(intervention, carry) -> None:
    again = carry(intervention)
    assert again == intervention
    assert hash(again) == hash(intervention)
    with pytest.raises(FrozenInstanceError):
        intervention.steps = None


def test_the_values_of_a_patch_are_a_copy_that_nobody_can_write() -> None:
    rows = ROWS.copy()
    patch = pickle.loads(pickle.dumps(Patch("cell", rows)))
    rows[:] = 7
    assert np.array_equal(patch.values, ROWS)
    with pytest.raises(ValueError, match="read-only"):
        patch.values[0] = 1


NUMBER = "is a finite number; got"
INDEXES = "are one or more whole numbers from 0 to 99,999, or None; got"
REFUSED = {
    "a clamp at NaN": (lambda: Clamp("forget", float("nan")), rf"The value of an intervention {NUMBER} nan\."),
    "an infinite factor": (lambda: Scale("forget", float("inf")), rf"The factor .* {NUMBER} inf\."),
    "a huge whole number": (lambda: Add("forget", 10**400), rf"The amount .* {NUMBER} 1000"),
    "thousands of digits": (lambda: Add("forget", 10**5000), "a number of thousands of digits"),
    "a clamp at text": (lambda: Clamp("forget", "1"), rf"{NUMBER} '1'\."),
    "a clamp at a switch": (lambda: Clamp("forget", True), rf"{NUMBER} True\."),
    "an empty name": (lambda: Ablate(""), r"A signal is named as in a trace, .*; got ''\."),
    "a name with a sign": (lambda: Ablate("a~b"), r"A signal is named"),
    "a name that is a number": (lambda: Ablate(3), r"A signal is named .* got 3\."),
    "a negative unit": (lambda: Ablate("cell", [-1]), rf"The units of an intervention {INDEXES} -1\."),
    "a broken unit": (lambda: Ablate("cell", [0.5]), rf"The units .* {INDEXES} 0\.5\."),
    "units as text": (lambda: Ablate("cell", "01"), rf"The units .* {INDEXES} '01'\."),
    "one unit, not a list": (lambda: Ablate("cell", 1), rf"The units .* {INDEXES} 1\."),
    "no units": (lambda: Ablate("cell", []), rf"The units .* {INDEXES} none\."),
    "no steps": (lambda: Reset(range(0)), rf"The steps .* {INDEXES} none\."),
    "a step too large": (lambda: Reset([100_000]), rf"The steps .* {INDEXES} 100000\."),
    "an endless range": (lambda: Reset(range(10**12)), rf"The steps .* {INDEXES} 999999999999\."),
    "a freeze of now": (
        lambda: Freeze("cell", 3, steps=[3, 4]),
        r"A freeze holds a value of an earlier step: from step 3 it can be held from step 4 on; got step 3\.",
    ),
    "a freeze of later": (lambda: Freeze("cell", 5, steps=[2]), r"from step 6 on; got step 2\."),
    "a freeze at half": (lambda: Freeze("cell", 0.5), r"A freeze is at a timestep, .*; got 0\.5\."),
    "a flat patch": (lambda: Patch("cell", np.zeros(3)), r"A patch has finite numbers .*; got the shape \(3,\)\."),
    "an empty patch": (lambda: Patch("cell", np.zeros((0, 2))), r"got the shape \(0, 2\)\."),
    "a patch with NaN": (lambda: Patch("cell", np.full((2, 2), np.nan)), "got NaN or infinity"),
    "a ragged patch": (lambda: Patch("cell", [[1.0], [1.0, 2.0]]), "A patch has finite numbers"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_a_broken_intervention_is_refused_with_a_sentence(what: str) -> None:
    make, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=sentence):
        make()


HELD = "A clamp, ablation, freeze or patch may not overlap with another on the same signal; got two for"
MISFITS = {
    "an unknown signal": ([Clamp("reset", 1.0)], r'"lstm" has the signals input_from_input, .*; got reset\.'),
    "a unit too many": ([Ablate("cell", [1, 2])], r"The units of this run are 0 to 1; got 2\."),
    "a step too many": ([Ablate("cell", None, [2, 3])], r"The steps of this run are 0 to 2; got 3\."),
    "a reset too late": ([Reset([3])], r"The steps of this run are 0 to 2; got 3\."),
    "a freeze at the last step": ([Freeze("cell", 2)], r"A freeze holds a value of an earlier step"),
    "a freeze after the end": ([Freeze("cell", 3)], r"The steps of this run are 0 to 2; got 3\."),
    "a wide patch": ([Patch("cell", np.zeros((3, 3)))], r"A patch has a number for each of the 2 units; got 3\."),
    "a short patch": ([Patch("cell", ROWS[:2])], r"up to the last that it acts at, step 2; got 2 rows\."),
    "no intervention": (["forget=1"], r"An intervention is a Clamp, .* or Reset; got 'forget=1'\."),
    "two clamps": ([Clamp("cell", 0.0), Clamp("cell", 1.0, [1], [2])], rf"{HELD} cell at step 2, unit 1\."),
    "a clamp and an ablation": ([Ablate("cell"), Clamp("cell", 1.0)], rf"{HELD} cell at step 0, unit 0\."),
    "a freeze and a patch": ([Freeze("cell", 0), Patch("cell", ROWS, None, [1])], rf"{HELD} cell at step 1"),
    "one twice": ([Clamp("cell", 1.0), Clamp("cell", 1.0)], HELD),
}  # fmt: skip


@pytest.mark.parametrize("what", MISFITS)
def test_what_does_not_fit_a_run_is_refused_with_a_sentence(what: str) -> None:
    interventions, sentence = MISFITS[what]
    with pytest.raises(ValueError, match=sentence):
        check(interventions, CELLS["lstm"], 2, 3)


def test_what_does_not_contradict_is_let_through_in_its_order() -> None:
    chosen = [
        Clamp("cell", 0.0, [0]),
        Clamp("cell", 1.0, [1], [0, 1]),
        Freeze("cell", 1, [1], [2]),
        Ablate("hidden"),
        Scale("cell", 2.0),
        Add("cell", 1.0),
        Detach("cell"),
        Patch("output", ROWS[:1], steps=[0]),
        Reset(),
    ]
    assert check(chosen, CELLS["lstm"], 2, 3) == tuple(chosen)
    assert check((), CELLS["gru"], 1, 1) == ()


def test_what_does_not_fit_a_run_is_told_by_its_place_and_the_rest_is_applied() -> None:
    given = (
        Clamp("forget", 1.0, units=[0]),
        Clamp("update", 1.0),
        Ablate("forget", units=[0, 1]),  # contradicts the first
        Clamp("forget", 0.0, units=[1]),
        Clamp("input", 1.0, steps=[9]),
    )
    applied, problems = fitting(given, CELLS["lstm"], 2, 5)
    assert applied == (given[0], given[3])
    assert list(problems) == [1, 2, 4]
    assert "got update" in problems[1]
    assert "got two for forget at step 0, unit 0" in problems[2]
    assert "0 to 4; got 9" in problems[4]
    assert check(applied, CELLS["lstm"], 2, 5) == applied
