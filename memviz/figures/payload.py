"""What the browser needs of a figure, as JSON in bytes: numbers packed by plotly, so that NaN survives."""

import json
from base64 import b64encode
from typing import Any

import numpy as np
import plotly.io

from memviz.theme import number

MOST_ROWS = 5000
_DIGITS = 4
_PACKED = {"float64": "<f8", "float32": "<f4", "int32": "<i4", "int64": "<i4"}
"""The types of arrays that are packed, and plotly's name for each; counts of timesteps fit into 32 bits."""


def payload(
    figure: dict[str, Any],
    name: str,
    alt: str,
    source: str = "",
    table: dict[str, Any] | None = None,
    csv: dict[str, Any] | None = None,
    brush: dict[str, Any] | None = None,
) -> bytes:
    """The figure, unvalidated, with its name, its description and, while they are wanted, its table and its CSV file.

    A figure with a brush has points whose `customdata` are their names, and shapes called "threshold". `source` is
    where the browser gets plotly.js, "" where its page holds it.

    Streamlit carries bytes as they are; it would escape every quotation mark of a string.
    """
    known: dict[str, Any] = {"name": name, "alt": alt, "source": source, "table": table, "csv": csv}
    if brush is not None:
        known["brush"] = brush
    rest = json.dumps(known, allow_nan=False)
    drawn = plotly.io.to_json(_packed(figure), validate=False, engine="json")
    return f'{{"figure":{drawn},{rest[1:]}'.encode()


def _packed(part: Any) -> Any:
    """Arrays as plotly.js reads them, packed; plotly.py does so only for its own figure objects."""
    if isinstance(part, dict):
        return {name: _packed(value) for name, value in part.items()}
    if isinstance(part, list) and any(isinstance(value, dict | np.ndarray) for value in part):
        return [_packed(value) for value in part]
    if not isinstance(part, np.ndarray) or part.dtype.name not in _PACKED:
        return part
    shape = {"shape": ", ".join(map(str, part.shape))} if part.ndim > 1 else {}
    data = b64encode(part.astype(_PACKED[part.dtype.name]).tobytes()).decode()
    return {"dtype": _PACKED[part.dtype.name].lstrip("<"), "bdata": data, **shape}


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
