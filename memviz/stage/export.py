"""The stage as one HTML file that needs no server and no network."""

import html
import json
from typing import Any

from memviz.bundle import bundle
from memviz.stage.styles import styles

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
html {{ color-scheme: light dark; background: Canvas; }}
body {{ margin: 0 auto; padding: 1rem; max-width: 1280px; font-family: system-ui, sans-serif; }}
{styles}
</style>
</head>
<body>
<main><h1 style="font-size: 1.25rem">{title}</h1><div class="stage"></div></main>
<script type="application/json" id="payload">{payload}</script>
<script type="module">
{script}
</script>
</body>
</html>
"""


def stage_html(payload: dict[str, Any], title: str, **position: Any) -> str:
    """A page that shows a payload of `stage_payload`, at a timestep, unit, phase and node if they are given.

    The payload stands in the page as data; none of its text can end the element that holds it.
    """
    data = json.dumps({**payload, "position": {**position, "serial": 0}}, allow_nan=False)
    return _PAGE.format(
        title=html.escape(title),
        styles=styles(),
        payload=data.replace("<", "\\u003c"),
        script=bundle("stage/page"),
    )
