"""The rows on top of the training page: the task, what learns it, how, and the button that begins."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from memviz.cells import CELLS
from memviz.experiment import BIAS_RANGE, SEED_RANGE
from memviz.initialisation import INITIALISATIONS
from memviz.tasks import TASKS, Latch
from memviz.training import FUSED, OPTIMISERS
from memviz.web.compare.sides import LETTERS, Side, heeds
from memviz.web.compare.words import label_of
from memviz.web.markdown import escaped
from memviz.web.settings import INITIALISATION_LABELS
from memviz.web.training.address import (
    CLIP_RANGE,
    MOST_SEEDS,
    MOST_SIDES,
    RATE_RANGE,
    THOUSAND,
    TrainingState,
    log_biased,
)
from memviz.web.training.page import PAGE
from memviz.worker import MOST_BATCH, MOST_SECONDS, MOST_UNITS, MOST_UPDATES

_BIASES = ("forget_bias", "update_bias", "input_bias")
_SETTING_LABELS = {
    "steps": "Timesteps",
    "distractors": "Distractors",
    "letters": "Letters",
    "most": "Trained on n up to",
    "items": "Symbols in the list",
    "symbols": "Different symbols",
    "delay": "Delay, in timesteps",
    "period": "Period, in timesteps",
    "ahead": "Foreseen, in timesteps ahead",
    "depth": "Deepest nesting",
}
_SUGGESTED = {
    "latch": (4, 500),
    "parity": (4, 1500),
    "counting": (2, 3000),
    "reber": (8, 1500),
    "adding": (16, 1500),
    "order": (8, 500),
    "copy": (16, 1500),
    "sine": (8, 500),
    "characters": (16, 1500),
}
"""The units and updates that a task is chosen with: what a small LSTM needs for it."""


def show(
    state: TrainingState,
    is_busy: bool,
    problem: str,
    train: Callable[[], None],
    cancel: Callable[[], None],
) -> None:
    """The row on top.

    Args:
        state: what is asked for.
        is_busy: whether a training of this visitor is under way.
        problem: why it cannot be trained; empty where it can.
        train: what the button does.
        cancel: what the one beside it does.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Task",
            list(TASKS),
            format_func=lambda name: TASKS[name].title,
            width=290,
            **PAGE.bound("task", state.task.name, _choose_task),
        )
        with PAGE.lazy_popover(_task_settings_label(state), "tune", "task") as popover:
            if popover.open:
                _task_settings(state)
        units = state.experiment.hidden_size
        st.slider(
            "Units",
            1,
            max(MOST_UNITS, units),
            width=105,
            **PAGE.bound(
                "hidden_size",
                units,
                lambda size: PAGE.change_experiment(hidden_size=size),
                fits=max(MOST_UNITS, units),
            ),
        )
        st.number_input(
            "Seed",
            *SEED_RANGE,
            step=1,
            width=110,
            **PAGE.bound("seed", state.experiment.seed, lambda seed: PAGE.change_experiment(seed=seed)),
        )
        st.selectbox(
            "Seeds",
            list(range(1, MOST_SEEDS + 1)),
            width=80,
            help="So many networks of each are trained, with this seed and those after it.",
            **PAGE.bound("seeds", state.seeds, lambda count: PAGE.change(seeds=count)),
        )
        with PAGE.lazy_popover("How", "school", "how") as popover:
            if popover.open:
                _how(state)
        st.button(
            "Train",
            icon=":material/play_arrow:",
            disabled=is_busy or bool(problem),
            key="training-train",
            on_click=train,
        )
        st.button(
            "Cancel",
            icon=":material/close:",
            disabled=not is_busy,
            key="training-cancel",
            on_click=cancel,
        )


def sides(state: TrainingState, is_busy: bool) -> None:
    """A popover for each network, the button that adds one, and the thousand steps."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for index, (letter, side) in enumerate(zip(LETTERS, state.sides, strict=False)):
            with PAGE.lazy_popover(f"**{letter}** {escaped(label_of(side))}", "", f"side-{index}") as popover:
                if popover.open:
                    _side(state, index, side)
        st.button(
            "Add a network",
            icon=":material/add:",
            disabled=len(state.sides) == MOST_SIDES,
            help=f"A copy of the last, to be changed; up to {MOST_SIDES}.",
            on_click=lambda: _copy(len(PAGE.current().sides) - 1),
        )
        st.button(
            "The thousand steps",
            icon=":material/timeline:",
            help="Four beginnings of an LSTM learn to remember one symbol through 1,000 distractors.",
            disabled=is_busy,
            on_click=_thousand,
        )
        if isinstance(state.task, Latch):
            st.toggle(
                "Distractors from the class symbols",
                **PAGE.bound(
                    "distractors",
                    state.task.distractors == "classes",
                    lambda on: _set_task("distractors", "classes" if on else "others"),
                ),
            )
    if isinstance(state.task, Latch) and state.task.distractors == "classes":
        st.caption(
            "Far harder: the symbol that is to be remembered comes again and again, and only its place tells the first "
            "one from the rest. Of 3 seeds with ln T biases 1 learnt it over 100 steps and none over 300, as measured."
        )


def _thousand() -> None:
    """The set-up of the thousand steps, whatever was asked for before."""
    PAGE.take(THOUSAND)


def _choose_task(name: str) -> None:
    units, updates = _SUGGESTED[name]
    experiment = replace(PAGE.current().experiment, hidden_size=units)
    PAGE.change(task=TASKS[name](), experiment=experiment, updates=updates, checkpoint=None, timestep=0)


def _task_settings_label(state: TrainingState) -> str:
    given = [f"{each.name} {getattr(state.task, each.name)}" for each in fields(state.task)]
    return escaped(", ".join(given)) or "no settings"


def _task_settings(state: TrainingState) -> None:
    task = state.task
    st.caption(escaped(f"Scored: {task.scored}."))
    for name, low, high in task.ranges:
        st.number_input(
            _SETTING_LABELS[name],
            low,
            high,
            step=1,
            **PAGE.bound(f"task-{task.name}-{name}", getattr(task, name), _sets_task(name)),
        )
    for name, known in task.choices:
        st.selectbox(
            _SETTING_LABELS[name],
            known,
            **PAGE.bound(f"task-{task.name}-{name}", getattr(task, name), _sets_task(name)),
        )
    st.caption(escaped(f"Source: {task.source}."))


def _sets_task(name: str) -> Callable[[Any], None]:
    return lambda value: _set_task(name, value)


def _set_task(name: str, value: Any) -> None:
    if value is None:  # an emptied box
        return
    try:
        PAGE.change(task=replace(PAGE.current().task, **{name: value}), checkpoint=None)
    except ValueError as error:
        PAGE.refuse(str(error))


def _how(state: TrainingState) -> None:
    st.selectbox(
        "Optimiser",
        OPTIMISERS,
        format_func={"adam": "Adam", "sgd": "SGD"}.__getitem__,
        **PAGE.bound("optimiser", state.optimiser, _sets("optimiser")),
    )
    st.number_input(
        "Learning rate",
        *RATE_RANGE,
        step=0.005,
        format="%g",
        **PAGE.bound("rate", float(state.rate), _sets("rate")),
    )
    st.number_input(
        "Clip the gradient at a norm of",
        *CLIP_RANGE,
        step=0.5,
        placeholder="not clipped",
        **PAGE.bound("clip", None if state.clip is None else float(state.clip), _sets("clip")),
    )
    for name, label, most in (
        ("batch", "Sequences for each update", MOST_BATCH),
        ("updates", "Updates at most", MOST_UPDATES),
        ("seconds", "Seconds at most, for all", MOST_SECONDS),
    ):
        st.number_input(label, 1, most, step=1, **PAGE.bound(name, getattr(state, name), _sets(name)))
    st.caption(
        f"This server gives a training at most {MOST_SECONDS} seconds and {MOST_UPDATES:,} updates. It ends when the "
        "score has reached the task's goal twice running. The learning rate is from "
        f"{RATE_RANGE[0]:.5f} to {RATE_RANGE[1]:g}, the norm from {CLIP_RANGE[0]:g} to {CLIP_RANGE[1]:,g}."
    )


def _sets(name: str) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        if value is not None or name == "clip":
            PAGE.change(**{name: value})

    return change


def _side(state: TrainingState, index: int, side: Side) -> None:
    cell = CELLS[side.cell]
    st.selectbox(
        "Cell",
        list(CELLS),
        format_func=lambda name: CELLS[name].title,
        **PAGE.bound(
            f"cell-{index}", side.cell, lambda name: _change(index, lambda s: replace(s, cell=name))
        ),
    )
    st.caption(escaped(cell.note))
    if side.cell not in FUSED:
        st.caption("torch has no fused kernel for it: it is taught step by step, some 30 times slower.")
    own = dict(side.settings)
    for name in _BIASES:
        if heeds(cell, name):
            st.number_input(
                name.replace("_", " ").capitalize(),
                *BIAS_RANGE,
                step=0.5,
                placeholder="as torch draws it",
                **PAGE.bound(f"{name}-{index}", own.get(name), _sets_side(index, name)),
            )
    st.selectbox(
        "Initialisation",
        INITIALISATIONS,
        format_func=INITIALISATION_LABELS.__getitem__,
        **PAGE.bound(
            f"initialisation-{index}",
            own.get("initialisation", state.experiment.initialisation),
            _sets_side(index, "initialisation"),
        ),
    )
    steps = getattr(state.task, "steps", None)
    with st.container(horizontal=True):
        if cell.family == "lstm" and steps is not None and heeds(cell, "forget_bias"):
            st.button(
                "ln T biases",
                help="Forget bias ln T and input bias −ln T, T being the task's timesteps.",
                key=f"training-logs-{index}",
                on_click=lambda: _change(index, lambda s: Side(s.cell, log_biased(steps).settings)),
            )
        st.button("Duplicate", key=f"training-duplicate-{index}", on_click=lambda: _copy(index))
        st.button(
            "Remove",
            key=f"training-remove-{index}",
            disabled=len(state.sides) == 1,
            on_click=lambda: _remove(index),
        )


def _sets_side(index: int, name: str) -> Callable[[Any], None]:
    """Set one thing of a side; an empty box leaves it to the draw."""
    return lambda value: _change(
        index, lambda side: side.without(name) if value is None else side.with_setting(name, value)
    )


def _change(index: int, changed: Callable[[Side], Side]) -> None:
    """Change a side; what breaks a rule changes nothing and is said."""
    found = list(PAGE.current().sides)
    if index >= len(found):  # it was removed while its change was on the way
        return
    try:
        found[index] = changed(found[index])
    except ValueError as error:
        PAGE.refuse(str(error))
        return
    PAGE.change(sides=tuple(found))


def _copy(index: int) -> None:
    found = PAGE.current().sides
    PAGE.change(sides=(*found[: index + 1], *found[index : index + 1], *found[index + 1 :]))


def _remove(index: int) -> None:
    found = PAGE.current().sides
    PAGE.change(sides=(*found[:index], *found[index + 1 :]))
