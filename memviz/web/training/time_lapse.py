"""The time-lapse: one network on one example, at any of its checkpoints."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from jaxtyping import Float

from memviz import live, models
from memviz.figures import gradient_over_training, log_range
from memviz.stage import step_detail
from memviz.stage.component import stage, stage_position
from memviz.theme import SEQUENTIAL_DARK, SEQUENTIAL_LIGHT, look, number, power_of_ten
from memviz.training import TrainedNetwork
from memviz.training.files import to_bytes
from memviz.web.charts import chart, is_dark
from memviz.web.markdown import escaped
from memviz.web.models import links
from memviz.web.training import engine, predictions
from memviz.web.training.address import TrainingState
from memviz.web.training.engine import Example, Seen
from memviz.web.training.page import PAGE
from memviz.web.training.result import Result

_STAGE = "training-stage"
_LENT = "training-lent"
_LENT_TO_ALL: dict[str, str] = {}
"""The names of the networks that come with memviz: whoever opens the page must not crowd out what others trained."""
_OF_THE_READER = ("timestep", "unit", "phase", "node", "signal", "gradients")
_MOST_TOKENS = 64
"""More tokens than these are shown by their first and last ones."""
_ENDS = (20, 36)
_TOKEN = {False: "symbol", True: "timestep"}
_MARKS: dict[bool | None, str] = {True: " ✓", False: " ✗", None: ""}
_RIGHT = {
    "cross-entropy": "right: all probability on the answer",
    "binary cross-entropy": "right: no mean error",
    "squared error": "right: no error",
}


def show(result: Result, state: TrainingState, is_under_way: bool) -> None:
    """The machine, what it says, and how far gradients reach; at least one network has a checkpoint.

    Args:
        result: whose networks.
        state: which of them is looked at, and where.
        is_under_way: whether they are taught still.
    """
    numbers = [n for n, standing in enumerate(result.standings) if standing.checkpoints]
    shown = min(state.shown, len(result.standings) - 1)
    if shown not in numbers:
        shown = numbers[0]
    trained = result.standings[shown].trained()
    assert trained is not None
    updates = [each.update for each in trained.checkpoints]
    last = len(updates) - 1
    at = last if state.checkpoint is None else min(state.checkpoint, last)
    example = engine.example(result.state.task)
    found = {
        k: engine.seen((result.key, shown, updates[k]), trained, k, example) for k in sorted({0, at, last})
    }
    _pick(result, numbers, shown, updates, at)
    _checkpoint(trained, at, is_under_way and at == last)
    _take_along(result, shown, trained, example, is_under_way)
    _machine(state, found[at], (result.key, shown, updates[at]))
    _says(example, found[at])
    _gradient(found, updates, at, example.read)


def _take_along(
    result: Result, shown: int, trained: TrainedNetwork, example: Example, is_under_way: bool
) -> None:
    """The network as a file, and the pages that open it; the place is kept while it is taught."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if is_under_way:
            st.markdown("Its file and links to the other pages come when the training is over.")
        else:
            name = _lent(result, shown, trained)
            links(PAGE.name, name, trained.task.spelt(example.sequence))
        st.download_button(
            "This network as a file",
            lambda: to_bytes(trained),
            "memviz-trained.safetensors",
            "application/octet-stream",
            on_click="ignore",
            icon=":material/download:",
            help="A .safetensors file with its checkpoints, its history and how it was made.",
            disabled=is_under_way,
            key="training-file",
        )


def _lent(result: Result, shown: int, trained: TrainedNetwork) -> str:
    """The name by which the other pages know a network of this session, or one that comes with memviz."""
    key = f"{result.key}-{shown}"
    own: dict[str, str] = st.session_state.setdefault(_LENT, {})
    known = _LENT_TO_ALL if result.is_shipped else own
    if key not in known or not models.is_known(known[key]):
        known[key] = models.lend(trained, f"{trained.task.title}, {result.name(shown)}")
    return known[key]


def _pick(result: Result, numbers: list[int], shown: int, updates: list[int], at: int) -> None:
    """Which network is watched, and the scrubber through its training."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Watch",
            numbers,
            format_func=lambda n: result.name(n),
            width=360,
            **PAGE.bound(
                "shown", shown, lambda n: PAGE.change(shown=n, checkpoint=None), fits=(result.key, *numbers)
            ),
        )
        is_alone = len(updates) == 1  # a scrubber needs two ends; a network at its start has one checkpoint
        last = 1 if is_alone else len(updates) - 1
        st.select_slider(
            "Time-lapse: after so many updates",
            list(range(last + 1)),
            format_func=lambda k: f"{updates[min(k, len(updates) - 1)]:,}",
            help="Its checkpoints. While it is trained the latest is shown, unless another is chosen.",
            disabled=is_alone,
            # With each checkpoint another key: what a slow browser still says of the shorter scrubber is of no other.
            **PAGE.bound(
                f"checkpoint-{len(updates)}",
                at,
                lambda k: PAGE.change(checkpoint=None if k == last else k),
                fits=(result.key, shown),
            ),
        )


def _checkpoint(trained: TrainedNetwork, at: int, is_latest: bool) -> None:
    kept = trained.checkpoints[at]
    loss = "mean loss since the checkpoint before" if kept.update else "loss of the first sequences"
    st.caption(
        escaped(
            f"After {kept.update:,} updates{' (the latest)' if is_latest else ''}: score {number(kept.score)}, "
            f"{loss} {number(kept.loss)}. The example is always the same sequence, which training may not have drawn."
        )
    )


def _machine(state: TrainingState, found: Seen, key: tuple[str, int, int]) -> None:
    trace = found.trace
    timestep, unit = min(state.timestep, len(trace) - 1), min(state.unit, trace.units - 1)
    wished = {name: getattr(state, name) for name in _OF_THE_READER}
    where = {**wished, "timestep": timestep, "unit": unit}
    detail = step_detail(found.trained.network, trace, timestep, unit)
    gradients = engine.slopes(key, found) if state.gradients else None
    stage(found.payload, where, detail, _moved, key=_STAGE, gradients=gradients)


def _moved() -> None:
    at = stage_position(_STAGE)
    PAGE.change(**{name: at[name] for name in _OF_THE_READER if name in at})


def _says(example: Example, found: Seen) -> None:
    """What the network says after each step, coloured by how right that is, and marked where the task asks."""
    task, tokens = example.task, example.sequence.tokens
    right = predictions.rightness(example, found.predicted)
    last, steps = example.read, _drawn(len(tokens))
    said = {t: predictions.said(task, found.predicted[t]) for t in {*steps, last}}
    target = predictions.wanted(example, last)
    st.markdown(
        escaped(f"After step {last}, “{tokens[last]}”, it says {said[last]}; right is {target}.")
        + escaped(" The loss looks at this step alone." if example.mask.sum() == 1 else "")
    )
    answers = models.said(found.trained, example.sequence, found.predicted, example.taught, steps)
    scale = SEQUENTIAL_DARK if is_dark() else SEQUENTIAL_LIGHT
    texts = []
    for t in steps:
        known = predictions.wanted(example, t)
        texts.append(f"step {t}, {tokens[t]}: {said[t]}{f', right is {known}' if known else ''}")
    live.ribbon(
        [tokens[t] for t in steps],
        [_shade(float(right[t]), scale) for t in steps],
        alt=f"How right the network is after each step: {number(float(right[last]))} at the last that is looked at.",
        key="training-ribbon",
        texts=texts,
        legend=("wrong", _RIGHT[task.loss]),
        scale=scale,
        steps=steps,
        under=[f"{each.answer}{_MARKS[each.is_right]}" for each in answers],
    )
    notes = [f"Below each {_TOKEN[task.kind == 'signal']} what the network says; a mark where the task asks."]
    if task.optimum_loss > 0:
        notes.append("Some of what it asks is drawn at random, and nobody can know it.")
    if len(steps) < len(tokens):
        first, rest = _ENDS
        notes.append(f"The first {first} and the last {rest} of {len(tokens):,} steps.")
    st.caption(" ".join(notes))


def _gradient(found: dict[int, Seen], updates: list[int], at: int, read: int) -> None:
    """How far the gradient of the task's loss reaches back, before training, now and at the end, on one scale."""
    shown = found[at]
    m = look(shown.memory, shown.trace.cell.family).symbol
    order = [k for k in found if k != at] + [at]
    lines = [(f"{'at the start' if k == 0 else f'update {updates[k]:,}'}", found[k].gradient) for k in order]
    title = f"After {updates[at]:,} updates {_reach(shown.gradient, m, read)}"
    figure = gradient_over_training(lines, log_range([curve for _, curve in lines]), title, m, is_dark())
    kind = found[at].trained.task.loss
    alt = f"{title}; it is that of the {kind} of the answer after step {read}, along all paths."
    chart(PAGE, "gradient", figure, alt, lambda: _gradient_table(found, updates))
    st.caption(
        escaped(
            f"The loss is the task’s {kind} on this example after step {read}, differentiated along all paths. The "
            "surer the network is of a right answer, the smaller all of its gradient: compare how steep the lines are."
        )
    )


def _reach(gradient: Float[np.ndarray, " time"], memory: str, read: int) -> str:
    """How large the gradient is at the first step, beside what it is where the loss reads."""
    first, last = float(gradient[0]), float(gradient[-1])
    if np.isneginf(last):
        return f"the loss has no gradient by {memory}"
    if np.isneginf(first):
        return f"nothing of the loss’s gradient by {memory} reaches step 0"
    times = power_of_ten(first - last)
    return f"the loss’s gradient by {memory} at step 0 is {times} times that at step {read}"


def _gradient_table(found: dict[int, Seen], updates: list[int]) -> pd.DataFrame:
    columns = {f"log10 at update {updates[k]}": each.gradient for k, each in found.items()}
    return pd.DataFrame({"timestep": range(len(next(iter(found.values())).gradient)), **columns})


def _drawn(time: int) -> list[int]:
    first, rest = _ENDS
    return list(range(time)) if time <= _MOST_TOKENS else [*range(first), *range(time - rest, time)]


def _shade(share: float, scale: Any) -> str:
    """The colour of a share: the nearest of the scale's."""
    return str(scale[min(len(scale) - 1, round(share * (len(scale) - 1)))])
