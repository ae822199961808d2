"""The server's side of the worker: a bounded queue, a process that is started when it is needed, and what it says.

One thread waits for the process, so that no thread of a visitor does. Whoever asks reads a frozen value.
"""

import itertools
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from memviz.worker.child import Child
from memviz.worker.orders import Order
from memviz.worker.standing import Standing

MOST_WAITING = 8
GRACE = 10.0
"""For how many seconds a visitor may be gone, as one is who reloads the page, before the order is taken back."""
PATIENCE = 0.6
"""How many seconds the process has to stop by itself; then it is killed."""
OVERTIME = 30.0
"""How many seconds it may be late beyond those of an order, its start among them."""
_TICK = 0.05
_LOOK_ROUND = 1.0
_KEPT = "What was learnt up to the last checkpoint is kept; train again, and a new process does it."
_LOST = {
    "gone": "The process that trains was killed, perhaps because the machine ran out of memory. " + _KEPT,
    "garbled": "The process that trains said what nobody understands, and was ended. " + _KEPT,
}
"""What is said of an order whose process is lost, by what was heard of it last."""
_LOG = logging.getLogger(__name__)


class BusyError(ValueError):
    """An order that is not taken now; the message says why."""


def always() -> bool:
    """The visitor is there."""
    return True


class Job:
    """An order and where it stands. Read from any thread; only the worker's thread changes it.

    Attributes:
        owner: whose it is.
        order: what is to be taught.
        standings: where each lesson stands.
        state: "waiting", "running", or "over".
        sentence: why it ended early; empty where it ran to its end.
    """

    def __init__(self, owner: str, order: Order, is_present: Callable[[], bool] = always) -> None:
        self.owner, self.order = owner, order
        self.standings = tuple(map(Standing, order.lessons))
        self.state, self.sentence = "waiting", ""
        self.is_present = is_present
        self.is_cancelled = False
        self.seen = self.begun = self.ended = time.monotonic()
        self.over = threading.Event()

    @property
    def seconds(self) -> float:
        """How long it has been under way."""
        if self.state == "waiting":
            return 0.0
        return (self.ended if self.state == "over" else time.monotonic()) - self.begun

    @property
    def seconds_left(self) -> float:
        """How long it takes at most, if no lesson ends early."""
        rests = [
            (standing.lesson.settings.updates - standing.update) / standing.updates_per_second
            for standing in self.standings
            if not standing.is_over and standing.updates_per_second
        ]
        unknown = [standing for standing in self.standings if standing.state == "waiting"]
        most = self.order.seconds - self.seconds
        return max(0.0, most if unknown else min(sum(rests), most))


class Worker:
    """Teaches what visitors order, in a process of its own.

    Args:
        most_waiting: how many orders may wait.
        grace: for how many seconds a visitor may be gone.
        patience: how many seconds the process has to stop by itself.
        command: what starts the process.
    """

    def __init__(
        self,
        most_waiting: int = MOST_WAITING,
        grace: float = GRACE,
        patience: float = PATIENCE,
        command: tuple[str, ...] = (sys.executable, "-m", "memviz.worker.process"),
    ) -> None:
        self._most_waiting, self._grace, self._patience = most_waiting, grace, patience
        self._command = command
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._process: Child | None = None
        self._numbers = itertools.count()
        self._is_closed = self._is_wanted = False

    def submit(self, owner: str, order: Order, is_present: Callable[[], bool] = always) -> Job:
        """Take an order.

        Args:
            owner: whose it is; each has one at a time.
            order: what is to be taught.
            is_present: whether the owner is still there; asked from the worker's thread.

        Raises:
            BusyError: if the owner has one under way, or too many wait; the message is for readers.
        """
        with self._changed:
            if self._is_closed:
                raise BusyError("The server ends: it takes no more trainings.")
            if self.job(owner) is not None:
                raise BusyError("One training at a time: yours is under way. Cancel it or wait for its end.")
            is_next = self._running is None  # the first of those that wait waits for nobody
            if len(self._waiting) >= self._most_waiting + is_next:
                raise BusyError(
                    f"At most {self._most_waiting} trainings wait for their turn here, and so many do. Try again "
                    "in a minute."
                )
            job = Job(owner, order, is_present)
            self._waiting.append(job)
            self._wake()
        return job

    def warm(self) -> None:
        """Have a process ready: it takes seconds to start, which nobody who orders later has to wait."""
        if self._process is None or not self._process.is_alive:
            with self._changed:
                self._is_wanted = True
                self._wake()

    def job(self, owner: str) -> Job | None:
        """The owner's order that waits or is under way."""
        return next((job for job in self._under_way() if job.owner == owner), None)

    def place(self, job: Job) -> int:
        """How many orders come before it: 0 is under way or next, or over."""
        before = self._under_way()
        return before.index(job) if job in before else 0

    def cancel(self, job: Job) -> None:
        """Take an order back: one that waits at once, one under way within a second."""
        job.is_cancelled = True
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                self._end(job, "stopped", "Cancelled before it began.")
            self._changed.notify_all()

    @property
    def pid(self) -> int | None:
        """The process that teaches, if there is one."""
        process = self._process
        return process.pid if process is not None and process.is_alive else None

    def close(self) -> None:
        """End the process and what is under way."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        """The worker's thread."""
        while True:
            with self._changed:
                while not (self._waiting or self._is_wanted or self._is_closed):
                    self._changed.wait()
                if self._is_closed:
                    break
                self._is_wanted = False
                if not self._waiting:
                    with suppress(OSError):  # whoever orders is told
                        self._ready()
                    continue
                job = self._running = self._waiting.popleft()
            try:
                self._run(job)
            except Exception:  # the thread outlives whatever one order does to it
                _LOG.exception("The worker's thread")
                self._drop_process()
                self._end(job, "stopped", "This training broke. What was learnt up to then is kept.")
            with self._changed:
                self._running = None
        with self._changed:
            while self._waiting:
                self._end(self._waiting.popleft(), "stopped", "The server ends.")
        self._drop_process()

    def _wake(self) -> None:
        """Have the worker's thread look at what has changed; it starts with the first change."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="memviz-worker", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _ready(self) -> Child:
        """The process, a new one where there is none any more."""
        if self._process is None or not self._process.is_alive:
            self._process = Child(self._command)
        return self._process

    def _run(self, job: Job) -> None:
        job.begun = job.seen = time.monotonic()
        job.state = "running"
        number = next(self._numbers)
        process = self._ready()
        process.say({"kind": "teach", "order": number, "data": job.order.to_data()})
        asked: float | None = None
        while True:
            event = process.hear(_TICK)
            if event is not None and event.get("kind") in _LOST:
                return self._lose(job, _LOST[event["kind"]])
            if event is not None and event.get("order") == number and self._take(job, event):
                return None
            now = time.monotonic()
            self._look_round(now)
            late = now - job.begun > job.order.seconds + OVERTIME
            if asked is None and (job.is_cancelled or self._is_closed or late):
                asked = now
                process.say({"kind": "stop", "order": number})
            if asked is not None and now - asked > self._patience:
                self._drop_process()
                return self._end(job, "seconds" if late else "stopped", "")

    def _take(self, job: Job, event: dict[str, Any]) -> bool:
        """Take in what the process says; whether that was the last of it."""
        if event["kind"] in ("done", "refused"):
            self._end(job, "stopped", str(event.get("sentence", "")))
            return True
        standings = list(job.standings)
        standings[event["lesson"]] = standings[event["lesson"]].told(event)
        job.standings = tuple(standings)
        return False

    def _lose(self, job: Job, sentence: str) -> None:
        """The process is gone or of no use, and not because anybody here ended it."""
        self._drop_process()
        self._end(job, "stopped", sentence)

    def _end(self, job: Job, outcome: str, sentence: str) -> None:
        if not sentence and job.is_cancelled:
            is_kept = any(standing.checkpoints for standing in job.standings)
            rest = ". What was learnt up to then is kept." if is_kept else " before anything was learnt."
            sentence = f"Cancelled{rest}"
        known = sentence or f"The {job.order.seconds:g} seconds of this training are over."
        job.standings = tuple(standing.broken_off(outcome, known) for standing in job.standings)
        job.sentence, job.ended, job.state = sentence, time.monotonic(), "over"
        job.over.set()

    def _look_round(self, now: float) -> None:
        """Take back the orders of those who are gone."""
        for job in self._under_way():
            if now - job.seen < _LOOK_ROUND and self._grace > _LOOK_ROUND:
                continue
            if job.is_present():
                job.seen = now
            elif now - job.seen > self._grace:
                self.cancel(job)

    def _under_way(self) -> list[Job]:
        """The orders that wait or run."""
        with self._changed:
            jobs = [*([self._running] if self._running else []), *self._waiting]
        return [job for job in jobs if job.state != "over"]

    def _drop_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
