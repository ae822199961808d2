"""A table as a file that spreadsheets and programs read alike."""

from typing import Any

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def frame_csv(frame: Any) -> bytes:
    """A DataFrame without its index as CSV (RFC 4180) in UTF-8 with a byte order mark, floats exact.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    safe = {name: _defused_column(frame[name]) for name in frame.columns if not _is_numeric(frame[name])}
    named = frame.assign(**safe).rename(columns=_defused)
    text: str = named.to_csv(index=False, lineterminator="\r\n")
    return text.encode("utf-8-sig")


def _is_numeric(column: Any) -> bool:
    return column.dtype.kind in "biuf"


def _defused_column(column: Any) -> Any:
    return column.map({value: _defused(value) for value in column.unique()})


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
