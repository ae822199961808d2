"""A page with one ribbon, for its tests: `?long=1` for 3,000 tokens, `?dark=1` for the colours of the dark theme."""

import streamlit as st

from memviz.live import ribbon
from memviz.theme import SEQUENTIAL_DARK, SEQUENTIAL_LIGHT

st.title("Ribbon")
scale = SEQUENTIAL_DARK if "dark" in st.query_params else SEQUENTIAL_LIGHT
tokens = ["<b>", *"hello wörld ", "👩🏽‍🚀", "words"] * (200 if "long" in st.query_params else 1)
shift = int(st.toggle("Shift", key="shift"))
ribbon(
    tokens,
    [scale[(t + shift) % len(scale)] for t in range(len(tokens))],
    alt=f"{len(tokens)} tokens",
    key="ribbon",
    texts=[f"step {t}: {token!r}" for t, token in enumerate(tokens)],
    legend=("low", "high"),
    scale=scale,
)
