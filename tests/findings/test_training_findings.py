"""What is said of trainings: counts, updates and scores are those of the networks."""

from dataclasses import replace
from math import exp, log

import pytest

from memviz import tasks
from memviz.experiment import Experiment
from memviz.findings.training import Taught, thousand_takeaway, training_finding, under_way
from memviz.training import Outcome, TrainedNetwork, TrainingSettings, fit

TASK = tasks.latch(20)
_MADE: dict[Experiment, TrainedNetwork] = {}


def network(kind: str, update: int, score: float, experiment: Experiment | None = None) -> TrainedNetwork:
    """A network with an outcome that is given to it."""
    begun = experiment or Experiment("lstm", 2)
    if begun not in _MADE:
        _MADE[begun] = fit(begun, TASK, TrainingSettings(updates=1, batch=2))
    return replace(_MADE[begun], outcome=Outcome(kind, update, "As it is."), score=score)


def taught(letter: str, *networks: TrainedNetwork) -> Taught:
    return Taught(letter, f"net {letter}", networks)


def test_one_seed_is_said_with_its_updates_and_scores() -> None:
    said = training_finding(
        [
            taught("A", network("updates", 1500, 0.52)),
            taught("B", network("solved", 1120, 1.0)),
            taught("C", network("diverged", 7, 0.6)),
            taught("D", network("seconds", 300, 0.8)),
        ]
    )
    assert said == (
        "B learns it after 1,120 updates; A has not learnt it after 1,500 updates; "
        "D has not learnt it after 300 updates; C diverges after 7 updates."
    )


def test_of_two_networks_the_scores_are_said_and_those_that_ended_alike_are_said_together() -> None:
    near, far = network("updates", 60, 0.52), network("updates", 60, 0.8)
    assert training_finding([taught("A", near), taught("B", network("updates", 60, 0.5))]) == (
        "A and B have not learnt it after 60 updates: they score 0.520 and 0.500, about what chance scores."
    )
    assert training_finding([taught("A", near), taught("B", far)]) == (
        "A has not learnt it after 60 updates: it scores 0.520, about what chance scores; "
        "B has not learnt it after 60 updates: it scores 0.800 of 0.990."
    )
    assert training_finding([taught("A", near), taught("B", near), taught("C", far), taught("D", near)]) == (
        "A, B, C and D have not learnt it after 60 updates."
    )


def test_the_fastest_is_said_first_and_one_alone_by_its_name() -> None:
    slow, fast = network("solved", 90, 1.0), network("solved", 80, 1.0)
    assert training_finding([taught("A", slow), taught("B", fast)]) == (
        "B learns it after 80 updates; A learns it after 90 updates."
    )
    assert training_finding([taught("A", slow)]) == "net A learns it after 90 updates."


def test_what_is_under_way_is_counted() -> None:
    solved, failed = network("solved", 120, 1.0), network("updates", 500, 0.5)
    title = TASK.title
    assert under_way(TASK, [taught("A")], 1) == f"One network learns “{title}”"
    assert under_way(TASK, [taught("A", failed), taught("B")], 2) == f"2 networks learn “{title}”"
    assert under_way(TASK, [taught("A", failed, solved)], 4) == (
        f"1 of 4 networks has learnt “{title}” so far"
    )
    assert under_way(TASK, [taught("A", solved), taught("B", solved)], 4) == (
        f"2 of 4 networks have learnt “{title}” so far"
    )


def test_several_seeds_are_counted_and_those_that_failed_count() -> None:
    solved, failed = network("solved", 120, 1.0), network("updates", 500, 0.5)
    said = training_finding(
        [
            taught("A", failed, failed),
            taught("B", replace(solved, outcome=Outcome("solved", 80, "")), solved),
            taught("C", failed, failed),
            taught("D", failed, solved),
        ]
    )
    assert said == (
        "B learns it with 2 of 2 seeds, after 80 to 120 updates; D learns it with 1 of 2 seeds, after 120 updates; "
        "A and C learn it with none of 2."
    )


def test_nothing_trained_is_said() -> None:
    assert training_finding([taught("A")]) == "Nothing is trained yet."


def four(counts: tuple[int, int, int, int], steps: int = 20) -> list[Taught]:
    begun = (
        Experiment("lstm", 2),
        Experiment("lstm", 2, forget_bias=5.0),
        Experiment("lstm-1997", 2, input_bias=-4.0),
        Experiment("lstm", 2, forget_bias=log(steps), input_bias=-log(steps)),
    )
    found = []
    for letter, count, experiment in zip("ABCD", counts, begun, strict=True):
        good = network("solved", 99, 1.0, experiment)
        bad = network("updates", 500, 0.5, experiment)
        found.append(taught(letter, *[good] * count, *[bad] * (3 - count)))
    return found


def test_the_takeaway_of_the_thousand_steps_follows_from_the_counts_and_biases() -> None:
    said = thousand_takeaway(four((0, 1, 2, 3)))
    assert said.startswith("An open forget gate alone is not enough")
    f = 1 / (1 + exp(-5))
    assert f"open at {f:.3f}, which leaves {f**20:.3f} of what it stored after 20 steps" in said
    assert "A, as torch draws it: 0 of 3 seeds learn it. " in said
    assert "its input gate is half open: 1 of 3 seeds learn it after 99 updates. " in said
    assert f"(i = {1 / (1 + exp(4)):.4f}): 2 of 3 seeds learn it" in said
    assert "f = 0.9524" in said
    assert "i = 0.0476): 3 of 3 seeds learn it after 99 updates." in said


def test_the_takeaway_says_nothing_of_networks_that_were_stopped_and_that_time_ran_out() -> None:
    *others, last = four((0, 1, 2, 2))
    for kind in ("stopped", "seconds"):
        failed = replace(last.networks[2], outcome=Outcome(kind, 50, ""))
        said = thousand_takeaway([*others, replace(last, networks=(*last.networks[:2], failed))])
        assert ("stays open" in said) == (kind == "stopped")
        assert ("time ran out" in said) == (kind == "seconds")


@pytest.mark.parametrize("counts", [(0, 3, 2, 3), (0, 2, 0, 1), (0, 0, 0, 0)])
def test_the_takeaway_is_not_said_where_the_numbers_do_not_show_it(counts: tuple[int, int, int, int]) -> None:
    said = thousand_takeaway(four(counts))
    assert "not enough" not in said
    assert said.startswith("Here the ln T biases do no better")


def test_the_takeaway_waits_until_all_four_have_a_network() -> None:
    assert thousand_takeaway([*four((0, 1, 2, 3))[:3], taught("D")]) == ""
