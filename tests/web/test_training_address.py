"""The training page's address: what it opens on comes back from its link, and what is broken is said."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.experiment import Experiment
from memviz.tasks import TASKS, Latch, Task
from memviz.web.compare.sides import Side
from memviz.web.training.address import CODEC, DEFAULT, THOUSAND, TrainingState
from memviz.web.training.task_text import read_task, task_text


@st.composite
def any_task(draw: Any) -> Task:
    kind = TASKS[draw(st.sampled_from(sorted(TASKS)))]
    values = {name: draw(st.integers(low, high)) for name, low, high in kind.ranges}
    values |= {name: draw(st.sampled_from(known)) for name, known in kind.choices}
    try:
        return kind(**values)
    except ValueError:  # some settings do not go together
        return kind()


@given(any_task())
def test_a_task_comes_back_from_its_text(task: Task) -> None:
    assert read_task(task_text(task)) == task
    assert set(task_text(task)) <= set("abcdefghijklmnopqrstuvwxyz0123456789;:-_")


@given(
    any_task(),
    st.lists(
        st.sampled_from(
            (Side("gru"), Side("lstm", (("forget_bias", -0.1),)), Side("lstm-1997", (("input_bias", -4.0),)))
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 5),
    st.floats(1e-5, 10),
    st.one_of(st.none(), st.floats(1e-3, 1e3)),
    st.one_of(st.none(), st.integers(0, 199)),
    st.integers(0, 2**32 - 1),
)
def test_a_state_comes_back_from_its_address(
    task: Task, sides: list[Side], seeds: int, rate: float, clip: Any, checkpoint: Any, seed: int
) -> None:
    state = TrainingState(
        task,
        Experiment(hidden_size=7, seed=seed),
        tuple(sides),
        seeds,
        rate=rate,
        clip=clip,
        checkpoint=checkpoint,
    )
    assert CODEC.read(CODEC.to_query(state)) == (state, [])


def test_an_empty_address_is_the_default() -> None:
    assert CODEC.read({}) == (DEFAULT, [])
    assert CODEC.read(CODEC.to_query(THOUSAND)) == (THOUSAND, [])


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"task": "chess"}, "The task is one of latch,"),
        ({"task": "latch;steps:0"}, "steps is a whole number from 1 to 3,000; got 0"),
        ({"task": "latch;steps:1e9"}, "steps is a whole number from 1 to 3,000; got '1e9'"),
        ({"task": "latch;wings:2"}, "has the settings steps, distractors; got 'wings:2'"),
        ({"task": "reber;steps:2"}, "has the settings none"),
        ({"task": "latch;" * 100}, "The task is one of latch,"),
        ({"sides": "lstm,tree"}, "Side B of the link is left out"),
        ({"sides": "lstm,gru,lstm,gru,elman"}, "Up to 4 networks are trained at once"),
        ({"sides": "lstm;interventions:forget%3D1"}, "left out"),
        ({"cell": "gru"}, "each side names its own cell"),
        ({"rate": "nan"}, "The learning rate is a number from 0.00001 to 10; got 'nan'"),
        ({"rate": "11"}, "The learning rate is a number"),
        ({"seeds": "0"}, "The seeds are a whole number from 1 to 5; got '0'"),
        ({"updates": "999999"}, "The updates are a whole number from 1 to 5,000"),
        ({"seconds": "3600"}, "The seconds are a whole number from 1 to 180"),
        ({"clip": "-1"}, "The gradient is clipped at a norm from 0.001 to 1000, or none"),
    ],
)
def test_a_broken_part_is_said_and_the_rest_stays(query: dict[str, str], said: str) -> None:
    state, problems = CODEC.read({"seed": "5", **query})
    assert len(problems) == 1
    assert said in problems[0]
    assert state.experiment.seed == 5


def test_a_link_never_brings_interventions_to_a_training() -> None:
    state, _ = CODEC.read({"sides": str(Side("lstm", (("interventions", ()),)))})
    assert all("interventions" not in dict(side.settings) for side in state.sides)


def test_the_first_seed_of_every_side_comes_first() -> None:
    lessons = THOUSAND.order().lessons
    assert len(lessons) == 12
    assert [lesson.experiment.seed for lesson in lessons] == [0] * 4 + [1] * 4 + [2] * 4
    assert [lesson.settings.seed for lesson in lessons] == [lesson.experiment.seed for lesson in lessons]
    assert [THOUSAND.side_of(number) for number in (0, 3, 4, 11)] == [0, 3, 0, 3]


@pytest.mark.parametrize(
    "values", [{"seeds": 6}, {"seconds": 181}, {"sides": ()}, {"updates": 0}, {"rate": 1e9}]
)
def test_a_state_out_of_its_range_gets_a_sentence(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="got"):
        replace(DEFAULT, **values)


def test_every_setting_of_a_task_is_in_its_text() -> None:
    for kind in TASKS.values():
        known = {name for name, _, _ in kind.ranges} | {name for name, _ in kind.choices}
        assert known == {each.name for each in fields(kind)}
    assert task_text(Latch(1000, "classes")) == "latch;steps:1000;distractors:classes"
