"""The static site's page in Chromium and Firefox: photos in and out, their metadata, no network, new versions, bad
files."""

import base64
import io
import json
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from browser import Visits, launched_firefox, screenshots
from fuzz_files import make_fuzzed_files
from PIL import Image
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from skimage import data
from static_server import served
from static_site import WAIT, build

from colorhub import ColorizationPipeline
from colorhub.export.static_site.writing import LISTING, SITE, with_listing

pytestmark = pytest.mark.browser
SHOT = screenshots("static-")
_TABS = 6  # of Firefox that are tried
# Where our files may differ from Python's: names, times, encoders, and what PNG says of its own.
UNCOMPARED = ("ExifTool", "System", "File", "Composite", "ICC_Profile", "ICC-", "PNG", "Photoshop", "XMP-xmpMM")

_BYTES = "((text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0)))"
# Drags files, [name, base64], over the page and lets them go: whether the page took either event.
_DROP = f"""(files) => {{
    const given = new DataTransfer();
    for (const [name, text] of files) given.items.add(new File([{_BYTES}(text)], name));
    const place = document.getElementById("drop");
    const event = (kind) => new DragEvent(kind, {{ dataTransfer: given, bubbles: true, cancelable: true }});
    return ["dragover", "drop"].map((kind) => !place.dispatchEvent(event(kind)));
}}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("static") / "site")


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture
def visits(chromium: Any, address: str) -> Iterator[Visits]:
    """Pages of the site; none of them may have asked another host, or failed."""
    visits = Visits(chromium, address, WAIT)
    yield visits
    visits.end()


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Firefox puts files."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def firefox(playwright: Any, downloads: Path) -> Iterator[Any]:
    with launched_firefox(playwright, downloads) as browser:
        yield browser


def opened(visits: Visits, **context: Any) -> Any:
    page = visits.page(**context)
    page.goto(visits.site)
    page.get_by_text("Ready.").wait_for()
    return page


def opened_in_the_end(visits: Visits) -> Any:
    """Once the page is ready, in one of a few tabs. Playwright attaches to the workers that workers start, and in every
    sixth tab of Firefox one of them then stands still; without Playwright it was ready in fifty of fifty starts."""
    for _ in range(_TABS - 1):
        page = visits.page()
        page.goto(visits.site)
        with suppress(PlaywrightTimeout):
            page.get_by_text("Ready.").wait_for(timeout=30_000)
            return page
    return opened(visits)


def give(page: Any, *photos: Path) -> Any:
    """The cards of photos that are given together, once nothing goes on any more."""
    page.set_input_files("#files", photos)
    cards = page.locator(".photo")
    for number in range(len(photos)):
        page.locator(".photo:not([data-state=busy])").nth(number).wait_for()
    return cards


def downloaded(page: Any, folder: Path, name: str = "Download", card: Any = None) -> Path:
    with page.expect_download() as coming:
        (card or page).get_by_role("button", name=name, exact=True).click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def exiftool(*arguments: str | Path) -> str:
    return subprocess.run(["exiftool", *arguments], check=True, capture_output=True, text=True).stdout


def metadata(path: Path) -> dict[str, Any]:
    found = json.loads(exiftool("-j", "-G1", "-a", path))[0]
    return {key: value for key, value in found.items() if not key.startswith(UNCOMPARED) and ":" in key}


def grey_photo(folder: Path, kind: str) -> Path:
    """A photo with everything that files hold beside pixels, and that has to be turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "Grandmother at the well"
    exif.get_ifd(0x8769).update({0x9003: "1931:06:01 10:00:00", 0xA002: 451, 0xA003: 300})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 14.0), 3: "E", 4: (11.0, 34.0, 31.0)})
    picture = Image.fromarray(data.chelsea()).convert("L")
    path = folder / f"photo.{kind}"
    if kind == "tif":
        tifffile.imwrite(path, np.asarray(picture).astype(np.uint16) * 257, compression="zlib", predictor=True)
        exiftool("-q", "-overwrite_original", "-Artist=A. N. Other", "-XResolution=600", "-YResolution=600", path)
    else:
        lossless = {"lossless": True} if kind == "webp" else {}
        picture.save(path, exif=exif, dpi=(300, 300), **lossless)
    exiftool("-q", "-overwrite_original", "-XMP-dc:Title=The well", "-XMP-dc:Subject=family", path)
    if kind != "webp":
        exiftool("-q", "-overwrite_original", "-IPTC:Caption-Abstract=By the old well", "-IPTC:City=Graz", path)
    return path


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_metadata_are_those_of_python(visits: Visits, tmp_path: Path, kind: str) -> None:
    """In JPEG and PNG, from every format, as exiftool sees them; the colours are Python's as well."""
    photo = grey_photo(tmp_path, kind)
    expect_as_python(opened(visits), photo, tmp_path, lambda page, name: downloaded(page, tmp_path))


@pytest.mark.firefox
@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_firefox_does_as_chromium(firefox: Any, address: str, downloads: Path, tmp_path: Path, kind: str) -> None:
    """And its console says nothing of errors."""
    visits = Visits(firefox, address, WAIT, console=True)
    photo = grey_photo(tmp_path, kind)
    expect_as_python(
        opened_in_the_end(visits), photo, tmp_path, lambda page, name: fetched(page, downloads / name, tmp_path)
    )
    visits.end()


def expect_as_python(page: Any, photo: Path, folder: Path, download: Callable[[Any, str], Path]) -> None:
    """Give a page its first photo: the files it makes are those of Python. ``download`` answers with the file that has
    a name."""
    card = give(page, photo)
    pipeline = ColorizationPipeline(device="cpu")
    pipeline.network.precision = "fp32"
    made = pipeline(photo)
    for name, suffix in (("PNG", "png"), ("JPEG", "jpg")):
        card.locator("select").last.select_option(name)
        ours = download(page, f"photo.color.{suffix}")
        assert ours.name == f"photo.color.{suffix}"
        theirs = folder / f"python.{suffix}"
        made.save(theirs)
        assert metadata(ours) == metadata(theirs)
        pixels = [np.asarray(Image.open(path).convert("RGB")).astype(int) for path in (ours, theirs)]
        assert pixels[0].shape == pixels[1].shape
        assert np.percentile(np.abs(pixels[0] - pixels[1]), 99.9) <= (2 if name == "PNG" else 8)


def fetched(page: Any, arriving: Path, folder: Path) -> Path:
    """What Firefox downloads, once it is whole, out of the way of the next one of its name."""
    page.get_by_role("button", name="Download", exact=True).click()
    page.get_by_text(f"{arriving.name} was written.").wait_for()
    until = time.monotonic() + WAIT / 1000
    while [one.name for one in arriving.parent.iterdir() if one.stat().st_size] != [arriving.name]:
        assert time.monotonic() < until, list(arriving.parent.iterdir())
        page.wait_for_timeout(50)
    return arriving.rename(folder / arriving.name)


def test_profiles_become_srgb(visits: Visits, tmp_path: Path) -> None:
    """A photo that came with a profile leaves with sRGB's, and no thumbnail of the old picture."""
    from PIL import ImageCms

    path = tmp_path / "photo.jpg"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(data.camera()).convert("RGB").save(path, icc_profile=profile, exif=Image.Exif())
    thumbnail = tmp_path / "thumbnail.jpg"
    Image.fromarray(data.camera()[::4, ::4]).save(thumbnail)
    exiftool("-q", "-overwrite_original", "-Artist=me", f"-ThumbnailImage<={thumbnail}", path)
    assert thumbnail.read_bytes()[200:400] in path.read_bytes()
    page = opened(visits)
    give(page, path)
    made = downloaded(page, tmp_path)
    assert "sRGB" in exiftool("-s3", "-ICC_Profile:ProfileDescription", made)
    assert exiftool("-s3", "-ThumbnailImage", made) == ""
    assert thumbnail.read_bytes()[200:400] not in made.read_bytes()


def test_vividness_and_decisions(visits: Visits, tmp_path: Path) -> None:
    """Without colours a file is grey; a photo in colour stays unless somebody wants it otherwise; a zip holds all."""
    grey, colored = tmp_path / "camera.png", tmp_path / "coffee.png"
    Image.fromarray(data.camera()).save(grey)
    Image.fromarray(data.coffee()).save(colored)
    page = opened(visits)
    cards = give(page, grey, colored, grey)
    assert [card.get_attribute("data-state") for card in cards.all()] == ["done", "inColor", "done"]
    cards.nth(0).get_by_role("slider", name="Vividness").fill("0")
    page.wait_for_timeout(300)
    page.locator(".photo[data-state=busy]").first.wait_for(state="detached")
    without = np.asarray(Image.open(downloaded(page, tmp_path, card=cards.nth(0)))).astype(int)
    assert np.abs(without - data.camera()[..., None]).max() <= 1
    cards.nth(1).get_by_role("button", name="Colour it all the same").click()
    page.locator(".photo[data-state=done]").nth(2).wait_for()
    with zipfile.ZipFile(downloaded(page, tmp_path, "Download all as zip")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["camera.color.png", "coffee.color.png", "camera-2.color.png"]
        assert Image.open(io.BytesIO(archive.read("coffee.color.png"))).size == (600, 400)


def test_photos_come_by_paste_drop_and_camera(visits: Visits, tmp_path: Path) -> None:
    """From the clipboard by keys, several that are dropped at once, one by the camera. Text is nothing."""
    photo = tmp_path / "photo.png"
    Image.fromarray(data.camera()[::4, ::4]).save(photo)
    text = base64.b64encode(photo.read_bytes()).decode()
    page = opened(visits, permissions=["clipboard-read", "clipboard-write"], has_touch=True, is_mobile=True)
    page.evaluate("navigator.clipboard.writeText('no photo')")
    page.keyboard.press("Control+V")
    page.evaluate(f"""async () => {{
        const blob = new Blob([{_BYTES}("{text}")], {{ type: "image/png" }});
        await navigator.clipboard.write([new ClipboardItem({{ "image/png": blob }})]);
    }}""")
    page.keyboard.press("Control+V")
    page.locator(".photo[data-state=done]").wait_for()
    assert page.evaluate(_DROP, [["a.png", text], ["b.png", text], ["c.txt", ""]]) == [True, True]
    page.locator(".photo[data-state=done]").nth(2).wait_for()
    page.locator(".photo[data-state=failed]").wait_for()
    assert page.locator(".photo h2").all_inner_texts()[1:] == ["a.png", "b.png", "c.txt"]
    page.get_by_role("button", name="Remove all").click()
    assert page.locator("#camera").get_attribute("capture") == "environment"
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Take a photo").click()
    assert not choosing.value.is_multiple()
    choosing.value.set_files(photo)
    page.locator(".photo[data-state=done]").wait_for()
    assert page.locator(".photo").count() == 1


def test_what_a_file_loses_is_said(visits: Visits, tmp_path: Path) -> None:
    """Other pages and frames, bits; and a page is not left with photos that nobody has downloaded yet."""
    small = data.camera()[::4, ::4]
    frames = [Image.fromarray(np.roll(small, shift, axis=0)) for shift in (0, 9, 20)]
    for name in ("film.gif", "film.webp", "film.png", "pages.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    Image.fromarray(small.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    Image.fromarray(small).save(tmp_path / "deep.tif")
    page = opened(visits)
    cards = give(
        page, *(tmp_path / name for name in ("film.gif", "film.webp", "film.png", "pages.tif", "deep.png", "deep.tif"))
    )
    said = [card.locator(".status").inner_text() for card in cards.all()]
    assert ["first of 3" in one for one in said] == [True] * 4 + [False] * 2
    assert ["8 bits" in one for one in said] == [False] * 4 + [True, False]
    cards.nth(3).get_by_role("button", name="Remove").click()
    with zipfile.ZipFile(downloaded(page, tmp_path, "Download all as zip")) as archive:
        names = archive.namelist()
    assert names == [
        "film.color.png",
        "film.color.jpg",
        "film.png.color.png",
        "deep.color.png",
        "deep.tif.color.png",
    ]
    page.locator("#album-status", has_text="with all 5 photos").wait_for()
    page.close(run_before_unload=True)  # all are downloaded: no question


def test_odd_files(visits: Visits, tmp_path: Path) -> None:
    """A TIFF that begins with a reduced copy is its picture; a JPEG of 12 bits is not said to be damaged."""
    small = data.camera()[::4, ::4]
    with tifffile.TiffWriter(tmp_path / "photo.tif") as file:
        file.write(small[::4, ::4], subfiletype=1)
        file.write(small, subfiletype=0)
    Image.fromarray(small).save(tmp_path / "deep.jpg")
    content = bytearray((tmp_path / "deep.jpg").read_bytes())
    content[content.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "deep.jpg").write_bytes(content)
    page = opened(visits)
    cards = give(page, tmp_path / "photo.tif", tmp_path / "deep.jpg")
    said = [card.locator(".status").inner_text() for card in cards.all()]
    assert "128" in said[0]
    assert "does not read" in said[1]


def test_a_page_with_photos_is_not_left_without_a_question(visits: Visits, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(data.camera()[::4, ::4]).save(photo)
    page = opened(visits)
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_text("Bereit.").wait_for()
    page.reload()
    page.get_by_text("Bereit.").wait_for()  # the language stays
    give(page, photo).get_by_role("slider", name="Farbkraft").click()
    with page.expect_event("dialog") as asking:
        page.close(run_before_unload=True)
    assert asking.value.type == "beforeunload"
    asking.value.accept()


def test_one_can_be_cancelled(visits: Visits, tmp_path: Path) -> None:
    photo = tmp_path / "large.png"
    Image.fromarray(np.tile(data.camera(), (4, 6))).save(photo)
    page = opened(visits)
    page.set_input_files("#files", photo)
    page.get_by_role("button", name="Cancel").click()
    page.locator(".photo[data-state=cancelled]").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.locator(".photo[data-state=done]").wait_for()


def test_bad_files_are_a_sentence_each(visits: Visits, tmp_path: Path) -> None:
    """Sixty: each is read or said to be unreadable by its name, and the page goes on."""
    page = opened(visits)
    page.set_input_files("#files", make_fuzzed_files(tmp_path / "bad", 60))
    for number in range(60):
        page.locator(".photo:not([data-state=busy])").nth(number).wait_for()
    for card in page.locator(".photo[data-state=failed]").all():
        said = card.locator(".status").inner_text()
        assert card.locator("h2").inner_text() in said
        assert said.endswith(".")
    assert page.locator(".photo[data-state=failed]").count() >= 20
    page.get_by_role("button", name="Remove all").click()
    good = tmp_path / "good.png"
    Image.fromarray(data.camera()).save(good)
    assert give(page, good).get_attribute("data-state") == "done"


def kept(page: Any) -> None:
    """Wait until the service worker has all files."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")


@pytest.mark.parametrize("isolated", [True, False])
def test_without_network(chromium: Any, site: Path, tmp_path: Path, isolated: bool) -> None:
    """The server is stopped after the first visit; threads are there on any host."""
    photo = tmp_path / "photo.png"
    Image.fromarray(data.camera()).save(photo)
    with served(site, isolated=isolated) as address:
        visits = Visits(chromium, address, WAIT)
        page = opened(visits)
        if not isolated:  # the page loads itself again, once, for the headers that its worker adds
            page.wait_for_event("framenavigated")
            page.get_by_text("Ready.").wait_for()
        kept(page)
    page.reload()
    page.get_by_text("Ready.").wait_for()
    assert page.evaluate("crossOriginIsolated")
    assert give(page, photo).get_attribute("data-state") == "done"
    visits.end()


def test_a_new_version_is_offered_and_whole(chromium: Any, site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    with served(folder) as address:
        visits = Visits(chromium, address, WAIT)
        page = opened(visits)
        kept(page)
        page.reload()
        page.get_by_text("Ready.").wait_for()
        other = page.context.new_page()
        other.goto(address)
        renew(folder)
        page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.update()).then(() => true)")
        offer = page.get_by_role("button", name="Use it now")
        offer.wait_for()
        page.evaluate("fetch('page/strings.js').then((answer) => answer.text())")
        assert "A better ready." not in page.evaluate("fetch('page/strings.js').then((answer) => answer.text())")
        offer.click()
        page.get_by_text("open in other tabs").wait_for()
        other.close()
        offer.click()
        page.get_by_text("A better ready.").wait_for()
        assert len(page.evaluate("caches.keys()")) == 1
        visits.end()


def renew(folder: Path) -> None:
    """Another version of the site, as a build would write it over the old one."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    files["page/strings.js"] = files["page/strings.js"].replace(b'"Ready. ', b'"A better ready. ')
    files["service_worker.js"] = (SITE / "service_worker.js").read_bytes()
    for path, content in with_listing(files).items():
        (folder / path).write_bytes(content)


def test_a_file_that_is_changed_on_the_way_is_not_kept(chromium: Any, site: Path, tmp_path: Path) -> None:
    """A host that serves a half-copied site: the page works, and nothing of it is kept."""
    folder = tmp_path / "site"
    shutil.copytree(site, folder)
    (folder / "LICENSES.txt").write_text("cut")
    with served(folder) as address:
        visits = Visits(chromium, address, WAIT)
        page = opened(visits)
        page.wait_for_timeout(3000)
        assert page.evaluate("caches.keys()") == []
        visits.end()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_it_is_accessible(visits: Visits, tmp_path: Path, width: int, scheme: str) -> None:
    """Nothing serious for axe, nothing wider than the screen, by keys alone; in German, too."""
    import axe_playwright_python as axe

    photo, bad = tmp_path / "photo.png", tmp_path / "bad.png"
    Image.fromarray(data.camera()).save(photo)
    bad.write_bytes(b"")
    page = opened(visits, viewport={"width": width, "height": 844}, color_scheme=scheme)
    SHOT(page, f"start-{width}-{scheme}")
    give(page, photo, bad)
    page.get_by_role("slider", name="Before and after").focus()
    before = page.locator(".line").first.evaluate("line => line.style.left")
    page.keyboard.press("ArrowRight")
    assert page.locator(".line").first.evaluate("line => line.style.left") != before
    page.get_by_role("button", name="Deutsch").click()
    page.get_by_role("button", name="Herunterladen", exact=True).wait_for()
    assert page.evaluate("document.documentElement.lang") == "de"
    SHOT(page, f"photo-{width}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    report = page.evaluate("axe.run(document)")
    serious = [found for found in report["violations"] if found["impact"] in ("serious", "critical")]
    assert [(found["id"], node["html"][:120]) for found in serious for node in found["nodes"]] == []


def test_a_page_opened_as_a_file_says_so(chromium: Any, site: Path) -> None:
    page = chromium.new_page()
    page.goto((site / "index.html").as_uri())
    page.get_by_text("works from a web server, not from a file").wait_for()
    page.close()


def test_words_are_there_in_both_languages(site: Path) -> None:
    """The same sentences, with the same things put in; and the list knows every file."""
    words = (site / "page/strings.js").read_text()
    english, german = (part.split("};")[0] for part in words.split("const ")[1:3])
    keys = [
        [line.split(":")[0].strip() for line in part.splitlines() if '": "' in line or ': "' in line]
        for part in (english, german)
    ]
    assert keys[0] == keys[1]
    listed = json.loads((site / LISTING).read_text())["files"]
    found = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert found == {*listed, LISTING, "service_worker.js"}
