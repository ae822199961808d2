"""What the browser tests of the stage share: reading its numbers, and the numbers of the papers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page

from memviz import Experiment, encode
from memviz.cells import CELLS
from memviz.theme import MINUS
from tests import oracles

OpenApp = Callable[..., None]
NewPage = Callable[..., Page]
TEXT = "hello world"
GATES = {"input", "forget", "candidate", "output", "reset", "update"}
FIND = """const find = () =>
    [...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('.stage')).find(Boolean);"""
# Counts the frames in which the stage has no number on a node, or is another element than it was.
WATCH = (
    f"() => {{ {FIND}"
    + """
  const first = find();
  window.watched = { frames: 0, blank: 0, replaced: 0 };
  const look = () => {
    const stage = find();
    const numbers = stage ? [...stage.querySelectorAll('.machine .number')] : [];
    window.watched.frames += 1;
    const isDrawn = numbers.some((number) => number.textContent) && stage.querySelector('.strip canvas').width;
    if (!isDrawn) window.watched.blank += 1;
    if (stage !== first) window.watched.replaced += 1;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
)


def read(text: str) -> float:
    return float(text.replace(MINUS, "-"))


def close(shown: float, exact: float) -> bool:
    """Whether a number on the screen is the exact one to its three digits."""
    return math.isclose(shown, exact, rel_tol=5.1e-3, abs_tol=1e-12)


def node(page: Page, name: str) -> Locator:
    return page.locator(f'.machine .node[data-node="{name}"]')


def nodes(page: Page) -> dict[str, str]:
    texts: dict[str, str] = page.locator(".machine .node").evaluate_all(
        "all => Object.fromEntries(all.map((one) => [one.dataset.node, one.querySelector('.number').textContent]))"
    )
    return texts


def go_to(page: Page, timestep: int, unit: int) -> None:
    page.locator(".ribbon").focus()
    page.keyboard.press("Home")
    for _ in range(timestep):
        page.keyboard.press("ArrowRight")
    page.get_by_label("Unit", exact=True).select_option(str(unit))


class Numbers:
    """Every signal of a cell at every step, by the plain numpy of the papers."""

    def __init__(self, cell: str, text: str = TEXT) -> None:
        sequence = encode(text)
        experiment = Experiment(cell, seed=1, forget_bias=3.0, update_bias=3.0)
        network = experiment.build(sequence)
        p = {name: value.numpy() for name, value in network.parameters.items()}
        self.state = {part: np.zeros(len(names) * 8) for part, names in CELLS[cell].state}
        self.signals = oracles.run(cell, p, sequence.inputs, self.state)

    def at(self, name: str, t: int, unit: int) -> float:
        return float(self.signals[t][name][unit])

    def before(self, name: str, t: int, unit: int) -> float:
        return self.at(name, t - 1, unit) if t else float(self.state[name][unit])

    def nodes(self, t: int, unit: int) -> dict[str, float]:
        """What the nodes of the machine have to show."""
        now = {name: float(values[unit]) for name, values in self.signals[t].items()}
        h, c = self.before("hidden", t, unit), self.before("cell", t, unit) if "cell" in now else 0.0
        shown = {name: now[name] for name in now if name in GATES | {"cell", "hidden"}}
        shown["hidden_before"] = h
        if "cell" in now:
            shown |= {"cell_before": c, "written": now["input"] * now["candidate"], "exposed": now["hidden"]}
            if "forget" in now:
                shown["kept"] = now["forget"] * c
        if "update" in now:
            share = 1 - now["update"]
            shown |= {"complement": share, "kept": now["update"] * h, "written": share * now["candidate"]}
        return shown


def settle(page: Page) -> None:
    """Wait until the page is drawn and has written its address."""
    page.wait_for_function(
        """() => document.querySelector('[data-test-script-state="notRunning"]')
             && !document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')"""
    )


def frames_sent(page: Page) -> list[Any]:
    """Every message that the page sends to the server from now on."""
    sent: list[Any] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    return sent
