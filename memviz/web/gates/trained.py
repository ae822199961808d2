"""A trained network on the gates page: the picker, what it is, and what it says under each token."""

from dataclasses import replace
from typing import Any

import streamlit as st

from memviz import models
from memviz.live import ribbon
from memviz.theme import SEQUENTIAL_DARK, SEQUENTIAL_LIGHT, number
from memviz.web import models as shared
from memviz.web.charts import is_dark
from memviz.web.engine import Run
from memviz.web.gates.address import DEFAULT, GatesState
from memviz.web.gates.page import PAGE
from memviz.web.markdown import escaped
from memviz.web.sequence import EXAMPLES


def picker(state: GatesState) -> None:
    """A popover with every network that comes with memviz."""
    shared.picker(PAGE, state.model, open_model, close)


def examples(state: GatesState) -> list[tuple[str, str, str]]:
    """The label, text and kind of each example: of the task of the network that is open, or of any network."""
    if not state.model:
        return [(label, text, kind) for label, (text, kind) in EXAMPLES.items()]
    texts = models.examples(state.model, models.load(state.model))
    return [(_short(text), text, state.kind) for text in texts]


def readable(state: GatesState, last: GatesState) -> GatesState:
    """A state whose sequence the network of `state` reads: the last good one or, where that had another alphabet, one
    that shows its first example.
    """
    if state.model == last.model:
        return last
    if not state.model:
        return DEFAULT
    return replace(state, text=models.examples(state.model, models.load(state.model))[0])


def open_model(name: str) -> None:
    """Show a trained network on the first example of its task, without what-ifs."""
    trained = models.load(name)
    PAGE.change(
        **_at_the_start(),
        experiment=trained.experiment.plain,
        model=name,
        text=models.examples(name, trained)[0],
        units=tuple(range(min(4, trained.network.hidden_size))),
    )


def close() -> None:
    """Back to the network as its settings draw it, which is what the trained one began as."""
    PAGE.change(**_at_the_start(), model="", experiment=PAGE.current().experiment.plain)


def about(run: Run) -> None:
    """What the network is, how well it does, and which seeds did not."""
    trained = run.trained
    if trained is None:
        return
    task, shipped = trained.task, models.about(run.setup.model)
    best = number(task.optimum, 3)
    said, ways = st.columns([4, 1])
    with said:
        st.caption(
            escaped(
                f"{models.recipe_of(run.setup.model).title}. Score {number(trained.score, 3)}: {task.scored}; by "
                f"chance {number(task.chance, 3)}, at best {best}. {shipped.sentence} "
                f"{_inputs(run)}"
            )
        )
    with ways, st.container(horizontal=True, horizontal_alignment="right"):
        shared.links(PAGE.name, run.setup.model, run.setup.text, run.setup.experiment)


def prediction(run: Run) -> None:
    """The read-out's answer under each token, as sure as its colour is deep; a number is not coloured."""
    if run.trained is None:
        return
    scale = SEQUENTIAL_DARK if is_dark() else SEQUENTIAL_LIGHT
    right = [each.is_right for each in run.said if each.is_right is not None]
    asked = f"right at {sum(right)} of {len(right)} steps that its task asks about" if right else ""
    if asked and run.trained.task.optimum_loss > 0:
        asked += "; where it draws at random, whatever may follow is right"
    st.markdown(f"**What it says after each step**{f', {asked}' if asked else ''}")
    is_sure = run.trained.task.loss != "squared error"  # a number says nothing of how sure it is
    ribbon(
        run.sequence.tokens,
        [_colour(scale, each.certainty if is_sure else 0.0) for each in run.said],
        alt=f"Each token with the answer of the read-out after it; {asked or 'the task asks about none'}.",
        key="gates-prediction",
        texts=[each.words for each in run.said],
        under=[f"{each.answer}{_MARKS[each.is_right]}" for each in run.said],
        legend=("unsure", "sure") if is_sure else None,
        scale=scale,
    )


_MARKS: dict[bool | None, str] = {True: " ✓", False: " ✗", None: ""}


def _colour(scale: Any, certainty: float) -> str:
    """The colour of a probability, at one of the steps of the scale."""
    return str(scale[round(max(0.0, min(1.0, certainty)) * (len(scale) - 1))])


def _inputs(run: Run) -> str:
    names = run.sequence.features
    if run.sequence.symbols is None:
        return f"Its inputs: {', '.join(names)}, a line for each step."
    return f"Its alphabet: {' '.join(names)}."


def _short(text: str, most: int = 40) -> str:
    line = " | ".join(text.splitlines())
    shown = line if len(line) <= most else f"{line[: most - 1]}…"
    return escaped(f"{shown} ({len(text):,} characters)" if len(line) > most else shown)


def _at_the_start() -> dict[str, Any]:
    return {
        "timestep": 0,
        "unit": 0,
        "change": None,
        "chosen": 0,
        "weight": "",
        "node": "",
        "loss_timestep": None,
        "loss_unit": None,
        "concept": 0,
    }
