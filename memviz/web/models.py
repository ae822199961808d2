"""What the pages share of trained networks: the address's part, a picker, and links from page to page."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

import streamlit as st

from memviz import models
from memviz.experiment import Experiment
from memviz.web.address import BROKEN, MOST_ADDRESS_BYTES, VERSION, WHAT_IFS, Codec, Parser, S, State
from memviz.web.markdown import escaped
from memviz.web.state import Page

FIXED = "The trained network has it so. Close it to choose."
"""Why a control of the network is disabled."""
FIELD: tuple[Parser, str] = (
    lambda raw: raw if raw == "" or models.is_known(raw) else BROKEN,
    f"The trained networks are {', '.join(models.NAMES)}, and those trained or opened on this server since it started",
)
"""How a page's codec reads the name of a trained network."""
_GONE = (
    "The trained network of this page was a visitor's and is no longer kept: one is kept until the server restarts or "
    f"{models.MOST_LENT} others have followed. Train it again, open its file again under 'Your model', or "
    "choose one under 'Trained'."
)
_NO_WHAT_IFS: Mapping[str, str] = {}


class ModelState(State, Protocol):
    """The state of a page that opens trained networks."""

    @property
    def model(self) -> str:
        """The name of the one that is open; "" is none."""


M = TypeVar("M", bound=ModelState)


class ModelCodec(Codec[S]):
    """A link that names a trained network and no sequence asks for the first example of its task.

    One that names a network which cannot be had opens the page without any.
    """

    def read(self, query: Mapping[str, str]) -> tuple[S, list[str]]:
        """The state that an address asks for, and a sentence for each parameter that is unknown or broken."""
        name = query.get("model", "")
        if models.is_known(name):
            if "text" not in query:
                query = {**query, "text": models.examples(name, models.load(name))[0]}
            return super().read(query)
        if name:  # what was changed in it would be changed in another network
            query = {key: value for key, value in query.items() if key not in WHAT_IFS}
        if why := why_not(name):
            state, problems = super().read({key: value for key, value in query.items() if key != "model"})
            return state, [why, *problems]
        return super().read(query)


def why_not(name: str) -> str:
    """Why a network that there was, or should be, cannot be opened; "" where it can, and for any other name."""
    if name == "" or models.is_known(name):
        return ""
    if models.is_lent_name(name):
        return _GONE
    return models.problem(name) if name in models.NAMES else ""


def mended(state: M) -> tuple[M, str]:
    """A state without a trained network that is no longer there, and a sentence; the state itself where it is."""
    why = why_not(state.model)
    if not why:
        return state, ""
    changes: dict[str, Any] = {"model": "", "experiment": state.experiment.plain}
    if any(field.name == "change" for field in fields(state)):
        changes["change"] = None
    return replace(state, **changes), why


def last_good(key: str, default: M) -> M:
    """The state that a session keeps as its last good one, if its trained network is still there."""
    kept: M = st.session_state.get(key, default)
    return default if why_not(kept.model) else kept


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
                    broken = models.problem(recipe.name)
                    st.button(
                        recipe.title,
                        disabled=bool(broken),
                        help=escaped(broken) if broken else None,
                        key=f"{page.name}-open-{recipe.name}",
                        on_click=open_model,
                        args=(recipe.name,),
                        icon=":material/check:" if recipe.name == name else None,
                        width="stretch",
                    )


def is_linked(name: str, text: str, what_ifs: Mapping[str, str] = _NO_WHAT_IFS) -> bool:
    """Whether a link to another page that shows a trained network has room for a sequence."""
    query = {"v": VERSION, "model": name, "text": text, **what_ifs}
    return bool(text) and len(urlencode(query)) <= MOST_ADDRESS_BYTES


def links(page: str, name: str, text: str, experiment: Experiment | None = None) -> None:
    """Links to the other pages that show a trained network, with the sequence and what is edited and held in it.

    A sequence that is empty or too long for a link is left out: the network's first example then takes its place, which
    of a network out of a file is what it was last fed.
    """
    added = {} if experiment is None else experiment.to_query()
    what_ifs = {key: value for key, value in added.items() if key in WHAT_IFS}
    for other, label in (
        ("gates", "See its gates"),
        ("gradients", "See its gradients"),
        ("compare", "Compare it"),
    ):
        if other != page:
            query = {"v": VERSION, "model": name, "text": text} | what_ifs
            if not is_linked(name, text, what_ifs):
                del query["text"]
            st.page_link(f"pages/{other}.py", label=label, query_params=query, width="content")
