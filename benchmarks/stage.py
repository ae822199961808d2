"""The stage in headless Chromium: frames while playing, key to frame, a change of a slider to all pictures.

The change is measured beside the same page with `st.plotly_chart` in place of the live figures, in the same run. Run it
with `make bench`, or `PYTHONPATH=. .venv/bin/python benchmarks/stage.py`.
"""

import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from memviz import Experiment, encode, record
from memviz.stage import stage_payload

ROOT = Path(__file__).resolve().parents[1]
SENTENCE = "the quick brown fox jumps over the lazy dog; then it rests. "
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PLAY_SECONDS = 12
KEYS, CHANGES = 40, 30

# What the page draws, as one text for each picture; it changes when the picture does.
LOOK = """
window.stage = () =>
  [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.stage')).find(Boolean);
window.pictures = () => {
  const stage = window.theStage?.isConnected ? window.theStage : (window.theStage = window.stage());
  const numbers = [...stage.querySelectorAll('.machine .number')].map((one) => one.textContent).join();
  const strips = [...stage.querySelectorAll('.strip canvas')].map((one) => one.dataset.painted).join();
  const seen = [...document.querySelectorAll('.js-plotly-plot')].filter((chart) => {
    const box = chart.getBoundingClientRect();
    return Math.min(box.bottom, innerHeight) - Math.max(box.top, 0) >= 0.2 * box.height;
  });
  const lines = seen.map((chart) =>
    [...chart.querySelectorAll('.scatterlayer path')].map((path) => path.getAttribute('d')).join());
  return [numbers, strips, ...lines];
};
window.blank = 0;
window.charts = 0;
window.watch = () => {
  const charts = [...document.querySelectorAll('.js-plotly-plot')];
  window.charts = Math.max(window.charts, charts.length);
  const drawn = charts.filter((chart) => chart.querySelector('.scatterlayer path')?.getAttribute('d'));
  const numbers = window.theStage?.isConnected && window.theStage.querySelector('.machine .number').textContent;
  if (drawn.length < window.charts || !numbers) window.blank += 1;
  requestAnimationFrame(window.watch);
};
"""
FRAMES = """(seconds) => new Promise((resolve) => {
  const times = [];
  const tick = (now) => {
    times.push(now);
    if (now - times[0] < seconds * 1000) requestAnimationFrame(tick);
    else resolve(times.slice(1).map((time, k) => time - times[k]));
  };
  requestAnimationFrame(tick);
})"""
# From the key's own time stamp to the message that follows the frame it was drawn in.
KEY_TO_FRAME = """() => {
  window.keyed = [];
  document.addEventListener('keydown', (event) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => window.keyed.push(performance.now() - event.timeStamp);
    port2.postMessage(0);
  }), true);
}"""
# From a key, which ends what is typed, to the frame in which the last picture is the new one.
CHANGE = """(key) => new Promise((resolve) => {
  const before = window.pictures();
  let start = null;
  document.addEventListener('keydown', (event) => (start = event.key === key ? event.timeStamp : start), true);
  const look = (now) => {
    const changed = window.pictures().map((picture, k) => picture !== before[k]);
    if (start !== null && changed.every(Boolean)) resolve([performance.now() - start, changed.length]);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.ready = true;
})"""


@contextmanager
def served() -> Iterator[str]:
    """The app on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    process = subprocess.Popen(
        [*command, "--server.port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait()


def opened(browser: Browser, address: str, height: int = 900, plain: bool = False) -> tuple[Page, list[Any]]:
    """A page that has come to rest, and the list that each message to the server goes to."""
    page = browser.new_context(viewport={"width": 1440, "height": height}).new_page()
    sent: list[Any] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    if plain:
        page.route("**/memviz-live/**", lambda route: route.abort())
    page.add_init_script(LOOK)
    page.goto(address)
    page.locator(".machine .node").first.wait_for()
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .scatterlayer path').length > 5")
    page.wait_for_timeout(3000)
    page.evaluate("() => { window.theStage = window.stage(); window.pictures(); window.watch(); }")
    return page, sent


def playing(browser: Browser, url: str) -> dict[str, float]:
    """Frames and messages while 100 steps of 16 units play, and from a key to its frame."""
    text = (SENTENCE * 2)[:100].replace(" ", "+")
    page, sent = opened(browser, f"{url}/?text={text}&hidden_size=16&timestep=0")
    page.get_by_label("Speed").select_option("4")
    page.locator(".ribbon").focus()
    page.wait_for_timeout(1000)
    before = len(sent)
    page.keyboard.press("Space")
    frames = sorted(page.evaluate(FRAMES, PLAY_SECONDS))
    messages = len(sent) - before
    page.keyboard.press("Space")
    page.wait_for_timeout(1000)
    page.evaluate(KEY_TO_FRAME)
    page.keyboard.press("Home")
    for _ in range(KEYS):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(300)
    keyed = page.evaluate("window.keyed")
    page.context.close()
    return {
        "frame_median_ms": statistics.median(frames),
        "frame_p95_ms": frames[int(0.95 * len(frames))],
        "key_to_frame_ms": statistics.median(keyed),
        "messages_while_playing": messages,
    }


def timed(page: Page, keys: Callable[[int], tuple[str, ...]]) -> tuple[float, int]:
    """The median time from the last of some keys until all pictures have changed, and how many pictures there are."""
    times, pictures = [], 0
    for k in range(CHANGES + 3):
        pressed = keys(k)
        page.evaluate(f"(key) => {{ window.change = ({CHANGE})(key); }}", pressed[-1])
        for key in pressed:
            page.keyboard.press(key)
        took, pictures = page.evaluate("() => window.change")
        if k >= 3:  # the first ones warm up
            times.append(took)
        page.wait_for_timeout(600)
    return statistics.median(times), pictures


def changes(browser: Browser, url: str, height: int, plain: bool) -> tuple[float, int, int]:
    """The median time of a change, how many pictures it changed, and the frames in which one was blank."""
    text = SENTENCE[:50].replace(" ", "+")
    page, _ = opened(browser, f"{url}/?text={text}&hidden_size=8&timestep=10", height, plain)
    page.get_by_role("slider", name="Forget bias").focus()
    took, pictures = timed(page, lambda k: ("ArrowLeft" if k % 2 else "ArrowRight",))
    blank = page.evaluate("window.blank")
    page.context.close()
    return took, pictures, blank


def what_ifs(browser: Browser, url: str) -> dict[str, float]:
    """A gate held by a slider, and a weight typed into the grid, each with before and after on the screen."""
    text = SENTENCE[:50].replace(" ", "+")
    address = f"{url}/?text={text}&hidden_size=8&timestep=10&unit=5"
    page, _ = opened(browser, f"{address}&what_if=1&interventions=clamp~forget~0.5")
    page.get_by_role("slider", name="hold at").focus()
    held, _ = timed(page, lambda k: ("ArrowLeft" if k % 2 else "ArrowRight",))
    page.context.close()
    page, _ = opened(browser, f"{address}&edits=set~weight_hh~13~5~1.0")
    page.locator("summary", has_text="Weights").click()
    page.locator('.grid .cell[data-at="5,5"]').click()
    page.wait_for_timeout(2000)
    edited, _ = timed(page, lambda k: ("2" if k % 2 else "3", "Enter"))
    page.context.close()
    return {"hold_median_ms": held, "edit_median_ms": edited}


def main() -> None:
    """Measure, print a table and, as the last line, the same as JSON."""
    sequence = encode((SENTENCE * 4)[:200])
    network = Experiment(hidden_size=16).build(sequence)
    payload = stage_payload(network, record(network, sequence), sequence.features)
    with served() as url, sync_playwright() as playwright:
        executable = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        figures = playing(browser, url)
        screen, pictures, blank = changes(browser, url, 900, plain=False)
        plain, _, _ = changes(browser, url, 900, plain=True)
        tall, tall_pictures, tall_blank = changes(browser, url, 1900, plain=False)
        plain_tall, _, _ = changes(browser, url, 1900, plain=True)
        what_if = what_ifs(browser, url)
        browser.close()
    figures |= {
        "change_median_ms": screen,
        "plotly_chart_change_median_ms": plain,
        "change_all_in_view_ms": tall,
        "plotly_chart_change_all_in_view_ms": plain_tall,
        "blank_frames": blank + tall_blank,
        **what_if,
        "payload_kb": len(json.dumps(payload)) / 1000,
    }
    print(f"playing T=100 H=16:   frame median {figures['frame_median_ms']:.1f} ms, ", end="")
    print(f"95th percentile {figures['frame_p95_ms']:.1f} ms, {figures['messages_while_playing']} messages")
    print(f"key to drawn frame:   {figures['key_to_frame_ms']:.1f} ms")
    print("slider to all pictures on the screen, T=50 H=8, beside the same page with st.plotly_chart:")
    print(f"  1440 x 900,  {pictures} pictures:  {screen:6.1f} ms   st.plotly_chart {plain:6.1f} ms")
    print(f"  1440 x 1900, {tall_pictures} pictures:  {tall:6.1f} ms   st.plotly_chart {plain_tall:6.1f} ms")
    print("what if, before and after on the screen, 1440 x 900:")
    held, edited = figures["hold_median_ms"], figures["edit_median_ms"]
    print(f"  a gate held by slider {held:6.1f} ms   a weight typed {edited:6.1f} ms")
    print(f"blank frames:         {figures['blank_frames']}")
    print(f"payload T=200 H=16:   {figures['payload_kb']:.0f} kB")
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
