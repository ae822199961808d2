"""What is drawn by our own component in the browser: the ribbon of tokens."""

from memviz.stage.ribbon import ribbon, ribbon_payload

__all__ = ["ribbon", "ribbon_payload"]
