"""Training: teach up to four networks a task in a process of their own, and watch the gates form.

Widgets -> one frozen state -> an order for the worker -> figures; nothing is trained or computed here.
"""

from dataclasses import replace
from uuid import uuid4

import streamlit as st

from memviz.findings.training import thousand_takeaway, training_finding, under_way
from memviz.web.markdown import escaped
from memviz.web.training import controls, curves, engine, rows, status, time_lapse
from memviz.web.training.address import DEFAULT, THOUSAND, TrainingState
from memviz.web.training.page import PAGE
from memviz.web.training.result import Result, shipped
from memviz.worker import Job

_JOB = "training-job"
_LAST = "training-last"
_DRAWN = "training-drawn"
_EVERY = {"running": 1.0, "waiting": 2.0}  # seconds from one look at the worker to the next
_CANCEL_SECONDS = 1.0
_CURVES_EVERY = 3.0  # and for the curves, which cost the server some times as much
_MACHINE_EVERY = 2.0  # and for the machine on a short example
_STEPS_A_SECOND = (
    200  # a longer one costs more, and others wait for it: each second gets so many of its steps
)


def show() -> None:
    """The whole page."""
    state = PAGE.current()
    engine.WORKER.warm()
    result = _result(state)
    job_state = _job_state(_own_job(result))
    is_busy, is_taught = job_state != "over", job_state == "running"
    problem = _problem(state)
    controls.show(state, is_busy, problem, _train, _cancel)
    controls.sides(state, is_busy)
    for sentence in PAGE.problems():
        st.warning(escaped(sentence), icon=":material/link_off:")
    if problem:
        st.error(escaped(f"{problem} What is shown below is the last result."), icon=":material/error:")
    # These look at the worker by themselves while it is busy, and no other part of the page runs for that.
    st.fragment(_words, run_every=_EVERY.get(job_state))(result, job_state)
    st.fragment(_curves, run_every=_CURVES_EVERY if is_taught else None)(result)
    steps = len(engine.example(result.state.task).sequence)
    every = max(_MACHINE_EVERY, steps / _STEPS_A_SECOND)
    st.fragment(_machine, run_every=every if is_taught else None)(result)


def _words(result: Result, job_state: str) -> None:
    """Where the training stands, in words and bars."""
    state, job = PAGE.current(), _own_job(result)
    if _job_state(job) != job_state:
        st.rerun()  # the buttons above and the pictures below follow
    result, is_busy = _as_known(result, job), job_state != "over"
    drawn = _drawn(result)
    st.title(escaped(_finding(result if is_busy else drawn, is_busy)), anchor=False)
    st.caption(escaped(status.sentence(result, drawn, job, state, engine.place(job))))
    rows.show(result if is_busy else drawn, job_state == "waiting")
    if job is not None and not is_busy:
        for sentence in status.troubles(result):
            st.warning(escaped(sentence), icon=":material/error:")


def _curves(result: Result) -> None:
    """How score and loss went by now; the curves of the last result stay until those of this one begin."""
    job = _own_job(result)
    result, is_busy = _as_known(result, job), _job_state(job) != "over"
    drawn = _drawn(result)
    curves.show(drawn)
    curves.seeds(drawn)
    if not is_busy and _is_thousand(drawn.state):
        st.markdown(escaped(thousand_takeaway(drawn.taught())))


def _machine(result: Result) -> None:
    """One of the networks as it is by now; one of the last result until one of this has begun."""
    state, job = PAGE.current(), _own_job(result)
    result, is_busy = _as_known(result, job), _job_state(job) != "over"
    drawn = _drawn(result)
    time_lapse.show(drawn, state, is_busy and drawn is result)
    PAGE.publish(state)


def _as_known(result: Result, job: Job | None) -> Result:
    """The result with what its order has told by now."""
    return result if job is None else replace(result, standings=job.standings)


def _job_state(job: Job | None) -> str:
    """Where an order stands; what nobody has ordered is over."""
    return "over" if job is None else job.state


def _finding(result: Result, is_busy: bool) -> str:
    return (
        under_way(result.state.task, result.taught(), len(result.standings))
        if is_busy
        else (training_finding(result.taught()))
    )


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


def _cancel() -> None:
    """Take back what is under way, and wait for its end, which comes at once, so that the button's answer shows it."""
    kept = st.session_state.get(_JOB)
    if kept is not None:
        engine.WORKER.cancel(kept[1])
        kept[1].over.wait(_CANCEL_SECONDS)


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
    if kept is not None and (kept[1].state != "over" or kept[0].is_of(state)):
        result = kept[0]
    else:
        result = None if _problem(state) else shipped(state)
    result = result or st.session_state.get(_LAST) or _default()
    st.session_state[_LAST] = result
    return result


def _drawn(result: Result) -> Result:
    """A result, or while nothing of it has begun what was drawn last."""
    drawn: Result = result if result.has_begun else st.session_state.get(_DRAWN) or _default()
    st.session_state[_DRAWN] = drawn
    return drawn


def _default() -> Result:
    result = shipped(DEFAULT)
    assert result is not None
    return result


def _problem(state: TrainingState) -> str:
    """Why the server does not train this; empty where it does."""
    try:
        state.order()
    except ValueError as error:
        return str(error)
    return ""


show()
