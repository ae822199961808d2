"""Training: teach up to four networks a task in a process of their own, and watch the gates form.

Widgets -> one frozen state -> an order for the worker -> figures; nothing is trained or computed here.
"""

from dataclasses import replace
from uuid import uuid4

import streamlit as st

from memviz.findings.training import thousand_takeaway, training_finding
from memviz.web.markdown import escaped
from memviz.web.training import controls, engine, panels
from memviz.web.training.address import DEFAULT, THOUSAND, TrainingState
from memviz.web.training.page import PAGE
from memviz.web.training.result import Result, shipped
from memviz.worker import Job

_JOB = "training-job"
_LAST = "training-last"
_EVERY = 1.0  # seconds from one look at the worker to the next
_PICTURES_EVERY = 3.0  # and for the pictures, which cost the server ten times as much


def show() -> None:
    """The whole page."""
    state = PAGE.current()
    engine.WORKER.warm()
    result = _result(state)
    job_state = _job_state(_own_job(result))
    is_busy = job_state != "over"
    problem = _problem(state)
    controls.show(state, is_busy, problem, _train)
    controls.sides(state, is_busy)
    for sentence in PAGE.problems():
        st.warning(escaped(sentence), icon=":material/link_off:")
    if problem:
        st.error(escaped(f"{problem} What is shown below is the last result."), icon=":material/error:")
    # These two look at the worker by themselves while it is busy, and no other part of the page runs for that.
    st.fragment(_words, run_every=_EVERY if is_busy else None)(result, job_state)
    st.fragment(_pictures, run_every=_PICTURES_EVERY if job_state == "running" else None)(result)


def _words(result: Result, job_state: str) -> None:
    """Where the training stands, in words and bars."""
    state, job = PAGE.current(), _own_job(result)
    if _job_state(job) != job_state:
        st.rerun()  # the buttons above and the pictures below follow
    result, is_busy = _as_known(result, job), job_state != "over"
    st.title(escaped(_finding(result, is_busy)), anchor=False)
    if is_busy and job is not None:
        panels.progress(result, job)
    else:
        _said(result, job, state)


def _pictures(result: Result) -> None:
    """What is known by now of the networks of a result."""
    state, job = PAGE.current(), _own_job(result)
    result, is_busy = _as_known(result, job), _job_state(job) != "over"
    panels.curves(result)
    if result.state.seeds > 1:
        panels.seeds(result)
    if not is_busy and _is_thousand(result.state):
        st.markdown(escaped(thousand_takeaway(result.taught())))
    panels.time_lapse(result, state, is_busy)
    PAGE.publish(state)


def _as_known(result: Result, job: Job | None) -> Result:
    """The result with what its order has told by now."""
    return result if job is None else replace(result, standings=job.standings)


def _job_state(job: Job | None) -> str:
    """Where an order stands; what nobody has ordered is over."""
    return "over" if job is None else job.state


def _said(result: Result, job: Job | None, state: TrainingState) -> None:
    """Where the networks are from, and how those ended that were not simply done."""
    if job is not None and job.sentence:
        st.info(escaped(job.sentence), icon=":material/info:")
    for which, standing in enumerate(result.standings):
        if standing.outcome is not None and standing.outcome.kind == "diverged":
            said = f"{result.name(which)}: {standing.outcome.sentence}"
            st.warning(escaped(said), icon=":material/trending_up:")
        if standing.state == "failed":
            st.warning(escaped(f"{result.name(which)}: {standing.sentence}"), icon=":material/error:")
    task = result.state.task
    if not _is_of(result, state):
        st.info(
            escaped(
                f"The settings have changed. Below is the result of those before ({task.title}). Train anew."
            ),
            icon=":material/history:",
        )
    elif result.is_shipped:
        st.caption(
            escaped(
                f"{task.title}. These networks come with memviz, trained with exactly these settings; Train does it "
                "again before your eyes."
            )
        )


def _finding(result: Result, is_busy: bool) -> str:
    task = result.state.task.title
    if is_busy:
        return (
            f"{task}: {len(result.standings)} networks learn"
            if len(result.standings) > 1
            else f"{task}: learning"
        )
    return training_finding(result.taught())


def _is_thousand(state: TrainingState) -> bool:
    return state.sides == THOUSAND.sides and state.task.name == THOUSAND.task.name


def _train() -> None:
    """Order what the page asks for; why it is not taken is said."""
    state = PAGE.current()
    try:
        job = engine.begin(state)
    except ValueError as error:
        PAGE.refuse(str(error))
        return
    st.session_state[_JOB] = (Result(uuid4().hex, state, job.standings), job)
    PAGE.change(checkpoint=None)


def _own_job(result: Result) -> Job | None:
    """The order that a result is of, if this session gave it."""
    kept = st.session_state.get(_JOB)
    if kept is None or kept[0].key != result.key:
        return None
    job: Job = kept[1]
    return job


def _result(state: TrainingState) -> Result:
    """What is shown: the order under way, else what is known of these settings, else what was shown last."""
    kept = st.session_state.get(_JOB)
    result: Result | None
    if kept is not None and (kept[1].state != "over" or _is_of(kept[0], state)):
        result = kept[0]
    else:
        result = None if _problem(state) else shipped(state)
    result = result or st.session_state.get(_LAST) or _default()
    st.session_state[_LAST] = result
    return result


def _default() -> Result:
    result = shipped(DEFAULT)
    assert result is not None
    return result


def _is_of(result: Result, state: TrainingState) -> bool:
    """Whether a result is of these settings, whatever is looked at of it."""
    return result.state.looked_at_as(state) == state


def _problem(state: TrainingState) -> str:
    """Why the server does not train this; empty where it does."""
    try:
        state.order()
    except ValueError as error:
        return str(error)
    return ""


show()
