"""The server's side of the worker: a bounded queue, a process that is started when it is needed, and what it says.

One thread waits for the process, so that no thread of a visitor does. Whoever asks reads a frozen value.
"""

import itertools
import json
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import memviz
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
_MOST_UNREAD = 256
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
        self._process: _Process | None = None
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
        for left in self._waiting:
            self._end(left, "stopped", "The server ends.")
        self._drop_process()

    def _wake(self) -> None:
        """Have the worker's thread look at what has changed; it starts with the first change."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="memviz-worker", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _ready(self) -> "_Process":
        """The process, a new one where there is none any more."""
        if self._process is None or not self._process.is_alive:
            self._process = _Process(self._command)
        return self._process

    def _run(self, job: Job) -> None:
        job.begun = job.seen = time.monotonic()
        job.state = "running"
        number = next(self._numbers)
        process = self._ready()
        if not process.say({"kind": "teach", "order": number, "data": job.order.to_data()}):
            return self._lose(job)
        asked: float | None = None
        while True:
            event = process.hear(_TICK)
            if event is not None and event.get("kind") == "gone":
                return self._lose(job)
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
        if event["kind"] == "done":
            self._end(job, "stopped", "")
            return True
        standings = list(job.standings)
        standings[event["lesson"]] = standings[event["lesson"]].told(event)
        job.standings = tuple(standings)
        return False

    def _lose(self, job: Job) -> None:
        """The process is gone, and not because anybody here ended it."""
        self._drop_process()
        self._end(
            job,
            "stopped",
            "The process that trains was killed, perhaps because the machine ran out of memory. What was learnt up to "
            "the last checkpoint is kept; train again, and a new process does it.",
        )

    def _end(self, job: Job, outcome: str, sentence: str) -> None:
        if not sentence and job.is_cancelled:
            sentence = "Cancelled. What was learnt up to then is kept."
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


class _Process:
    """A process that teaches, and a thread that reads what it says."""

    def __init__(self, command: tuple[str, ...]) -> None:
        root = str(Path(memviz.__file__).resolve().parent.parent)
        paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": paths},
            start_new_session=True,  # Ctrl+C in the server's terminal is the server's alone
        )
        self._heard: queue.Queue[dict[str, Any]] = queue.Queue(_MOST_UNREAD)
        self._is_dropped = threading.Event()
        threading.Thread(target=self._listen, name="memviz-worker-listens", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def say(self, message: dict[str, Any]) -> bool:
        """Send a line; whether somebody reads it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return False
        return True

    def hear(self, seconds: float) -> dict[str, Any] | None:
        """What it says next, or None; {"kind": "gone"} when it has ended."""
        try:
            return self._heard.get(timeout=seconds)
        except queue.Empty:
            return None

    def kill(self) -> None:
        """End it at once."""
        self._is_dropped.set()
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        with suppress(OSError):  # what was still to be written has no reader
            self._process.stdin.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if line.endswith(b"\n"):  # of one that was killed in the middle of a line the rest is nothing
                    self._put(json.loads(line))
        self._put({"kind": "gone"})

    def _put(self, message: dict[str, Any]) -> None:
        """Wait until there is room, which holds the process up, unless nobody listens any more."""
        while not self._is_dropped.is_set():
            try:
                return self._heard.put(message, timeout=1.0)
            except queue.Full:
                continue
