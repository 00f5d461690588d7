"""retouch.js on a page without a server: what it asks for, what it does with answers, what it shows and says. The tests
answer in the server's place, so that answers come late, out of order or not at all."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import Visits
from PIL import Image

from colorhub._project import packaged
from colorhub.space.shared.templates import html

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 400, 300  # of the photo, in pixels; the page shows it in this size
LEFT, RIGHT = (100, 150), (300, 60)  # places in its two halves
RED, BLUE = "#c81e14", "#1446c8"
BRICK, SKY = "#a4523e", "#86b4d9"  # of the palette
SCRIPT = packaged("space") / "retouch" / "retouch.js"
STYLE = (
    f"#retouch-picture {{ position: relative; width: {WIDTH}px; height: {HEIGHT}px }} .mark {{ position: absolute }}"
)
PARTS = "".join(html("retouch/desk.html", part) for part in ("picture", "bar", "colors"))


def halves(left: str, right: str) -> str:
    """The address of a picture with a left and a right half."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), left)
    picture.paste(right, (WIDTH // 2, 0, WIDTH, HEIGHT))
    content = io.BytesIO()
    picture.save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


PLAIN, COLORED = halves("#777777", "#999999"), halves(RED, BLUE)


class Desk:
    """The tab's HTML and script, and the server's side of their talk."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.clock.install(time=0)
        page.clock.pause_at(1000)  # from here on time passes when a test says so
        page.set_content(f"<style>{STYLE}</style><main>{PARTS}</main>")
        page.add_script_tag(content=SCRIPT.read_text(encoding="utf-8"))
        page.evaluate("window.sent = []; retouch.start((event, asked) => sent.push({event, ...asked}))")

    def answer(self, component: str, **content: Any) -> None:
        """An answer of the server, in the component that carries those of this kind."""
        self.page.evaluate("([kind, text]) => retouch.answer(kind, text)", [component, json.dumps(content)])

    def open(self, *hints: dict[str, Any], photo: str = "walls", network: bool = False) -> None:
        """The server has coloured a photo, with these hints."""
        facts = {"width": WIDTH, "height": HEIGHT, "picture": COLORED, "plain": PLAIN, "network": network}
        self.answer("opened", kind="opened", photo=photo, hints=list(hints), **facts)

    def asked(self, *events: str) -> list[dict[str, Any]]:
        """What the script has asked the server for, of these kinds."""
        return [one for one in self.page.evaluate("window.sent") if one["event"] in events]

    def drawings(self) -> list[list[dict[str, Any]]]:
        """The hints of every drawing that was asked for."""
        return [one["hints"] for one in self.asked("draw", "run")]

    def drawn(self, picture: str = COLORED) -> None:
        """The server's answer to the last drawing that was asked for, and the page shows it."""
        last = self.asked("draw", "run")[-1]
        self.answer("drawn", photo=last["photo"], number=last["number"], picture=picture, plain=PLAIN)
        self.page.wait_for_function(
            "number => document.querySelector('#retouch-stage').dataset.drawn == number", arg=last["number"]
        )

    def click(self, place: tuple[int, int]) -> None:
        self.page.locator("#retouch-picture").click(position={"x": place[0] + 0.5, "y": place[1] + 0.5})

    def press(self, name: str) -> None:
        self.page.locator(f"#retouch-{name}").click(force=True)  # also where it says that it can do nothing

    def pick(self, words: str) -> None:
        self.page.locator(f"#retouch-tools [aria-label='{words}']").click()

    def type_color(self, text: str) -> None:
        self.page.locator("#retouch-hex").fill(text)
        self.page.locator("#retouch-hex").press("Enter")

    def hints(self) -> list[dict[str, Any]]:
        return json.loads(self.page.evaluate("retouch.hints()"))["hints"]

    def said(self) -> str:
        return self.page.locator("#retouch-status").inner_text()

    def can(self) -> set[str]:
        """The tools that can be used now."""
        names = ("undo", "redo", "remove", "clear")
        return {
            name for name in names if self.page.locator(f"#retouch-{name}").get_attribute("aria-disabled") == "false"
        }


@pytest.fixture
def desk(chromium: Any) -> Iterator[Desk]:
    visits = Visits(chromium, "about:blank", 20_000, console=True)
    yield Desk(visits.page(viewport={"width": 900, "height": 1200}))
    visits.end()


def hint(place: tuple[int, int], color: str) -> dict[str, Any]:
    return {"x": place[0], "y": place[1], "color": color}


@pytest.mark.parametrize(
    ("color", "words"),
    [
        ("#ff0000", "red"),
        ("#ffa500", "orange"),
        ("#8b4513", "dark brown"),
        ("#ffd700", "yellow"),
        ("#008000", "dark green"),
        ("#40e0d0", "turquoise"),
        ("#000080", "dark blue"),
        ("#8a2be2", "violet"),
        ("#ff69b4", "light pink"),
        ("#dc143c", "red"),  # on the other side of the circle
        ("#708090", "dull blue"),
        ("#808080", "grey"),
        ("#d3d3d3", "light grey"),
        ("#000000", "black"),
        ("#ffffff", "white"),
    ],
)
def test_colours_in_words(desk: Desk, color: str, words: str) -> None:
    desk.open(hint(LEFT, color))
    mark = desk.page.locator("#retouch-marks .mark")
    assert mark.get_attribute("aria-label") == f"Hint 1: {words}, 100 across, 150 down"


def test_nothing_happens_before_a_photo_is_here(desk: Desk) -> None:
    desk.click(LEFT)
    desk.pick("brick")
    desk.press("undo")
    assert desk.asked("draw", "run", "point") == []
    assert desk.hints() == []


def test_a_place_then_a_colour(desk: Desk) -> None:
    desk.open()
    desk.click(LEFT)
    assert desk.asked("point") == [{"event": "point", "photo": "walls", "x": 100, "y": 150}]
    assert desk.said() == "100 across, 150 down: pick a colour for it."
    desk.pick("brick")
    assert desk.drawings() == [[hint(LEFT, BRICK)]]
    assert desk.said() == "Hint 1: red at 100 across, 150 down."
    desk.drawn()
    desk.pick("sky")  # the hint is still the chosen one
    assert desk.drawings()[-1] == [hint(LEFT, SKY)]


def test_a_colour_then_a_place_and_the_same_place_twice(desk: Desk) -> None:
    desk.open()
    desk.pick("sky")
    assert desk.drawings() == []
    desk.click(RIGHT)
    assert desk.drawings() == [[hint(RIGHT, SKY)]]
    desk.drawn()
    desk.click(LEFT)
    desk.click(LEFT)  # takes the last colour
    assert desk.drawings()[-1] == [hint(RIGHT, SKY), hint(LEFT, SKY)]
    assert len(desk.asked("point")) == 2  # not asked again for the same place


def test_a_colour_is_kept_for_more_places(desk: Desk) -> None:
    desk.open()
    desk.pick("brick")
    desk.press("keep")
    for place in (LEFT, RIGHT):
        desk.click(place)
    assert desk.hints() == [hint(LEFT, BRICK), hint(RIGHT, BRICK)]
    desk.press("keep")
    desk.click((200, 250))
    assert len(desk.hints()) == 2


def test_one_hint_a_place(desk: Desk) -> None:
    desk.open(hint(LEFT, BRICK), hint(RIGHT, BRICK))
    desk.page.evaluate("retouch.state.point = [100, 150]")
    desk.pick("sky")
    assert desk.hints() == [hint(RIGHT, BRICK), hint(LEFT, SKY)]


def test_the_history(desk: Desk) -> None:
    desk.open()
    assert desk.can() == set()
    for place, words in ((LEFT, "brick"), (RIGHT, "sky")):
        desk.click(place)
        desk.pick(words)
        desk.drawn()
    both = [hint(LEFT, BRICK), hint(RIGHT, SKY)]
    assert desk.can() == {"undo", "remove", "clear"}
    desk.press("remove")
    assert desk.said() == "Hint 2 is removed."
    desk.press("clear")
    assert (desk.hints(), desk.can()) == ([], {"undo"})
    for expected in (both[:1], both, both[:1], []):
        desk.press("undo")
        assert desk.hints() == expected
    assert (desk.said(), desk.can()) == ("Undone: 0 hints.", {"redo"})
    desk.press("undo")
    assert desk.said() == "There is nothing to undo."
    desk.press("redo")
    assert (desk.hints(), desk.said()) == (both[:1], "Redone: 1 hint.")
    desk.click(RIGHT)
    desk.pick("brick")  # another way: what was undone is gone
    desk.press("redo")
    assert desk.said() == "There is nothing to redo."
    assert desk.hints() == [hint(LEFT, BRICK), hint(RIGHT, BRICK)]


def test_one_drawing_at_a_time_and_of_those_that_wait_the_last(desk: Desk) -> None:
    desk.open()
    desk.pick("brick")
    desk.press("keep")
    for place in (LEFT, RIGHT, (10, 10), (20, 20)):
        desk.click(place)
    assert [len(hints) for hints in desk.drawings()] == [1]
    first = desk.asked("draw")[0]
    desk.answer("drawn", photo="walls", number=first["number"], picture=COLORED, plain=PLAIN)
    assert [len(hints) for hints in desk.drawings()] == [1, 4]
    desk.drawn()
    assert len(desk.drawings()) == 2
    assert desk.page.locator("#retouch-picture.busy").count() == 0


def test_a_model_that_takes_hints_itself_runs(desk: Desk) -> None:
    desk.open(network=True)
    desk.click(LEFT)
    desk.pick("brick")
    assert [one["event"] for one in desk.asked("draw", "run")] == ["run"]


def test_late_answers_are_not_shown(desk: Desk) -> None:
    desk.open()
    desk.click(LEFT)
    desk.pick("brick")
    number = desk.asked("draw")[0]["number"]
    picture = desk.page.locator("#retouch-picture img")
    before = picture.get_attribute("src")
    other = halves("#000000", "#ffffff")
    desk.answer("drawn", photo="another", number=number, picture=other, plain=PLAIN)
    desk.answer("drawn", photo="walls", number=number - 1, picture=other, plain=PLAIN)
    desk.answer("suggested", photo="another", title="Elsewhere", colors=[SKY])
    assert picture.get_attribute("src") == before
    assert desk.page.locator("#retouch-picture.busy").count() == 1  # the answer is still waited for
    assert desk.page.locator("#retouch-likely .dab").count() == 0
    desk.drawn(other)
    assert picture.get_attribute("src") == other


@pytest.mark.parametrize("how", ["refused", "failed", "late"])
def test_what_the_server_does_not_draw_is_taken_back(desk: Desk, how: str) -> None:
    desk.open(hint(LEFT, BRICK))
    desk.click(RIGHT)
    desk.pick("sky")
    asked = desk.asked("draw")[0]
    if how == "refused":
        desk.answer("drawn", photo="walls", number=asked["number"], problem="Too many hints.")
        assert desk.said() == "Too many hints."
    elif how == "failed":
        desk.page.evaluate("retouch.failed()")
    else:
        desk.page.clock.fast_forward(19_000)
        assert len(desk.hints()) == 2
        desk.page.clock.fast_forward(2_000)
    assert desk.hints() == [hint(LEFT, BRICK)]
    assert desk.page.locator("#retouch-marks .mark").count() == 1
    assert desk.page.locator("#retouch-picture.busy").count() == 0
    desk.click(RIGHT)
    desk.pick("sky")  # and the next one is asked for
    assert len(desk.drawings()) == 2


def test_suggestions_are_taken_by_their_number(desk: Desk) -> None:
    desk.open()
    desk.click(LEFT)
    desk.answer("suggested", photo="walls", title="Likely here", colors=[BRICK, SKY])
    assert desk.page.locator("#retouch-likely-title").inner_text() == "Likely here"
    desk.page.keyboard.press("3")
    assert desk.hints() == []
    desk.page.locator("#retouch-picture").focus()
    desk.page.keyboard.press("2")
    assert desk.hints() == [hint(LEFT, SKY)]


def test_keys_that_repeat_are_one_step(desk: Desk) -> None:
    desk.open(hint(LEFT, BRICK))
    desk.page.locator("#retouch-marks .mark").focus()
    for _ in range(5):
        desk.page.keyboard.press("ArrowRight")
        desk.page.clock.fast_forward(100)
    assert desk.can() == {"remove", "clear"}  # nothing to undo yet
    desk.page.clock.fast_forward(300)
    assert desk.said() == "Hint 1 is at 140 across, 150 down now."  # a step is 2 % of the side: 8 pixels
    desk.page.keyboard.press("Control+z")
    assert desk.hints() == [hint(LEFT, BRICK)]


def test_the_cross_stays_in_the_picture(desk: Desk) -> None:
    desk.open()
    desk.page.locator("#retouch-picture").focus()
    for key in ("ArrowLeft", "ArrowUp"):
        for _ in range(60):
            desk.page.keyboard.press(key)
    desk.page.keyboard.press("Enter")
    assert desk.asked("point")[-1] == {"event": "point", "photo": "walls", "x": 0, "y": 0}
    for key in ("ArrowRight", "ArrowDown"):
        for _ in range(60):
            desk.page.keyboard.press(key)
    desk.page.keyboard.press("Enter")
    assert desk.asked("point")[-1] == {"event": "point", "photo": "walls", "x": WIDTH - 1, "y": HEIGHT - 1}


@pytest.mark.parametrize(("typed", "color"), [("2F6079", "#2f6079"), ("#abc", "#aabbcc"), ("#A32A3D", "#a32a3d")])
def test_a_colour_is_typed(desk: Desk, typed: str, color: str) -> None:
    desk.open(hint(LEFT, BRICK))
    desk.page.evaluate("retouch.state.point = [300, 60]")
    desk.type_color(typed)
    assert desk.hints()[-1] == hint(RIGHT, color)


def test_what_is_no_colour_changes_nothing(desk: Desk) -> None:
    desk.open()
    desk.click(LEFT)
    desk.type_color("#12345")
    assert desk.said() == "#12345 is no colour here: six signs of 0-9 and a-f, as in #a33c2e."
    assert desk.drawings() == []


def test_a_colour_is_taken_from_the_picture(desk: Desk) -> None:
    desk.open()
    desk.page.wait_for_function("document.querySelector('#retouch-picture img').naturalWidth")
    for place, color in ((LEFT, RED), (RIGHT, BLUE)):
        desk.press("dropper")
        desk.click(place)
        assert desk.page.locator("#retouch-hex").input_value() == color
    desk.click(LEFT)
    assert desk.hints() == [hint(LEFT, BLUE)]
    desk.page.keyboard.press("Escape")
    desk.press("dropper")
    desk.press("dropper")  # put away again
    desk.click(RIGHT)
    assert desk.hints() == [hint(LEFT, BLUE)]


def test_a_hint_is_dragged(desk: Desk) -> None:
    desk.open(hint(LEFT, BRICK))
    box = desk.page.locator("#retouch-picture").bounding_box()
    mouse = desk.page.mouse
    mouse.move(box["x"] + 105, box["y"] + 155)
    mouse.down()
    mouse.move(box["x"] + 107, box["y"] + 156)  # less is no drag
    assert desk.drawings() == []
    mouse.move(box["x"] + 250.5, box["y"] + 200.5)
    assert desk.hints() == [hint((250, 200), BRICK)]
    assert "undo" not in desk.can()
    mouse.up()
    assert "undo" in desk.can()
    assert desk.said() == "Hint 1 is at 250 across, 200 down now."
    mouse.move(box["x"] + 10, box["y"] + 10)  # let go
    assert desk.hints() == [hint((250, 200), BRICK)]


def test_without_hints_the_plain_picture(desk: Desk) -> None:
    desk.open(hint(LEFT, BRICK))
    picture = desk.page.locator("#retouch-picture img")
    desk.press("compare")
    assert picture.get_attribute("src") == PLAIN
    desk.press("compare")
    assert picture.get_attribute("src") == COLORED


def test_hints_of_a_file_are_a_step_of_the_history(desk: Desk) -> None:
    desk.open(hint(LEFT, BRICK))
    desk.answer("opened", kind="loaded", photo="another", hints=[])
    assert desk.hints() == [hint(LEFT, BRICK)]
    desk.answer("opened", kind="loaded", photo="walls", hints=[hint(RIGHT, SKY)])
    assert (desk.hints(), desk.said()) == ([hint(RIGHT, SKY)], "Loaded: 1 hint.")
    desk.press("undo")
    assert desk.hints() == [hint(LEFT, BRICK)]


def test_another_photo_begins_anew_and_the_same_one_keeps_its_hints(desk: Desk) -> None:
    desk.open()
    desk.click(LEFT)
    desk.pick("brick")
    desk.drawn()
    desk.open()  # another model: the server has not drawn the hints yet
    assert desk.hints() == [hint(LEFT, BRICK)]
    assert desk.drawings()[-1] == [hint(LEFT, BRICK)]
    desk.open(photo="other")
    assert (desk.hints(), desk.can()) == ([], set())
    desk.answer("opened", kind="closed")
    assert json.loads(desk.page.evaluate("retouch.hints()"))["photo"] == ""
