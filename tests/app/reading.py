"""What the tests of the gates page share: opening it by Streamlit's own tester, and reading what it shows."""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from memviz.paths import APP_SCRIPT

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page() -> OpenPage:
    """Open the page at an address: open_page(cell="gru")."""

    def open_at(**query: str) -> AppTest:
        app = AppTest.from_file(str(APP_SCRIPT), default_timeout=300)
        for name, value in query.items():
            app.query_params[name] = value
        return run(app)

    return open_at


def run(changed: Any) -> AppTest:
    """Run the page after a change of a widget, or of the tester itself."""
    app: AppTest = changed.run()
    assert not app.exception, app.exception[0].message
    return app


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


def charts(app: AppTest) -> list[dict[str, Any]]:
    """What the browser gets of each figure."""
    return [json.loads(proto.bytes) for proto in components(app, "memviz_live")]
