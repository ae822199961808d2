"""The process that teaches: `python -m memviz.worker.process`, started by `Worker`.

It reads orders as lines of JSON from its standard input, and writes where their lessons stand to its standard output.
It ends when its input does, so that it never outlives the server.
"""

import json
import os
import queue
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from memviz.training import Outcome, train
from memviz.worker.orders import Order
from memviz.worker.standing import ended_event, progress_event

NICE = 10


def main() -> None:
    """Teach one order after another until the server is gone."""
    if hasattr(os, "nice"):  # Windows has none
        os.nice(NICE)
    torch.set_num_threads(1)
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what some library prints is no message to the server
    orders: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
    stopped: set[int] = set()
    threading.Thread(target=_listen, args=(orders, stopped), daemon=True).start()
    while True:
        number, data = orders.get()
        for event in _events(data, partial(stopped.__contains__, number)):
            try:
                said.write(json.dumps({"order": number, **event}).encode() + b"\n")
                said.flush()
            except OSError:  # the server is gone
                return


def _listen(orders: "queue.SimpleQueue[tuple[int, Any]]", stopped: set[int]) -> None:
    """Orders, and the numbers of those that are to stop; the end of them is the end of the server."""
    try:
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if message["kind"] == "stop":
                stopped.add(message["order"])
            else:
                orders.put((message["order"], message["data"]))
    finally:  # whatever ends this thread: without it the process would never learn that the server is gone
        os._exit(0)


def _events(data: Any, should_stop: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    try:
        order = Order.from_data(data)
    except (ValueError, TypeError, KeyError) as error:  # checked here as well, whoever wrote it
        yield {"kind": "refused", "sentence": f"The process that trains does not take this order: {error}"}
        return
    yield from teach(order, should_stop)
    yield {"kind": "done"}


def teach(
    order: Order, should_stop: Callable[[], bool], clock: Callable[[], float] = time.monotonic
) -> Iterator[dict[str, Any]]:
    """Give the lessons of an order, some of them in turns, and yield what becomes of them.

    Args:
        order: the order.
        should_stop: asked before each update of any lesson.
        clock: the seconds.
    """
    end = clock() + order.seconds
    pupils = deque(_Pupil(number, order, should_stop, end, clock) for number in range(len(order.lessons)))
    running: deque[_Pupil] = deque()
    while pupils or running:
        while pupils and len(running) < order.abreast:
            running.append(pupils.popleft())
        pupil = running.popleft()
        event = pupil.turn()
        yield event
        if event["kind"] == "progress":
            running.append(pupil)


@dataclass
class _Pupil:
    """A lesson under way."""

    number: int
    order: Order
    asked: Callable[[], bool]
    end: float
    clock: Callable[[], float]
    seconds: float = 0.0
    known: int = -1

    def __post_init__(self) -> None:
        lesson = self.order.lessons[self.number]
        self._steps = train(lesson.experiment, lesson.task, lesson.settings, self._should_stop)

    def turn(self) -> dict[str, Any]:
        """Go on to the next look at the score, and say what it showed."""
        if self.known < 0 and self._should_stop():
            return {"kind": "left", "lesson": self.number}
        begun = self.clock()
        try:
            progress = next(self._steps)
        except StopIteration as ended:
            self.seconds += self.clock() - begun
            return ended_event(
                self.number, ended.value, self._outcome(ended.value.outcome), self.seconds, self.known
            )
        except Exception as error:  # one lesson that breaks leaves the others and the process alone
            traceback.print_exc()
            return {"kind": "failed", "lesson": self.number, "sentence": f"This training broke: {error}"}
        self.seconds += self.clock() - begun
        self.known = max(self.known, 0)
        if progress.checkpoint is not None:
            self.known = progress.checkpoint.update
        return progress_event(self.number, progress, self.seconds)

    def _should_stop(self) -> bool:
        return self.asked() or self.clock() >= self.end

    def _outcome(self, outcome: Outcome) -> Outcome:
        """Whoever stopped it: the visitor, or the time of the order."""
        if outcome.kind != "stopped" or self.asked():
            return outcome
        sentence = (
            f"Not solved in the {self.order.seconds:g} seconds of all, after {outcome.update:,} updates."
        )
        return Outcome("seconds", outcome.update, sentence)


if __name__ == "__main__":
    main()
