"""What the training page shows of a result: progress, loss and score, seeds, and the time-lapse of one network."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from memviz import live, models
from memviz.figures import LearningLine, gradient_over_training, learning_lines, log_range
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
from memviz.web.training.task_text import task_text
from memviz.worker import Job, Standing

_STAGE = "training-stage"
_LENT = "training-lent"
_OF_THE_READER = ("timestep", "unit", "phase", "node", "signal", "gradients")
_MOST_TOKENS = 120
"""More tokens than these are shown by their first and last ones."""
_ENDS = (20, 60)
_MARKS = {"solved": "✓", "diverged": "⚠"}
_NOT_SOLVED = "✕"


def progress(result: Result, job: Job) -> None:
    """The bars of a training that is under way or waits, and the button that cancels it."""
    place = engine.WORKER.place(job)
    over = sum(standing.is_over for standing in job.standings)
    with st.container(horizontal=True, vertical_alignment="center"):
        if job.state == "waiting":
            orders = "order is" if place == 1 else "orders are"
            st.markdown(f"Waiting: {place} {orders} before yours." if place else "Yours is next.")
        else:
            left = _time(job.seconds_left)
            st.markdown(
                f"Training: {over} of {len(job.standings)} networks done, {job.seconds:.0f} s so far, at most {left} "
                "left."
            )
        st.button(
            "Cancel",
            icon=":material/close:",
            key="training-cancel",
            on_click=engine.WORKER.cancel,
            args=(job,),
        )
    for number_, standing in enumerate(job.standings):
        if standing.state != "running":
            continue
        updates = standing.lesson.settings.updates
        st.progress(
            min(1.0, standing.update / updates),
            text=escaped(
                f"{result.name(number_)}: update {standing.update:,} of {updates:,}, "
                f"{standing.updates_per_second:.0f} a second, score {number(standing.score)}"
            ),
        )


def curves(result: Result) -> None:
    """Score and loss, look by look, against chance and the best there is."""
    task = result.state.task
    levels = [("chance", task.chance), ("counts as solved", task.solved)]
    if task.optimum <= 2 * task.solved:
        levels.append(("optimum", task.optimum))
    left, right = st.columns(2)
    losses = [("chance", task.chance_loss), ("optimum", task.optimum_loss)]
    for column, name, place, across in ((left, "score", 2, levels), (right, "loss", 1, losses)):
        with column:
            title = _curve_title(result, name, place)
            figure = learning_lines(
                [_line(result, number, place) for number in range(len(result.standings))],
                across,
                title,
                name,
                result.state.updates,
                is_dark(),
            )
            chart(PAGE, name, figure, f"{title} {_levels(across)}", lambda: looks(result))
    st.caption(
        escaped(
            f"Score: {task.scored}. A line ends in a dot where the network solved the task, in a cross where it did "
            "not, in a ring while it learns."
        )
    )


def seeds(result: Result) -> None:
    """How many seeds of each side solved the task, each with what became of it."""
    lines = []
    for side, taught in enumerate(result.taught()):
        each = [_became(standing) for standing in result.of_side(side)]
        of = f"{taught.counted} seeds solve it. " if taught.networks else ""
        lines.append(f"- **{taught.letter}** {escaped(f'{taught.label}: {of}')}{escaped('; '.join(each))}")
    st.markdown("\n".join(lines))


def time_lapse(result: Result, state: TrainingState, is_under_way: bool) -> None:
    """One network on one example, at any of its checkpoints: the machine, what it says, and how far gradients reach."""
    shown = min(state.shown, len(result.standings) - 1)
    numbers = [n for n, standing in enumerate(result.standings) if standing.checkpoints]
    if not numbers:
        st.caption("The first network is drawn when its training has begun.")
        return
    if shown not in numbers:
        shown = numbers[0]
    trained = result.standings[shown].trained()
    assert trained is not None
    count = len(trained.checkpoints)
    at = count - 1 if state.checkpoint is None else min(state.checkpoint, count - 1)
    _pick(result, numbers, shown, [each.update for each in trained.checkpoints], at, is_under_way)
    example = engine.example(task_text(result.state.task), result.state.task)
    found = {
        k: engine.seen((result.key, shown, trained.checkpoints[k].update), trained, k, example)
        for k in sorted({0, at, count - 1})
    }
    _machine(state, found[at], (result.key, shown, trained.checkpoints[at].update))
    _says(example, found[at])
    _gradient(found, [each.update for each in trained.checkpoints], at)
    with st.container(horizontal=True, vertical_alignment="center"):
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
        if not is_under_way:
            name = _lent(f"{result.key}-{shown}", trained, result.name(shown))
            links(PAGE.name, name, trained.task.spelt(example.sequence))


def _lent(key: str, trained: TrainedNetwork, name: str) -> str:
    """The name by which the other pages know a network of this session."""
    known: dict[str, str] = st.session_state.setdefault(_LENT, {})
    if key not in known or not models.is_known(known[key]):
        known[key] = models.lend(trained, f"{trained.task.title}, {name}")
    return known[key]


def looks(result: Result) -> pd.DataFrame:
    """Every look at every network."""
    rows = [
        (result.letter(n), result.label(n), result.seed(n), update, loss, score)
        for n, standing in enumerate(result.standings)
        for update, loss, score in standing.looks
    ]
    return pd.DataFrame(rows, columns=["network", "name", "seed", "update", "loss", "score"])


def _line(result: Result, which: int, place: int) -> LearningLine:
    standing = result.standings[which]
    table = np.array(standing.looks, dtype=np.float64).reshape(-1, 3)
    label = result.letter(which)
    if result.state.seeds > 1:
        label = f"{label}{result.seed(which)}"
    return LearningLine(
        result.state.side_of(which),
        label,
        result.name(which),
        table[:, 0],
        table[:, place],
        standing.is_over,
        standing.is_solved,
    )


def _curve_title(result: Result, name: str, place: int) -> str:
    """The first network of each side that has begun: what its latest number is."""
    latest = [
        f"{result.letter(n)} {number(standing.looks[-1][place])}"
        for n, standing in enumerate(result.standings[: len(result.state.sides)])
        if standing.looks
    ]
    first = f", seed {result.seed(0)}" if result.state.seeds > 1 else ""
    return f"Latest {name}{first}: {', '.join(latest)}" if latest else f"The {name} of each network"


def _levels(levels: list[tuple[str, float]]) -> str:
    return f"Across: {', '.join(f'{name} {number(value)}' for name, value in levels)}."


def _became(standing: Standing) -> str:
    """One seed in a few words, a mark first."""
    seed = f"seed {standing.lesson.experiment.seed}"
    outcome = standing.outcome
    if outcome is None:
        words = {"waiting": "waits", "running": f"at update {standing.update:,}", "left": "not begun"}
        return f"{seed} {words.get(standing.state, standing.sentence)}"
    mark = _MARKS.get(outcome.kind, _NOT_SOLVED)
    after = f"after {outcome.update:,} updates" if outcome.update else "before the first update"
    if outcome.kind == "solved":
        return f"{seed} {mark} {after}"
    return f"{seed} {mark} scores {number(standing.score)} {after}"


def _pick(
    result: Result, numbers: list[int], shown: int, updates: list[int], at: int, is_under_way: bool
) -> None:
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
        last = len(updates) - 1
        if last > 0:
            st.select_slider(
                "Time-lapse: after so many updates",
                list(range(last + 1)),
                format_func=lambda k: f"{updates[k]:,}",
                help="Its checkpoints. While it is trained the latest is shown, unless another is chosen.",
                **PAGE.bound(
                    "checkpoint",
                    at,
                    lambda k: PAGE.change(checkpoint=None if k == last else k),
                    fits=(result.key, shown, last),
                ),
            )
    checkpoint = f"After {updates[at]:,} updates"
    kept = result.standings[shown].checkpoints[at]
    st.caption(
        escaped(
            f"{checkpoint}{' (the latest)' if is_under_way and at == last else ''}: score {number(kept.score)}, "
            f"loss {number(kept.loss)}. The example is always the same sequence, which training may not have drawn."
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
    """What the network says after each step, coloured by how right that is."""
    task, tokens = example.task, example.sequence.tokens
    right = predictions.rightness(example, found.predicted)
    said = [predictions.said(task, row) for row in found.predicted]
    asked = [int(t) for t in np.flatnonzero(example.mask)]
    last = asked[-1]
    target = predictions.wanted(example, last)
    st.markdown(
        escaped(f"After step {last}, “{tokens[last]}”, it says {said[last]}; right is {target}.")
        + escaped("" if len(asked) > 1 else " The loss looks at this step alone.")
    )
    steps = _drawn(len(tokens))
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
        legend=("wrong", "right: all probability on the answer"),
        scale=scale,
    )
    if len(steps) < len(tokens):
        first, rest = _ENDS
        st.caption(f"The first {first} and the last {rest} of {len(tokens):,} steps.")


def _gradient(found: dict[int, Seen], updates: list[int], at: int) -> None:
    """How far the gradient reaches back, before training, now and at the end, on one scale."""
    shown = found[at]
    m = look(shown.memory, shown.trace.cell.family).symbol
    order = [k for k in found if k != at] + [at]
    lines = [(f"{'at the start' if k == 0 else f'update {updates[k]:,}'}", found[k].gradient) for k in order]
    reach = power_of_ten(float(shown.gradient[0] - shown.gradient[-1]))
    title = f"After {updates[at]:,} updates {reach} of the gradient by {m} is left at the first step"
    figure = gradient_over_training(lines, log_range([curve for _, curve in lines]), title, m, is_dark())
    alt = f"{title}; the gradient is that of the sum of the last hidden state, all paths."
    chart(PAGE, "gradient", figure, alt, lambda: _gradient_table(found, updates))


def _gradient_table(found: dict[int, Seen], updates: list[int]) -> pd.DataFrame:
    columns = {f"log10 at update {updates[k]}": each.gradient for k, each in found.items()}
    return pd.DataFrame({"timestep": range(len(next(iter(found.values())).gradient)), **columns})


def _drawn(time: int) -> list[int]:
    first, rest = _ENDS
    return list(range(time)) if time <= _MOST_TOKENS else [*range(first), *range(time - rest, time)]


def _shade(share: float, scale: Any) -> str:
    """The colour of a share: the nearest of the scale's."""
    return str(scale[min(len(scale) - 1, round(share * (len(scale) - 1)))])


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
