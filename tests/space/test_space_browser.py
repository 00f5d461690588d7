"""The Space in a real browser: Debian's chromium, driven by Playwright, on a ``python app.py`` of its own.

Screenshots go to ``$COLORHUB_SCREENSHOTS`` or to a temporary folder. A missing browser or axe-core is a failure.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Visits, launched
from photos import grey_photo
from PIL import Image, ImageCms
from skimage import data
from skimage.color import rgb2lab
from space_server import Served, serve, small_models

pytestmark = pytest.mark.browser

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
WAIT = 60_000  # ms; a busy machine may need it, an idle one answers in under a second

# Serious findings of axe-core that are gradio's own and cannot be cured from a page, each with its reason.
GRADIO_FINDINGS = {
    "nested-interactive": "a toast is a button that holds its close button",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    models = small_models(tmp_path_factory.mktemp("models"))
    with serve(tmp_path_factory.mktemp("served") / "space", models) as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Any) -> Iterator[Any]:
    with launched(playwright, *CAMERA) as browser:
        yield browser


@pytest.fixture
def visit(chromium: Any, served: Served) -> Iterator[Callable[..., Any]]:
    """Open the page in a browser of its own: ``visit(viewport, dark=False)``. No request may leave this machine."""
    visits = Visits(chromium, served.url, WAIT)

    def open_page(viewport: dict[str, int] = DESKTOP, dark: bool = False) -> Any:
        page = visits.page(
            viewport=viewport, color_scheme="dark" if dark else "light", accept_downloads=True, permissions=["camera"]
        )
        page.goto(served.url)
        page.wait_for_selector("#photo input[type=file]", state="attached")
        page.wait_for_function("document.querySelector('#about-model')?.innerText.includes('MB')")
        return page

    yield open_page
    visits.end()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey photographs with metadata, a colour one, a broken one."""
    folder = tmp_path_factory.mktemp("photos")
    exif = Image.Exif()
    exif[270], exif[271] = "Grandma, 1931", "Box camera"
    grey_profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    sepia = np.asarray(grey_photo("astronaut"))[..., None] * np.array([1.0, 0.88, 0.7])
    Image.fromarray(sepia.astype(np.uint8)).resize((2600, 2600)).save(
        folder / "grandma.jpg", quality=95, exif=exif, icc_profile=grey_profile, dpi=(300, 300)
    )
    Image.fromarray(data.camera()).save(folder / "camera.png")
    Image.fromarray(data.coffee()).save(folder / "coffee.jpg")
    (folder / "letter.jpg").write_text("Dear all, this is not a picture.")
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png")
    return folder


def send(page: Any, photo: Path) -> None:
    """Choose a photo and wait for the answer."""
    page.locator("#photo input[type=file]").set_input_files(photo)
    wait_for_answer(page)


def wait_for_answer(page: Any) -> None:
    page.wait_for_function(
        "[...document.querySelectorAll('#result img')].filter(i => i.complete && i.naturalWidth).length === 2"
    )


def shown(page: Any, which: int) -> np.ndarray:
    """The pixels of the preview: 0 before, 1 after."""
    source = page.locator("#result img").nth(which).get_attribute("src")
    return np.asarray(Image.open(io.BytesIO(page.request.get(source).body())).convert("RGB")).astype(int)


def chroma(pixels: np.ndarray) -> float:
    return float(np.hypot(*np.moveaxis(rgb2lab(pixels.astype(np.uint8))[::4, ::4, 1:], 2, 0)).mean())


def downloaded(page: Any, button: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.locator(button).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def overflow(page: Any) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def serious_findings(page: Any) -> list[str]:
    """Serious and critical findings of axe-core that are not gradio's own."""
    import axe_playwright_python as axe  # brings axe-core along

    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    report = page.evaluate("axe.run(document)")
    assert len(report["passes"]) > 20  # it has looked at the page
    return [
        f"{finding['id']}: {node['html'][:120]}"
        for finding in report["violations"]
        if finding["impact"] in ("serious", "critical") and finding["id"] not in GRADIO_FINDINGS
        for node in finding["nodes"]
    ]


def test_photo_to_download(visit: Callable[..., Any], shoot: Callable[..., None], photos: Path, tmp_path: Path) -> None:
    page = visit()
    shoot(page, "desktop-empty")
    assert serious_findings(page) == []
    send(page, photos / "grandma.jpg")
    page.wait_for_function("document.activeElement?.id === 'download'")
    status = page.locator("#status").inner_text()
    assert re.search(r"Coloured in \d+\.\d+ s by unet, working size 64 · 2600 x 2600 pixels", status)
    before, after = shown(page, 0), shown(page, 1)
    assert before.shape == after.shape == (2048, 2048, 3)
    shoot(page, "desktop-answer")
    assert serious_findings(page) == []

    saved = downloaded(page, "#download", tmp_path)
    assert saved.name == "grandma-colorized.jpg"
    with Image.open(saved) as image, Image.open(photos / "grandma.jpg") as original:
        assert (image.size, image.format) == (original.size, "JPEG")
        assert (image.getexif()[270], image.getexif()[271]) == ("Grandma, 1931", "Box camera")
        assert tuple(map(round, image.info["dpi"])) == (300, 300)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
        light, was = (rgb2lab(np.asarray(opened)[::3, ::3])[..., 0] for opened in (image, original))
    assert np.abs(light - was).mean() < 0.5


def test_vividness_changes_the_picture_without_the_network(
    visit: Callable[..., Any], photos: Path, served: Served
) -> None:
    page = visit()
    send(page, photos / "camera.png")
    plain, status = chroma(shown(page, 1)), page.locator("#status").inner_text()
    network = []
    page.on("request", lambda request: network.append(request.url) if "queue/join" in request.url else None)
    for value, grows in (("2", True), ("0", False)):
        old = page.locator("#result img").nth(1).get_attribute("src")
        page.locator("#vividness input[type=number]").fill(value)
        page.wait_for_function("old => document.querySelectorAll('#result img')[1].src !== old", arg=old)
        wait_for_answer(page)
        page.wait_for_timeout(500)
        assert (chroma(shown(page, 1)) > plain) is grows
    assert np.ptp(shown(page, 1), axis=2).max() == 0
    assert network == []  # composing goes past the network's queue
    assert page.locator("#status").inner_text() == status


def test_before_and_after_slider_with_the_keyboard(visit: Callable[..., Any], photos: Path) -> None:
    page = visit()
    send(page, photos / "camera.png")
    handle = page.locator("#result [role=slider]")
    handle.wait_for()
    assert handle.get_attribute("aria-valuenow") == "50"
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("+document.querySelector('#result [role=slider]').getAttribute('aria-valuenow') > 55")
    clip = page.locator("#result img").nth(1).evaluate("image => image.style.clipPath")
    assert float(re.findall(r"([\d.]+)%", clip)[-1]) > 55
    assert page.locator("#result img").nth(0).get_attribute("alt").startswith("Before")


def test_example_another_photo_and_settings(visit: Callable[..., Any], shoot: Callable[..., None]) -> None:
    page = visit()
    page.get_by_role("button", name="lion").click()
    wait_for_answer(page)
    assert "256 x 256" in page.locator("#status").inner_text()
    page.get_by_role("button", name="Advanced").click()
    page.locator("#size input").click()
    page.get_by_role("option", name="96 pixels").click()
    page.get_by_text("working size 96").wait_for()
    page.locator("#model input").click()
    page.get_by_role("option", name="other").click()
    page.get_by_text("by other").wait_for()
    page.locator("#views").get_by_text("3", exact=True).click()
    page.get_by_text("by other, working size 96, in three sizes").wait_for()
    assert page.locator("#restore input").is_checked()
    before = page.locator("#result img").nth(1).get_attribute("src")
    page.locator("#restore input").uncheck()
    page.wait_for_function("old => document.querySelectorAll('#result img')[1]?.src !== old", arg=before)
    page.locator("#size input").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):  # without a mouse, too
        page.keyboard.press(key)
    page.get_by_text(re.compile("working size (128|160), in three sizes")).wait_for()
    assert serious_findings(page) == []
    shoot(page, "desktop-advanced")
    page.locator("#another").click()
    page.locator("#photo").wait_for()
    assert page.locator("#result").count() == 0 or not page.locator("#result").is_visible()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_alternatives(
    viewport: dict[str, int], visit: Callable[..., Any], shoot: Callable[..., None], photos: Path, tmp_path: Path
) -> None:
    name = "desktop" if viewport is DESKTOP else "phone"
    page = visit(viewport)
    send(page, photos / "grandma.jpg")
    page.get_by_text("The model unet has one answer for a photo").wait_for()
    assert not page.locator("#show-alternatives").is_visible()
    page.locator("#model input").click()
    headings = page.locator("#model [role=option][data-group]").evaluate_all("all => all.map(o => o.dataset.group)")
    assert headings == ["For your photos", "Models of the reports"]
    page.wait_for_timeout(300)  # the answer's own focus must not close what was opened meanwhile
    assert page.locator("#model [role=option]").count() > 1
    shoot(page, f"{name}-picker")
    page.get_by_role("option", name="several").click()
    page.locator("#show-alternatives").click()
    page.wait_for_function(
        "[...document.querySelectorAll('#alternatives img')].filter(i => i.complete && i.naturalWidth).length === 4"
    )
    assert serious_findings(page) == []
    assert overflow(page) <= 0
    assert page.locator("#more button").first.bounding_box()["height"] >= 44  # a thumb's width
    plain = shown(page, 1)
    page.locator("#alternatives button").nth(2).focus()
    page.keyboard.press("Enter")
    page.get_by_text("Alternative 3 by several").wait_for()
    wait_for_answer(page)
    shoot(page, f"{name}-alternatives")
    assert np.abs(shown(page, 1) - plain).mean() > 2
    with Image.open(downloaded(page, "#download", tmp_path)) as saved:
        small = np.asarray(saved.convert("RGB").resize((2048, 2048), Image.Resampling.BOX)).astype(int)
    assert np.abs(small - shown(page, 1)).mean() < 3
    page.locator("#back").click()
    page.get_by_text("Coloured in").wait_for()
    wait_for_answer(page)
    assert np.abs(shown(page, 1) - plain).max() == 0
    assert not page.locator("#back").is_visible()


def test_several_photos_as_zip(
    visit: Callable[..., Any], shoot: Callable[..., None], photos: Path, tmp_path: Path
) -> None:
    page = visit()
    page.get_by_role("tab", name="Several photos").click()
    chosen = [photos / name for name in ("camera.png", "letter.jpg", "grandma.jpg")]
    page.locator("#photos input[type=file]").set_input_files(chosen)
    page.get_by_text("letter.jpg").or_(page.get_by_text("letter")).first.wait_for()
    page.locator("#go-album").click()
    page.get_by_text("2 photos coloured").wait_for()
    assert "letter.jpg is text" in page.locator("#report").inner_text()
    shoot(page, "desktop-album")
    assert serious_findings(page) == []
    saved = downloaded(page, "#download-album", tmp_path)
    with zipfile.ZipFile(saved) as archive:
        assert archive.namelist() == ["camera.png", "grandma.jpg"]
        sizes = [Image.open(io.BytesIO(archive.read(name))).size for name in archive.namelist()]
    assert sizes == [(512, 512), (2600, 2600)]


@pytest.mark.parametrize(
    ("name", "words"), [("letter.jpg", "is text, not a picture"), ("bomb.png", "900.0 million pixels")]
)
def test_broken_file_gets_a_toast(
    name: str, words: str, visit: Callable[..., Any], shoot: Callable[..., None], photos: Path, served: Served
) -> None:
    page = visit()
    page.locator("#photo input[type=file]").set_input_files(photos / name)
    toast = page.get_by_test_id("toast-body")
    toast.wait_for()
    assert f"{name} " in toast.inner_text()
    assert words in toast.inner_text()
    shoot(page, f"toast-{name.split('.')[0]}", full=False)
    assert serious_findings(page) == []
    send(page, photos / "camera.png")  # the page goes on working
    assert "Traceback" not in served.printed()


def test_color_photo_is_told_and_recolored_when_asked(
    visit: Callable[..., Any], shoot: Callable[..., None], photos: Path
) -> None:
    page = visit()
    send(page, photos / "coffee.jpg")
    page.get_by_text("already in colour", exact=False).first.wait_for()
    assert not page.locator("#download").is_visible()
    assert (shown(page, 0) == shown(page, 1)).all()
    shoot(page, "desktop-in-colour")
    page.locator("#anew").click()
    page.get_by_text("Coloured in").wait_for()
    page.locator("#download").wait_for()
    assert (shown(page, 0) != shown(page, 1)).any()
    page.get_by_role("button", name="Advanced").click()
    assert page.locator("#in-color").get_by_label("recolor", exact=True).is_checked()
    page.locator("#another").click()
    page.locator("#photo").wait_for()
    page.locator("#in-color input:checked[value=auto]").wait_for(state="attached")


def test_camera(visit: Callable[..., Any]) -> None:
    page = visit()
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#photo video')?.videoWidth > 0")
    page.get_by_label("capture photo").click()
    wait_for_answer(page)
    page.locator("#status").get_by_text("pixels").wait_for()


def test_phone(visit: Callable[..., Any], shoot: Callable[..., None], photos: Path) -> None:
    page = visit(PHONE)
    assert overflow(page) <= 0
    shoot(page, "phone-empty")
    assert serious_findings(page) == []
    send(page, photos / "grandma.jpg")
    assert overflow(page) <= 0
    shoot(page, "phone-answer")
    page.get_by_role("button", name="Advanced").click()
    page.locator("#in-color").wait_for()
    assert overflow(page) <= 0
    assert serious_findings(page) == []
    shoot(page, "phone-advanced")
    for button in ("#download", "#another"):
        assert page.locator(button).bounding_box()["height"] >= 44  # a thumb's width
    page.get_by_role("tab", name="Several photos").click()
    assert overflow(page) <= 0
    shoot(page, "phone-album")


def test_dark_mode(visit: Callable[..., Any], shoot: Callable[..., None], photos: Path) -> None:
    page = visit(dark=True)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 40
    shoot(page, "dark-empty")
    assert serious_findings(page) == []
    send(page, photos / "camera.png")
    shoot(page, "dark-answer")
    assert serious_findings(page) == []


def test_api_page_and_client(
    visit: Callable[..., Any], shoot: Callable[..., None], photos: Path, served: Served
) -> None:
    from gradio_client import Client, handle_file

    page = visit()
    page.get_by_role("button", name="Use via API").click()
    page.get_by_text("/colorize").first.wait_for()
    page.get_by_text("the full-size file").first.wait_for()
    shoot(page, "api", full=False)
    client = Client(served.url, verbose=False)
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == [
        "/colorize",
        "/in_color",
    ]
    result = client.predict(image=handle_file(str(photos / "camera.png")), model="other", api_name="/colorize")
    assert Path(result).name == "camera-colorized.png"
    assert Image.open(result).size == (512, 512)
    with pytest.raises(Exception, match="between 0 and 4"):
        client.predict(image=handle_file(str(photos / "camera.png")), vividness=9, api_name="/colorize")


def test_too_large_a_file_is_refused_while_it_comes_in(
    visit: Callable[..., Any], shoot: Callable[..., None], tmp_path: Path
) -> None:
    huge = tmp_path / "huge.tif"
    with huge.open("wb") as file:
        file.truncate(51 * 2**20)
    page = visit()
    page.locator("#photo input[type=file]").set_input_files(huge)
    toast = page.get_by_test_id("toast-body")
    toast.wait_for()
    shoot(page, "toast-too-large", full=False)
    assert "50" in toast.inner_text()


def test_server_talked_to_nobody_and_printed_no_traceback(served: Served) -> None:
    """Last: what all the tests above have left behind."""
    assert not served.contacts.exists(), served.contacts.read_text()
    assert "Traceback" not in served.printed()
    assert "served at" in served.printed()
