"""Debian's chromium and Firefox, driven by Playwright, for the tests that need a real browser."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = "/usr/bin/chromium"
FIREFOX = "/usr/bin/firefox-esr"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@contextmanager
def launched(playwright: Any, *flags: str) -> Iterator[Any]:
    """The browser, until the block is left. That it is missing is a failure."""
    assert Path(CHROMIUM).is_file(), f"{CHROMIUM} is missing: apt-get install chromium"
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
    yield browser
    browser.close()


@contextmanager
def launched_firefox(playwright: Any, downloads: Path) -> Iterator[Any]:
    """Firefox as Mozilla builds it, over WebDriver BiDi, which it speaks by itself. Where it is missing the test is
    skipped. What pages download is in a folder: of most of it Playwright does not hear."""
    if not Path(FIREFOX).is_file():
        pytest.skip(f"{FIREFOX} is missing: apt-get install firefox-esr")
    browser = playwright.firefox.launch(executable_path=FIREFOX, channel="moz-firefox", downloads_path=downloads)
    yield browser
    browser.close()


class Visits:
    """Pages of a site, each in a browser context of its own, and what they did that they may not.

    Args:
        browser: of :func:`launched`.
        site: the address that pages may talk to.
        wait: milliseconds that anything may take; a busy machine needs more than an idle one.
        console: whether an error on the console is a failure as well.
    """

    def __init__(self, browser: Any, site: str, wait: int, console: bool = False) -> None:
        self.site = site
        self._browser, self._wait, self._console = browser, wait, console
        self._contexts: list[Any] = []
        self._requests: list[str] = []
        self._errors: list[str] = []

    def page(self, **context: Any) -> Any:
        """An empty page; ``context`` as Playwright's ``new_context`` takes it."""
        self._contexts.append(self._browser.new_context(**context))
        page = self._contexts[-1].new_page()
        page.set_default_timeout(self._wait)
        page.on("request", lambda request: self._requests.append(request.url))
        page.on("pageerror", lambda error: self._errors.append(str(error)))
        if self._console:
            page.on("console", lambda line: self._errors.append(line.text) if line.type == "error" else None)
        return page

    def cookies(self) -> list[Any]:
        """What all the pages have set."""
        return [cookie for context in self._contexts for cookie in context.cookies()]

    def end(self) -> None:
        """Close all pages. Nothing may have left this machine, and no script may have failed."""
        for context in self._contexts:
            context.close()
        assert [url for url in self._requests if not url.startswith((self.site, "data:", "blob:"))] == []
        assert self._errors == []


def screenshots(prefix: str = "", wait: int = 400) -> Callable[..., None]:
    """Takes a page and a name: a picture of the page (``full=False``: of what is in sight) goes to
    ``$COLORHUB_SCREENSHOTS``, if set. ``wait``: milliseconds for fonts and transitions, with a picture
    or without: what comes after it sees the same page."""
    folder = os.environ.get("COLORHUB_SCREENSHOTS")

    def shot(page: Any, name: str, full: bool = True) -> None:
        page.wait_for_timeout(wait)
        if folder:
            page.screenshot(path=Path(folder) / f"{prefix}{name}.png", full_page=full)

    return shot
