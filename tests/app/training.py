"""What the tests of the training page share: opening it by Streamlit's own tester, real trainings, and reading it."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from memviz import tasks
from memviz.paths import APP_SCRIPT
from memviz.web.training import engine
from memviz.web.training.address import DEFAULT, TrainingState

OpenPage = Callable[..., AppTest]
PATIENCE = 120.0
QUICK = replace(
    DEFAULT,
    task=tasks.latch(8),
    sides=(DEFAULT.sides[0], replace(DEFAULT.sides[0], cell="gru")),
    updates=40,
    batch=8,
)


@pytest.fixture
def open_page() -> OpenPage:
    """Open the page at an address: open_page(seeds="2")."""

    def open_at(**query: str) -> AppTest:
        app = AppTest.from_file(str(APP_SCRIPT), default_timeout=300)
        app.switch_page("pages/training.py")
        for name, value in query.items():
            app.query_params[name] = value
        return run(app)

    return open_at


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


def run(changed: Any) -> AppTest:
    """Run the page after a change of a widget, or of the tester itself."""
    app: AppTest = changed.run()
    assert not app.exception, app.exception[0].message
    return app


def plain(text: str) -> str:
    """Markdown as the reader sees it."""
    return text.replace("\\", "").replace("\N{WORD JOINER}", "")


def title(app: AppTest) -> str:
    (said,) = [plain(part.value) for part in app.title]
    return said


def texts(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return plain("\n".join(part.value for part in parts))


def components(app: AppTest, name: str) -> list[Any]:
    return [part.proto for part in app.get("bidi_component") if part.proto.component_name == name]


def stage(app: AppTest) -> dict[str, Any]:
    (proto,) = components(app, "memviz_stage")
    data: dict[str, Any] = json.loads(proto.json)
    return data


def charts(app: AppTest) -> dict[str, dict[str, Any]]:
    found = [json.loads(proto.bytes) for proto in components(app, "memviz_live")]
    return {each["name"]: each for each in found}


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
