"""A row for each side of a training: how far it is, how fast, for how long still, and what became of it.

The rows are as many and as high before, during and after a training, so that nothing below them jumps.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any

import streamlit as st

from memviz.theme import number
from memviz.web.compare.words import label_of
from memviz.web.markdown import escaped
from memviz.web.training.result import Result
from memviz.worker import Standing

_MARKS = {"solved": "✓", "diverged": "⚠"}
_NOT_SOLVED = "✕"


def show(result: Result, is_waiting: bool) -> None:
    """The rows, two beside each other; a side with several seeds tells of the one that is taught now.

    Args:
        result: whose networks.
        is_waiting: whether its order waits for others.
    """
    sides = result.state.sides
    left = times_left(result.standings)
    columns: list[Any] = [st.container()]
    for index, side in enumerate(sides):
        numbers = range(index, len(result.standings), len(sides))
        if len(sides) > 1 and index % 2 == 0:  # a pair at a time, so that a phone has them in order
            columns = list(st.columns(2))
        with columns[index % len(columns)]:
            words = "waits in the queue" if is_waiting else _side_words(result, numbers, left)
            name = f"**{result.letter(index)}** {escaped(label_of(side))}"
            st.progress(share([result.standings[n] for n in numbers]), text=f"{name}  \n{escaped(words)}")


def share(standings: Sequence[Standing]) -> float:
    """How much of the work of some lessons is done, 0 to 1; one that has reached its goal needs no more."""
    parts = [1.0 if each.is_solved else each.update / each.lesson.settings.updates for each in standings]
    return min(1.0, sum(parts) / len(parts))


def times_left(standings: Sequence[Standing]) -> dict[int, float]:
    """For how many seconds each lesson under way is taught still, if it takes all of its updates.

    Lessons take turns of equally many updates, so one that needs r more also waits for up to r of each of the others.
    """
    rest = {
        n: each.lesson.settings.updates - each.update
        for n, each in enumerate(standings)
        if each.state == "running" and each.updates_per_second
    }
    return {
        n: sum(min(own, others) / standings[k].updates_per_second for k, others in rest.items())
        for n, own in rest.items()
    }


def standing_words(standing: Standing, left: float | None) -> str:
    """One lesson: a mark and what became of it, or its updates, their speed, the time left and the score."""
    updates, outcome = standing.lesson.settings.updates, standing.outcome
    if standing.state == "failed":
        return f"{_NOT_SOLVED} {standing.sentence}"
    if outcome is None:
        if standing.state != "running":
            return "not begun" if standing.state == "left" else "begins"
        said = f"{standing.update:,} of {updates:,} updates"
        if left is None:
            return said
        speed = number(standing.updates_per_second, 2 if standing.updates_per_second < 10 else 3)
        return f"{said} · {speed}/s · at most {_time(left)} left · score {number(standing.score)}"
    mark, score = _MARKS.get(outcome.kind, _NOT_SOLVED), number(standing.score)
    after = f"after {outcome.update:,} updates"
    if outcome.kind == "solved":
        return f"{mark} learnt {after} · score {score}"
    verb = {
        "diverged": "diverged",
        "stopped": "stopped, not learnt",
        "seconds": "out of time, not learnt",
    }
    return f"{mark} {verb.get(outcome.kind, 'not learnt')} {after} · score {score}"


def seeds_table(result: Result) -> str:
    """Each side's seeds and what became of them, as a Markdown table; of those that solved the task after how many
    updates, of the others the score.
    """
    seeds, sides = result.state.seeds, len(result.state.sides)
    head = ["", *(f"seed {result.seed(seed * sides)}" for seed in range(seeds)), "learnt by"]
    lines = ["|".join(["", *head, ""]), "|".join(["", ":--", *[":--"] * (seeds + 1), ""])]
    for side in range(sides):
        of_side = result.of_side(side)
        over = [each for each in of_side if each.is_over and each.state != "left"]
        solved = sum(each.is_solved for each in over)
        counted = f"{solved} of {len(over)}" if over else "–"
        cells = [f"**{result.letter(side)}**", *map(_cell, of_side), counted]
        lines.append("|".join(["", *cells, ""]))
    return "\n".join(lines)


def _cell(standing: Standing) -> str:
    outcome = standing.outcome
    if standing.state == "failed":
        return f"{_NOT_SOLVED} broke"
    if outcome is None:
        words = {"waiting": "waits", "left": "not begun", "running": f"at {standing.update:,}"}
        return words[standing.state]
    if outcome.kind == "solved":
        return f"{_MARKS['solved']} {outcome.update:,}"
    early = {"diverged": "diverged, ", "stopped": "stopped, ", "seconds": "out of time, "}
    return f"{_MARKS.get(outcome.kind, _NOT_SOLVED)} {early.get(outcome.kind, '')}{number(standing.score)}"


def _side_words(result: Result, numbers: range, left: dict[int, float]) -> str:
    standings = [result.standings[n] for n in numbers]
    if len(standings) == 1:
        return standing_words(standings[0], left.get(numbers[0]))
    over = [each for each in standings if each.is_over]
    current = next((n for n in numbers if result.standings[n].state == "running"), None)
    solved = sum(each.is_solved for each in standings)
    if current is None and len(over) == len(standings):
        begun = [each for each in over if each.state != "left"]
        updates = sorted(each.update for each in begun if each.is_solved)
        spans = " to ".join(dict.fromkeys(f"{end:,}" for end in (updates[:1] + updates[-1:])))
        after = f" after {spans} updates" if spans else ""
        return f"{solved} of {len(begun)} seeds learnt it{after}"
    if current is None:
        return f"{solved} of {len(over)} seeds learnt it so far" if over else "begins"
    words = standing_words(result.standings[current], left.get(current))
    return f"seed {result.seed(current)}: {words}"


def _time(seconds: float) -> str:
    return f"{max(1, ceil(seconds))} s" if seconds < 90 else f"{ceil(seconds / 60)} min"
