"""The rows of a training: what they say of lessons that wait, run, end or break, against numbers by hand."""

from dataclasses import replace

import pytest

from memviz import tasks
from memviz.training import Outcome, fit
from memviz.web.training import rows, status
from memviz.web.training.address import DEFAULT
from memviz.web.training.result import Result, shipped
from memviz.worker import Job, Standing

STATE = replace(DEFAULT, task=tasks.latch(8), updates=100, batch=4, seeds=2)
LESSON = STATE.order().lessons[0]
_TRAINED = fit(LESSON.experiment, LESSON.task, replace(LESSON.settings, updates=1))


def running(update: int, seconds: float) -> Standing:
    return Standing(
        LESSON, "running", ((0, 0.7, 0.5), (update, 0.6, 0.75)), _TRAINED.checkpoints, seconds, score=0.75
    )


def ended(kind: str, update: int, score: float = 0.5) -> Standing:
    looks = ((update, 0.6, score),)
    return Standing(
        LESSON, "ended", looks, _TRAINED.checkpoints, 1.0, Outcome(kind, update, "So it was."), score
    )


def result(*standings: Standing) -> Result:
    return Result("one", STATE, standings)


def test_the_time_left_counts_the_turns_of_the_others_as_far_as_they_are_needed() -> None:
    """10 a second with 80 left, 40 a second with 20 left: the first waits for 20 of the second, and the other way."""
    left = rows.times_left([running(20, 2.0), running(80, 2.0), Standing(LESSON), ended("solved", 50)])
    assert left == {0: pytest.approx(80 / 10 + 20 / 40), 1: pytest.approx(20 / 40 + 20 / 10)}


def test_a_lesson_under_way_says_its_updates_speed_time_and_score() -> None:
    said = rows.standing_words(running(20, 2.0), 8.4)
    assert said == "20 of 100 updates · 10.0/s · at most 9 s left · score 0.750"
    assert "at most 3 min left" in rows.standing_words(running(20, 2.0), 125.0)


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(LESSON), "begins"),
        (Standing(LESSON, "left"), "not begun"),
        (Standing(LESSON, "failed", sentence="It broke."), "✕ It broke."),
        (ended("solved", 60, 1.0), "✓ learnt after 60 updates · score 1.00"),
        (ended("updates", 100), "✕ not learnt after 100 updates · score 0.500"),
        (ended("stopped", 40), "✕ stopped, not learnt after 40 updates · score 0.500"),
        (ended("seconds", 40), "✕ out of time, not learnt after 40 updates · score 0.500"),
        (ended("diverged", 3), "⚠ diverged after 3 updates · score 0.500"),
    ],
)
def test_a_lesson_that_does_not_run_says_what_became_of_it(standing: Standing, said: str) -> None:
    assert rows.standing_words(standing, None) == said


def test_the_bar_is_full_at_the_goal_and_stays_where_a_training_was_stopped() -> None:
    assert rows.share([ended("solved", 60)]) == 1
    assert rows.share([ended("stopped", 40)]) == pytest.approx(0.4)
    assert rows.share([ended("updates", 100), running(50, 1.0)]) == pytest.approx(0.75)
    assert rows.share([Standing(LESSON, "left")]) == 0


def test_the_table_has_a_cell_for_every_seed_and_those_that_failed_are_in_it() -> None:
    """Lessons go round the two sides, seed by seed."""
    table = rows.seeds_table(
        result(ended("solved", 60, 1.0), ended("diverged", 3), running(20, 2.0), Standing(LESSON))
    )
    assert table.splitlines()[2:] == [
        "|**A**|✓ 60|at 20|1 of 1|",
        "|**B**|⚠ diverged, 0.500|waits|0 of 1|",
    ]
    table = rows.seeds_table(
        result(
            ended("stopped", 60), Standing(LESSON, "failed"), Standing(LESSON, "left"), ended("seconds", 9)
        )
    )
    assert table.splitlines()[2:] == [
        "|**A**|✕ stopped, 0.500|not begun|0 of 1|",
        "|**B**|✕ broke|✕ out of time, 0.500|0 of 2|",
    ]


def job(state: str = "running", sentence: str = "") -> Job:
    made = Job("somebody", STATE.order())
    made.state, made.sentence = state, sentence
    return made


def test_the_status_says_whose_result_is_drawn_and_that_changed_settings_count_next() -> None:
    own, before = result(running(20, 2.0)), shipped(DEFAULT)
    assert before is not None
    changed = replace(STATE, rate=0.5)
    assert status.sentence(own, before, job("waiting"), STATE, 2) == (
        "Waiting: 2 orders are before yours. Below is the result before."
    )
    assert status.sentence(own, own, job("waiting"), STATE, 0) == "Yours is next."
    said = status.sentence(own, own, job(), changed, 0)
    assert "0 of 4 networks done" in said
    assert said.endswith("they count from the next training on.")
    assert status.sentence(own, before, job("over", "Cancelled before it began."), STATE, 0) == (
        "Cancelled before it began. Below is the result before."
    )


def test_the_status_of_a_page_at_rest_says_where_the_networks_are_from_and_what_a_reload_loses() -> None:
    own, before = result(ended("solved", 60)), shipped(DEFAULT)
    assert before is not None
    assert "come with memviz" in status.sentence(before, before, None, DEFAULT, 0)
    said = status.sentence(before, before, None, STATE, 0)
    assert "nothing is trained with these" in said
    assert "reloading or closing it loses it" in said
    assert "reloading or closing it loses it" in status.sentence(own, own, job("over"), STATE, 0)
    assert "Below is the result of those before" in status.sentence(
        own, own, None, replace(STATE, rate=0.5), 0
    )


def test_each_network_that_diverged_or_broke_has_its_sentence() -> None:
    found = status.troubles(
        result(
            ended("diverged", 3),
            ended("solved", 9),
            Standing(LESSON, "failed", sentence="It broke."),
            Standing(LESSON),
        )
    )
    assert [each.partition(": ")[0] for each in found] == ["A", "A"]
    assert [each.rpartition(": ")[2] for each in found] == ["So it was.", "It broke."]
