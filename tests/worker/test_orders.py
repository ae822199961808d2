"""Orders: what a server gives, and that they come through JSON as they were."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz import tasks
from memviz.experiment import Experiment
from memviz.interventions import Clamp
from memviz.training import TrainingSettings
from memviz.worker import Lesson, Order
from memviz.worker.orders import timesteps
from memviz.worker.process import teach

LESSON = Lesson(Experiment("lstm", 4), tasks.latch(20), TrainingSettings())


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"experiment": Experiment("lstm", 64)}, "at most 32 units; got 64"),
        ({"settings": TrainingSettings(updates=50_000)}, "at most 5,000 updates; got 50,000"),
        ({"settings": TrainingSettings(batch=1000)}, "at most 128 sequences for each update; got 1,000"),
        ({"settings": TrainingSettings(evaluate_every=1)}, "after 5 updates or more; got 1"),
        (
            {"experiment": Experiment("lstm-peephole", 4), "task": tasks.latch(1000)},
            "LSTM with peepholes has no fused kernel",
        ),
        (
            {"experiment": Experiment("lstm", 32), "task": tasks.latch(3000)},
            "at most 2,000,000 here; got 3,001",
        ),
        (
            {"experiment": Experiment("lstm", 4, interventions=(Clamp("forget", 1.0),))},
            "without interventions",
        ),
    ],
)
def test_more_than_a_server_gives_gets_a_sentence(changed: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        replace(LESSON, **changed)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"lessons": ()}, "From 1 to 20 networks"),
        ({"lessons": (LESSON,) * 21}, "From 1 to 20 networks are trained at once; got 21"),
        ({"abreast": 5}, "From 1 to 4 networks take turns; got 5"),
        ({"seconds": 0}, "at most 180 seconds here; got 0"),
        ({"seconds": 181}, "at most 180 seconds here; got 181"),
        ({"seconds": float("nan")}, "at most 180 seconds here; got nan"),
    ],
)
def test_an_order_out_of_its_range_gets_a_sentence(values: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        replace(Order((LESSON,)), **values)


@given(
    st.lists(st.sampled_from(sorted(tasks.TASKS)), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
    st.floats(0.1, 180, allow_nan=False),
    st.one_of(st.none(), st.floats(-50, 50)),
)
def test_an_order_comes_through_json_as_it_was(
    names: list[str], seed: int, seconds: float, bias: float | None
) -> None:
    lessons = [
        Lesson(
            Experiment("gru", 3, seed=seed, update_bias=bias),
            tasks.TASKS[name](),
            TrainingSettings(seed=seed, clip=None if bias is None else abs(bias) + 1),
        )
        for name in names
    ]
    order = Order(tuple(lessons), 2, seconds)
    assert Order.from_data(json.loads(json.dumps(order.to_data()))) == order


@pytest.mark.parametrize("data", [None, [], {}, {"lessons": [3], "abreast": 1, "seconds": 1}])
def test_what_is_no_order_gets_a_sentence(data: Any) -> None:
    with pytest.raises(ValueError, match=r"An order has|A lesson has"):
        Order.from_data(data)


def test_the_length_of_a_tasks_sequences_is_that_of_what_it_draws() -> None:
    assert timesteps(tasks.latch(1000)) == 1001
    assert timesteps(tasks.parity(20)) == 20


def test_lessons_take_turns_and_the_next_begins_where_one_has_ended() -> None:
    settings = TrainingSettings(updates=10, evaluate_every=5, batch=2)
    order = Order(tuple(replace(LESSON, settings=settings) for _ in range(3)), abreast=2)
    said = [(event["lesson"], event["kind"]) for event in teach(order, lambda: False)]
    assert said[:4] == [(0, "progress"), (1, "progress"), (0, "progress"), (1, "progress")]
    first_of_the_third = said.index((2, "progress"))
    assert (0, "ended") in said[:first_of_the_third]
    assert [lesson for lesson, kind in said if kind == "ended"] == [0, 1, 2]


def test_a_lesson_that_breaks_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TrainingSettings(updates=5, evaluate_every=5, batch=2)
    parity = Lesson(Experiment("lstm", 2), tasks.parity(5), settings)
    monkeypatch.setattr(tasks.Parity, "batch", lambda *_: 1 / 0)
    order = Order.__new__(Order)
    object.__setattr__(order, "lessons", (parity, replace(LESSON, settings=settings)))
    object.__setattr__(order, "abreast", 2)
    object.__setattr__(order, "seconds", 60)
    kinds = {(event["lesson"], event["kind"]) for event in teach(order, lambda: False)}
    assert (0, "failed") in kinds
    assert (1, "ended") in kinds
