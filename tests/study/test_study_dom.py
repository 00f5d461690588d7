"""What a rater's browser holds before a vote: the same for an original as for a colouring, but for the pixels."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from study_parts import small_config, truth
from study_server import serving_api, write_study

from colorhub.study.store.database import Database
from colorhub.study.store.store import Store

pytestmark = pytest.mark.browser
# A picture is shown, and another one than last time.
OPEN = (
    "last => document.querySelector('.trial[data-open=true]') && document.querySelector('.progress').innerText !== last"
)
# Everything that a script on the page, or a person with the browser's tools, can read but the picture's pixels.
LOOK = """() => ({
    page: document.documentElement.outerHTML,
    address: location.href,
    title: document.title,
    cookies: document.cookie,
    kept: Object.entries({...localStorage, ...sessionStorage}).sort(),
    images: [...document.images].map(i => [i.naturalWidth, i.naturalHeight, i.width, i.height, i.alt, i.title,
        Object.keys(i.dataset), [...getComputedStyle(i)].map(k => [k, getComputedStyle(i).getPropertyValue(k)])]),
    fetched: performance.getEntriesByType("resource").filter(e => e.name.includes("/pictures/")).map(e =>
        [e.name, e.initiatorType, e.transferSize, e.encodedBodySize, e.decodedBodySize, e.responseStatus,
         e.contentType, JSON.stringify(e.serverTiming)]),
})"""


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    with chromium.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page


def without_counting(seen: dict[str, Any]) -> str:
    """What was seen, without how far the rater is: that is known anyway. Lengths are compared apart."""
    text = json.dumps({**seen, "fetched": sorted({tuple(entry[1:]) for entry in seen["fetched"]})})
    text = re.sub(r"blob:[^\\\"]+", "blob:", text)
    text = re.sub(r"[0-9a-f]{32}\.[\w-]{43}", "token", text)
    return re.sub(r"\d+(\.\d+)?", "#", text)


def test_a_browser_holds_the_same_for_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Any) -> None:
    monkeypatch.setenv("COLORHUB_STUDIES", str(tmp_path / "studies"))
    manifest = write_study(tmp_path / "studies", config=small_config())
    store = Store(Database())
    store.add(manifest)
    with serving_api() as port:
        page.goto(f"http://127.0.0.1:{port}/study/?study=small")
        page.get_by_role("button", name="I agree and take part").click()
        page.get_by_role("button", name="Begin to practise").click()
        seen, last = [], ""
        for position in range(12):
            page.wait_for_function(OPEN, arg=last)
            last = page.locator(".progress").inner_text()
            page.wait_for_function(
                "n => performance.getEntriesByType('resource').filter(e => e.name.includes('/pictures/')).length >= n",
                arg=min(position + 2, 12),  # the next one has been fetched too
            )
            seen.append(page.evaluate(LOOK))
            page.keyboard.press("r")
            if position < 2:
                page.locator(".feedback").wait_for()
                page.keyboard.press("Enter")
            if position == 1:
                page.get_by_role("heading", name="That was the practice").wait_for()
                page.keyboard.press("Enter")
        page.locator(".score").wait_for()
        token = page.evaluate("JSON.parse(localStorage.getItem('colorhub-study/small')).token")
    assert {truth(store, token, position) for position in range(2, 12)} == {"real", "fake"}
    store.database.close()
    assert len({without_counting(look) for look in seen[2:]}) == 1
    assert {look["cookies"] for look in seen} == {""}
    fetched = seen[-1]["fetched"]
    assert len({entry[0] for entry in fetched}) == len(fetched) == 12
    assert {entry[3] for entry in fetched} == {manifest.data["file_bytes"]}
    text = json.dumps(seen)
    assert not any(stimulus in text for stimulus in manifest.stimuli)
