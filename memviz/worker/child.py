"""The server's hold on the process that teaches: what is said to it, what it says, and its end.

Two threads write and read, so that a process that listens to nobody or says nothing holds nobody up.
"""

import json
import os
import queue
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import memviz

_MOST_UNREAD = 256
_MOST_LINE = 8_000_000
"""The most bytes of a line: the largest is a checkpoint, of some 100 kB."""


class Child:
    """A process that teaches, started with a command."""

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
        self._to_say: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._heard: queue.Queue[dict[str, Any]] = queue.Queue(_MOST_UNREAD)
        self._is_dropped = threading.Event()
        for name, target in (("listens", self._listen), ("speaks", self._speak)):
            threading.Thread(target=target, name=f"memviz-worker-{name}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def say(self, message: dict[str, Any]) -> None:
        """Send a line, without waiting for it to be read."""
        self._to_say.put(json.dumps(message).encode() + b"\n")

    def hear(self, seconds: float) -> dict[str, Any] | None:
        """What it says next, or None; the kind is "gone" when it has ended, "garbled" for what is no message."""
        try:
            return self._heard.get(timeout=seconds)
        except queue.Empty:
            return None

    def kill(self) -> None:
        """End it at once."""
        self._is_dropped.set()
        self._process.kill()
        self._process.wait()
        self._to_say.put(b"")

    def _speak(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # what is said to one that has ended has no reader; the listener knows of it
            with self._process.stdin as lines:
                while line := self._to_say.get():
                    lines.write(line)
                    lines.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            while (line := lines.readline(_MOST_LINE)) and not self._is_dropped.is_set():
                # Of one that was killed in the middle of a line the rest is nothing.
                if line.endswith(b"\n") or len(line) == _MOST_LINE:
                    self._put(_message(line))
        self._put({"kind": "gone"})
        self._to_say.put(b"")

    def _put(self, message: dict[str, Any]) -> None:
        """Wait until there is room, which holds the process up, unless nobody listens any more."""
        while not self._is_dropped.is_set():
            try:
                return self._heard.put(message, timeout=1.0)
            except queue.Full:
                continue


def _message(line: bytes) -> dict[str, Any]:
    """What a line says."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    return message if isinstance(message, dict) else {"kind": "garbled"}
