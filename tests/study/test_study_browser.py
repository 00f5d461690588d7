"""The rater's page in a real browser, on a ``python app.py`` of its own: whole sessions by keyboard and by touch, with
reloads and lost connections. What the votes say is read from the database.

Screenshots go to ``$COLORHUB_SCREENSHOTS`` if set.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from browser import Visits, screenshots
from space_server import Served, serve, small_models
from study_parts import truth
from test_space_browser import overflow, serious_findings

from colorhub.study.create import create_study
from colorhub.study.design.config import Config, Design, Links, Panel, Vision
from colorhub.study.store.database import Database
from colorhub.study.store.store import Store

pytestmark = pytest.mark.browser

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 375, "height": 667}
WAIT = 60_000  # ms; a busy machine may need it, an idle one answers in under a second
SMALL = Design(images=6, per_rater=4, practice=2, attention=1, size=64)
STUDIES = {
    "keys": Config(design=SMALL, vision=Vision(check=True, plates=2, needed=1)),
    "pairs": Config(design=replace(SMALL, protocol="2afc", practice=1)),
    "brief": Config(
        design=replace(SMALL, exposure_ms=250, practice=0),
        panel=Panel("PROLIFIC_PID"),
        links=Links(completion="https://panel.invalid/done", screen_out="https://panel.invalid/out"),
    ),
}
OPEN = ".trial[data-open=true]"


@dataclass(frozen=True)
class Place:
    """A running page, and the votes that it takes."""

    served: Served
    store: Store

    def votes(self, study: str) -> list[dict[str, Any]]:
        return sorted(self.store.rows(study), key=lambda row: row["position"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("space")
    models = small_models(tmp_path_factory.mktemp("models"))
    root = folder / "studies"
    paths = [str(models / name) for name in ("unet", "other")]
    made = [create_study(name, "packaged", paths, config, root=root, seed=3) for name, config in STUDIES.items()]
    database = Database(f"sqlite:///{root / 'votes.sqlite'}")
    store = Store(database)
    for study in made:
        store.add(study.manifest)
    with serve(folder, models) as served:
        yield Place(served, store)
    database.close()


@pytest.fixture
def visit(chromium: Any, place: Place) -> Iterator[Callable[..., Any]]:
    """Open a study's page in a browser of its own. Nothing may leave this machine, no script may fail, no cookie be
    set."""
    visits = Visits(chromium, place.served.url, WAIT)

    def open_page(query: str, viewport: dict[str, int] = DESKTOP, script: str = "", **more: Any) -> Any:
        page = visits.page(**{"viewport": viewport, "locale": "en-GB", **more})
        page.add_init_script(script)
        page.goto(f"{place.served.url}/study/?{query}")
        return page

    yield open_page
    assert visits.cookies() == []
    visits.end()


@pytest.fixture(scope="module")
def shoot() -> Callable[[Any, str], None]:
    return screenshots("study-", 300)


def agree(page: Any) -> None:
    page.get_by_role("button", name="I agree and take part").click()


def token(page: Any, study: str) -> str:
    return page.evaluate("name => JSON.parse(localStorage.getItem(`colorhub-study/${name}`)).token", study)


def answer_by_key(page: Any, key: str) -> None:
    page.locator(OPEN).wait_for()
    page.keyboard.press(key)
    page.locator(".trial[data-open=false], .between, .score").first.wait_for()


def test_whole_session_by_keyboard_with_reloads(
    place: Place, visit: Callable[..., Any], shoot: Callable[..., None]
) -> None:
    page = visit("study=keys")
    page.get_by_role("heading", name="Real or fake colours?").wait_for()
    shoot(page, "consent")
    assert serious_findings(page) == []
    page.keyboard.press("Tab")
    page.locator("button.primary:focus").wait_for()
    page.keyboard.press("Enter")
    plates = place.store.manifest("keys").data["plates"]
    for number, plate in enumerate(plates, start=1):
        page.get_by_text(f"Plate {number} of 2").wait_for()
        shoot(page, f"plate-{number}")
        assert serious_findings(page) == []
        page.keyboard.press(plate["answer"])
    page.get_by_role("heading", name="What you do").wait_for()
    assert place.store.progress(token(page, "keys")).plates_read == 2
    shoot(page, "instructions")
    page.get_by_role("button", name="Begin to practise").press("Enter")

    mine = token(page, "keys")
    keys, total = {"real": "r", "fake": "F"}, place.store.progress(mine).total
    given = [truth(place.store, mine, position) for position in range(total)]
    given[4] = "fake" if given[4] == "real" else "real"  # one mistake
    for position in (0, 1):
        page.locator(OPEN).wait_for()
        shown = page.locator(".slot img")
        assert shown.get_attribute("alt") == "The photograph to be judged"
        assert shown.get_attribute("src").startswith("blob:")
        assert shown.evaluate("image => image.complete && image.naturalWidth") == 64
        if position == 0:
            shoot(page, "trial")
            assert serious_findings(page) == []
        page.keyboard.press(keys[given[position]])
        page.locator(".feedback").get_by_text("Right").wait_for()
        if position == 1:
            shoot(page, "feedback")
            assert serious_findings(page) == []
        page.keyboard.press("Enter")
    page.get_by_role("heading", name="That was the practice").wait_for()
    page.keyboard.press("Enter")
    answer_by_key(page, keys[given[2]])

    page.locator(OPEN).wait_for()
    page.reload()
    page.get_by_text("You go on with picture 2 of 5").wait_for()
    page.keyboard.press("Enter")
    page.locator(OPEN).wait_for()
    page.keyboard.press("s")
    answer_by_key(page, keys[given[3]])
    for position in range(4, total):
        answer_by_key(page, keys[given[position]])
    page.get_by_role("heading", name="All done").wait_for()
    votes = place.votes("keys")
    assert [vote["answer"] for vote in votes] == given
    assert [vote["seen_before"] for vote in votes] == [position == 3 for position in range(total)]
    assert [vote["focus_lost"] for vote in votes] == [position == 3 for position in range(total)]  # the reload
    for vote in votes:
        assert vote["frames"] >= 1
        assert vote["rt_ms"] > 0
        assert vote["exposure_ms"] > 0
        assert vote["refresh_hz"] is None or 1 <= vote["refresh_hz"] <= 1000
        assert (vote["pixel_ratio"], vote["viewport"]) == (1, "large")

    result = place.store.result(mine)
    assert page.get_by_text(f"right about {result['correct']} of 4 pictures").is_visible()
    assert page.locator(".code").inner_text() == result["withdrawal_code"]
    assert page.locator(".fooled li").count() == len(result["fooled_at"])
    shoot(page, "end")
    assert serious_findings(page) == []
    page.reload()
    page.get_by_role("heading", name="All done").wait_for()
    page.get_by_role("button", name="Delete my answers").click()
    page.get_by_role("button", name="No, keep them").click()
    page.get_by_role("button", name="Delete my answers").click()
    page.get_by_role("button", name="Yes, delete them").click()
    page.get_by_role("main").get_by_text(f"{total} answers are deleted.").wait_for()
    assert place.votes("keys") == []
    page.reload()
    page.get_by_role("button", name="I agree and take part").wait_for()


def test_pairs_by_touch_on_a_dark_phone_with_a_lost_connection(
    place: Place, visit: Callable[..., Any], shoot: Callable[..., None]
) -> None:
    page = visit("study=pairs", PHONE, has_touch=True, is_mobile=True, color_scheme="dark", locale="de-AT")
    page.get_by_role("heading", name="Echte oder erfundene Farben?").wait_for()
    assert page.locator("html").get_attribute("lang") == "de"
    shoot(page, "phone-consent")
    assert overflow(page) <= 0
    assert serious_findings(page) == []
    page.get_by_role("button", name="Ich bin einverstanden").tap()
    page.get_by_role("button", name="Mit dem Üben beginnen").tap()
    left = page.get_by_role("button", name="Links ist echt")
    page.locator(OPEN).wait_for()
    shoot(page, "phone-pair")
    assert overflow(page) <= 0
    assert serious_findings(page) == []
    assert left.bounding_box()["height"] >= 44  # a thumb's width
    assert left.bounding_box()["y"] + left.bounding_box()["height"] <= PHONE["height"]  # nobody has to scroll
    left.tap()
    page.get_by_role("button", name="Weiter").tap()
    page.get_by_role("button", name="Beginnen").tap()

    page.locator(OPEN).wait_for()
    page.context.set_offline(True)
    left.tap()
    page.get_by_text("Keine Verbindung").wait_for()
    assert len(place.votes("pairs")) == 1
    kept = json.loads(page.evaluate("localStorage.getItem('colorhub-study/pairs')"))
    assert (kept["vote"]["position"], kept["vote"]["answer"]) == (1, "left")
    shoot(page, "phone-offline")
    page.context.set_offline(False)
    page.locator(OPEN).wait_for()
    assert page.get_by_text("Keine Verbindung").is_hidden()

    answers = []

    def lose_the_receipt(route: Any) -> None:  # the vote arrives, what the server says does not
        answers.append(route.fetch().status)
        if len(answers) == 1:
            route.abort()
        elif len(answers) == 2:
            route.fulfill(status=503, json={"error": "The database cannot be reached.", "code": "unavailable"})
        else:
            route.continue_()

    page.route("**/api/votes", lose_the_receipt)
    page.get_by_text("2 von 5", exact=True).wait_for()
    page.get_by_role("button", name="Rechts ist echt").tap()
    page.get_by_text("Antworten können gerade nicht gespeichert werden").wait_for()
    page.get_by_role("button", name="Jetzt versuchen").tap()
    page.get_by_text("3 von 5", exact=True).wait_for()
    page.unroute("**/api/votes")
    assert answers == [200, 200, 200]
    for number in (3, 4, 5):
        page.get_by_text(f"{number} von 5", exact=True).wait_for()
        page.locator(OPEN).wait_for()
        left.tap()
    page.get_by_role("heading", name="Geschafft").wait_for()
    votes = place.votes("pairs")
    assert [vote["answer"] for vote in votes] == ["left", "left", "right", "left", "left", "left"]
    assert {vote["viewport"] for vote in votes} == {"small"}
    fooled = [vote["fooled"] for vote in votes if vote["kind"] == "trial"]
    assert page.locator(".fooled li").count() == sum(fooled)
    for number in range(sum(fooled)):
        page.locator(".fooled img").nth(number).wait_for()
    shoot(page, "phone-end")
    assert overflow(page) <= 0
    assert serious_findings(page) == []


def test_fixed_exposure_for_a_panel_where_storage_is_blocked(
    place: Place, visit: Callable[..., Any], shoot: Callable[..., None]
) -> None:
    blocked = (
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('', 'SecurityError') } });"
    )
    page = visit("study=brief&PROLIFIC_PID=p1", script=blocked)
    agree(page)
    page.get_by_role("button", name="Begin").click()
    page.locator(OPEN).wait_for()
    page.locator("figure[data-state=masked]").wait_for()
    assert page.locator(".slot canvas").is_visible()
    assert page.locator(".slot img").is_hidden()
    shoot(page, "masked")
    page.keyboard.press("r")

    other = visit("study=brief&PROLIFIC_PID=p1")  # the same participant elsewhere: the same session
    agree(other)
    other.get_by_text("You go on with picture 2 of 5").wait_for()
    other.get_by_role("button", name="Go on").click()
    for number in range(2, 6):
        other.get_by_text(f"{number} of 5", exact=True).wait_for()
        other.locator("figure[data-state=masked]").wait_for()
        other.keyboard.press("f")
    link = other.get_by_role("link", name="Finish and go back to the panel")
    link.wait_for()
    assert link.get_attribute("href") == "https://panel.invalid/done"
    votes = place.votes("brief")
    assert [vote["answer"] for vote in votes] == ["real", *["fake"] * 4]
    for vote in votes:  # the mask comes with the frame that is nearest, never half a frame early at 30 Hz
        assert vote["exposure_ms"] > 250 - 17
        assert vote["rt_ms"] >= vote["exposure_ms"]

    page.locator(OPEN).wait_for()
    page.keyboard.press("r")  # in the first window the session is over, which it finds out by its next vote
    page.get_by_role("heading", name="All done").wait_for()
    assert len(place.votes("brief")) == 5
    third = visit("study=brief&PROLIFIC_PID=p1")
    agree(third)
    third.get_by_text("You have taken part in this study already").wait_for()
    refused = visit("study=brief&PROLIFIC_PID=p2")
    refused.get_by_role("button", name="No, thank you").click()
    assert refused.get_by_role("link").get_attribute("href") == "https://panel.invalid/out"
    assert len(place.votes("brief")) == 5


def test_tabs_of_the_space(place: Place, visit: Callable[..., Any], shoot: Callable[..., None]) -> None:
    page = visit("study=none")
    page.get_by_role("heading", name="No study is open just now").wait_for()
    page.goto(place.served.url)
    page.get_by_role("tab", name="Real or fake?").click()
    page.locator("#study-counts dd").first.wait_for()
    frame = page.frame_locator("iframe.study-frame")
    frame.get_by_role("heading", name="Real or fake colours?").wait_for()
    assert page.locator("#study-counts section").count() == 3
    shoot(page, "tab")
    assert serious_findings(page) == []
    frame.get_by_role("button", name="I agree and take part").click()
    frame.get_by_role("heading", name="What you do").wait_for()
    page.get_by_role("tab", name="Results").click()
    page.get_by_text("No study has ended yet").wait_for()
    assert "taken for real" not in page.locator("#results-tab").inner_text()

    place.store.close("brief", "enough")
    for _ in range(30):  # the state of a study is remembered for some seconds
        page.get_by_role("tab", name="Colorize").click()
        page.get_by_role("tab", name="Results").click()
        page.wait_for_timeout(1000)
        if page.locator("#results-pick").is_visible():
            break
    page.locator(".study-report").get_by_text("Closed early").first.wait_for()
    shoot(page, "results")
    assert serious_findings(page) == []
    table = page.request.get(f"{place.served.url}/study/api/studies/brief/trials.csv")
    assert table.text().count("\n") == 1 + 5


def test_server_talked_to_nobody_and_printed_no_traceback(place: Place) -> None:
    """Last: what all the tests above have left behind."""
    assert not place.served.contacts.exists(), place.served.contacts.read_text()
    assert "Traceback" not in place.served.printed()
