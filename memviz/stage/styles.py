"""The style sheets of the stage as one text."""

from functools import cache

from memviz.paths import ASSETS


@cache
def styles() -> str:
    """The style sheets of the stage; what holds for a phone or a projector comes last."""
    return "".join(
        (ASSETS / "stage" / f"{name}.css").read_text(encoding="utf-8")
        for name in ("strips", "machine", "stage")
    )
