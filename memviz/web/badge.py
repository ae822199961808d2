"""The badge that says how far a run is from torch.nn."""

import streamlit as st

from memviz.parity import Parity
from memviz.theme import number

_LOOKS = {
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
        color=colour,  # type: ignore[arg-type]
        help="The largest difference over all hidden and cell states, measured now.",
    )
