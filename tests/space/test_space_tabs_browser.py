"""The tabs Compare and Models in a real browser, as in test_space_browser.py.

Screenshots of both tabs, on a wide and on a phone screen, light and dark, go to ``$COLORHUB_SCREENSHOTS`` if set.
"""

import io
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Visits
from photos import grey_photo
from PIL import Image
from skimage import data
from space_server import ROOT, Served, serve, small_models, write_scores
from test_space_browser import DESKTOP, downloaded, overflow, serious_findings

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
OWN = ("other", "several", "unet")  # the test's models, beside the bundled ones
WAIT = 120_000  # ms; a busy machine may need it, an idle one answers in a few seconds
SCRIPT = (
    '# several\n\n<script>window.hacked = 1</script> <img src=x onerror="window.hacked = 1">\n\n![sheet](samples.png)\n'
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    models = small_models(tmp_path_factory.mktemp("models"))
    for seed, name in enumerate(("other", "unet"), start=1):
        write_scores(models / name, seed)
    (models / "several" / "README.md").write_text(SCRIPT)
    Image.fromarray(data.chelsea()).save(models / "several" / "samples.png")
    shutil.copy(ROOT / "model_cards" / "unet" / "README.md", models / "unet")
    with serve(tmp_path_factory.mktemp("served") / "space", models) as running:
        yield running


@pytest.fixture
def visit(chromium: Any, served: Served) -> Iterator[Callable[..., Any]]:
    """Open the page in a browser of its own. Nothing may leave this machine, and the console must stay clean."""
    visits = Visits(chromium, served.url, WAIT, console=True)

    def open_page(viewport: dict[str, int] = DESKTOP, dark: bool = False, touch: bool = False, link: str = "") -> Any:
        page = visits.page(
            viewport=viewport, color_scheme="dark" if dark else "light", accept_downloads=True, has_touch=touch
        )
        page.goto(served.url + link)
        page.wait_for_selector("#photo input[type=file]", state="attached")
        return page

    yield open_page
    visits.end()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "rocket.jpg"
    grey_photo("rocket").save(path, quality=92)  # 640 x 427 pixels
    return path


def tick(page: Any, *names: str) -> None:
    """Choose these models alone in Compare."""
    page.wait_for_function("document.querySelectorAll('#compare-models input:checked').length > 2")
    for box in page.locator("#compare-models label input").all():
        if box.is_checked() and box.get_attribute("name") not in (*names, None):
            box.uncheck()


def open_models(page: Any) -> None:
    """Go to the tab Models, which a phone has in the menu of further tabs."""
    page.evaluate("location.hash = '#model=other'")
    page.locator("#card .card").first.wait_for()


def compared(page: Any, photo: Path | None = None, example: str = "tower") -> None:
    """Go to the tab, choose a photo and wait for the answers of the test's own models."""
    page.get_by_role("tab", name="Compare").click()
    tick(page, *OWN)
    if photo:
        page.locator("#compare-photo input[type=file]").set_input_files(photo)
    else:
        page.locator("#compare-examples button", has_text=example).click()
    page.locator("#compare-photo img").wait_for()
    page.locator("#compare-go").click()
    page.locator("#compare-sheet").wait_for()
    page.wait_for_function(
        "[...document.querySelectorAll('#compare-grid img')].filter(i => i.complete && i.naturalWidth).length >= 3"
    )


def places(page: Any) -> list[tuple[float, float, float]]:
    """How much larger the pictures of the grid are than their frames, and where they lie in them, in pixels (columns
    differ by parts of one)."""
    found = page.locator("#compare-grid img").evaluate_all(
        "all => all.map(i => new DOMMatrix(getComputedStyle(i).transform)).map(m => [m.a, m.e, m.f])"
    )
    return [(round(scale, 3), round(x), round(y)) for scale, x, y in found]


def scale(page: Any) -> float:
    return places(page)[0][0]


def test_compare(visit: Callable[..., Any], shoot: Callable[..., None], photo: Path, tmp_path: Path) -> None:
    page = visit()
    page.get_by_role("tab", name="Compare").click()
    tick(page, *OWN)
    shoot(page, "compare-empty")
    assert serious_findings(page) == []
    tick(page, "other", "unet")
    page.locator("#compare-photo input[type=file]").set_input_files(photo)
    page.locator("#compare-photo img").wait_for()
    page.locator("#compare-go").focus()
    page.keyboard.press("Enter")
    page.locator("#compare-sheet").wait_for()
    names = page.locator("#compare-grid figure").evaluate_all("all => all.map(f => f.dataset.answer)")
    assert names == ["Grey", "other", "unet"]
    assert "2 answers for 640 x 427 pixels" in page.locator("#compare-status").inner_text()
    shoot(page, "compare-done")
    assert serious_findings(page) == []

    sheet = downloaded(page, "#compare-sheet", tmp_path)
    assert sheet.name == "rocket-contact-sheet.jpg"
    assert Image.open(sheet).getexif()[270].startswith("Grey; other (")
    with zipfile.ZipFile(downloaded(page, "#compare-zip", tmp_path)) as archive:
        assert archive.namelist() == ["rocket-other.jpg", "rocket-unet.jpg"]
        assert {Image.open(io.BytesIO(archive.read(name))).size for name in archive.namelist()} == {(640, 427)}

    page.get_by_role("tab", name="Two with a slider").click()
    handle = page.locator("#pair [role=slider]")
    # Until both pictures have come the slider has no width to move along.
    page.wait_for_function("[...document.querySelectorAll('#pair img')].filter(i => i.naturalWidth).length >= 2")
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("+document.querySelector('#pair [role=slider]').getAttribute('aria-valuenow') > 50")
    assert page.locator("#pair img").nth(0).get_attribute("alt") == "other"
    before = page.locator("#pair img").nth(0).get_attribute("src")
    page.locator("#pair-left input").click()
    page.get_by_role("option", name="Grey").click()
    page.wait_for_function("old => document.querySelector('#pair img').src !== old", arg=before)
    shoot(page, "compare-pair")
    assert serious_findings(page) == []


def test_all_pictures_zoom_and_move_together(
    visit: Callable[..., Any], shoot: Callable[..., None], photo: Path
) -> None:
    page = visit()
    compared(page, photo)
    assert len(places(page)) >= 4
    assert scale(page) == 1
    frame = page.locator("#compare-grid .frame").nth(1)
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.wheel(0, -240)
    page.wait_for_function("document.querySelector('#zoom-level').textContent !== '100 %'")
    zoomed = places(page)
    assert len(set(zoomed)) == 1  # every picture alike
    assert scale(page) > 1.3
    _, x, y = zoomed[0]
    share = 1 - scale(page)
    assert x / (share * box["width"]) == pytest.approx(0.25, abs=0.03)  # the point below the pointer stays
    assert y / (share * box["height"]) == pytest.approx(0.5, abs=0.03)

    page.mouse.down()
    page.mouse.move(box["x"] + 0.15 * box["width"], box["y"] + 0.5 * box["height"], steps=3)
    page.mouse.up()
    dragged = places(page)
    assert len(set(dragged)) == 1
    assert dragged[0][1] - x == pytest.approx(-0.1 * box["width"], abs=3)

    page.locator("#compare-grid").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowDown")
    assert len(set(places(page))) == 1
    assert places(page) != dragged
    shoot(page, "compare-zoomed")
    page.keyboard.press("0")
    assert scale(page) == 1
    page.get_by_role("button", name="Zoom in").click()
    assert scale(page) == pytest.approx(1.4)
    page.get_by_role("button", name="Whole picture").click()
    assert scale(page) == 1


def test_pinch_on_a_phone(visit: Callable[..., Any], photo: Path) -> None:
    page = visit(PHONE, touch=True)
    compared(page, photo)
    assert overflow(page) <= 0
    frame = page.locator("#compare-grid .frame").first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)

    def fingers(kind: str, *apart: float) -> None:
        points = [{"x": x + side * far, "y": y, "id": i} for far in apart for i, side in enumerate((-1, 1))]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", 15)
    for far in (20, 30, 45):
        fingers("touchMove", far)
    fingers("touchEnd")
    page.wait_for_function("document.querySelector('#zoom-level').textContent !== '100 %'")
    assert scale(page) == pytest.approx(3, abs=0.6)
    assert len(set(places(page))) == 1
    assert overflow(page) <= 0


def test_refusals_are_toasts_and_the_page_goes_on(visit: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("Dear all, this is no picture.")
    page = visit()
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_function("document.querySelectorAll('#compare-models input:checked').length > 2")
    page.locator("#compare-go").click()
    page.get_by_test_id("toast-body").get_by_text("choose a photo").wait_for()
    page.locator("#compare-photo input[type=file]").set_input_files(tmp_path / "letter.jpg")
    page.wait_for_timeout(1000)
    page.locator("#compare-go").click()
    page.get_by_text("letter.jpg is text").wait_for()


def test_table_sorts_and_cards_open(visit: Callable[..., Any], shoot: Callable[..., None]) -> None:
    page = visit()
    page.get_by_role("tab", name="Models").click()
    page.locator("#scores table").first.wait_for()
    shoot(page, "models")
    assert serious_findings(page) == []

    own = page.locator("#scores table").filter(has=page.locator("tbody th", has_text=re.compile("^other$")))

    def order() -> list[str]:
        return [name for name in own.locator("tbody th a").all_inner_texts() if name in OWN]

    assert order() == ["unet", "other"]
    time = own.locator("thead").get_by_role("button", name="Time")
    time.click()
    assert order() == ["other", "unet"]
    heading = own.locator("th[aria-sort]")
    assert heading.count() == 1
    assert heading.get_attribute("aria-sort") == "ascending"
    time.press("Enter")
    assert order() == ["unet", "other"]
    assert heading.get_attribute("aria-sort") == "descending"

    page.locator("#scores .unmeasured a", has_text="several").click()
    page.locator("#card .card img").wait_for()
    page.wait_for_function("document.querySelector('#card .card img').naturalWidth > 0")
    page.wait_for_function("document.activeElement.classList.contains('card')")
    assert page.evaluate("window.hacked") is None
    assert page.url.endswith("#model=several")
    page.locator("#card-pick input").click()
    page.get_by_role("option", name="unet", exact=True).click()
    page.locator("#card").get_by_role("heading", name="unet").wait_for()
    page.wait_for_function("document.querySelector('#card .card').getBoundingClientRect().top < 100")  # it is far below
    pick, scores = (page.locator(part).bounding_box() for part in ("#card-pick", "#scores"))
    assert pick["y"] + pick["height"] <= scores["y"]
    shoot(page, "card")
    assert serious_findings(page) == []


def test_links_to_cards(visit: Callable[..., Any], photo: Path) -> None:
    page = visit(link="#model=unet")  # from outside
    page.locator("#card").get_by_role("heading", name="unet").wait_for()
    compared(page, photo)
    page.locator("#compare-grid figure[data-answer=several] .card-link").click()
    page.locator("#card").get_by_role("heading", name="several").wait_for()
    assert page.locator("#card").is_visible()


def test_link_to_a_card_on_a_phone_too_narrow_for_all_tabs(visit: Callable[..., Any]) -> None:
    page = visit({"width": 320, "height": 640}, link="#model=unet")
    page.locator("#card").get_by_role("heading", name="unet").wait_for()
    assert page.locator("#card").is_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_phone(dark: bool, visit: Callable[..., Any], shoot: Callable[..., None]) -> None:
    page = visit(PHONE, dark)
    shade = "dark" if dark else "light"
    compared(page)
    assert overflow(page) <= 0
    for button in ("#compare-go", "#compare-sheet", "#compare-zip", ".zoom-bar button"):
        assert page.locator(button).first.bounding_box()["height"] >= 44  # a thumb's width
    shoot(page, f"phone-{shade}-compare")
    open_models(page)
    page.locator("#scores table").first.wait_for()
    assert overflow(page) <= 0
    page.locator("#scores .unmeasured a", has_text="several").click()
    page.locator("#card .card img").wait_for()
    assert overflow(page) <= 0
    shoot(page, f"phone-{shade}-models")
    assert serious_findings(page) == []


def test_dark(visit: Callable[..., Any], shoot: Callable[..., None]) -> None:
    page = visit(dark=True)
    compared(page)
    shoot(page, "dark-compare")
    assert serious_findings(page) == []
    page.get_by_role("tab", name="Models").click()
    page.locator("#scores table").first.wait_for()
    shoot(page, "dark-models")
    assert serious_findings(page) == []


def test_server_talked_to_nobody_and_printed_no_traceback(served: Served) -> None:
    """Last: what all the tests above have left behind."""
    assert not served.contacts.exists(), served.contacts.read_text()
    assert "Traceback" not in served.printed()
