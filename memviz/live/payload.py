"""What the browser needs of a figure, as JSON in bytes: numbers packed by plotly, so that NaN survives."""

import json
from typing import Any

import plotly.io
from plotly.graph_objects import Figure

from memviz.live.library import SOURCE
from memviz.theme import number

MOST_ROWS = 5000
_DIGITS = 4


def payload(figure: Figure, name: str, alt: str, table: dict[str, Any] | None = None) -> bytes:
    """The figure, unvalidated, with its name, its description and, while it is shown, its table.

    Streamlit carries bytes as they are; it would escape every quotation mark of a string.
    """
    rest = json.dumps({"name": name, "alt": alt, "source": SOURCE, "table": table}, allow_nan=False)
    drawn = plotly.io.to_json(figure, validate=False, engine="json")
    return f'{{"figure":{drawn},{rest[1:]}'.encode()


def table_payload(frame: Any) -> dict[str, Any]:
    """The first rows of a DataFrame as texts, with how many it has."""
    columns = [[_cell(value) for value in frame[name].head(MOST_ROWS).tolist()] for name in frame.columns]
    return {
        "columns": [str(name) for name in frame.columns],
        "rows": [list(row) for row in zip(*columns, strict=True)],
        "total": len(frame),
    }


def _cell(value: Any) -> str:
    return number(value, _DIGITS) if isinstance(value, float) else str(value)
