"""The worker: real trainings in its process, and stand-ins for a process that hangs, dies or chatters."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from memviz import tasks
from memviz.edits import SetWeight
from memviz.experiment import Experiment
from memviz.training import TrainingSettings, fit
from memviz.worker import BusyError, Job, Lesson, Order, Worker

PATIENCE = 120.0
SHORT = TrainingSettings(updates=30, evaluate_every=10, batch=8)
ENDLESS = TrainingSettings(updates=5000, evaluate_every=20, batch=32, rate=1e-6)
HANGS = "import sys; sys.stdin.readline(); print('', file=sys.stderr); import time; time.sleep(600)"
DIES = "import sys; sys.stdin.readline(); sys.exit(3)"
ENDS_AT_ONCE = "import os; os._exit(1)"


def lesson(settings: TrainingSettings = SHORT, steps: int = 10, seed: int = 0, cell: str = "lstm") -> Lesson:
    return Lesson(Experiment(cell, 4, seed=seed), tasks.latch(steps), settings)


def order(*lessons: Lesson, **values: Any) -> Order:
    return Order(lessons or (lesson(),), **values)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    started = Worker(most_waiting=2)
    yield started
    started.close()
    assert started.pid is None


@pytest.fixture
def stand_in() -> Iterator[Callable[..., Worker]]:
    """A worker whose process is a script."""
    made = []

    def make(script: str, **values: Any) -> Worker:
        made.append(Worker(command=(sys.executable, "-c", script), **values))
        return made[-1]

    yield make
    for each in made:
        each.close()


def wait(job: Job) -> Job:
    assert job.over.wait(PATIENCE), (job.state, job.standings)
    return job


def until(is_true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_learning(job: Job) -> bool:
    return any(standing.update > 0 for standing in job.standings)


def test_what_comes_back_is_what_a_training_in_this_process_gives(worker: Worker) -> None:
    lessons = (lesson(), lesson(cell="gru", seed=3))
    job = wait(worker.submit("a", order(*lessons)))
    assert job.sentence == ""
    for standing, asked in zip(job.standings, lessons, strict=True):
        expected = fit(asked.experiment, asked.task, asked.settings)
        trained = standing.trained()
        assert trained is not None
        assert trained.outcome == expected.outcome
        assert trained.score == expected.score
        np.testing.assert_array_equal(trained.history, expected.history)
        assert [each.update for each in trained.checkpoints] == [each.update for each in expected.checkpoints]
        for name, value in expected.network.parameters.items():
            np.testing.assert_array_equal(trained.network.parameters[name], value)
        np.testing.assert_array_equal(trained.readout.weight, expected.readout.weight)


def test_a_cancel_takes_less_than_a_second_and_keeps_what_was_learnt(worker: Worker) -> None:
    job = worker.submit("a", order(lesson(ENDLESS, 300), lesson(ENDLESS, 300, seed=1)))
    until(lambda: is_learning(job))
    asked = time.monotonic()
    worker.cancel(job)
    wait(job)
    assert job.ended - asked < 1.0
    assert job.sentence.startswith("Cancelled")
    assert {standing.state for standing in job.standings} <= {"ended", "left"}
    first = job.standings[0]
    assert first.outcome is not None
    assert first.outcome.kind == "stopped"
    trained = first.trained()
    assert trained is not None
    assert 0 < trained.checkpoints[-1].update <= first.update
    assert wait(worker.submit("a", order())).standings[0].state == "ended"


def test_a_killed_process_is_said_its_checkpoints_stay_and_the_next_order_gets_another(
    worker: Worker,
) -> None:
    job = worker.submit("a", order(lesson(ENDLESS, 300)))
    until(lambda: is_learning(job))
    killed = worker.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait(job)
    assert "was killed" in job.sentence
    (standing,) = job.standings
    assert standing.trained() is not None
    again = wait(worker.submit("a", order()))
    assert again.standings[0].outcome is not None
    assert worker.pid not in (None, killed)


def test_a_loss_that_is_no_number_stops_and_says_at_which_update(worker: Worker) -> None:
    wild = TrainingSettings(optimiser="sgd", rate=10.0, clip=None, updates=500, evaluate_every=5, batch=8)
    job = wait(worker.submit("a", order(Lesson(Experiment("elman-relu", 8, seed=1), tasks.adding(60), wild))))
    (standing,) = job.standings
    assert standing.outcome is not None
    assert standing.outcome.kind == "diverged"
    assert f"After {standing.outcome.update:,} update" in standing.outcome.sentence
    trained = standing.trained()
    assert trained is not None
    assert trained.checkpoints[-1].update <= standing.outcome.update
    assert all(np.isfinite(value.numpy()).all() for value in trained.network.parameters.values())


def test_the_seconds_of_an_order_hold_for_all_of_it(worker: Worker) -> None:
    lessons = [lesson(ENDLESS, 300, seed) for seed in range(3)]
    job = wait(worker.submit("a", order(*lessons, abreast=2, seconds=1.5)))
    first, second, third = job.standings
    for standing in (first, second):
        assert standing.outcome is not None
        assert standing.outcome.kind == "seconds"
        assert "1.5 seconds" in standing.outcome.sentence
    assert third.state == "left"
    assert third.trained() is None


def test_two_visitors_take_turns_and_see_their_places(worker: Worker) -> None:
    first = worker.submit("a", order(lesson(ENDLESS, 300)))
    second, third = worker.submit("b", order()), worker.submit("c", order())
    until(lambda: first.state == "running")
    assert [worker.place(job) for job in (first, second, third)] == [0, 1, 2]
    with pytest.raises(BusyError, match="One training at a time: yours"):
        worker.submit("b", order())
    with pytest.raises(BusyError, match="At most 2 trainings wait"):
        worker.submit("d", order())
    worker.cancel(second)
    assert second.state == "over"
    assert second.standings[0].state == "left"
    assert worker.place(third) == 1
    worker.cancel(first)
    assert wait(third).standings[0].state == "ended"
    assert worker.job("c") is None


def test_a_visitor_who_is_gone_gives_up_the_turn(stand_in: Callable[..., Worker]) -> None:
    worker = stand_in(HANGS, grace=0.1)
    gone = worker.submit("a", order(), lambda: False)
    assert wait(gone).is_cancelled
    waits, stays = worker.submit("b", order(seconds=100)), worker.submit("c", order(), lambda: False)
    assert wait(stays).is_cancelled
    assert waits.state == "running"


def test_a_process_that_does_not_listen_is_killed(stand_in: Callable[..., Worker]) -> None:
    worker = stand_in(HANGS)
    job = worker.submit("a", order())
    until(lambda: worker.pid)
    asked = time.monotonic()
    worker.cancel(job)
    wait(job)
    assert job.ended - asked < 1.0
    assert worker.pid is None


@pytest.mark.parametrize("script", [DIES, ENDS_AT_ONCE])
def test_a_process_that_dies_ends_its_order_and_no_other(
    stand_in: Callable[..., Worker], script: str
) -> None:
    worker = stand_in(script)
    for owner in "ab":
        job = wait(worker.submit(owner, order()))
        assert "was killed" in job.sentence
        assert job.standings[0].state == "left"


def test_what_a_process_says_of_nothing_known_ends_the_order(stand_in: Callable[..., Worker]) -> None:
    chatter = """import sys; sys.stdin.readline(); print('{"order": 0, "lesson": 0, "kind": "sings"}', flush=True)
sys.stdin.read()"""
    job = wait(stand_in(chatter).submit("a", order()))
    assert job.sentence.startswith("This training broke")


@pytest.mark.parametrize("said", ["no message", "[1, 2]", "[" * 100_000, "\\udcff"])
def test_a_process_that_says_no_message_is_ended(stand_in: Callable[..., Worker], said: str) -> None:
    garbled = f"import sys, time; sys.stdin.readline(); print({said!r}, flush=True); time.sleep(600)"
    worker = stand_in(garbled)
    for owner in "ab":
        job = wait(worker.submit(owner, order()))
        assert "said what nobody understands" in job.sentence
        assert worker.pid is None


def test_a_line_without_an_end_is_not_read_for_ever(stand_in: Callable[..., Worker]) -> None:
    endless = "import os, sys; sys.stdin.readline()\nwhile True: os.write(1, b'x' * 65536)"
    job = wait(stand_in(endless).submit("a", order()))
    assert "said what nobody understands" in job.sentence


def test_an_order_larger_than_a_pipe_holds_nobody_up_whose_process_does_not_read(
    stand_in: Callable[..., Worker],
) -> None:
    edits = tuple(SetWeight("weight_hh", 0, 0, number / 1000) for number in range(1000))
    large = order(*(Lesson(Experiment("lstm", 4, edits=edits), tasks.latch(10), SHORT) for _ in range(20)))
    assert len(json.dumps(large.to_data())) > 2**20
    worker = stand_in("import time; time.sleep(600)")
    job = worker.submit("a", large)
    until(lambda: job.state == "running")
    worker.cancel(job)
    assert wait(job).sentence == "Cancelled before anything was learnt."


def test_the_process_checks_an_order_itself_and_goes_on(worker: Worker) -> None:
    beyond = order()
    object.__setattr__(beyond, "seconds", 1000)
    refused = wait(worker.submit("a", beyond))
    assert "at most 180 seconds here; got 1000" in refused.sentence
    process = worker.pid
    assert wait(worker.submit("a", order())).standings[0].state == "ended"
    assert worker.pid == process


def test_a_worker_that_is_closed_takes_no_order_and_ends_those_that_wait(
    stand_in: Callable[..., Worker],
) -> None:
    worker = stand_in(HANGS)
    jobs = [worker.submit(owner, order()) for owner in "abc"]
    until(lambda: jobs[0].state == "running")
    worker.close()
    assert [job.state for job in jobs] == ["over"] * 3
    with pytest.raises(BusyError, match="The server ends"):
        worker.submit("d", order())


def test_a_process_is_ready_before_anybody_orders(stand_in: Callable[..., Worker]) -> None:
    worker = stand_in(HANGS)
    worker.warm()
    until(lambda: worker.pid)
    ready = worker.pid
    worker.warm()
    job = worker.submit("a", order())
    until(lambda: job.state == "running")
    assert worker.pid == ready


def test_the_process_has_a_low_priority_and_ends_with_the_server(worker: Worker) -> None:
    wait(worker.submit("a", order()))
    assert worker.pid is not None
    assert os.getpriority(os.PRIO_PROCESS, worker.pid) >= min(19, os.nice(0) + 10)
    process = worker._process
    assert process is not None
    process._to_say.put(b"")  # closes its input
    assert process._process.wait(10) == 0
