"""Debian's chromium, driven by Playwright, for the tests that need a real browser."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@contextmanager
def launched(*flags: str) -> Iterator[Any]:
    """The browser, until the block is left. That it is missing is a failure."""
    from playwright.sync_api import sync_playwright

    assert Path(CHROMIUM).is_file(), f"{CHROMIUM} is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        yield browser
        browser.close()


def screenshots(prefix: str = "", wait: int = 600) -> Callable[[Any, str], None]:
    """Takes a page and a name: a picture of the page goes to ``$COLORHUB_SCREENSHOTS``, if set. ``wait``: milliseconds
    for fonts and transitions."""
    folder = os.environ.get("COLORHUB_SCREENSHOTS")

    def shot(page: Any, name: str) -> None:
        if folder:
            page.wait_for_timeout(wait)
            page.screenshot(path=Path(folder) / f"{prefix}{name}.png", full_page=True)

    return shot
