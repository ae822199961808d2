"""Score and loss of the networks of a result, look by look, and what became of each seed."""

import numpy as np
import pandas as pd
import streamlit as st

from memviz.figures import LearningLine, learning_lines
from memviz.theme import number
from memviz.web.charts import chart, is_dark
from memviz.web.compare.sides import LETTERS
from memviz.web.markdown import escaped
from memviz.web.training import rows
from memviz.web.training.page import PAGE
from memviz.web.training.result import Result


def show(result: Result) -> None:
    """Score and loss, look by look, against chance and the best there is."""
    task = result.state.task
    levels = [("chance", task.chance), ("solved from", task.solved)]
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
            "not, in a ring while it learns. On the way the score is looked at over fewer sequences than at the end."
        )
    )


def seeds(result: Result) -> None:
    """What became of each seed; the table has its place from the start."""
    if result.state.seeds > 1:
        st.markdown(rows.seeds_table(result))
        st.caption("✓ learnt it after so many updates; ✕ did not, and scores so much.")


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
    return LearningLine(
        result.state.side_of(which),
        result.letter(which),
        result.name(which),
        table[:, 0],
        table[:, place],
        standing.is_over,
        standing.is_solved,
    )


def _curve_title(result: Result, name: str, place: int) -> str:
    """The latest number of each side, the mean over its seeds where there are several; short enough for one line."""
    latest = []
    digits = 2 if len(result.state.sides) > 2 else 3
    for side in range(len(result.state.sides)):
        values = [standing.looks[-1][place] for standing in result.of_side(side) if standing.looks]
        if values:
            latest.append(f"{LETTERS[side]} {number(float(np.mean(values)), digits)}")
    what = f"mean {name}" if result.state.seeds > 1 else f"latest {name}"
    return f"{what.capitalize()}: {', '.join(latest)}" if latest else f"The {name} of each network"


def _levels(levels: list[tuple[str, float]]) -> str:
    return f"Across: {', '.join(f'{name} {number(value)}' for name, value in levels)}."
