"""Files that a visitor downloads, each made when it is asked for."""

from memviz.trace import Trace

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def trace_csv(trace: Trace) -> bytes:
    """The tidy frame of a trace as CSV (RFC 4180) in UTF-8 with a byte order mark, floats exact.

    A token that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    frame = trace.to_frame()
    safe = {token: _defused(token) for token in set(trace.tokens)}
    text: str = frame.assign(token=frame["token"].map(safe)).to_csv(index=False, lineterminator="\r\n")
    return text.encode("utf-8-sig")


def _defused(token: str) -> str:
    return f"'{token}" if token.startswith(_FORMULA_STARTS) else token
