"""The stage as one HTML file that needs no server and no network, and what every such file is made of."""

import html
import json
from collections.abc import Mapping
from typing import Any

from memviz.bundle import bundle
from memviz.stage.styles import styles

_LESS = "\\u003c"
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
<main><h1 style="font-size: 1.25rem">{title}</h1>{body}</main>
{data}
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
    return html_file(title, '<div class="stage"></div>', styles(), {"payload": data}, bundle("stage/page"))


def html_file(title: str, body: str, styles: str, data: Mapping[str, str], script: str) -> str:
    """A page that needs nothing beside it.

    Args:
        title: its title and heading, as plain text.
        body: the markup below the heading, ours alone.
        styles: its style sheet.
        data: by the id of the element that will hold it, JSON; none of its text can end that element.
        script: the text of a module; what would end its element is only in its strings.
    """
    held = (
        f'<script type="application/json" id="{name}">{json_text.replace("<", _LESS)}</script>'
        for name, json_text in data.items()
    )
    return _PAGE.format(
        title=html.escape(title),
        body=body,
        styles=styles,
        data="\n".join(held),
        script=script.replace("</script", "<\\/script"),
    )
