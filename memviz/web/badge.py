"""The badge that says how far a run is from torch.nn."""

from typing import Literal

import streamlit as st

from memviz.parity import Parity
from memviz.theme import number

_LOOKS: dict[bool | None, tuple[str, Literal["green", "red", "gray"]]] = {
    True: (":material/verified:", "green"),
    False: (":material/error:", "red"),
    None: (":material/info:", "gray"),
}


def parity_badge(proof: Parity) -> None:
    """Equal, different, or without a counterpart in torch.nn."""
    icon, colour = _LOOKS[proof.equal]
    st.badge(
        proof.sentence + ("" if proof.equal is None else f" Tolerance {number(proof.tolerance, 1)}."),
        icon=icon,
        color=colour,
        help="The largest difference over all hidden and cell states, measured now.",
    )
