"""Visitors of the real app: a server as `make run` starts it, and websocket sessions that speak Streamlit's protocol.

A session sends what a browser sends (`BackMsg`) and takes in what a browser is sent (`ForwardMsg`), draws nothing, and
looks at parts of a page by itself as often as the page asks a browser to. Streamlit's protocol is not a public one: a
new release may move it, and the tests of this module say so.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
"""How many seconds a session waits for an answer."""
_START = 120.0
_RUNS_KEPT = 2
"""For how many runs a browser keeps a message that the page does not ask for again."""
_HZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running app.

    Attributes:
        port: where it listens.
        process: it.
    """

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def cpu_seconds(self) -> float:
        """How long its threads have computed, those of its worker's process not among them."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _HZ

    @property
    def children(self) -> list[int]:
        """The processes that it has started and that still are.

        Each process names its parent: a list of children hangs on the thread that started them, and a server's threads
        come and go while they are read.
        """
        return [process for process, parent in _parents() if parent == self.process.pid]

    @property
    def files(self) -> int:
        """How many file descriptors it holds."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    @property
    def rss_mb(self) -> float:
        """The memory that it holds."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _parents() -> Iterator[tuple[int, int]]:
    """Each process of the machine with its parent."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended since it was listed
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            yield int(process.name), int(fields[1])


@contextmanager
def serving(script: str = "app.py", log: Path | None = None) -> Iterator[Server]:
    """`streamlit run` a script on a free port, with the settings of `.streamlit/config.toml`, until the block ends.

    Raises:
        RuntimeError: if it does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with (log or Path(os.devnull)).open("wb") as sink:
        process = subprocess.Popen(
            [*command, "--server.headless", "true"], cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        _wait_for_health(port, process)
        yield Server(port, process)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Session:
    """One visitor's browser, as far as the server can tell.

    Attributes:
        widgets: the identifier of each widget that the page has sent, by its label.
        payloads: what each component was sent last, by the key that ends its identifier.
        exceptions: what was sent of exceptions, and scripts that could not run.
    """

    def __init__(self, socket_: ClientConnection) -> None:
        self._socket = socket_
        self._listening = asyncio.create_task(self._listen())
        self._texts: dict[tuple[int, ...], _Text] = {}
        self._kept: dict[str, tuple[ForwardMsg, int]] = {}
        self._run, self._runs = "", 0
        self._states: dict[str, WidgetState] = {}
        self._fragments: dict[str, str] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._query, self._address, self._page = "", "", ""
        self._answered: asyncio.Future[None] | None = None
        self._is_of_fragment = False
        self.widgets: dict[str, str] = {}
        self.payloads: dict[str, Any] = {}
        self.exceptions: list[str] = []

    @property
    def said(self) -> list[str]:
        """The texts that stand on the page: titles, markdown, warnings and errors."""
        return [text.body for text in self._texts.values()]

    @property
    def is_lost(self) -> bool:
        """Whether the server has ended the connection."""
        return self._listening.done()

    async def leave(self) -> None:
        """Close the page, as whoever closes the tab."""
        self._stop_looking()
        self._listening.cancel()
        await asyncio.wait([self._listening])
        await self._socket.close()

    async def open(self, query: str = "", page: str = "") -> None:
        """Open a page: "" is the first, others go by the last part of their address."""
        self._query, self._address, self._page = query, page, ""
        self._states.clear()
        await self._rerun()

    async def change(self, label: str, **value: Any) -> float:
        """Give a widget a value, as in `change("Seed", double_value=3)`; the seconds until the page has answered."""
        name = self.widgets[label]
        self._states[name] = WidgetState(id=name, **value)
        return await self._rerun(self._fragments.get(name, ""))

    async def press(self, label: str) -> float:
        """Press a button; the seconds until the page has answered."""
        seconds = await self.change(label, trigger_value=True)
        del self._states[self.widgets[label]]
        return seconds

    async def until(self, is_true: Callable[[], object]) -> None:
        """Wait for something to be so.

        Raises:
            TimeoutError: if it is not for so long.
        """
        async with asyncio.timeout(PATIENCE):
            while not is_true():
                await asyncio.sleep(0.02)

    async def _rerun(self, fragment: str = "") -> float:
        """Ask for a run of the page or of a fragment, and wait until it has ended."""
        self._answered = asyncio.get_running_loop().create_future()
        self._is_of_fragment = bool(fragment)
        started = time.perf_counter()
        await self._ask(fragment, is_automatic=False)
        waits = self._answered, self._listening
        await asyncio.wait(waits, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if not self._answered.done():
            raise ConnectionError(
                "The server ended the connection." if self.is_lost else "The server is silent."
            )
        return time.perf_counter() - started

    async def _ask(self, fragment: str, is_automatic: bool) -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash, asked.page_name = self._query, self._page, self._address
        asked.fragment_id, asked.is_auto_rerun = fragment, is_automatic
        asked.widget_states.widgets.extend(self._states.values())
        asked.cached_message_hashes.extend(self._kept)
        await self._socket.send(message.SerializeToString())

    async def _listen(self) -> None:
        """Take in what the server sends until it ends."""
        with suppress(ConnectionClosed):
            async for data in self._socket:
                assert isinstance(data, bytes)
                self._take(self._whole(ForwardMsg.FromString(data)))
        self._stop_looking()

    def _whole(self, message: ForwardMsg) -> ForwardMsg:
        """The message, or the one kept of an earlier run that it stands for: a large one is not sent again."""
        whole = message
        if message.WhichOneof("type") == "ref_hash":
            whole = ForwardMsg()
            whole.CopyFrom(self._kept[message.ref_hash][0])
            whole.metadata.CopyFrom(message.metadata)
        if whole.metadata.cacheable or whole is not message:
            self._kept[whole.hash] = whole, self._runs
        return whole

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            self._take_delta(message.delta, tuple(message.metadata.delta_path))
        elif kind == "navigation":
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "new_session":
            self._run = message.metadata.run.script_run_id
            if not message.metadata.run.fragment_ids:
                self._stop_looking()  # the page runs anew, and says again which parts look by themselves
        elif kind == "auto_rerun":
            self._look_at(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            self._stop_looking(*message.stop_auto_rerun.fragment_ids)
        elif kind == "session_event" and message.session_event.HasField("script_compilation_exception"):
            self.exceptions.append(message.session_event.script_compilation_exception.message)
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self._end_of_run(set(message.metadata.run.fragment_ids))

    def _end_of_run(self, fragments: set[str]) -> None:
        """What the run has not sent again stands on the page no more."""
        self._runs += 1
        self._kept = {
            name: (message, run)
            for name, (message, run) in self._kept.items()
            if self._runs - run <= _RUNS_KEPT
        }
        self._texts = {
            path: text
            for path, text in self._texts.items()
            if text.run == self._run or (fragments and text.fragment not in fragments)
        }
        is_answer = self._is_of_fragment or not fragments  # a fragment may have the whole page run instead
        if is_answer and self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def _take_delta(self, delta: Delta, path: tuple[int, ...]) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        element = getattr(delta.new_element, kind)
        if kind == "exception":
            self.exceptions.append(f"{element.type}: {element.message}")
        elif kind == "bidi_component":
            data = element.mixed.json if element.WhichOneof("data") == "mixed" else element.json
            self.payloads[element.id.rpartition("-")[2]] = data
        elif kind in ("heading", "markdown", "alert", "progress"):
            self._texts[path] = _Text(
                element.text if kind == "progress" else element.body, self._run, delta.fragment_id
            )
        elif hasattr(element, "id") and hasattr(element, "label"):
            self.widgets[element.label] = element.id
            self._fragments[element.id] = delta.fragment_id

    def _look_at(self, fragment: str, interval: float) -> None:
        self._stop_looking(fragment)
        self._looking[fragment] = asyncio.create_task(self._look(fragment, interval))

    def _stop_looking(self, *fragments: str) -> None:
        """Look at these parts of the page by itself no more, or at none."""
        for fragment in fragments or tuple(self._looking):
            if fragment in self._looking:
                self._looking.pop(fragment).cancel()

    async def _look(self, fragment: str, interval: float) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(interval)
                await self._ask(fragment, is_automatic=True)

    def payload(self, name: str) -> Any:
        """What a component was sent last, by the end of its key."""
        return json.loads(self.payloads[name])


@asynccontextmanager
async def visiting(port: int, query: str = "", page: str = "") -> AsyncIterator[Session]:
    """A visitor who has opened a page, until the block ends."""
    address = f"ws://localhost:{port}/_stcore/stream"
    async with connect(address, subprotocols=["streamlit", "x"], max_size=None) as socket_:
        session = Session(socket_)
        try:
            await session.open(query, page)
            yield session
        finally:
            await session.leave()


@dataclass(frozen=True)
class _Text:
    """A text on the page: what it says, and the run and the fragment that sent it."""

    body: str
    run: str
    fragment: str


def _wait_for_health(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end and process.poll() is None:
        with (
            suppress(URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(_health(port), timeout=2) as answer,
        ):
            if answer.read() == b"ok":
                return
        time.sleep(0.1)
    raise RuntimeError(f"The server has not started in {_START:g} s; its exit code is {process.poll()}.")


def _health(port: int) -> str:
    return f"http://localhost:{port}/_stcore/health"
