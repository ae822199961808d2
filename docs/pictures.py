"""The pictures of docs/: the pages, and the stage of every cell family, light and dark, wide and narrow.

`make pictures` draws them anew; look at them before they are committed.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

DOCS = Path(__file__).resolve().parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = {"wide": 1440, "narrow": 390}
STAGE, FIGURES = ".machine .node", ".memviz-live .drawn"
SIDES = ".multiples canvas"
FAMILIES = ("elman", "lstm", "gru")
VARIANTS = ("lstm-1997", "lstm-peephole", "lstm-coupled", "lstm-fgr", "gru-v3")


def draw(
    browser: Browser, url: str, file: Path, scheme: str, width: int, stage: bool, ready: str = STAGE
) -> None:
    """Save a page, or its stage alone, when it has come to rest after what is `ready` is there."""
    page = browser.new_context(
        viewport={"width": width, "height": 1900 if stage else 900},
        color_scheme=scheme,
    ).new_page()
    page.goto(url)
    page.locator(ready).first.wait_for()
    page.wait_for_timeout(3000)
    file.parent.mkdir(exist_ok=True)
    (page.locator(".stage") if stage else page).screenshot(path=file)
    page.context.close()


def main(address: str) -> None:
    """Draw all pictures of the app that runs at an address."""
    with sync_playwright() as playwright:
        executable = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        draw(browser, address, DOCS / "gates.png", "light", 1440, stage=False)
        held = f"{address}/?what_if=1&interventions=clamp~forget~0.0~t5-6&timestep=6"
        draw(browser, held, DOCS / "what-if.png", "light", 1440, stage=False)
        draw(browser, f"{address}/compare", DOCS / "compare.png", "light", 1440, stage=False, ready=SIDES)
        file = DOCS / "gradients.png"
        draw(browser, f"{address}/gradients?spread=1", file, "light", 1440, stage=False, ready=FIGURES)
        draw(browser, f"{address}/training", DOCS / "training.png", "light", 1440, stage=False, ready=FIGURES)
        draw(browser, f"{address}/your_model", DOCS / "your_model.png", "light", 1440, stage=False)
        for cell in FAMILIES:
            for scheme in ("light", "dark"):
                for name, width in WIDTHS.items():
                    file = DOCS / "stage" / f"{cell}-{scheme}-{name}.png"
                    draw(browser, f"{address}/?cell={cell}", file, scheme, width, stage=True)
        for cell in VARIANTS:
            file = DOCS / "stage" / f"{cell}.png"
            draw(browser, f"{address}/?cell={cell}", file, "light", 1440, stage=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8501")
