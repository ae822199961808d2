"""A real browser and a real server for the tests of this folder.

The browser is the first Chromium or Chrome on the PATH, else Playwright's own. Without one the tests are
skipped, with a line that says how to get one; under CI they fail.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, expect, sync_playwright

from tests.browser.reading import settle

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = (
    "no browser: install Chromium or Chrome so that it is on the PATH (Debian: apt-get install chromium), "
    "or run .venv/bin/playwright install chromium"
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # ms; a slow machine is no failure
expect.set_options(timeout=PATIENCE)
# Our own parts whose scripts have not drawn yet.
UNDRAWN = ", ".join(
    f".{part}:empty" for part in ("stage", "memviz-live", "dial", "ribbon", "grid", "multiples")
)

# Streamlit's own leftovers, by axe's rule and the start of the element: the corner of a dataframe's hidden
# table, a formula that is wider than the screen, and the place where a file is dropped.
AXE_LEFTOVERS = {
    "empty-table-header": '<th role="columnheader" aria-selected="false" aria-colindex="1"',
    "scrollable-region-focusable": '<span class="katex-display">',
    "presentation-role-conflict": '<section role="presentation"',
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and keep them on one process: one server, one browser."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
            # A browser on a busy machine may miss a deadline. What passes at its second try alone is in the summary.
            item.add_marker(pytest.mark.flaky(reruns=1))


@dataclass
class Server:
    """A running app. Compares and prints as its address."""

    url: str
    log: Path

    def __str__(self) -> str:
        return self.url


Serve = Callable[[str], AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """`streamlit run` a script on a free port: `with serve("app.py") as server`; what it writes is in `server.log`."""

    @contextmanager
    def serving(script: str) -> Iterator[Server]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = tmp_path_factory.mktemp("server") / "log.txt"
        command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
        with log.open("w") as sink:
            process = subprocess.Popen(
                [*command, "--server.port", str(port)], cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT
            )
        try:
            _wait_for_health(f"http://localhost:{port}/_stcore/health", process, log)
            yield Server(f"http://localhost:{port}", log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    return serving


@pytest.fixture(scope="session")
def server(serve: Serve) -> Iterator[Server]:
    """The app itself."""
    with serve("app.py") as started:
        yield started


def _wait_for_health(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the server did not start; it wrote:\n{log.read_text()}")


# Module scope: while it is open, Playwright keeps an event loop running in this thread.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None and not Path(playwright.chromium.executable_path).exists():
        if os.environ.get("CI"):
            pytest.fail(HOW_TO_GET_ONE)
        pytest.skip(HOW_TO_GET_ONE)
    started = playwright.chromium.launch(executable_path=executable, args=FLAGS)
    yield started
    started.close()


@dataclass
class Complaints:
    """What the browser's console and the server's log complained about during one test."""

    found: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        # Under the address of a page Streamlit first looks for its server there, then at the root.
        is_search = "/_stcore/" in message.location.get("url", "") and " 404 " in message.text
        if message.type == "error" and not is_search:
            self.found.append(f"console: {message.text} ({message.location.get('url', '')})")


@pytest.fixture
def complaints(server: Server) -> Iterator[Complaints]:
    """Fails the test when anything complained; take `complaints.found.clear()` where a test provokes it."""
    said_before = len(server.log.read_text())
    complaints = Complaints()
    yield complaints
    if "Traceback" in (said := server.log.read_text()[said_before:]):
        complaints.found.append(f"server: {said}")
    assert not complaints.found, "\n".join(complaints.found)


@pytest.fixture
def new_page(browser: Browser, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """Make a page in a browser of its own: new_page(color_scheme="dark", viewport={...}, ...)."""
    contexts = []

    def make(**options: object) -> Page:
        context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", **options}
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", complaints.hear)
        page.on("pageerror", lambda error: complaints.found.append(f"page: {error}"))
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page at 1440 x 900 in the light theme, nothing opened yet."""
    return new_page()


@pytest.fixture
def open_app(server: Server) -> Callable[..., None]:
    """Open a path of the app in a page and wait until it has run: open_app(page, "?cell=gru")."""

    def open_in(page: Page, path: str = "") -> None:
        page.goto(f"{server.url}/{path}")
        page.locator("[data-testid=stMain] h1").first.wait_for()
        page.wait_for_load_state("networkidle")  # parts of Streamlit load when they are first needed
        settle(page)
        expect(page.locator(UNDRAWN)).to_have_count(0)

    return open_in


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """axe's violations on a page, one sentence each, less those that are Streamlit's own."""
    checker = Axe()

    def violations(page: Page) -> list[str]:
        found = checker.run(page).response["violations"]
        return [
            f"{rule['id']}: {rule['help']}: {node['html'][:300]}"
            for rule in found
            for node in rule["nodes"]
            if not _is_leftover(rule["id"], node)
        ]

    return violations


def _is_leftover(rule: str, node: dict[str, str]) -> bool:
    return rule in AXE_LEFTOVERS and node["html"].startswith(AXE_LEFTOVERS[rule])
