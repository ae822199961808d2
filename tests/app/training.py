"""What the tests of the training page share: opening it by Streamlit's own tester, real trainings, and reading it."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from memviz import tasks
from memviz.web.training import engine
from memviz.web.training.address import DEFAULT, TrainingState
from tests.app.reading import opener, plain, run

PATIENCE = 120.0
QUICK = replace(
    DEFAULT,
    task=tasks.latch(8),
    sides=(DEFAULT.sides[0], replace(DEFAULT.sides[0], cell="gru")),
    updates=40,
    batch=8,
)


open_page = opener("training")


@pytest.fixture(scope="module", autouse=True)
def no_process_stays() -> Iterator[None]:
    yield
    engine.WORKER.close()
    engine.WORKER = type(engine.WORKER)()


@pytest.fixture(autouse=True)
def no_order_stays() -> Iterator[None]:
    yield
    job = engine.WORKER.job("test session id")
    if job is not None:
        engine.WORKER.cancel(job)
        assert job.over.wait(PATIENCE)


def texts(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return plain("\n".join(part.value for part in parts))


def numbers(packed: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["bdata"]), f"<{packed['dtype']}")


def trained(app: AppTest) -> AppTest:
    """Press the button, and wait until the training is over."""
    app = run(app.button(key="training-train").click())
    _, job = app.session_state["training-job"]
    assert job.over.wait(PATIENCE), job.standings
    return run(app)


def first_lesson(state: TrainingState) -> tuple[Any, Any, Any]:
    lesson = state.lesson(0, 0)
    return lesson.experiment, lesson.task, lesson.settings
