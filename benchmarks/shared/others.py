"""What the learners on the gates page notice of the trainings of others: p95 with three queued, and without any.

The app runs as its own process, as `make run` starts it. Each of 15 learners has a websocket session, types another
text of 50 symbols every 2 seconds and waits until the page has answered; the text is the learner's own, and has to come
back in what the stage is sent. Three more visitors have the training page open, which looks at the worker every second
while it is busy; in every second turn they press Train, so that one order is taught and two wait in the server's own
queue, and at the turn's end they press Cancel. Turns with and without follow one another in one run, with the same
moments.

15 learners, because they keep the server busy for a quarter of a core: with many more, changes wait for each other, and
p95 tells how full the server is rather than what a training does to it.
"""

import asyncio
import random
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks.shared.sessions import Session, serving, visiting

LEARNERS, TRAININGS = 15, 3
PERIOD = 2.0
CHANGES, TURNS = 8, 5
_SYMBOLS = 50
_ENDLESS = "task=latch;steps:1000&rate=0.00001&updates=5000&seconds=180"


@dataclass
class Counted:
    """What learners have met.

    Attributes:
        seconds: how long each change took until the page had answered.
        exceptions: what pages said of exceptions.
        wrong: how often something else came back than what was typed.
    """

    seconds: list[float] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    wrong: int = 0

    @property
    def p50_ms(self) -> float:
        """The median."""
        return statistics.median(self.seconds) * 1e3

    @property
    def p95_ms(self) -> float:
        """What 95 of 100 changes do not exceed."""
        return statistics.quantiles(self.seconds, n=20)[-1] * 1e3


def p95_ratio() -> dict[str, Any]:
    """`p95_ratio`, and the figures that it is made of, for the last line of a benchmark."""
    with serving() as server:
        alone, beside, busy = asyncio.run(_compare(server.port, lambda: server.cpu_seconds))
    ratio = beside.p95_ms / alone.p95_ms
    for name, counted, share in (("none", alone, busy[0]), (f"{TRAININGS} queued", beside, busy[1])):
        print(
            f"{LEARNERS} learners, a change every {PERIOD:g} s, trainings: {name:9}"
            f"p50 {counted.p50_ms:5.0f} ms   p95 {counted.p95_ms:5.0f} ms   "
            f"the server's share of a core {share:.0%}"
        )
    print(f"p95 with {TRAININGS} trainings queued beside none: {ratio:.2f}")
    return {
        "p95_ratio": round(ratio, 3),
        "p95_ms": round(alone.p95_ms, 1),
        "p95_ms_while_training": round(beside.p95_ms, 1),
        "changes": len(alone.seconds) + len(beside.seconds),
        "exceptions": len(alone.exceptions) + len(beside.exceptions),
        "wrong": alone.wrong + beside.wrong,
    }


async def _compare(port: int, cpu_seconds: Any) -> tuple[Counted, Counted, tuple[float, float]]:
    counted, busy = (Counted(), Counted()), ([], [])
    async with AsyncExitStack() as stack:
        learners = [await stack.enter_async_context(visiting(port)) for _ in range(LEARNERS)]
        others = [
            await stack.enter_async_context(visiting(port, _ENDLESS, "training")) for _ in range(TRAININGS)
        ]
        await _changes(learners, Counted(), 1, 0)  # the first one of each warms its caches
        for turn in range(2 * TURNS):
            is_training = turn % 2
            if is_training:
                await _train(others)
            started, computed = time.perf_counter(), cpu_seconds()
            await _changes(learners, counted[is_training], CHANGES, turn // 2)
            busy[is_training].append((cpu_seconds() - computed) / (time.perf_counter() - started))
            if is_training:
                await _cancel(others)
        for session in others:
            counted[1].exceptions.extend(session.exceptions)
    return *counted, tuple(statistics.mean(shares) for shares in busy)


async def _changes(learners: list[Session], counted: Counted, changes: int, turn: int) -> None:
    """So many changes of each learner, at moments that follow from the number of the turn."""
    moments = random.Random(turn)
    await asyncio.gather(
        *(
            _learn(session, counted, name, changes, moments.uniform(0, PERIOD))
            for name, session in enumerate(learners)
        )
    )


async def _learn(session: Session, counted: Counted, name: int, changes: int, late: float) -> None:
    known = len(session.exceptions)
    begun = time.perf_counter() + late
    for change in range(changes):
        await asyncio.sleep(begun + change * PERIOD - time.perf_counter())
        text = f"learner{name}says{len(counted.seconds)}and"
        text = (text * _SYMBOLS)[:_SYMBOLS]
        counted.seconds.append(await session.change("Sequence", string_value=text))
        counted.wrong += "".join(session.payload("stage")["tokens"]) != text
    counted.exceptions += session.exceptions[known:]


async def _train(others: list[Session]) -> None:
    """Have one order taught and the others wait."""
    for session in others:
        await session.press("Train")
    await others[0].until(lambda: any("/s" in said for said in others[0].said))
    for session in others[1:]:
        await session.until(lambda session=session: any("Waiting" in s or "next" in s for s in session.said))


async def _cancel(others: list[Session]) -> None:
    for session in reversed(others):
        await session.press("Cancel")
    for session in others:
        await session.until(lambda session=session: "Cancelled" in " ".join(session.said))
