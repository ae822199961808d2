"""What the pages share of trained networks: the address's part, a picker, and links from page to page."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from memviz import models
from memviz.web.address import BROKEN, MOST_ADDRESS_BYTES, VERSION, Parser
from memviz.web.state import Page

FIXED = "The trained network has it so. Close it to choose."
"""Why a control of the network is disabled."""
FIELD: tuple[Parser, str] = (
    lambda raw: raw if raw == "" or models.is_known(raw) else BROKEN,
    f"The trained networks are {', '.join(models.NAMES)}, and those trained or opened on this server since it started",
)
"""How a page's codec reads the name of a trained network."""


def with_example(query: Mapping[str, str]) -> Mapping[str, str]:
    """An address that names a trained network and no sequence asks for the first example of its task."""
    name = query.get("model", "")
    if models.is_known(name) and "text" not in query:
        return {**query, "text": models.examples(name, models.load(name))[0]}
    return query


def picker(page: Page[Any], name: str, open_model: Callable[[str], None], close: Callable[[], None]) -> None:
    """A popover with every network that comes with memviz; `name` is that of the one which is open."""
    with page.lazy_popover("Trained", "school", "trained") as opened:
        if not opened.open:
            return
        if name:
            st.button("Close the trained network", icon=":material/close:", on_click=close, width="stretch")
        recipes = [models.recipe_of(each) for each in models.NAMES]
        for title in dict.fromkeys(recipe.task.title for recipe in recipes):
            st.caption(title)
            for recipe in recipes:
                if recipe.task.title == title:
                    st.button(
                        recipe.title,
                        key=f"{page.name}-open-{recipe.name}",
                        on_click=open_model,
                        args=(recipe.name,),
                        icon=":material/check:" if recipe.name == name else None,
                        width="stretch",
                    )


def links(page: str, name: str, text: str) -> None:
    """Links to the other pages that show a trained network, with the sequence on the screen.

    A sequence that is too long for a link is left out: the network's first example then takes its place, which of a
    network out of a file is what it was last fed.
    """
    for other, label in (
        ("gates", "See its gates"),
        ("gradients", "See its gradients"),
        ("compare", "Compare it"),
    ):
        if other != page:
            query = {"v": VERSION, "model": name, "text": text}
            if len(urlencode(query)) > MOST_ADDRESS_BYTES:
                del query["text"]
            st.page_link(f"pages/{other}.py", label=label, query_params=query, width="content")
