"""What the tests of the pages share: opening one by Streamlit's own tester, and reading what it shows."""

import base64
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from memviz.paths import APP_SCRIPT

OpenPage = Callable[..., AppTest]


def open_at(page: str, session: Mapping[str, Any] | None = None, **query: str) -> AppTest:
    """Open a page at an address, in a session that may hold something: open_at("gates", cell="gru")."""
    app = AppTest.from_file(str(APP_SCRIPT), default_timeout=300)
    for name, value in (session or {}).items():
        app.session_state[name] = value
    app.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    return run(app)


def opener(page: str) -> Any:
    """A fixture that opens a page: open_page(cell="gru")."""

    @pytest.fixture
    def open_page() -> OpenPage:
        return partial(open_at, page)

    return open_page


open_page = opener("gates")


def run(changed: Any) -> AppTest:
    """Run the page after a change of a widget, or of the tester itself."""
    app: AppTest = changed.run()
    assert not app.exception, app.exception[0].message
    return app


def plain(text: str) -> str:
    """Markdown as the reader sees it."""
    return text.replace("\\", "").replace("\N{WORD JOINER}", "")


def title(app: AppTest) -> str:
    """The finding."""
    (said,) = [plain(part.value) for part in app.title]
    return said


def address(app: AppTest) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}


def components(app: AppTest, name: str) -> list[Any]:
    return [part.proto for part in app.get("bidi_component") if part.proto.component_name == name]


def stage(app: AppTest) -> dict[str, Any]:
    """What the stage was fed."""
    (proto,) = components(app, "memviz_stage")
    data: dict[str, Any] = json.loads(proto.json)
    return data


def shown(app: AppTest) -> dict[str, float]:
    """Every number of the step where the reader is, in full."""
    detail = stage(app)["detail"]
    values = np.frombuffer(base64.b64decode(detail["values"]["data"]), "<f8")
    return dict(zip(detail["names"], values.tolist(), strict=True))


def opened(app: AppTest, name: str) -> AppTest:
    """Open a popover, whose content is made then."""
    app.session_state[f"gates-popover-{name}"] = True
    return run(app)


def charts(app: AppTest) -> dict[str, dict[str, Any]]:
    """What the browser gets of each figure, by its name."""
    found = [json.loads(proto.bytes) for proto in components(app, "memviz_live")]
    return {chart["name"]: chart for chart in found}
