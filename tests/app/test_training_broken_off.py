"""Trainings that are cancelled, killed or diverge, and what is asked for that nobody trains: each has its sentence."""

import base64
import os
import re
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from memviz import tasks
from memviz.web.training import engine
from memviz.web.training.address import CODEC, DEFAULT, THOUSAND, TrainingState
from tests.app.reading import OpenPage, run, stage, title
from tests.app.training import PATIENCE, QUICK, no_order_stays, no_process_stays, open_page, texts, trained

__all__ = ["no_order_stays", "no_process_stays", "open_page"]


def test_cancel_keeps_what_was_learnt(open_page: OpenPage) -> None:
    state = replace(QUICK, task=tasks.latch(300), updates=5000, rate=1e-5)
    app = run(open_page(**CODEC.to_query(state)).button(key="training-train").click())
    _, job = app.session_state["training-job"]
    end = time.monotonic() + PATIENCE
    while not any(standing.update for standing in job.standings):
        assert time.monotonic() < end
        time.sleep(0.02)
    app = run(app)
    assert "learn" in title(app)
    assert app.button(key="training-train").disabled
    app = run(app.button(key="training-cancel").click())
    assert job.over.wait(2)
    app = run(app)
    assert "Cancelled. What was learnt up to then is kept." in texts(app)
    assert not app.button(key="training-train").disabled
    assert stage(app)["detail"]


def test_a_killed_process_is_said(open_page: OpenPage) -> None:
    state = replace(QUICK, task=tasks.latch(300), updates=5000, rate=1e-5)
    app = run(open_page(**CODEC.to_query(state)).button(key="training-train").click())
    _, job = app.session_state["training-job"]
    end = time.monotonic() + PATIENCE
    while engine.WORKER.pid is None or job.state != "running":
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(engine.WORKER.pid, signal.SIGKILL)
    assert job.over.wait(PATIENCE)
    assert "was killed" in texts(run(app))


def test_a_second_order_of_the_same_visitor_is_refused_with_a_sentence(open_page: OpenPage) -> None:
    state = replace(QUICK, task=tasks.latch(300), updates=5000, rate=1e-5)
    app = open_page(**CODEC.to_query(state))
    session = "test session id"
    other = engine.WORKER.submit(session, state.order())
    try:
        app = run(app.button(key="training-train").click())
        assert "One training at a time" in texts(app)
    finally:
        engine.WORKER.cancel(other)


def test_a_rate_that_diverges_says_when_and_why_and_keeps_a_good_network(open_page: OpenPage) -> None:
    wild = replace(
        DEFAULT,
        task=tasks.adding(60),
        sides=(replace(DEFAULT.sides[0], cell="elman-relu"),),
        optimiser="sgd",
        rate=10.0,
        clip=None,
    )
    app = trained(open_page(**CODEC.to_query(wild)))
    assert re.search(r"After [\d,]+ updates? .*\. A lower learning rate", texts(app))
    assert "last good checkpoint" in texts(app)
    assert "diverges" in title(app)
    values = np.frombuffer(base64.b64decode(stage(app)["detail"]["values"]["data"]), "<f8")
    assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (replace(THOUSAND, sides=(replace(DEFAULT.sides[0], cell="lstm-peephole"),)), "no fused kernel"),
        (
            replace(DEFAULT, task=tasks.latch(3000), experiment=replace(DEFAULT.experiment, hidden_size=32)),
            "at most 2,000,000 here",
        ),
        (
            replace(DEFAULT, experiment=replace(DEFAULT.experiment, hidden_size=64)),
            "at most 32 units; got 64",
        ),
    ],
)
def test_what_the_server_does_not_train_gets_a_sentence_and_the_last_result_stays(
    open_page: OpenPage, state: TrainingState, rule: str
) -> None:
    app = open_page(**CODEC.to_query(state))
    assert rule in texts(app)
    assert app.button(key="training-train").disabled
    assert stage(app)["detail"]


@pytest.mark.parametrize(
    "query", [{"task": "<img src=x>"}, {"rate": "1e999"}, {"shown": "77"}, {"checkpoint": "199"}]
)
def test_any_address_opens(open_page: OpenPage, query: dict[str, str]) -> None:
    assert "learn" in title(open_page(**query))
