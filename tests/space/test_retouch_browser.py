"""The tab Retouch in a real browser, as in test_space_browser.py: hints by mouse, finger and keyboard.

Screenshots go to ``$COLORHUB_SCREENSHOTS`` if set.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_space_tabs_browser as tabs
from PIL import Image
from skimage.color import rgb2lab
from space_server import Served, serve, small_models
from test_space_browser import downloaded, overflow, send, serious_findings

pytestmark = pytest.mark.browser

visit = tabs.visit
PHONE = tabs.PHONE
BRICK = "#a4523e"
LEFT, RIGHT = (0.25, 0.4), (0.75, 0.6)  # in shares of the picture: one in each of its two things

UNCOVERED = """node => {
  const box = node.getBoundingClientRect();
  return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === node;
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from colorhub import create

    models = small_models(tmp_path_factory.mktemp("models"))
    create("siggraph17", width=4, working_size=64).save_pretrained(models / "native")
    with serve(tmp_path_factory.mktemp("served") / "space", models) as running:
        yield running


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two walls that meet in the middle, 1200 x 800 pixels, with EXIF. Black and white edges below: no faded print."""
    exif = Image.Exif()
    exif[270] = "Two walls, 1931"
    fields = np.random.default_rng(0).normal(100, 2, (800, 1200))
    fields[:, 600:] += 90
    fields[776:788], fields[788:] = 10, 245
    path = tmp_path_factory.mktemp("photos") / "walls.jpg"
    Image.fromarray(fields.astype(np.uint8)).save(path, quality=97, exif=exif)
    return path


def opened(page: Any, photo: Path, model: str = "unet") -> None:
    """Go to the tab, choose model and photo, and wait for the picture."""
    page.get_by_role("tab", name="Retouch").click()
    page.wait_for_function("document.querySelector('#retouch-about')?.innerText.includes('MB')")
    page.locator("#retouch-model input").click()
    page.get_by_role("option", name=model, exact=True).click()
    page.locator("#retouch-photo input[type=file]").set_input_files(photo)
    page.wait_for_function("document.querySelector('#retouch-picture img')?.naturalWidth > 0")
    page.wait_for_function("document.activeElement?.id === 'retouch-picture'")


def spot(page: Any, place: tuple[float, float]) -> tuple[float, float]:
    box = page.locator("#retouch-picture").bounding_box()
    return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]


def drawn(page: Any, act: Callable[[], Any]) -> np.ndarray:
    """Do something that draws, wait until no drawing is under way, and give ab of the picture that is shown."""
    stage = "document.querySelector('#retouch-stage')"
    number = page.evaluate(f"+({stage}.dataset.drawn ?? 0)")
    act()
    page.wait_for_function(
        f"old => +{stage}.dataset.drawn > old && !document.querySelector('#retouch-picture.busy')", arg=number
    )
    return shown(page)


def shown(page: Any) -> np.ndarray:
    source = page.locator("#retouch-picture img").get_attribute("src")
    data = page.request.get(page.url.rstrip("/") + "/" + source).body()
    return rgb2lab(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))[..., 1:]


def at(colors: np.ndarray, place: tuple[float, float]) -> np.ndarray:
    """Mean ab around a place."""
    row, column = (int(share * side) for share, side in zip(reversed(place), colors.shape, strict=False))
    return colors[row - 8 : row + 9, column - 8 : column + 9].mean(axis=(0, 1))


def changes(before: np.ndarray, after: np.ndarray, near: tuple[float, float], far: tuple[float, float]) -> bool:
    """Whether colours change near a place and not far away."""
    moved, stayed = (float(np.hypot(*(at(after, place) - at(before, place)))) for place in (near, far))
    return moved > 12 and stayed < 2


def hints(page: Any) -> list[dict[str, Any]]:
    return json.loads(page.evaluate("retouch.hints()"))["hints"]


def places(page: Any) -> Any:
    """Where the hints are, in pixels of the photo; a pixel of the screen is some of them."""
    return pytest.approx(np.array([(hint["x"], hint["y"]) for hint in hints(page)]), abs=4)


def status(page: Any) -> str:
    return page.locator("#retouch-status").inner_text()


def test_mouse(visit: Callable[..., Any], shoot: Callable[..., None], photo: Path, tmp_path: Path) -> None:
    page = visit()
    opened(page, photo)
    shoot(page, "retouch-opened")
    plain = shown(page)
    page.mouse.click(*spot(page, LEFT))
    page.locator("#retouch-likely .dab").first.wait_for()
    assert re.fullmatch(r"\d+ across, 3\d\d down: pick a colour for it\.", status(page))
    one = drawn(page, page.locator("#retouch-tools [aria-label=brick]").click)
    assert changes(plain, one, LEFT, RIGHT)
    assert places(page) == np.array([(300, 320)])
    assert hints(page)[0]["color"] == BRICK
    assert serious_findings(page) == []

    page.keyboard.press("Escape")  # lets go of the first hint; now a colour first, then its place
    page.locator("#retouch-hex").fill("2f6079")
    page.locator("#retouch-hex").press("Enter")
    two = drawn(page, lambda: page.mouse.click(*spot(page, RIGHT)))
    assert changes(one, two, RIGHT, LEFT)
    shoot(page, "retouch-hints")

    saved = downloaded(page, "#retouch-download", tmp_path)
    with Image.open(saved) as image:
        assert (saved.name, image.size, image.getexif()[270]) == ("walls-colorized.jpg", (1200, 800), "Two walls, 1931")
        full = rgb2lab(np.asarray(image))[..., 1:]
    for place in (LEFT, RIGHT):
        assert np.hypot(*(at(full, place) - at(two, place))) < 2
    wanted = rgb2lab(np.array([[[0xA4, 0x52, 0x3E]]], np.uint8))[0, 0, 1:]
    assert np.hypot(*(at(full, LEFT) - wanted)) < 4

    page.mouse.move(*spot(page, LEFT))
    page.mouse.down()
    page.mouse.move(*spot(page, (0.3, 0.7)), steps=4)
    drawn(page, lambda: (page.mouse.up(), page.get_by_text("Hint 1 is at").wait_for()))
    assert places(page) == np.array([(360, 560), (900, 480)])
    drawn(page, page.locator("#retouch-remove").click)
    assert places(page) == np.array([(900, 480)])
    for _ in range(2):
        back = drawn(page, page.locator("#retouch-undo").click)
    assert np.abs(back - two).max() == 0
    drawn(page, page.locator("#retouch-redo").click)
    assert places(page) == np.array([(360, 560), (900, 480)])
    cleared = drawn(page, page.locator("#retouch-clear").click)
    assert np.abs(cleared - plain).max() == 0
    back = drawn(page, page.locator("#retouch-undo").click)
    page.locator("#retouch-compare").click()
    assert np.abs(shown(page) - plain).max() == 0
    page.locator("#retouch-compare").click()
    assert np.abs(shown(page) - back).max() == 0


def test_keyboard(visit: Callable[..., Any], photo: Path) -> None:
    page = visit()
    opened(page, photo, "several")
    plain = shown(page)
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    page.get_by_text("312 across, 398 down").wait_for()
    assert page.locator("#retouch-status").get_attribute("role") == "status"
    page.keyboard.press("Enter")
    page.locator("#retouch-likely .dab").nth(1).wait_for()
    assert page.locator("#retouch-likely-title").inner_text() == "Likely here, says several"
    second = page.locator("#retouch-likely .dab").nth(1).get_attribute("data-color")
    drawn(page, lambda: page.keyboard.press("2"))
    assert hints(page) == [{"x": 312, "y": 398, "color": second}]
    page.keyboard.press("Escape")
    page.locator("#retouch-tools [aria-label=sky]").focus()
    page.keyboard.press("Enter")
    page.locator("#retouch-picture").focus()
    for _ in range(24):
        page.keyboard.press("ArrowRight")
    before = shown(page)
    after = drawn(page, lambda: page.keyboard.press("Enter"))
    assert changes(before, after, (0.74, 0.5), (0.2, 0.5))
    assert status(page) == "Hint 2: light blue at 888 across, 398 down."

    page.keyboard.press("Tab")  # to the first hint
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Hint 2: light blue, 888")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.get_by_text("Hint 2 is at 888 across, 430 down now.").wait_for()
    drawn(page, lambda: page.keyboard.press("Delete"))
    assert len(hints(page)) == 1
    assert page.evaluate("document.activeElement.id") == "retouch-picture"
    drawn(page, lambda: page.keyboard.press("Control+z"))
    drawn(page, lambda: page.keyboard.press("Control+z"))  # both presses of the arrow are one step
    assert [hint["y"] for hint in hints(page)] == [398, 398]
    drawn(page, lambda: page.keyboard.press("Control+y"))
    assert hints(page)[1]["y"] == 430
    for _ in range(3):
        last = drawn(page, lambda: page.keyboard.press("Control+z"))
    assert np.abs(last - plain).max() == 0


def test_touch_on_a_phone(visit: Callable[..., Any], shoot: Callable[..., None], photo: Path, tmp_path: Path) -> None:
    page = visit(PHONE, touch=True)
    opened(page, photo)
    assert overflow(page) <= 0
    plain = shown(page)
    page.wait_for_timeout(300)
    assert 0 <= spot(page, (0, 0))[1] < 50  # the picture is at the upper edge, so that there is room for the colours
    page.touchscreen.tap(*spot(page, LEFT))
    page.locator("#retouch-likely .dab").first.wait_for()
    assert page.locator("#retouch-likely .dab").first.evaluate(UNCOVERED)
    after = drawn(page, page.locator("#retouch-tools [aria-label=foliage]").tap)
    assert changes(plain, after, LEFT, RIGHT)
    page.locator("#retouch-keep").tap()  # scrolls down: the picture stays in sight, every tap takes the colour
    assert spot(page, (0, 0))[1] >= 0
    for tool in ("#retouch-undo", "#retouch-remove", "#retouch-likely .dab"):  # and so do these, uncovered
        assert page.locator(tool).first.evaluate(UNCOVERED), tool
    drawn(page, lambda: page.touchscreen.tap(*spot(page, RIGHT)))
    assert [hint["color"] for hint in hints(page)] == ["#45693a"] * 2
    shoot(page, "retouch-phone")

    touch = page.context.new_cdp_session(page)
    path = [spot(page, (RIGHT[0], share)) for share in (RIGHT[1], 0.5, 0.4, 0.3)]

    def finger(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": 0} for x, y in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", path[0])
    for place in path[1:]:
        finger("touchMove", place)
    drawn(page, lambda: (finger("touchEnd"), page.get_by_text("Hint 2 is at").wait_for()))
    assert places(page) == np.array([(300, 320), (900, 240)])
    for button in (".retouch-bar button", "#retouch-keep", "#retouch-download", "#retouch-load"):
        assert page.locator(button).first.bounding_box()["height"] >= 44  # a thumb's width
    assert serious_findings(page) == []
    assert overflow(page) <= 0
    assert Image.open(downloaded(page, "#retouch-download", tmp_path)).size == (1200, 800)


def test_hints_are_kept_in_a_file(visit: Callable[..., Any], photo: Path, tmp_path: Path) -> None:
    page = visit()
    opened(page, photo)
    page.mouse.click(*spot(page, LEFT))
    first = drawn(page, page.locator("#retouch-tools [aria-label=brick]").click)
    saved = downloaded(page, "#retouch-save", tmp_path)
    expected = {"size": [1200, 800], "hints": hints(page)}
    assert (saved.name, json.loads(saved.read_text())) == ("walls-hints.json", expected)
    drawn(page, page.locator("#retouch-clear").click)
    loaded = drawn(page, lambda: page.get_by_test_id("Load hints-upload-button").set_input_files(saved))
    assert np.abs(loaded - first).max() == 0
    assert status(page) == "Loaded: 1 hint."

    other = tmp_path / "other.json"
    other.write_text(json.dumps({**expected, "size": [640, 480]}))
    page.get_by_test_id("Load hints-upload-button").set_input_files(other)
    page.get_by_test_id("toast-body").get_by_text("640 x 480").wait_for()
    for model in ("several", "native"):  # the hints stay with the photo
        before = page.locator("#retouch-picture img").get_attribute("src")
        page.locator("#retouch-model input").click()
        page.get_by_role("option", name=model, exact=True).click()
        page.wait_for_function("old => document.querySelector('#retouch-picture img').src.indexOf(old) < 0", arg=before)
        assert hints(page) == expected["hints"]
    page.mouse.click(*spot(page, RIGHT))
    drawn(page, page.locator("#retouch-tools [aria-label=plum]").click)  # the network runs for each list of hints
    page.evaluate("retouch.state.steps.push([{x: -5, y: 0, color: '#000000'}]), retouch.state.at++, retouch.redraw()")
    page.locator("#retouch-status").get_by_text("outside the picture").wait_for()
    assert len(hints(page)) == 2  # what is refused is taken back
    page.locator("#retouch-another").click()
    page.locator("#retouch-photo input[type=file]").wait_for(state="attached")


def test_a_photo_comes_from_colorize(visit: Callable[..., Any], photo: Path) -> None:
    page = visit(dark=True)
    page.wait_for_function("document.querySelector('#about-model')?.innerText.includes('MB')")
    send(page, photo)
    page.locator("#to-retouch").click()
    page.wait_for_function("document.querySelector('#retouch-picture img')?.naturalWidth > 0")
    page.wait_for_function("document.querySelector('#retouch-model input')?.value === 'unet'")
    page.wait_for_function("document.activeElement?.id === 'retouch-picture'")
    drawn(page, lambda: [page.keyboard.press("Enter") for _ in range(2)])  # the second takes the last colour
    assert [(hint["x"], hint["y"]) for hint in hints(page)] == [(600, 400)]
    assert serious_findings(page) == []


def test_server_talked_to_nobody_and_printed_no_traceback(served: Served) -> None:
    """Last: what all the tests above have left behind."""
    assert not served.contacts.exists(), served.contacts.read_text()
    assert "Traceback" not in served.printed()
