"""Trainings through the real server: visitors of the training page who speak Streamlit's protocol."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from benchmarks.shared.sessions import PATIENCE, Server, Session, serving, visiting
from memviz.worker.client import MOST_WAITING

pytestmark = [
    pytest.mark.xdist_group("worker-server"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told by /proc"),
]
ENDLESS = "rate=0.00001&updates=5000&seconds=180"
LONG = f"task=latch;steps:1000&sides=lstm-1997;input_bias:-4&{ENDLESS}"
SHORT = "task=latch;steps:10&updates=20"
WILD = "task=adding;steps:60&sides=elman-relu&hidden_size=8&optimiser=sgd&rate=10&clip=none&updates=500"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("server") / "log.txt"
    with serving(log=log) as started:
        yield started
    assert "Traceback" not in log.read_text()


def told(session: Session, words: str) -> bool:
    return words in " ".join(session.said).replace("\\", "")


def under(*queries: str, server: Server, story: Callable[..., Awaitable[None]]) -> None:
    """Tell a story of visitors who have the training page open at these addresses; none of them meets an exception."""

    async def tell() -> None:
        async with AsyncExitStack() as stack:
            visitors = [
                await stack.enter_async_context(visiting(server.port, query, "training")) for query in queries
            ]
            await story(*visitors)
            for visitor in visitors:
                assert visitor.exceptions == []

    asyncio.run(tell())


async def is_taught(visitor: Session) -> None:
    await visitor.press("Train")
    await visitor.until(lambda: told(visitor, "/s"))


async def cancels(visitor: Session) -> None:
    await visitor.press("Cancel")
    await visitor.until(lambda: told(visitor, "Cancelled"))


async def learns(visitor: Session) -> None:
    await visitor.press("Train")
    await visitor.until(lambda: not told(visitor, "Training:") and not told(visitor, "Yours is next"))


def test_two_tabs_take_turns_and_each_cancels_its_own(server: Server) -> None:
    async def story(first: Session, second: Session) -> None:
        await is_taught(first)
        await second.press("Train")
        await second.until(lambda: told(second, "1 order is before yours"))
        await cancels(second)
        assert told(second, "Cancelled before it began")
        assert told(first, "/s")
        await cancels(first)
        assert told(first, "What was learnt up to then is kept")

    under(ENDLESS, ENDLESS, server=server, story=story)


def test_the_slowest_update_is_cancelled_as_well(server: Server) -> None:
    under(LONG, server=server, story=_taught_and_cancelled)


async def _taught_and_cancelled(visitor: Session) -> None:
    await is_taught(visitor)
    await cancels(visitor)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_process_that_is_lost_is_replaced(server: Server, how: signal.Signals) -> None:
    async def story(visitor: Session) -> None:
        await is_taught(visitor)
        (child,) = server.children
        os.kill(child, how)
        if how is signal.SIGKILL:
            await visitor.until(lambda: told(visitor, "was killed"))
        else:
            await cancels(visitor)
        await is_taught(visitor)
        assert server.children != [child]
        await cancels(visitor)

    under(ENDLESS, server=server, story=story)


def test_who_leaves_gives_the_turn_to_the_next(server: Server) -> None:
    async def story(first: Session, second: Session) -> None:
        await is_taught(first)
        await second.press("Train")
        await first.leave()
        await second.until(lambda: told(second, "/s"))
        await cancels(second)

    under(ENDLESS, ENDLESS, server=server, story=story)


def test_a_full_queue_is_said(server: Server) -> None:
    async def story(*visitors: Session) -> None:
        await is_taught(visitors[0])
        for visitor in visitors[1:]:
            await visitor.press("Train")
        assert told(visitors[-1], f"At most {MOST_WAITING} trainings wait")
        for visitor in reversed(visitors[:-1]):
            await cancels(visitor)

    under(*[ENDLESS] * (MOST_WAITING + 2), server=server, story=story)


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("hidden_size=33", "at most 32 units; got 33"),
        ("updates=5001", "updates are a whole number from 1 to 5,000"),
        ("batch=129", "sequences for each update are a whole number from 1 to 128"),
        ("seconds=181", "seconds are a whole number from 1 to 180"),
        ("task=latch;steps:3000&hidden_size=32", "2,000,000 here; got 3,001"),
        ("task=latch;steps:1000&sides=lstm-peephole", "at most 200 steps"),
    ],
)
def test_an_order_beyond_a_budget_is_refused_even_if_a_browser_sends_it(
    server: Server, query: str, rule: str
) -> None:
    async def story(visitor: Session) -> None:
        assert told(visitor, rule)
        if "whole number" not in rule:
            await visitor.press("Train")  # whose button is grey
            assert told(visitor, rule)
            assert not told(visitor, "Training:")

    under(query, server=server, story=story)


def test_a_loss_that_is_no_number_is_said(server: Server) -> None:
    async def story(visitor: Session) -> None:
        await visitor.press("Train")
        await visitor.until(
            lambda: told(visitor, "no finite number any more") or told(visitor, "grew beyond")
        )

    under(WILD, server=server, story=story)


def test_order_after_order_leaves_nothing_behind(server: Server) -> None:
    async def story(visitor: Session) -> None:
        held = []
        for _ in range(12):
            await learns(visitor)
            held.append((server.files, len(server.children)))
        assert held[-1][0] <= held[3][0]
        assert {children for _, children in held} == {1}

    under(SHORT, server=server, story=story)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["asked", "killed"])
def test_the_end_of_the_server_is_the_end_of_its_process(how: signal.Signals) -> None:
    with serving() as server:

        async def story(visitor: Session) -> None:
            await is_taught(visitor)
            (child,) = server.children
            server.process.send_signal(how)
            await visitor.until(lambda: visitor.is_lost)
            await visitor.until(lambda: not _is_there(child))

        under(LONG, server=server, story=story)
        assert server.process.wait(PATIENCE) is not None


def _is_there(process: int) -> bool:
    """Whether a process is; one that has ended and waits for its parent's look is not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
