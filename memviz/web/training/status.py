"""One sentence about the state of a training page: what is under way, and whose result is drawn below."""

from memviz.web.training.address import TrainingState
from memviz.web.training.result import Result
from memviz.worker import Job

_LOST = "What is trained is kept while this page stays open; reloading or closing it loses it."


def sentence(result: Result, drawn: Result, job: Job | None, state: TrainingState, place: int) -> str:
    """What is under way or how it ended, and whose result is drawn.

    Args:
        result: the networks of the order, or those that are shown without one.
        drawn: the networks that are drawn: the last ones, until those of the order have begun.
        job: the order, if this visitor gave it.
        state: the settings on the page.
        place: how many orders come before it.
    """
    below = "" if drawn is result else " Below is the result before."
    changed = (
        ""
        if result.is_of(state)
        else " The settings have changed since; they count from the next training on."
    )
    if job is not None and job.state != "over":
        return f"{_under_way(job, place)}{below}{changed}"
    if job is not None and job.sentence:
        return f"{job.sentence}{below}{changed}"
    title = drawn.state.task.title
    if not drawn.is_shipped:
        old = f"The settings have changed. Below is the result of those before ({title}). Train anew."
        return _LOST if drawn.is_of(state) else old
    if drawn.is_of(state):
        return "These networks come with memviz, trained with exactly these settings. Train does it before your eyes."
    return (
        f"The settings have changed: nothing is trained with these. Below is what comes with memviz ({title}). "
        f"{_LOST}"
    )


def troubles(result: Result) -> list[str]:
    """A sentence for each network that diverged or whose training broke."""
    found = []
    for which, standing in enumerate(result.standings):
        if standing.outcome is not None and standing.outcome.kind == "diverged":
            found.append(f"{result.name(which)}: {standing.outcome.sentence}")
        if standing.state == "failed":
            found.append(f"{result.name(which)}: {standing.sentence}")
    return found


def _under_way(job: Job, place: int) -> str:
    if job.state == "waiting":
        orders = "order is" if place == 1 else "orders are"
        return f"Waiting: {place} {orders} before yours." if place else "Yours is next."
    over = sum(standing.is_over for standing in job.standings)
    most = job.order.seconds
    return f"Training: {over} of {len(job.standings)} networks done; {job.seconds:.0f} of at most {most:g} seconds."
